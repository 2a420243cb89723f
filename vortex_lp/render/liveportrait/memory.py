"""How many frames fit: batches by a memory budget, and halving them when memory runs out."""

import itertools
import logging
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vortex_lp.errors import RenderError
from vortex_lp.render.liveportrait.engine import Engine, EngineSource
from vortex_lp.settings import LivePortraitSettings
from vortex_lp.values import Frame

_GB = 1e9
_FREE_SHARE = 0.9
"""Share of the free memory that is counted on; others may be using the GPU too."""

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Footprint:
    """What drawing needs on a device."""

    fixed_bytes: int
    """What is held whatever the batch: weights, the portrait, workspaces."""

    frame_bytes: int
    """What each frame of a batch adds at the peak."""

    def batch(self, budget_bytes: int, *, most: int) -> int:
        """Return the largest batch, from 1 to `most`, whose peak stays within the budget."""
        return max(1, min(most, (budget_bytes - self.fixed_bytes) // max(1, self.frame_bytes)))


def plan_batch(engine: Engine, source: EngineSource, *, settings: LivePortraitSettings) -> int:
    """Return how many frames to draw together.

    On CUDA that is measured: two small batches show what a frame costs on this very card.
    """
    if engine.device.type != "cuda":
        return settings.cpu_batch
    free_bytes, _ = torch.cuda.mem_get_info(engine.device)
    held_bytes = torch.cuda.memory_allocated(engine.device)
    budget_bytes = min(settings.budget_gb * _GB, held_bytes + _FREE_SHARE * free_bytes)
    try:
        footprint = _measure(engine, source)
    except torch.OutOfMemoryError:
        torch.cuda.empty_cache()
        return 1
    batch = footprint.batch(int(budget_bytes), most=settings.max_batch)
    _LOGGER.info(
        "LivePortrait draws %d frames at a time: %.2f GB and %.2f GB a frame, of %.2f GB",
        batch,
        footprint.fixed_bytes / _GB,
        footprint.frame_bytes / _GB,
        budget_bytes / _GB,
    )
    return batch


def _measure(engine: Engine, source: EngineSource) -> Footprint:
    one, two = (_peak_bytes(engine, source, n_frames=n) for n in (1, 2))
    frame_bytes = max(1, two - one)
    return Footprint(fixed_bytes=max(0, one - frame_bytes), frame_bytes=frame_bytes)


def _peak_bytes(engine: Engine, source: EngineSource, *, n_frames: int) -> int:
    torch.cuda.reset_peak_memory_stats(engine.device)
    engine.draw(source, source.motion.posed.expand(n_frames, -1, -1))
    torch.cuda.synchronize(engine.device)
    return torch.cuda.max_memory_allocated(engine.device)


def draw_frames(
    engine: Engine, source: EngineSource, driven: Iterator[Tensor], *, batch: int
) -> Iterator[Frame]:
    """Yield one (S, S, 3) uint8 picture per row of the blocks of keypoints (T, 21, 3), in order.

    While one batch is copied to the host and used there, the next is being computed. Where memory
    runs out the batch is halved and drawing goes on from the same frame.

    Raises:
        RenderError: Not even one frame fits; the message says how much memory there is.
    """
    waiting: _OnHost | None = None
    rest: Tensor | None = None
    for block in itertools.chain(driven, (None,)):
        is_last = block is None
        if block is not None:
            rest = block if rest is None else torch.cat((rest, block))
        while rest is not None and len(rest) >= (1 if is_last else batch):
            rows = rest[:batch]
            drawn = _draw(engine, source, rows)
            if drawn is None:
                batch = _smaller(len(rows), engine.device)
                continue
            rest = rest[len(rows) :]
            if waiting is not None:
                yield from waiting.frames()
            waiting = drawn
            if drawn.arrived is None:
                # Nothing overlaps on a CPU, so nothing is held back.
                yield from drawn.frames()
                waiting = None
    if waiting is not None:
        yield from waiting.frames()


def _draw(engine: Engine, source: EngineSource, rows: Tensor) -> "_OnHost | None":
    """Return a batch on its way to the host, or None if memory ran out.

    Not an exception: its traceback would hold on to the very memory that has to be freed.
    """
    try:
        return _OnHost.copy(engine.draw(source, rows))
    except torch.OutOfMemoryError:
        return None


def _smaller(n_rows: int, device: torch.device) -> int:
    """Return the next batch size to try after `n_rows` did not fit.

    Raises:
        RenderError: There is none.
    """
    if device.type == "cuda":
        torch.cuda.empty_cache()
    if n_rows == 1:
        raise RenderError(
            f"not even one frame fits on {device} ({memory_sentence(device)}); free memory on it "
            "or take the mesh renderer"
        )
    _LOGGER.warning("GPU memory ran out; %d frames at a time from here on", n_rows // 2)
    return n_rows // 2


@dataclass(frozen=True, slots=True, eq=False)
class _OnHost:
    """A batch on its way to the host."""

    pictures: Tensor
    arrived: torch.cuda.Event | None

    @classmethod
    def copy(cls, pictures: Tensor) -> "_OnHost":
        if pictures.device.type != "cuda":
            return cls(pictures, None)
        host = torch.empty(pictures.shape, dtype=pictures.dtype, pin_memory=True)
        host.copy_(pictures, non_blocking=True)
        arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
        arrived.record()
        return cls(host, arrived)

    def frames(self) -> Iterator[Frame]:
        if self.arrived is not None:
            self.arrived.synchronize()
        for picture in self.pictures.numpy():
            # The pinned memory is used again; a frame is the caller's to keep.
            yield np.array(picture, order="C")


def memory_sentence(device: torch.device) -> str:
    """Return how much memory `device` has and how much of it is taken, in words."""
    if device.type != "cuda":
        return "the machine's memory is used up"
    free_bytes, total_bytes = torch.cuda.mem_get_info(device)
    held_bytes = torch.cuda.memory_allocated(device)
    return (
        f"{total_bytes / _GB:.1f} GB in all, {free_bytes / _GB:.1f} GB free, "
        f"{held_bytes / _GB:.1f} GB allocated here; about 2 GB are needed"
    )
