"""Recogniser processes: as many as there are cores, each with one piece of sound at a time."""

import contextlib
import json
import os
import queue
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import cast

from vortex_lp.errors import AudioError
from vortex_lp.speech.recognizers import sphinx
from vortex_lp.speech.recognizers.sphinx import Heard, Job

_LOOK_AHEAD = 2
"""Pieces in hand for each process: one that it works on, one that waits."""


def usable_cores() -> int:
    """Return on how many cores this process may run."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Ears:
    """Processes that listen. Use in a ``with`` block; leaving it ends them."""

    def __init__(self, n_processes: int) -> None:
        """Start `n_processes`; each loads a model when it gets its first job."""
        self._threads = ThreadPoolExecutor(n_processes)
        self._idle: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()
        self._processes = [_start() for _ in range(n_processes)]
        for process in self._processes:
            self._idle.put(process)

    def hear(self, jobs: Iterable[tuple[Job, bytes]]) -> Iterator[Heard]:
        """Yield what is heard in each of `jobs`, in order; jobs are taken only as they are needed.

        Raises:
            AudioError: A process died.
        """
        waiting: deque[Future[Heard]] = deque()
        for job, sound in jobs:
            waiting.append(self._threads.submit(self._ask, job, sound))
            if len(waiting) >= _LOOK_AHEAD * len(self._processes):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _ask(self, job: Job, sound: bytes) -> Heard:
        process = self._idle.get()
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(job).encode() + b"\n" + sound)
            process.stdin.flush()
            answer = process.stdout.readline()
        except (BrokenPipeError, ValueError):
            answer = b""
        finally:
            self._idle.put(process)
        if not answer:
            raise AudioError("the speech recogniser stopped; try again, or use recognizer 'energy'")
        return cast(Heard, json.loads(answer))

    def close(self) -> None:
        """End the processes, whatever they are doing."""
        for process in self._processes:
            process.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for process in self._processes:
            process.wait()
            for pipe in (process.stdin, process.stdout):
                # What a killed process had not read yet is of no use to anybody.
                with contextlib.suppress(BrokenPipeError):
                    if pipe is not None:
                        pipe.close()

    def __enter__(self) -> "Ears":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _start() -> "subprocess.Popen[bytes]":
    # By path, not as a module: the process then imports PocketSphinx and nothing of this package.
    return subprocess.Popen(
        [sys.executable, str(Path(sphinx.__file__).resolve())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
