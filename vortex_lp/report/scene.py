"""Measured and wanted curves on one clock: what the checks of the mouth work on."""

from dataclasses import dataclass

import numpy as np

from vortex_lp.face.aperture import asked_aperture
from vortex_lp.report.compare import Alignment, Curve, align, on_grid
from vortex_lp.report.measure import Measurements
from vortex_lp.report.reader import LOUDNESS_HZ
from vortex_lp.settings import MouthBandSettings, ReportSettings
from vortex_lp.timebase import SPEECH_RATE_HZ, seconds
from vortex_lp.values import MotionTrack, MouthTrack, PhoneSpan

CLIP_PERCENTILE = 95
"""How far a mouth opens in a clip: its largest gap without the few frames beyond."""

_SHUT_CLIP = 0.02
"""A mouth that never opens further than this [outer eye distances] does not speak: MediaPipe's own
noise on shut lips is a tenth of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One video beside what was wanted, on the frame grid of what was wanted."""

    fps: float
    """Frames of the grid a second."""

    grid_s: Curve
    """(T,) the container's time [s] at which the sound wants each frame."""

    measured: Curve
    """(T,) lip aperture in the picture; NaN where the picture shows none."""

    wanted: Curve
    """(T,) lip aperture that was asked for, or that the sound makes likely."""

    spans: tuple[PhoneSpan, ...]
    """The phones of the sound; empty where nobody knows them."""

    is_asked: bool
    """Whether `wanted` is the motion that the video was made from, rather than heard from it."""

    bands: MouthBandSettings
    """What the mouth is held against."""

    settings: ReportSettings
    """What everything is held against."""

    alignment: Alignment
    """How late the measured mouth is, and how alike."""

    @property
    def max_lag(self) -> int:
        """How far lags are looked for [frames]."""
        return max(2, round(self.settings.max_lag_s * self.fps))

    @property
    def opening(self) -> float:
        """How far the measured mouth opens in this clip."""
        return percentile(self.measured)

    @property
    def moves(self) -> bool:
        """Whether the measured mouth opens at all."""
        return self.opening >= _SHUT_CLIP

    @property
    def wants_speech(self) -> bool:
        """Whether the mouth was to open at all."""
        return percentile(self.wanted) >= _SHUT_CLIP

    @property
    def shut_below(self) -> float:
        """The measured aperture under which the lips count as shut."""
        return self.settings.shut_share * self.opening

    def frames_of(self, span: PhoneSpan, *, margin: int = 0) -> slice:
        """Return the frames that `span` touches, and `margin` more to either side."""
        start = int(np.floor(seconds(span.start, rate_hz=SPEECH_RATE_HZ) * self.fps)) - margin
        stop = int(np.ceil(seconds(span.stop, rate_hz=SPEECH_RATE_HZ) * self.fps)) + margin
        return slice(max(0, start), max(0, min(len(self.measured), stop)))

    def time_s(self, frame: float) -> float:
        """Return the container's time [s] of frame number `frame` of the grid."""
        return float(self.grid_s[0]) + frame / self.fps


def percentile(curve: Curve) -> float:
    """Return how far `curve` goes up, leaving out rare peaks; 0 where nothing is known."""
    known = curve[np.isfinite(curve)]
    return float(np.percentile(known, CLIP_PERCENTILE)) if len(known) else 0.0


def make_scene(
    measurements: Measurements,
    *,
    track: MotionTrack | None,
    mouth: MouthTrack | None,
    settings: ReportSettings,
) -> Scene | None:
    """Return the curves on one clock, or None where neither a track nor a mouth says what to want.

    Frame 0 of what is wanted belongs to the first sample of sound, so that sound which starts late
    in the file counts as a picture that is early.
    """
    if track is not None:
        fps, wanted = float(track.fps), asked_aperture(track.weights, track.closure)
    elif mouth is not None:
        fps, wanted = float(mouth.fps), asked_aperture(mouth.weights, mouth.closure)
    else:
        return None
    container = measurements.container
    origin_s = container.audio_start_s
    grid_s = (container.video_start_s if origin_s is None else origin_s) + np.arange(
        len(wanted)
    ) / fps
    measured = on_grid(
        measurements.aperture.astype(np.float64),
        container.frame_times_s,
        grid_s=grid_s,
        step_s=float(1 / container.fps),
    )
    curve = wanted.astype(np.float64)
    return Scene(
        fps=fps,
        grid_s=grid_s,
        measured=measured,
        wanted=curve,
        spans=mouth.spans if mouth is not None else (),
        is_asked=track is not None,
        bands=settings.asked if track is not None else settings.heard,
        settings=settings,
        alignment=align(measured, curve, max_lag=max(2, round(settings.max_lag_s * fps))),
    )


def sound_levels(measurements: Measurements, *, fps: float, n_frames: int) -> Curve:
    """Return how loud the file's sound is in each frame of the grid (T,); NaN after its end."""
    edges = np.round(np.arange(n_frames + 1) * LOUDNESS_HZ / fps).astype(int)
    total = np.concatenate([[0.0], np.cumsum(np.square(measurements.loudness, dtype=np.float64))])
    inside = edges[1:] < len(total)
    levels = np.full(n_frames, np.nan)
    power = total[edges[1:][inside]] - total[edges[:-1][inside]]
    levels[inside] = np.sqrt(np.maximum(power, 0) / (edges[1:] - edges[:-1])[inside])
    return levels
