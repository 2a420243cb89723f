"""Measuring every frame of a finished video with MediaPipe; only numbers are kept."""

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vortex_lp.errors import ReportError
from vortex_lp.face.landmarker import FaceLandmarker
from vortex_lp.report.geometry import FaceShape, face_shape
from vortex_lp.report.reader import Container, iter_frames, read_container, read_loudness
from vortex_lp.report.still import StillRegion, small_grey
from vortex_lp.values import Face, FloatArray

_PER_FRAME = (
    "aperture",
    "lip_width",
    "lip_protrusion",
    "lower_lip",
    "eye_left",
    "eye_right",
    "centre_x_px",
    "centre_y_px",
    "scale_px",
    "pitch_deg",
    "yaw_deg",
    "roll_deg",
)
_WITHOUT_FACE = tuple(float("nan") for _ in _PER_FRAME)


@dataclass(frozen=True, slots=True, eq=False)
class Measurements:
    """What a finished video shows, frame by frame; lengths as in `FaceShape`.

    Rows of frames without a face are NaN.
    """

    name: str
    """What to call the video in messages: its file name."""

    container: Container
    """The clocks of its streams; ``frame_times_s`` has one time per row below."""

    aperture: FloatArray
    """(T,) gap between the inner lips."""

    lip_width: FloatArray
    """(T,) distance between the mouth's corners."""

    lip_protrusion: FloatArray
    """(T,) how far the lips stand before the corners."""

    lower_lip: FloatArray
    """(T,) how much of the lower lip shows."""

    eye_left: FloatArray
    """(T,) openness of the person's left eye."""

    eye_right: FloatArray
    """(T,) openness of the right eye."""

    centre_px: FloatArray
    """(T, 2) where the stiff part of the face is, x right and y down [px]."""

    scale_px: FloatArray
    """(T,) distance between the outer eye corners [px]."""

    head_deg: FloatArray
    """(T, 3) pitch, yaw, roll [deg], signs as in `MotionTrack`."""

    change: FloatArray
    """(T,) mean difference to the frame before [grey levels, 0 to 255], taken on small pictures;
    NaN for the first."""

    still_psnr_db: FloatArray
    """(T,) how alike the background and that of the first frame are [dB], at most 60; NaN where no
    background shows."""

    still_ssim: FloatArray
    """(T,) the same as structural similarity, at most 1."""

    loudness: FloatArray
    """(N,) level of the sound, `LOUDNESS_HZ` times a second from its first sample; empty without
    sound."""

    @property
    def n_frames(self) -> int:
        """How many frames there are."""
        return len(self.aperture)

    @property
    def has_face(self) -> npt.NDArray[np.bool_]:
        """(T,) whether a face was found."""
        return np.isfinite(self.aperture)


def measure_video(
    path: Path, *, on_frame: Callable[[int, int], None] | None = None
) -> Measurements:
    """Return what the video at `path` shows; takes about 10 ms a frame and constant memory.

    Args:
        path: Anything with a picture that ffmpeg reads.
        on_frame: Called after each frame with how many are done and how many there are.

    Raises:
        ReportError: The file cannot be read, holds no picture, or no frame shows a face.
    """
    container = read_container(path)
    n_expected = len(container.frame_times_s)
    rows, sameness, change = array("d"), array("d"), array("d")
    still: StillRegion | None = None
    before: FloatArray | None = None
    with FaceLandmarker() as landmarker:
        for frame in iter_frames(path):
            faces = landmarker.faces(frame)
            grey = small_grey(frame)
            rows.extend(_row(faces[0]) if faces else _WITHOUT_FACE)
            if still is None and faces:
                still = StillRegion(grey, faces[0], frame_height_px=frame.shape[0])
            sameness.extend(still.compare(grey) if still else (float("nan"),) * 2)
            change.append(_difference(grey, before))
            before = grey
            if on_frame:
                on_frame(len(change), n_expected)
    if not change:
        raise ReportError(f"{path} holds no picture that can be decoded; give a whole video")
    if still is None:
        raise ReportError(f"no face was found in any frame of {path}; give a video of one person")
    return _measurements(
        path.name,
        container=_with_one_time_a_frame(container, n_frames=len(change)),
        rows=np.array(rows, np.float32).reshape(-1, len(_PER_FRAME)),
        sameness=np.array(sameness, np.float32).reshape(-1, 2),
        change=np.array(change, np.float32),
        loudness=np.zeros(0, np.float32)
        if container.audio_start_s is None
        else read_loudness(path),
    )


def _difference(grey: FloatArray, before: FloatArray | None) -> float:
    if before is None or grey.shape != before.shape:
        return float("nan")
    return float(np.abs(grey - before).mean())


def _row(face: Face) -> tuple[float, ...]:
    shape: FaceShape = face_shape(face)
    return (
        shape.aperture,
        shape.lip_width,
        shape.lip_protrusion,
        shape.lower_lip,
        shape.eye_left,
        shape.eye_right,
        *shape.centre_px,
        shape.scale_px,
        *(float(angle) for angle in face.head_deg),
    )


def _with_one_time_a_frame(container: Container, *, n_frames: int) -> Container:
    """Return `container` with `n_frames` times, where a damaged file decodes to fewer or more."""
    times = container.frame_times_s
    if len(times) == n_frames:
        return container
    step_s = float(1 / container.fps)
    missing = times[-1] + step_s * np.arange(1, max(0, n_frames - len(times)) + 1)
    return Container(
        fps=container.fps,
        frame_times_s=np.concatenate([times, missing])[:n_frames],
        video_stop_s=container.video_stop_s,
        audio_start_s=container.audio_start_s,
        audio_stop_s=container.audio_stop_s,
    )


def _measurements(
    name: str,
    *,
    container: Container,
    rows: FloatArray,
    sameness: FloatArray,
    change: FloatArray,
    loudness: FloatArray,
) -> Measurements:
    column = dict(zip(_PER_FRAME, rows.T, strict=True))
    return Measurements(
        name=name,
        container=container,
        aperture=column["aperture"],
        lip_width=column["lip_width"],
        lip_protrusion=column["lip_protrusion"],
        lower_lip=column["lower_lip"],
        eye_left=column["eye_left"],
        eye_right=column["eye_right"],
        centre_px=np.stack([column["centre_x_px"], column["centre_y_px"]], axis=1),
        scale_px=column["scale_px"],
        head_deg=np.stack([column[n] for n in ("pitch_deg", "yaw_deg", "roll_deg")], axis=1),
        change=change,
        still_psnr_db=sameness[:, 0],
        still_ssim=sameness[:, 1],
        loudness=loudness,
    )
