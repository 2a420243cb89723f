"""Work that goes on beside the caller's own, and ends with it."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from types import TracebackType
from typing import Generic, TypeVar

_T = TypeVar("_T")
_TICK_S = 0.1
"""How often a waiting caller hears how far the work is [s]."""


class _UnwantedError(Exception):
    """Nobody waits for the result any more; raised inside the work."""


class Background(Generic[_T]):
    """One piece of work in a thread of its own; a context manager.

    Whoever leaves the ``with`` block before the result is there (an error, Ctrl-C) ends the work at
    its next report. It pays off where the work waits for other processes, as recognition does.
    """

    def __init__(self, work: Callable[[Callable[[float], None]], _T]) -> None:
        """Start `work`; it is given what it shall call with the share that is done."""
        self._future: Future[_T] = Future()
        self._share = 0.0
        self._unwanted = threading.Event()
        self._thread = threading.Thread(target=self._do, args=(work,), name="background")
        self._thread.start()

    @property
    def is_done(self) -> bool:
        """Whether `result` would return, or raise, at once."""
        return self._future.done()

    def result(self, *, on_share: Callable[[float], None]) -> _T:
        """Wait for the work and return what comes of it; an error in it is raised here.

        Args:
            on_share: Called in the caller's own thread with the share that is done, every now and
                then.
        """
        while not wait([self._future], timeout=_TICK_S).done:
            on_share(self._share)
        return self._future.result()

    def _do(self, work: Callable[[Callable[[float], None]], _T]) -> None:
        try:
            self._future.set_result(work(self._report))
        except BaseException as error:  # noqa: BLE001 - it is raised again where it is waited for
            self._future.set_exception(error)

    def _report(self, share: float) -> None:
        self._share = share
        if self._unwanted.is_set():
            raise _UnwantedError

    def __enter__(self) -> "Background[_T]":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._unwanted.set()
        self._thread.join()
