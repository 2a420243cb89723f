"""Whether sound and picture run by one clock: lag, streams, lost frames, the right sound."""

import numpy as np

from vortex_lp.face.aperture import asked_aperture
from vortex_lp.report.compare import Curve, align, on_grid, shifted
from vortex_lp.report.measure import Measurements
from vortex_lp.report.metric import Metric, counted, graded, unmeasured
from vortex_lp.report.scene import Scene, sound_levels
from vortex_lp.settings import ReportSettings
from vortex_lp.values import FloatArray, MotionTrack, MouthTrack

_MOVING_APERTURE = 0.01
_MOVING_DEG = 0.15
"""A track that moves by less than this from frame to frame may repeat a picture."""

_LOUDNESS_POWER = 0.3
"""Brings levels near the steps of the loudness that a mouth is made from: of eight recordings each
agrees with its own at 0.70 to 0.98, and with another one of the same length at 0.40 or less."""

_REPEATED = 0.08
"""A frame that differs from the one before by less than this [mean grey levels] is the same one,
encoded again: 0.02 to 0.05 where frames were doubled, 0.10 or more in filmed and drawn faces that
hardly move."""

_SURE_MATCH = 0.5
"""Below this likeness of two sounds the lag between them means nothing."""


def check_sound(
    scene: Scene,
    measurements: Measurements,
    *,
    track: MotionTrack | None,
    mouth: MouthTrack | None,
) -> list[Metric]:
    """Grade how far the lips are from the sound, and whether it is the right sound.

    Both the track's mouth and the file's sound are held against `mouth`, the mouth that a sound
    makes: where `mouth` is the one that the track was made from, the file's loudness must agree
    with it, and where it was recognised from the file's sound, the track must.
    """
    if len(measurements.loudness) == 0:
        lag = _lag(scene, sound_lag=0.0, why_sound=", by the motion alone: the file has no sound")
        return [lag, unmeasured("sound_match", why="the file has no sound")]
    if mouth is None or track is None:
        why = "only one of sound and motion track is known, so they cannot be compared"
        return [_lag(scene, sound_lag=0.0, why_sound=""), unmeasured("sound_match", why=why)]
    if not scene.wants_speech:
        why = "nothing is said"
        return [unmeasured("lag_frames", why=why), unmeasured("sound_match", why=why)]
    levels = sound_levels(measurements, fps=scene.fps, n_frames=track.n_frames)
    heard = align(
        levels**_LOUDNESS_POWER, _on_scene(mouth.loudness, mouth, scene), max_lag=scene.max_lag
    )
    gap = asked_aperture(mouth.weights, mouth.closure)
    spoken = align(_on_scene(gap, mouth, scene), scene.wanted, max_lag=scene.max_lag)
    likeness = min(heard.correlation, spoken.correlation)
    why = f"the file's sound matches the one the motion was made for with {likeness:.2f}"
    if likeness < scene.settings.sound_match.poor:
        why += ": this is another sound"
    match = graded("sound_match", likeness, band=scene.settings.sound_match, why=why)
    sound_lag = float(np.nansum([heard.lag_frames, spoken.lag_frames]))
    # Loudness is smoothed on its way to the mouth, so less than half a frame means nothing.
    if abs(sound_lag) <= 0.5:
        sound_lag = 0.0
    if likeness < _SURE_MATCH:
        lag = unmeasured("lag_frames", why="the sound is another one than the lips were made for")
        return [lag, match]
    why_sound = ""
    if sound_lag:
        why_sound = f"; the sound itself is {_late(sound_lag)} the motion it belongs to"
    return [_lag(scene, sound_lag=sound_lag, why_sound=why_sound), match]


def _on_scene(values: FloatArray, mouth: MouthTrack, scene: Scene) -> Curve:
    """Return `values` of `mouth` on the frames of `scene`, whose rate may be another."""
    step_s = float(1 / mouth.fps)
    return on_grid(
        values.astype(np.float64),
        np.arange(mouth.n_frames, dtype=np.float64) * step_s,
        grid_s=np.arange(len(scene.wanted), dtype=np.float64) / scene.fps,
        step_s=step_s,
    )


def _lag(scene: Scene, *, sound_lag: float, why_sound: str) -> Metric:
    """Grade how late the lips are against the sound."""
    name = "lag_frames"
    if not scene.wants_speech:
        return unmeasured(name, why="nothing is said")
    lag = scene.alignment.lag_frames - sound_lag
    if np.isnan(lag) or scene.alignment.correlation < scene.bands.correlation.poor:
        return unmeasured(name, why="the lips do not follow the sound, so no lag can be told")
    per_frame_ms = 1000 / scene.fps
    why = f"the lips are {_late(lag)} the sound ({lag * per_frame_ms:+.0f} ms)"
    if abs(lag) < 0.05:
        why = "the lips are neither early nor late"
    measured = graded(name, abs(lag), band=scene.bands.lag_frames, why=why + why_sound)
    # The grade is by size; the sign tells early from late.
    return Metric(
        name=name,
        value=round(lag, 3),
        good=measured.good,
        poor=measured.poor,
        status=measured.status,
        why=measured.why,
    )


def _late(frames: float) -> str:
    return f"{abs(frames):.1f} frames {'behind' if frames > 0 else 'ahead of'}"


def check_streams(measurements: Measurements, *, settings: ReportSettings) -> list[Metric]:
    """Grade how the streams' starts and ends lie against each other."""
    container = measurements.container
    if container.audio_start_s is None or container.audio_stop_s is None:
        why = "the file has no sound"
        return [unmeasured("offset_frames", why=why), unmeasured("end_frames", why=why)]
    fps = float(container.fps)
    start_s = container.audio_start_s - container.video_start_s
    stop_s = container.audio_stop_s - container.video_stop_s
    lengths = (
        f"picture {container.video_stop_s - container.video_start_s:.3f} s, "
        f"sound {container.audio_stop_s - container.audio_start_s:.3f} s"
    )
    return [
        graded(
            "offset_frames",
            abs(start_s) * fps,
            band=settings.offset_frames,
            why=f"the sound begins {start_s * 1000:+.0f} ms from the picture",
        ),
        graded(
            "end_frames",
            abs(stop_s) * fps,
            band=settings.end_frames,
            why=f"the sound ends {stop_s * 1000:+.0f} ms from the picture ({lengths})",
        ),
    ]


def check_frames(
    measurements: Measurements, *, track: MotionTrack | None, settings: ReportSettings
) -> list[Metric]:
    """Grade whether every frame is there, and none is a repetition."""
    container = measurements.container
    steps = np.diff(container.frame_times_s) * float(container.fps)
    gaps = np.maximum(np.round(steps) - 1, 0)
    missing = int(gaps.sum())
    why = "every frame is there"
    if missing:
        at_s = float(container.frame_times_s[int(np.argmax(gaps > 0))])
        why = (
            f"{counted(missing, 'frame')} missing in the picture's clock, the first after "
            f"{at_s:.2f} s"
        )
    elif track is not None and track.fps == container.fps:
        missing = max(0, track.n_frames - measurements.n_frames)
        if missing:
            why = f"{missing} of the {counted(track.n_frames, 'frame')} asked for were lost"
    found = graded("missing_frames", missing, band=settings.missing_frames, why=why)
    return [found, _repeats(measurements, track=track, settings=settings)]


def _repeats(
    measurements: Measurements, *, track: MotionTrack | None, settings: ReportSettings
) -> Metric:
    repeats = measurements.change < _REPEATED
    if track is not None:
        n_frames = min(len(repeats), track.n_frames)
        aperture = asked_aperture(track.weights).astype(np.float64)[:n_frames]
        turns = np.linalg.norm(np.diff(track.head_deg[:n_frames], axis=0), axis=1)
        moving = np.concatenate(
            [
                [False],
                (np.abs(aperture - shifted(aperture, 1))[1:] > _MOVING_APERTURE)
                | (turns > _MOVING_DEG),
            ]
        )
        repeats = repeats[:n_frames] & moving
    why = "no frame repeats the one before it while the face should move"
    if repeats.any():
        at_s = float(measurements.container.frame_times_s[int(np.argmax(repeats))])
        why = (
            f"the picture stands still in {counted(int(repeats.sum()), 'frame')} in which it "
            f"should move, first at {at_s:.2f} s"
        )
    return graded(
        "repeated_frames",
        int(repeats.sum()),
        band=settings.repeated_frames,
        why=why,
        # A recording may well stand still, or be filmed at half the rate.
        at_worst="fail" if track is not None else "warn",
    )
