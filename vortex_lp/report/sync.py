"""The sync report: what a finished video really does, held against what was wanted of it."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vortex_lp.report.clock_checks import check_frames, check_sound, check_streams
from vortex_lp.report.face_checks import (
    Blinks,
    check_background,
    check_blinks,
    check_faces,
    check_head,
    find_blinks,
)
from vortex_lp.report.measure import Measurements
from vortex_lp.report.metric import Metric, Status, unmeasured, worst
from vortex_lp.report.mouth_checks import check_mouth
from vortex_lp.report.scene import Scene, make_scene
from vortex_lp.settings import ReportSettings
from vortex_lp.values import MotionTrack, MouthTrack

_MOUTH_NAMES = (
    "lag_frames",
    "sound_match",
    "correlation",
    "mouth_range",
    "frozen_s",
    "drift_frames",
    "phones_on_time",
    "closure_recall",
    "tuck_recall",
    "silence_shut",
)


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """The lips in the picture and the lips that were wanted, for a plot."""

    times_s: npt.NDArray[np.float64]
    """(T,) the container's time of each frame [s]."""

    measured: npt.NDArray[np.float64]
    """(T,) lip aperture in the picture, a share of the distance between the outer eye corners; NaN
    where the picture shows none."""

    wanted: npt.NDArray[np.float64]
    """(T,) lip aperture that was wanted, on the same scale."""


@dataclass(frozen=True, slots=True, eq=False)
class SyncReport:
    """Everything that was found out about one video."""

    video: str
    """Its file name."""

    held_against: str
    """What the mouth was compared with: ``"the motion track"``, ``"its own sound"`` or
    ``"nothing"``."""

    metrics: tuple[Metric, ...]
    """The findings, the mouth's first."""

    blinks: Blinks
    """When eyes shut, and when they should have."""

    curves: Curves | None
    """For a plot; None where nothing was wanted of the mouth."""

    n_frames: int
    """Frames of the video."""

    fps: float
    """Its frames a second."""

    @property
    def status(self) -> Status:
        """The gravest status of all findings."""
        return worst(self.metrics)

    def metric(self, name: str) -> Metric:
        """Return the finding `name`.

        Raises:
            KeyError: There is none of that name.
        """
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise KeyError(f"the report has no finding {name!r}")

    def faults(self) -> tuple[Metric, ...]:
        """Return the findings that fail or warn, failures first."""
        failed = [metric for metric in self.metrics if metric.status == "fail"]
        return (*failed, *(metric for metric in self.metrics if metric.status == "warn"))

    def summary(self) -> str:
        """Return a line per finding for people, after one about the whole."""
        head = f"{self.video}: {self.status}, held against {self.held_against}"
        width = max(len(metric.name) for metric in self.metrics)
        rows = (
            f"  {metric.status.upper() if metric.status == 'fail' else metric.status:17} "
            f"{metric.name:{width}}  "
            f"{'-' if metric.value is None else format(metric.value, '.3g'):>7}  {metric.why}"
            for metric in self.metrics
        )
        return "\n".join((head, *rows))

    def to_json(self) -> str:
        """Return the report as a JSON text; numbers that are not known are null."""
        data = {
            "video": self.video,
            "status": self.status,
            "held_against": self.held_against,
            "n_frames": self.n_frames,
            "fps": self.fps,
            "metrics": [metric.to_json() for metric in self.metrics],
            "blinks": {
                "asked_s": [round(time_s, 3) for time_s in self.blinks.asked_s],
                "seen_s": [round(time_s, 3) for time_s in self.blinks.seen_s],
            },
            "curves": None if self.curves is None else _curves_json(self.curves),
        }
        return json.dumps(data, indent=1, allow_nan=False, ensure_ascii=False)


def make_report(
    measurements: Measurements,
    *,
    track: MotionTrack | None = None,
    mouth: MouthTrack | None = None,
    settings: ReportSettings,
) -> SyncReport:
    """Return what `measurements` say about the video they were taken from.

    Args:
        measurements: What `measure_video` returned.
        track: The motion that the video was made from, or None for a video of somebody else.
        mouth: With `track`, the mouth that it was made from, or one recognised from the file's
            own sound; either shows whether the sound belongs to the picture. Without `track`, one
            recognised from the file's own sound, which the lips are then held against.
        settings: What everything is held against.
    """
    scene = make_scene(measurements, track=track, mouth=mouth, settings=settings)
    blinks = find_blinks(measurements, track=track, settings=settings)
    is_asked = track is not None
    metrics = [
        *_mouth_metrics(scene, measurements, track=track, mouth=mouth),
        check_blinks(blinks, measurements, is_asked=is_asked, settings=settings),
        *check_head(measurements, track=track, settings=settings),
        check_background(measurements, is_asked=is_asked, settings=settings),
        check_faces(measurements, settings=settings),
        *check_frames(measurements, track=track, settings=settings),
        *check_streams(measurements, settings=settings),
    ]
    curves = None
    if scene is not None:
        curves = Curves(times_s=scene.grid_s, measured=scene.measured, wanted=scene.wanted)
    sources = {True: "the motion track", False: "its own sound"}
    return SyncReport(
        video=measurements.name,
        held_against="nothing" if scene is None else sources[scene.is_asked],
        metrics=tuple(metrics),
        blinks=blinks,
        curves=curves,
        n_frames=measurements.n_frames,
        fps=float(measurements.container.fps),
    )


def _mouth_metrics(
    scene: Scene | None,
    measurements: Measurements,
    *,
    track: MotionTrack | None,
    mouth: MouthTrack | None,
) -> list[Metric]:
    if scene is None:
        why = "neither a motion track nor phones of the sound were given"
    elif np.isfinite(scene.measured).sum() < 2 * scene.max_lag:
        why = "too few frames show a face while there is sound"
    else:
        found = check_sound(scene, measurements, track=track, mouth=mouth)
        return [*found, *check_mouth(scene)]
    return [unmeasured(name, why=why) for name in _MOUTH_NAMES]


def _curves_json(curves: Curves) -> dict[str, Any]:
    def row(values: npt.NDArray[np.float64]) -> list[float | None]:
        return [round(float(value), 4) if np.isfinite(value) else None for value in values]

    return {
        "times_s": row(curves.times_s),
        "measured": row(curves.measured),
        "wanted": row(curves.wanted),
    }
