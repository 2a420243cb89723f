"""What eyes, head and background do."""

from dataclasses import dataclass

import numpy as np

from vortex_lp.report.compare import Curve, on_grid, runs
from vortex_lp.report.measure import Measurements
from vortex_lp.report.metric import Metric, Status, counted, graded, unmeasured
from vortex_lp.settings import ReportSettings
from vortex_lp.values import ARKIT_INDEX, FloatArray, MotionTrack

_BLINK_PARTS = [ARKIT_INDEX["eyeBlinkLeft"], ARKIT_INDEX["eyeBlinkRight"]]
_ASKED_BLINK = 0.6
"""Both eyes asked to shut further than this is a blink; tired eyes of a calm face stay below."""

_LONGEST_BLINK_S = 0.6
"""Eyes that stay shut for longer are held shut, which is no blink."""

_NO_WINK = 0.8
"""In a blink neither eye is more open than this share of its usual openness."""

_USUAL_PERCENTILE, _USUAL_S = 65, 2.0
"""How open an eye usually is: this percentile of the time around each frame, so that tired or wide
eyes of an expression are held against themselves."""

_BLINK_WITHIN_FRAMES = 2
_MIN_CLIP_S = 8.0
"""In less time than this a person may well not blink."""


@dataclass(frozen=True, slots=True)
class Blinks:
    """The blinks of a video, each by the moment of its deepest frame."""

    asked_s: tuple[float, ...]
    """Those that the motion track asks for [s]; empty without a track."""

    seen_s: tuple[float, ...]
    """Those that the picture shows [s]."""


def find_blinks(
    measurements: Measurements, *, track: MotionTrack | None, settings: ReportSettings
) -> Blinks:
    """Return the blinks asked and seen, in the container's time."""
    times = measurements.container.frame_times_s
    fps = float(measurements.container.fps)
    eyes = [_openness(eye, fps=fps) for eye in (measurements.eye_left, measurements.eye_right)]
    openness = (eyes[0] + eyes[1]) / 2
    is_shut = (openness < settings.blink_drop) & (np.maximum(*eyes) < _NO_WINK)
    seen = [
        float(times[start + int(np.nanargmin(openness[start:stop]))])
        for start, stop in runs(is_shut)
        if (stop - start) / fps <= _LONGEST_BLINK_S
    ]
    asked: list[float] = []
    if track is not None:
        asked_shut = track.weights[:, _BLINK_PARTS].min(axis=1)
        origin_s = measurements.container.video_start_s
        for start, stop in runs(asked_shut > _ASKED_BLINK):
            peak = start + int(np.argmax(asked_shut[start:stop]))
            asked.append(origin_s + peak / float(track.fps))
    return Blinks(asked_s=tuple(asked), seen_s=tuple(seen))


def _openness(eye: FloatArray, *, fps: float) -> Curve:
    """Return how open an eye is as a share of what is usual around that moment; NaN unknown."""
    from scipy.ndimage import percentile_filter

    known = np.isfinite(eye)
    if not known.any():
        return eye.astype(np.float64)
    frames = np.arange(len(eye))
    filled = np.interp(frames, frames[known], eye[known])
    # Above the middle, so that a blink within the window does not count.
    usual = percentile_filter(filled, _USUAL_PERCENTILE, size=max(3, round(_USUAL_S * fps)))
    share: Curve = np.where(known, filled / np.maximum(usual, 1e-6), np.nan)
    return share


def check_blinks(
    blinks: Blinks, measurements: Measurements, *, is_asked: bool, settings: ReportSettings
) -> Metric:
    """Grade the blinks seen against those asked, or their rate where nobody asked."""
    seen = np.array(blinks.seen_s)
    length_s = measurements.n_frames / float(measurements.container.fps)
    if not is_asked:
        if length_s < _MIN_CLIP_S:
            return unmeasured(
                "blinks_per_min",
                why=f"{counted(len(seen), 'blink')} in less than {_MIN_CLIP_S:g} s tell no rate",
            )
        return graded(
            "blinks_per_min",
            len(seen) * 60 / length_s,
            band=settings.blinks_per_min,
            why=f"{counted(len(seen), 'blink')} in {length_s:.1f} s"
            + ("" if len(seen) else ": these eyes never blink"),
        )
    if not blinks.asked_s:
        return unmeasured("blinks_seen", why="no blink was asked for")
    near_s = (_BLINK_WITHIN_FRAMES + 0.5) / float(measurements.container.fps)
    missed = [
        asked_s
        for asked_s in blinks.asked_s
        if not len(seen) or float(np.abs(seen - asked_s).min()) > near_s
    ]
    n_asked = len(blinks.asked_s)
    why = f"{n_asked - len(missed)} of {n_asked} asked blinks shut both eyes within 2 frames"
    if missed:
        why += "; not the one at " + ", ".join(f"{time_s:.2f} s" for time_s in missed[:5])
    return graded("blinks_seen", 1 - len(missed) / n_asked, band=settings.blinks_seen, why=why)


def check_head(
    measurements: Measurements, *, track: MotionTrack | None, settings: ReportSettings
) -> list[Metric]:
    """Grade how much the head shakes from frame to frame, beyond what was asked of it."""
    # MediaPipe's pitch follows the jaw a little, so a talking head would seem to nod.
    angles = measurements.head_deg[:, 1:].astype(np.float64)
    if track is not None:
        angles = angles - _asked_angles(measurements, track)
    scale_px = float(np.nanmedian(measurements.scale_px))
    jitter_deg = _roughness(angles)
    shake = _roughness(measurements.centre_px.astype(np.float64) / scale_px)
    # A filmed person's head and camera may shake, which is no fault of the picture.
    at_worst: Status = "warn" if track is None else "fail"
    if np.isnan(jitter_deg):
        why = "too few neighbouring frames show a face"
        return [unmeasured("head_jitter_deg", why=why), unmeasured("face_shake_share", why=why)]
    return [
        graded(
            "head_jitter_deg",
            jitter_deg,
            band=settings.head_jitter_deg,
            why=f"yaw and roll of the head jump by {jitter_deg:.2f}° from frame to frame",
            at_worst=at_worst,
        ),
        graded(
            "face_shake_share",
            shake,
            band=settings.face_shake_share,
            why=f"the face jumps by {shake:.2%} of the distance between the eyes",
            at_worst=at_worst,
        ),
    ]


def _asked_angles(measurements: Measurements, track: MotionTrack) -> Curve:
    """Return the asked yaw and roll (T, 2) at the times of the measured frames."""
    container = measurements.container
    grid_s = container.frame_times_s
    times_s = container.video_start_s + np.arange(track.n_frames) / float(track.fps)
    columns = [
        on_grid(
            track.head_deg[:, axis].astype(np.float64),
            times_s,
            grid_s=grid_s,
            step_s=float(1 / track.fps),
        )
        for axis in (1, 2)
    ]
    return np.stack(columns, axis=1)


def _roughness(curves: Curve) -> float:
    """Return how far each value typically lies off the middle of its two neighbours.

    The median over time, since a real movement bends a curve for some frames and jitter bends it
    in all; 1.4826 makes it a standard deviation, as usual for the median of a normal spread.
    """
    bends = curves[1:-1] - (curves[:-2] + curves[2:]) / 2
    known = np.isfinite(bends).all(axis=1)
    if known.sum() < 3:
        return float("nan")
    return float(1.4826 * np.median(np.linalg.norm(bends[known], axis=1)))


def check_background(
    measurements: Measurements, *, is_asked: bool, settings: ReportSettings
) -> Metric:
    """Grade how alike the background stays."""
    psnr_db, ssim = measurements.still_psnr_db, measurements.still_ssim
    if not np.isfinite(psnr_db).any():
        return unmeasured("still_psnr_db", why="no background shows beside the head")
    worst = float(np.nanpercentile(psnr_db, 5))
    frame = int(np.nanargmin(psnr_db))
    why = (
        f"the background keeps to the first frame with {worst:.1f} dB or more in 95% of the frames "
        f"(SSIM {float(np.nanmedian(ssim)):.3f}); frame {frame} is furthest"
    )
    if worst < settings.still_psnr_db.poor:
        why += ": the background or the camera moves"
    # A filmed person's camera may move, which is no fault.
    return graded(
        "still_psnr_db",
        worst,
        band=settings.still_psnr_db,
        why=why,
        at_worst="fail" if is_asked else "warn",
    )


def check_faces(measurements: Measurements, *, settings: ReportSettings) -> Metric:
    """Grade in how many frames no face is found."""
    without = ~measurements.has_face
    share = float(without.mean())
    why = "every frame shows a face"
    if without.any():
        start_s = float(measurements.container.frame_times_s[int(np.argmax(without))])
        why = f"no face in {counted(int(without.sum()), 'frame')}, the first at {start_s:.2f} s"
    return graded("faceless_share", share, band=settings.faceless_share, why=why)
