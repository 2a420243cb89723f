"""A batch on this machine: several processes, each with one video at a time."""

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, cast

from vortex_lp.batch.journal import Journal
from vortex_lp.batch.rows import BadRow, Task, read_manifest
from vortex_lp.batch.worker import Answer, Order
from vortex_lp.errors import SettingsError
from vortex_lp.settings import load_settings

MADE, KEPT, FAILED = "made", "kept", "failed"
CORES_PER_JOB = 2
"""What one video keeps busy: one core draws, another encodes."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one row."""

    line: int
    """Line of the list, from 1."""

    output: str | None
    """The video, relative to the folder of the batch; None where the row does not say."""

    status: str
    """`MADE` now, `KEPT` from an earlier run, or `FAILED`."""

    reason: str | None
    """Why it failed, or None."""

    told: dict[str, Any]
    """What there is to know about the video, as in `vortex_lp.batch.worker.Answer`."""


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What became of a batch."""

    outcomes: tuple[Outcome, ...]
    """One for each row, in the order of the list."""

    results: Path
    """The file that says the same, one line of JSON a row."""

    def count(self, status: str) -> int:
        """Return how many rows ended as `status`."""
        return sum(outcome.status == status for outcome in self.outcomes)

    @property
    def is_complete(self) -> bool:
        """Whether there is a video for every row."""
        return self.count(FAILED) == 0

    def summary(self) -> str:
        """Return a table for people: what was made how fast, and why the rest was not."""
        lines = [f"{'row':>5}  {'status':6}  {'video':>8}  {'time':>8}  output"]
        for outcome in self.outcomes:
            told = outcome.told
            length = f"{told['duration_s']:.1f} s" if "duration_s" in told else ""
            spent = f"{told['spent_s']:.1f} s" if "spent_s" in told else ""
            name = outcome.output if outcome.output is not None else "?"
            lines.append(
                f"{outcome.line:5d}  {outcome.status:6}  {length:>8}  {spent:>8}  "
                f"{outcome.reason or name}"
            )
        counts = ", ".join(f"{self.count(status)} {status}" for status in (MADE, KEPT, FAILED))
        return "\n".join([*lines, f"{len(self.outcomes)} rows: {counts}; {self.results}"])


class Workplace(Protocol):
    """Something that makes the videos of many orders at once."""

    def work(self, orders: Iterable[tuple[int, Order]]) -> Iterator[tuple[int, Answer]]:
        """Yield the answer to each of `orders` under its number, as they come."""


OnOutcome = Callable[[Outcome, int, int], None]
"""Called with each outcome, how many there are by now, and how many there will be."""


def run_batch(
    manifest: Path,
    folder: Path,
    *,
    config: Path | None = None,
    n_jobs: int | None = None,
    ray: str | None = None,
    on_outcome: OnOutcome | None = None,
) -> BatchResult:
    """Make the videos of `manifest` that are not there yet; a row that fails never stops the rest.

    Args:
        manifest: A JSONL file; see `vortex_lp.batch.rows`.
        folder: Where the videos go, and the results; made if it is not there.
        config: A settings file, or None for the settings of the package.
        n_jobs: Videos at a time; None for what suits the machine, or what Ray has room for.
        ray: Address of a Ray cluster that sees the same files, ``"local"`` for one on this machine,
            or None for processes of our own.
        on_outcome: Called with each outcome as it comes.

    Raises:
        SettingsError: The list cannot be used, or another batch is at work in `folder`.
        VortexInitializationError: Ray is not there, or its cluster is not.
    """
    settings = load_settings(config)
    if n_jobs is not None and n_jobs < 1:
        raise SettingsError(f"{n_jobs} jobs make nothing; give 1 or more")
    rows = read_manifest(manifest, folder, settings=settings)
    outcomes: dict[int, Outcome] = {}

    def note(outcome: Outcome) -> None:
        outcomes[outcome.line] = outcome
        if on_outcome is not None:
            on_outcome(outcome, len(outcomes), len(rows))

    with Journal(folder) as journal:
        journal.sweep()
        to_do = []
        for row in rows:
            known = _known(row, journal)
            if known is not None:
                note(known)
            elif isinstance(row, Task):
                to_do.append(row)
        try:
            if to_do:
                with _workplace(n_jobs, ray=ray, n_tasks=len(to_do)) as workplace:
                    for outcome in _make(to_do, workplace, journal, config=config):
                        note(outcome)
        finally:
            results = journal.write_results([_as_json(outcomes[line]) for line in sorted(outcomes)])
    return BatchResult(tuple(outcomes[line] for line in sorted(outcomes)), results)


def _known(row: Task | BadRow, journal: Journal) -> Outcome | None:
    """Return what became of `row` without doing anything, or None where something is to be done."""
    if isinstance(row, BadRow):
        return Outcome(row.line, row.output, FAILED, row.reason, {})
    told = journal.made(row.key, row.output)
    return None if told is None else Outcome(row.line, row.row.output, KEPT, None, told)


def _make(
    tasks: list[Task], workplace: Workplace, journal: Journal, *, config: Path | None
) -> Iterator[Outcome]:
    by_line = {task.line: task for task in tasks}
    orders = (
        (
            task.line,
            Order(
                row=task.row.model_dump(mode="json"),
                place=str(journal.place_for(task.key).resolve()),
                config=str(config.resolve()) if config else None,
            ),
        )
        for task in tasks
    )
    for line, answer in workplace.work(orders):
        task = by_line[line]
        reason = answer["reason"]
        if reason is None:
            try:
                journal.keep(task.key, task.output, answer["told"])
            except OSError as error:
                reason = f"{task.output} could not be written ({error.strerror or error})"
        if reason is None:
            yield Outcome(line, task.row.output, MADE, None, answer["told"])
        else:
            yield Outcome(line, task.row.output, FAILED, f"row {line}: {reason}", {})


def _as_json(outcome: Outcome) -> dict[str, Any]:
    row: dict[str, Any] = {"row": outcome.line, "output": outcome.output, "status": outcome.status}
    if outcome.reason is not None:
        row["reason"] = outcome.reason
    return row | outcome.told


@contextlib.contextmanager
def _workplace(n_jobs: int | None, *, ray: str | None, n_tasks: int) -> Iterator[Workplace]:
    if ray is None:
        with Processes(min(n_jobs or _suitable_jobs(), n_tasks)) as processes:
            yield processes
    else:
        from vortex_lp.batch.ray_cluster import RayCluster

        with RayCluster(ray, n_jobs=n_jobs) as cluster:
            yield cluster


def _suitable_jobs() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, (cores or 1) // CORES_PER_JOB)


class Processes:
    """Processes that make one video after the other; a context manager that ends them."""

    def __init__(self, n_processes: int) -> None:
        """Start nothing yet; each process is started with its first order."""
        self._threads = ThreadPoolExecutor(n_processes, thread_name_prefix="batch")
        self._idle: queue.SimpleQueue[_Process | None] = queue.SimpleQueue()
        self._alive: set[_Process] = set()
        self._is_closed = False
        for _ in range(n_processes):
            self._idle.put(None)

    def work(self, orders: Iterable[tuple[int, Order]]) -> Iterator[tuple[int, Answer]]:
        """Yield the answer to each of `orders` under its number, as they come."""
        waiting: dict[Future[Answer], int] = {
            self._threads.submit(self._ask, order): number for number, order in orders
        }
        while waiting:
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                yield waiting.pop(future), future.result()

    def _ask(self, order: Order) -> Answer:
        process = self._idle.get()
        try:
            if process is None:
                process = _Process()
                self._alive.add(process)
                if self._is_closed:
                    process.end()
            answer = process.ask(order)
            if answer is None:
                self._alive.discard(process)
                reason, process = process.end(), None
                return Answer(reason=reason, told={})
            return answer
        finally:
            self._idle.put(process)

    def __enter__(self) -> "Processes":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_closed = True
        for process in list(self._alive):
            process.end()
        self._threads.shutdown(wait=True, cancel_futures=True)


class _Process:
    """One worker process."""

    _PATIENCE_S = 10.0

    def __init__(self) -> None:
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `end`
        # A session of its own: Ctrl-C reaches only us, and it ends when we say so.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "vortex_lp.batch.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
        )
        self._ending = threading.Lock()
        self._last_words: str | None = None

    def ask(self, order: Order) -> Answer | None:
        """Return the answer to `order`, or None where the process has died of it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except (OSError, ValueError):
            return None
        return cast(Answer, json.loads(line)) if line.endswith(b"\n") else None

    def end(self) -> str:
        """End it, in the middle of its work if need be, and return why it may have died."""
        with self._ending:
            if self._last_words is None:
                self._last_words = self._end()
            return self._last_words

    def _end(self) -> str:
        process = self._process
        with contextlib.suppress(OSError):
            if process.stdin is not None:
                process.stdin.close()
        try:
            code = process.wait(self._PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if process.stdout is not None:
            process.stdout.close()
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
        self._log.close()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        last = f": {lines[-1]}" if lines else ""
        return f"the process that made it died ({how}){last}"
