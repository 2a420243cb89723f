"""The two ways to run the networks: the plain path, which is the reference, and the fast one.

Both take float32 keypoints and give uint8 pictures on their device. Networks compute in half
precision on CUDA where that is asked for; keypoints are float32 everywhere.
"""

import contextlib
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import torch
from torch import Tensor, nn

from vortex_lp.errors import VortexInitializationError
from vortex_lp.render.liveportrait.fast_generator import FastGenerator
from vortex_lp.render.liveportrait.fast_warp import FastWarp, WarpSource
from vortex_lp.render.liveportrait.heads import Head
from vortex_lp.render.liveportrait.keypoints import SourceMotion, source_motion
from vortex_lp.render.liveportrait.networks import Networks

Precision: TypeAlias = Literal["fp16", "fp32"]


@dataclass(frozen=True, slots=True, eq=False)
class EngineSource:
    """What an engine keeps of a portrait."""

    volume: Tensor
    """(1, C, D, H, W) float32 feature volume on the engine's device."""

    motion: SourceMotion
    """The portrait's own keypoints and pose."""

    warp: WarpSource | None
    """What the fast path computes once per portrait; None on the plain path."""


class Engine(Protocol):
    """Portrait and keypoints → pictures."""

    @property
    def device(self) -> torch.device:
        """Where it computes."""

    @property
    def heads(self) -> "KeypointHeads":
        """The small heads, float32 on `device`."""

    def analyse(self, picture: Tensor) -> EngineSource:
        """Return what is kept of a portrait's picture (1, 3, P, P) float32 in [0, 1]."""

    def draw(self, source: EngineSource, driven: Tensor) -> Tensor:
        """Return pictures (B, S, S, 3) uint8 for driven keypoints (B, 21, 3) float32."""


@dataclass(frozen=True, slots=True, eq=False)
class KeypointHeads:
    """The heads that work on keypoints alone."""

    stitching: Head
    """Keeps the shoulders where they are."""

    lip: Head
    """Shuts a mouth."""


class PlainEngine:
    """One frame at a time through the published graph, autocast to half precision on CUDA.

    The parity reference, and the baseline that the fast path is measured against.
    """

    def __init__(self, networks: Networks, *, device: torch.device, precision: Precision) -> None:
        """Copy the networks to `device`; they stay float32, half precision comes from autocast."""
        self.device = device
        with out_of_memory_is_an_error(device):
            self._appearance = copy.deepcopy(networks.appearance).to(device)
            self._motion = copy.deepcopy(networks.motion).to(device)
            self.warping = copy.deepcopy(networks.warping).to(device)
            self.generator = copy.deepcopy(networks.generator).to(device)
            self.heads = _heads_on(networks, device)
        self._is_half = is_half(device, precision)

    @torch.inference_mode()
    def analyse(self, picture: Tensor) -> EngineSource:
        """As `Engine.analyse`."""
        picture = picture.to(self.device)
        with self._autocast():
            volume, raw = self._appearance(picture), self._motion(picture)
        return EngineSource(volume=volume.float(), motion=source_motion(raw), warp=None)

    @torch.inference_mode()
    def draw(self, source: EngineSource, driven: Tensor) -> Tensor:
        """As `Engine.draw`."""
        return torch.cat([self._draw_one(source, row[None]) for row in driven])

    def _draw_one(self, source: EngineSource, driven: Tensor) -> Tensor:
        with self._autocast():
            warped = self.warping(source.volume, driven=driven, source=source.motion.posed)
            picture = self.generator(warped.features)
        return as_pixels(picture)

    def _autocast(self) -> contextlib.AbstractContextManager[object]:
        return torch.autocast(self.device.type, dtype=torch.float16, enabled=self._is_half)


class FastEngine:
    """Several frames at a time through the rearranged graph, weights in half precision on CUDA."""

    def __init__(self, networks: Networks, *, device: torch.device, precision: Precision) -> None:
        """Build the rearranged networks and copy them to `device`."""
        self.device = device
        self._is_half = is_half(device, precision)
        self._dtype = torch.float16 if self._is_half else torch.float32
        with out_of_memory_is_an_error(device):
            # These run once per portrait, where half precision would gain nothing.
            self._appearance = copy.deepcopy(networks.appearance).to(device)
            self._motion = copy.deepcopy(networks.motion).to(device)
            self.warp = self._placed(FastWarp(networks.warping))
            self.generator = self._placed(FastGenerator(networks.generator))
            self.heads = _heads_on(networks, device)

    def _placed(self, network: nn.Module) -> nn.Module:
        # A copy: some of its layers are the plain networks' own.
        placed = copy.deepcopy(network).to(self.device, self._dtype)
        if self.device.type == "cuda":
            # Tensor cores want the channels last; activations follow the weights.
            formats = {4: torch.channels_last, 5: torch.channels_last_3d}
            for weight in placed.parameters():
                if weight.dim() in formats:
                    weight.data = weight.data.contiguous(memory_format=formats[weight.dim()])
        return placed

    @torch.inference_mode()
    def analyse(self, picture: Tensor) -> EngineSource:
        """As `Engine.analyse`."""
        picture = picture.to(self.device)
        volume, raw = self._appearance(picture), self._motion(picture)
        motion = source_motion(raw)
        assert isinstance(self.warp, FastWarp)
        with self._kernels():
            warp = self.warp.source(volume, motion.posed)
        return EngineSource(volume=volume, motion=motion, warp=warp)

    @torch.inference_mode()
    def draw(self, source: EngineSource, driven: Tensor) -> Tensor:
        """As `Engine.draw`."""
        with self._kernels():
            features = self.warp(source.warp, driven)
            if self.device.type == "cuda":
                features = features.contiguous(memory_format=torch.channels_last)
            return as_pixels(self.generator(features))

    def _kernels(self) -> contextlib.AbstractContextManager[object]:
        # Deterministic kernels: the same track gives the same bytes.
        return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True)


def as_pixels(picture: Tensor) -> Tensor:
    """Return pictures (B, 3, H, W) in [0, 1] as (B, H, W, 3) uint8, rounded."""
    return (picture.float() * 255 + 0.5).clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


def is_half(device: torch.device, precision: Precision) -> bool:
    """Return whether networks compute in half precision; a CPU never does, it would be slower."""
    return precision == "fp16" and device.type == "cuda"


def _heads_on(networks: Networks, device: torch.device) -> KeypointHeads:
    return KeypointHeads(
        stitching=copy.deepcopy(networks.stitching).to(device),
        lip=copy.deepcopy(networks.lip).to(device),
    )


@contextlib.contextmanager
def out_of_memory_is_an_error(device: torch.device) -> Iterator[None]:
    """Turn running out of memory while something is set up into a sentence with figures.

    Raises:
        VortexInitializationError: The memory of `device` ran out.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        from vortex_lp.render.liveportrait.memory import memory_sentence

        raise VortexInitializationError(
            f"LivePortrait does not fit on {device} ({memory_sentence(device)}); free "
            "memory on it, use another GPU, or take the mesh renderer"
        ) from error
