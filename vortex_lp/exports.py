"""What the mouth does, as files for other programs; and what a finished video really does."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from vortex_lp.errors import AudioError, SettingsError
from vortex_lp.pipeline import analyse, check_performance, listen
from vortex_lp.report.measure import measure_video
from vortex_lp.report.sync import SyncReport, make_report
from vortex_lp.request import Performance
from vortex_lp.settings import Settings
from vortex_lp.speech.formats import to_csv, to_json, to_rhubarb
from vortex_lp.values import MotionTrack, MouthTrack

LAYOUTS: dict[str, Callable[[MouthTrack], str]] = {
    "json": to_json,
    "csv": to_csv,
    "rhubarb": to_rhubarb,
}
"""The formats that visemes are exported in."""


def export_visemes(
    file: Path, performance: Performance, *, layout: str, settings: Settings
) -> tuple[str, tuple[str, ...]]:
    """Return what the mouth does in the recording `file`, as text, and sentences for the user.

    Args:
        file: A recording.
        performance: `recognizer`, `transcript`, `fps` and `duration_s` of it count here.
        layout: One of `LAYOUTS`.
        settings: Everything that can be set.

    Raises:
        SettingsError: There is no such layout or recogniser.
        AudioError: The recording cannot be used.
    """
    if layout not in LAYOUTS:
        raise SettingsError(f"there is no format {layout!r}; use one of {', '.join(LAYOUTS)}")
    check_performance(performance, settings=settings)
    speech = listen(file, settings=settings)
    analysis = analyse(speech, performance, settings=settings)
    return LAYOUTS[layout](analysis.mouth), analysis.notes


def report_video(
    video: Path,
    *,
    settings: Settings,
    track: MotionTrack | None = None,
    mouth: MouthTrack | None = None,
    on_frame: Callable[[int, int], None] | None = None,
) -> SyncReport:
    """Return what the finished `video` really does, held against what was asked of it.

    Args:
        video: Any talking-head video.
        settings: Everything that can be set.
        track: The motion that it was made from; None for a video of somebody else, which is held
            against what is heard in it.
        mouth: The mouth that it was made from; None to recognise it from the video's own sound.
        on_frame: Called after each frame with how many are done and how many there are.

    Raises:
        ReportError: It cannot be read, or shows no face.
    """
    measurements = measure_video(video, on_frame=on_frame)
    if mouth is None:
        mouth = _heard_mouth(video, measurements.container.fps, settings=settings)
    return make_report(measurements, track=track, mouth=mouth, settings=settings.report)


def _heard_mouth(video: Path, fps: Fraction, *, settings: Settings) -> MouthTrack | None:
    """Return the mouth that fits the sound of `video`, or None where it has no sound."""
    try:
        speech = listen(video, settings=settings)
    except AudioError:
        return None
    return analyse(speech, Performance(fps=fps), settings=settings).mouth
