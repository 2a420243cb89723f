"""The tensor interface: pictures and sound as torch tensors in, frames as one tensor out."""

import logging
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vortex_lp import pipeline
from vortex_lp.errors import SettingsError
from vortex_lp.request import LoadedRenderer, MotionOptions, Performance, RendererOptions
from vortex_lp.settings import Settings, load_settings
from vortex_lp.timebase import TENSOR_RATE_HZ, exact_fps
from vortex_lp.values import Clip

SIDE_PX = 512
"""Width and height of the pictures that go in and come out."""

FALLBACK_PRESET = "neutral"
"""The expression that stands in for one that does not exist."""

PRECISIONS = ("fp16", "fp32")

_LOGGER = logging.getLogger(__name__)


def load_liveportrait(
    device: str = "cuda:0",
    precision: str = "fp16",
    cache_dir: str | Path | None = None,
    config_path: str | Path | None = None,
    renderer: str = "auto",
) -> "LivePortraitModel":
    """Return a model that animates portraits.

    Args:
        device: Where LivePortrait computes; the mesh renderer always computes on the CPU.
        precision: ``"fp16"`` or ``"fp32"``, LivePortrait's arithmetic.
        cache_dir: The folder that LivePortrait's weights were downloaded to; None for the usual
            places.
        config_path: A settings file of your own; None for the one that comes with the package.
        renderer: ``"auto"`` takes LivePortrait where CUDA and its weights are there, and else mesh
            with one warning in the log that says why and what to do; ``"liveportrait"`` and
            ``"mesh"`` are exactly these.

    Raises:
        VortexInitializationError: The renderer that was named cannot be set up here; the message
            holds the remedy, and the GPU memory's figures where that is the cause.
        SettingsError: (a ValueError) An argument or the settings file is wrong.
    """
    if precision not in PRECISIONS:
        raise SettingsError(f"there is no precision {precision!r}; use {' or '.join(PRECISIONS)}")
    settings = load_settings(None if config_path is None else Path(config_path))
    weights = None if cache_dir is None else Path(cache_dir)
    options = RendererOptions(weights=weights, device=device, precision=precision)
    loaded = pipeline.load_renderer(renderer, settings=settings, options=options)
    return LivePortraitModel(loaded, settings=settings)


class LivePortraitModel:
    """A renderer with a tensor in front and a tensor behind; made by `load_liveportrait`."""

    def __init__(self, loaded: LoadedRenderer, *, settings: Settings) -> None:
        """Wrap a renderer that is loaded."""
        self._loaded = loaded
        self._settings = settings

    @property
    def renderer(self) -> str:
        """The renderer at work, ``"liveportrait"`` or ``"mesh"``."""
        return self._loaded.renderer.name

    @property
    def badge(self) -> str:
        """What runs where, for people."""
        return self._loaded.renderer.badge

    def animate(
        self,
        source_image: Tensor,
        driving_audio: Tensor,
        expression_preset: str = "neutral",
        expression_sequence: Sequence[str] | None = None,
        fps: float | Fraction = 24,
        duration: float = 45,
        output: Tensor | None = None,
        seed: int | None = None,
        *,
        intensity: float | None = None,
        timeline: Sequence[Clip] = (),
        recognizer: str | None = None,
        transcript: str | None = None,
        motion: MotionOptions | None = None,
        on_frame: Callable[[int, int], None] | None = None,
    ) -> Tensor:
        """Return the frames of `source_image` saying `driving_audio`.

        Frames are made one by one: beyond the result, memory does not grow with the length.

        Args:
            source_image: (3, 512, 512), floating point, RGB in [0, 1], on any device. The whole
                picture is animated where it is; without motion the result equals it.
            driving_audio: (N,) floating point in [-1, 1] at 24 kHz, on any device. What goes beyond
                `duration` is cut, with a warning; what is missing is silence.
            expression_preset: An expression of the settings; an unknown one is ``"neutral"``, with
                a warning.
            expression_sequence: Expressions that follow each other evenly; unknown ones likewise.
            fps: Frames a second, 1 to 120.
            duration: Length of the result [s].
            output: (T, 3, 512, 512) float32 on any device to write into, with
                T = ceil(`fps` · `duration`); None to make one on the CPU.
            seed: Decides blinks, gaze and head; the same seed gives the same bits. None is the seed
                of the settings.
            intensity: How much of `expression_preset` shows, 0 to 1; None for its own.
            timeline: Expressions with their times; excludes `expression_sequence`.
            recognizer: Who finds the phones; None is as the settings say.
            transcript: What is said, where you know.
            motion: Finer wishes about blinks, gaze and head.
            on_frame: Called after each frame with how many are done and how many there will be.

        Returns:
            (T, 3, 512, 512) float32 RGB in [0, 1]: `output` itself where it was given.

        Raises:
            NoFaceError: (a ValueError) `source_image` shows no face that can be animated.
            ValueError: A tensor has a wrong shape or type, or holds nothing, NaN or infinity; or
                another argument is out of range.
            RenderError: The renderer failed.
        """
        _check_image(source_image)
        _check_audio(driving_audio)
        n_frames = _n_frames(fps, duration)
        _check_output(output, n_frames=n_frames)
        performance = Performance(
            recognizer=recognizer,
            transcript=transcript,
            expression=self._known(expression_preset),
            intensity=intensity,
            sequence=tuple(self._known(name) for name in expression_sequence or ()),
            timeline=tuple(timeline),
            fps=fps,
            duration_s=duration,
            seed=seed,
            motion=motion,
        )
        act = pipeline.rehearse(
            (source_image.detach().float() * 255).round().byte().permute(1, 2, 0).cpu().numpy(),
            driving_audio.detach().float().cpu().numpy(),
            rate_hz=TENSOR_RATE_HZ,
            performance=performance,
            loaded=self._loaded,
            settings=self._settings,
        )
        for note in act.analysis.notes:
            _LOGGER.warning("%s", note)
        if output is None:
            output = torch.empty((n_frames, 3, SIDE_PX, SIDE_PX), dtype=torch.float32)
        for number, frame in enumerate(act.prepared.render(act.track)):
            # The division comes after the copy, so that a GPU is sent bytes, not floats.
            pixels = torch.from_numpy(frame).to(output.device).permute(2, 0, 1)
            output[number].copy_(pixels).div_(255)
            if on_frame is not None:
                on_frame(number + 1, n_frames)
        return output

    def _known(self, preset: str) -> str:
        """Return `preset`, or neutral where there is no such expression."""
        if preset in self._settings.presets:
            return preset
        _LOGGER.warning(
            "there is no expression %r; %s is used instead of it (there are %s)",
            preset,
            FALLBACK_PRESET,
            ", ".join(self._settings.presets),
        )
        return FALLBACK_PRESET


def _n_frames(fps: float | Fraction, duration: float) -> int:
    if not (isinstance(duration, (int, float)) and math.isfinite(duration) and duration > 0):
        raise SettingsError(f"duration must be a positive number of seconds, not {duration!r}")
    return math.ceil(exact_fps(fps) * Fraction(duration).limit_denominator(1_000_000))


def _check_image(image: Any) -> None:
    expected = (3, SIDE_PX, SIDE_PX)
    if not isinstance(image, Tensor) or tuple(image.shape) != expected:
        got = tuple(image.shape) if isinstance(image, Tensor) else type(image).__name__
        raise ValueError(f"Invalid source_image shape: expected {expected}, got {got}")
    if not image.is_floating_point():
        raise ValueError(
            f"Invalid source_image type {image.dtype}: give floats in [0, 1], not {image.dtype}"
        )
    if not torch.isfinite(image).all():
        raise ValueError("Invalid source_image: it holds NaN or infinite values")
    low, high = float(image.min()), float(image.max())
    if low < 0 or high > 1:
        raise ValueError(
            f"Invalid source_image range: values go from {low:g} to {high:g}; scale them to [0, 1]"
        )


def _check_audio(audio: Any) -> None:
    if not isinstance(audio, Tensor) or audio.ndim != 1:
        got = tuple(audio.shape) if isinstance(audio, Tensor) else type(audio).__name__
        raise ValueError(f"Invalid driving_audio shape: expected (N,) at 24 kHz, got {got}")
    if len(audio) == 0:
        raise ValueError("Invalid driving_audio: it is empty; give at least one sample")
    if not audio.is_floating_point():
        raise ValueError(f"Invalid driving_audio type {audio.dtype}: give floats in [-1, 1]")
    if not torch.isfinite(audio).all():
        raise ValueError("Invalid driving_audio: it holds NaN or infinite values")


def _check_output(output: Any, *, n_frames: int) -> None:
    if output is None:
        return
    expected = (n_frames, 3, SIDE_PX, SIDE_PX)
    if not isinstance(output, Tensor) or tuple(output.shape) != expected:
        got = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise ValueError(f"Invalid output shape: expected {expected}, got {got}")
    if output.dtype != torch.float32:
        raise ValueError(f"Invalid output type: expected torch.float32, got {output.dtype}")
