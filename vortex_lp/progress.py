"""How far a video is, and how long each of its stages took."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vortex_lp.values import Frame

STAGES = ("listen", "prepare", "recognise", "move", "render", "encode")
"""What `animate` does, in this order; the last two go hand in hand, frame by frame."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far `animate` is."""

    stage: str
    """One of `STAGES`; ``"encode"`` is part of ``"render"`` here."""

    share: float
    """How much of this stage is done, from 0 to 1."""

    n_done: int = 0
    """How many frames are in the video so far."""

    n_frames: int = 0
    """How many there will be; 0 while that is not known."""


OnProgress = Callable[[Progress], None]


class StageClock:
    """Times the stages and passes progress on."""

    def __init__(self, on_progress: OnProgress | None) -> None:
        self.spent_s = dict.fromkeys(STAGES, 0.0)
        self._on_progress = on_progress or (lambda progress: None)
        self._stage = STAGES[0]

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count what happens inside as the stage `name`."""
        self._stage = name
        self.report(0.0)
        start = time.perf_counter()
        try:
            yield
        finally:
            self.spent_s[name] += time.perf_counter() - start
        self.report(1.0)

    def report(self, share: float) -> None:
        """Say how much of the present stage is done."""
        self._on_progress(Progress(self._stage, share))

    def frame_done(self, n_done: int, n_frames: int) -> None:
        """Say how many frames are done."""
        self._on_progress(Progress("render", n_done / n_frames, n_done, n_frames))

    def timed(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """Yield `frames`, counting as rendering only what making them takes."""
        while True:
            start = time.perf_counter()
            frame = next(frames, None)
            self.spent_s["render"] += time.perf_counter() - start
            if frame is None:
                return
            yield frame
