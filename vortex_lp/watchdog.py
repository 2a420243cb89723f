"""Ends work that no longer moves: a renderer that hangs, an encoder that takes nothing more."""

import contextlib
import math
import queue
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TypeVar

from vortex_lp.errors import RenderError

_T = TypeVar("_T")
_LOOK_S = 0.5
"""How often a watchdog looks [s], at most."""


class Watchdog:
    """Calls `bite` once when `rest` does not follow on `beat` within `stall_s`; a context manager.

    A further `beat` begins anew.
    """

    def __init__(self, bite: Callable[[], None], *, stall_s: float) -> None:
        """Watch from ``__enter__`` to ``__exit__``."""
        self.has_bitten = False
        self._bite = bite
        self._stall_s = stall_s
        self._since_s = math.inf
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def beat(self) -> None:
        """Watch what follows."""
        self._since_s = time.monotonic()

    def rest(self) -> None:
        """Watch nothing until the next `beat`."""
        self._since_s = math.inf

    def __enter__(self) -> "Watchdog":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(min(_LOOK_S, self._stall_s / 4)):
            if time.monotonic() - self._since_s > self._stall_s:
                self.has_bitten = True
                self._bite()
                return


def watched(items: Iterator[_T], *, stall_s: float) -> Iterator[_T]:
    """Yield `items`, made in a thread of their own, and give up when one takes too long.

    Python cannot end a thread that hangs in foreign code; it is left behind, and the caller goes
    on. Otherwise the thread is gone when this iterator is, and `items` is closed in it. One item
    waits here at most, so that the next one is made while this one is used.

    Raises:
        RenderError: For `stall_s` no item came.
    """
    made: queue.Queue[tuple[_T | None, BaseException | None]] = queue.Queue(maxsize=1)
    unwanted = threading.Event()

    def hand_over(item: _T | None, error: BaseException | None) -> None:
        while not unwanted.is_set():
            with contextlib.suppress(queue.Full):
                made.put((item, error), timeout=_LOOK_S)
                return

    def make() -> None:
        error: BaseException | None = None
        try:
            for item in items:
                hand_over(item, None)
                if unwanted.is_set():
                    break
            close = getattr(items, "close", None)
            if close is not None:
                close()
        except BaseException as failure:  # noqa: BLE001 - it is raised again on the other side
            error = failure
        hand_over(None, error)

    thread = threading.Thread(target=make, name="frames", daemon=True)
    thread.start()
    patience_s = stall_s
    try:
        while True:
            try:
                item, error = made.get(timeout=stall_s)
            except queue.Empty:
                patience_s = 0.0
                raise RenderError(
                    f"the renderer made no frame for {stall_s:g} s and was given up; try again, "
                    "or take another renderer"
                ) from None
            if error is not None:
                raise error
            if item is None:
                return
            yield item
    finally:
        unwanted.set()
        thread.join(patience_s)
