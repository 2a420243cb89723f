"""What the studio keeps for one visitor, and forgets when the tab closes.

Work that takes long (listening, preparing the portrait, recognising) is started as soon as its
input is there and is shared by whoever needs it: the waveform, the plot, the preview and the video.
"""

import contextlib
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

_PREFIX = "visitor-"


class StoppedError(Exception):
    """The visitor no longer wants this work; raised inside it."""


class Job:
    """One piece of work in the background."""

    def __init__(self, key: Hashable) -> None:
        """Describe it by `key`: the same key means the same result."""
        self.key = key
        self.share = 0.0
        self.future: Future[Any] = Future()
        self._stopped = threading.Event()

    def start(self, executor: ThreadPoolExecutor, work: Callable[["Job"], Any]) -> None:
        """Let `executor` do `work`; `future` then holds what comes of it."""
        self.future = executor.submit(work, self)

    def report(self, share: float) -> None:
        """Note how much is done; the work calls this, and is ended here when it is not wanted.

        Raises:
            StoppedError: `stop` was called.
        """
        self.share = share
        if self.is_stopped:
            raise StoppedError

    def stop(self) -> None:
        """Ask the work to end at its next report, or never to begin."""
        self._stopped.set()
        self.future.cancel()

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped.is_set()


class Session:
    """One visitor: a folder for files, and at most one job of each kind."""

    def __init__(self, folder: Path, executor: ThreadPoolExecutor) -> None:
        """Keep files in `folder` and work in the threads of `executor`."""
        self.folder = folder
        self.seen_s = time.monotonic()
        self.last: Any = None
        self.is_running = False
        self._executor = executor
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._n_folders = 0

    def once(self, kind: str, key: Hashable, work: Callable[[Job], Any]) -> Job:
        """Return the job `kind` for `key`, started now unless it is running or done already.

        A job of that kind for another key is stopped: the visitor chose something else.
        """
        with self._lock:
            job = self._jobs.get(kind)
            if job is not None and job.key == key and not job.is_stopped and not _failed(job):
                return job
            if job is not None:
                job.stop()
            job = self._jobs[kind] = Job(key)
            job.start(self._executor, work)
            return job

    def new_folder(self) -> Path:
        """Return a fresh folder of this visitor."""
        with self._lock:
            self._n_folders += 1
            folder = self.folder / f"{self._n_folders:04d}"
        folder.mkdir(parents=True)
        return folder

    def close(self) -> None:
        """Stop all work and delete all files."""
        with self._lock:
            for job in self._jobs.values():
                job.stop()
            self._jobs.clear()
        self.last = None
        shutil.rmtree(self.folder, ignore_errors=True)


def _failed(job: Job) -> bool:
    future = job.future
    return future.cancelled() or (future.done() and future.exception() is not None)


class Sessions:
    """All visitors, by Gradio's session hash."""

    def __init__(self, root: Path, *, n_threads: int, idle_s: float) -> None:
        """Keep their folders under `root`, and forget those who were silent for `idle_s` [s].

        Folders as old as that, of a server that was killed, are deleted.
        """
        root.mkdir(parents=True, exist_ok=True)
        for folder in root.glob(f"{_PREFIX}*"):
            with contextlib.suppress(OSError):
                if time.time() - folder.stat().st_mtime > idle_s:
                    shutil.rmtree(folder, ignore_errors=True)
        self._root = root
        self._idle_s = idle_s
        self._executor = ThreadPoolExecutor(n_threads, thread_name_prefix="studio")
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def of(self, session_hash: str | None) -> Session:
        """Return the visitor's session; a new one for a new hash."""
        name = session_hash or "nobody"
        with self._lock:
            stale = [
                self._sessions.pop(key)
                for key, session in list(self._sessions.items())
                if key != name and time.monotonic() - session.seen_s > self._idle_s
            ]
            if name not in self._sessions:
                folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=self._root))
                self._sessions[name] = Session(folder, self._executor)
            session = self._sessions[name]
            session.seen_s = time.monotonic()
        for other in stale:
            other.close()
        return session

    def close(self, session_hash: str | None) -> None:
        """Forget the visitor: work stops, files go."""
        with self._lock:
            session = self._sessions.pop(session_hash or "nobody", None)
        if session is not None:
            session.close()

    def close_all(self) -> None:
        """Forget everybody."""
        with self._lock:
            sessions = list(self._sessions.values())
            self._sessions.clear()
        for session in sessions:
            session.close()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def __len__(self) -> int:
        return len(self._sessions)
