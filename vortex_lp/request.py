"""What can be asked of the pipeline, and what comes back: the values of the doors."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from vortex_lp.motion.track import MotionOptions as MotionOptions
from vortex_lp.render.base import Framing as Framing
from vortex_lp.render.base import Prepared as Prepared
from vortex_lp.render.registry import LoadedRenderer as LoadedRenderer
from vortex_lp.render.registry import RendererOptions as RendererOptions
from vortex_lp.values import Clip, MotionTrack, MouthTrack, Recognition, Speech


@dataclass(frozen=True, slots=True)
class Performance:
    """How the portrait is to speak; what is None is as `Settings.request` says."""

    recognizer: str | None = None
    """Who finds the phones: ``"auto"``, ``"words"``, ``"phones"``, ``"energy"``, …"""

    transcript: str | None = None
    """What is said, where the user knows."""

    expression: str | None = None
    """The preset that shows wherever the timeline says nothing."""

    intensity: float | None = None
    """How much of `expression` shows, 0 to 1; None for the preset's own."""

    sequence: tuple[str, ...] = ()
    """Presets that follow each other evenly; excludes `timeline`."""

    timeline: tuple[Clip, ...] = ()
    """Expressions with their times; excludes `sequence`."""

    fps: float | Fraction | None = None
    """Frames a second, 1 to 120."""

    duration_s: float | None = None
    """How long the video shall be [s]; None is as long as the recording."""

    seed: int | None = None
    """Decides blinks, gaze and head movement; the same seed gives the same video."""

    motion: MotionOptions | None = None
    """Finer wishes about blinks, gaze and head, or None."""


@dataclass(frozen=True, slots=True)
class Request:
    """Everything that `animate` is asked for."""

    portrait: Path
    """A picture of somebody."""

    audio: Path
    """What they shall say: a recording, or a video with sound."""

    output: Path
    """The video to be written; ends in ``.mp4``."""

    performance: Performance = field(default_factory=Performance)
    """How they shall say it."""

    renderer: str | None = None
    """``"auto"``, ``"mesh"`` or ``"liveportrait"``; None is as `Settings.request` says."""

    options: RendererOptions = field(default_factory=RendererOptions)
    """Where the renderer's weights are and where it runs."""

    framing: Framing | None = None
    """``"crop"`` or ``"full"``; None is as `Settings.request` says."""


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """What was heard in a recording, and what the mouth does to say it."""

    speech: Speech
    """The recording, cut to the length of the video where it is longer."""

    recognition: Recognition
    """Its phones."""

    mouth: MouthTrack
    """The mouth, frame by frame, for the whole video."""

    notes: tuple[str, ...]
    """Sentences for the user."""


@dataclass(frozen=True, slots=True, eq=False)
class Act:
    """Everything that a video needs but its frames, which are made when they are asked for."""

    analysis: Analysis
    """What was heard."""

    track: MotionTrack
    """What the portrait will do."""

    prepared: Prepared
    """The portrait, ready to do it."""


@dataclass(frozen=True, slots=True, eq=False)
class AnimateResult:
    """A finished video and how it came about."""

    path: Path
    """The video."""

    speech: Speech
    """What is heard in it."""

    recognition: Recognition
    """Its phones."""

    mouth: MouthTrack
    """What the mouth was asked to do by the speech alone."""

    track: MotionTrack
    """What the portrait was asked to do."""

    renderer: str
    """The renderer that was used, such as ``"mesh"``; never ``"auto"``."""

    badge: str
    """What ran where, for people."""

    size: tuple[int, int]
    """Width and height of the video [px]."""

    notes: tuple[str, ...]
    """Sentences for the user: what was odd, cut, or done otherwise than asked."""

    timings_s: Mapping[str, float]
    """Wall time of each of `vortex_lp.progress.STAGES` [s]; rendering and encoding overlap, so
    ``"encode"`` is only what is waited for beyond drawing."""
