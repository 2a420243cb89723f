"""GPUs that are lent for a call at a time: Hugging Face's ZeroGPU Spaces.

There, CUDA works only inside functions marked by ``spaces.GPU``. Each runs in a copy of this
process: what goes in and out is pickled, and nothing that it changes here remains. So only the
part that needs the GPU is marked, and it hands pictures back; everywhere else nothing changes.
"""

import importlib
import importlib.util
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from vortex_lp.request import Framing
from vortex_lp.values import Face, Frame, MotionTrack, Portrait

PREPARE_S = 30
"""How long preparing a portrait may take [s]."""

START_S, FRAMES_PER_S = 20, 30
"""What a visitor's quota is charged for at most: a start [s], and frames at this careful rate."""

Lend = Callable[..., Any]
"""``spaces.GPU``: a decorator factory that takes ``duration``."""


def gpu_lender() -> Lend | None:
    """Return ``spaces.GPU`` where GPUs are lent by the call, else None."""
    if not os.environ.get("SPACES_ZERO_GPU") or importlib.util.find_spec("spaces") is None:
        return None
    lend: Lend = importlib.import_module("spaces").GPU
    return lend


@dataclass(frozen=True, slots=True, eq=False)
class LentPortrait:
    """A portrait whose pictures are drawn in a borrowed process."""

    portrait: Portrait
    """The picture itself; small enough to travel with each call."""

    framing: Framing
    """The crop or the full picture."""

    face: Face
    """As `vortex_lp.render.base.Prepared`."""

    size: tuple[int, int]
    """As `vortex_lp.render.base.Prepared`."""

    note: str | None
    """As `vortex_lp.render.base.Prepared`."""

    draw: Callable[[Portrait, Framing, MotionTrack], Iterator[Frame]] = field(repr=False)
    """Runs with the GPU."""

    def render(self, track: MotionTrack) -> Iterator[Frame]:
        """Yield the frames of `track`, as `vortex_lp.render.base.Prepared`."""
        return self.draw(self.portrait, self.framing, track)


class LentRenderer:
    """A renderer that borrows the GPU for each of its calls."""

    def __init__(self, renderer: Any, lend: Lend) -> None:
        """Use `renderer`, loaded once in this process, inside functions that `lend` marks."""
        self.name: str = renderer.name
        self.badge: str = f"{renderer.badge}, lent by the call"

        def describe(portrait: Portrait, framing: Framing) -> tuple[Face, tuple[int, int], Any]:
            ready = renderer.prepare(portrait, framing=framing)
            return ready.face, ready.size, ready.note

        def draw(portrait: Portrait, framing: Framing, track: MotionTrack) -> Iterator[Frame]:
            yield from renderer.prepare(portrait, framing=framing).render(track)

        self._describe = lend(duration=PREPARE_S)(describe)
        self._draw = lend(duration=_seconds_for)(draw)

    def prepare(self, portrait: Portrait, *, framing: Framing = "crop") -> LentPortrait:
        """Find the face, with the GPU; the rest is done for each video."""
        face, size, note = self._describe(portrait, framing)
        return LentPortrait(portrait, framing, face, size, note, self._draw)


def _seconds_for(portrait: Portrait, framing: Framing, track: MotionTrack) -> int:
    return START_S + track.n_frames // FRAMES_PER_S
