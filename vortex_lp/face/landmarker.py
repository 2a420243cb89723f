"""MediaPipe's face landmarker as a value in, values out function."""

import threading
import weakref
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from vortex_lp.face.model import find_face_model
from vortex_lp.values import ARKIT_NAMES, Face, FloatArray, Frame

MAX_FACES = 8
_MIN_CONFIDENCE = 0.5


class FaceLandmarker:
    """Measures faces on pictures; each picture by itself, so that the order never matters.

    One object may be used from several threads; calls wait for each other. Use it in a ``with``
    block, or call `close`.
    """

    def __init__(self, *, max_faces: int = 1) -> None:
        """Load the model; takes about a second the first time in a process."""
        import mediapipe as mp
        from mediapipe.tasks.python.vision import (  # the package's own public path
            FaceLandmarker as _Landmarker,
        )

        self._mp = mp
        vision = mp.tasks.vision
        options = vision.FaceLandmarkerOptions(
            base_options=mp.tasks.BaseOptions(model_asset_path=str(find_face_model())),
            running_mode=vision.RunningMode.IMAGE,
            num_faces=max_faces,
            min_face_detection_confidence=_MIN_CONFIDENCE,
            output_face_blendshapes=True,
            output_facial_transformation_matrixes=True,
        )
        self._landmarker = _Landmarker.create_from_options(options)
        # Left to itself it is closed when the interpreter is half gone, which fails aloud.
        self._finish = weakref.finalize(self, _let_go, self._landmarker)
        self._lock = threading.Lock()

    def faces(self, image: Frame) -> tuple[Face, ...]:
        """Return the faces on `image` (H, W, 3) RGB, the largest first; none gives ``()``."""
        height, width = image.shape[:2]
        picture = self._mp.Image(
            image_format=self._mp.ImageFormat.SRGB, data=np.ascontiguousarray(image)
        )
        with self._lock:
            result = self._landmarker.detect(picture)
        found = []
        for points, weights, pose in zip(
            result.face_landmarks,
            result.face_blendshapes,
            result.facial_transformation_matrixes,
            strict=True,
        ):
            by_name = {weight.category_name: weight.score for weight in weights}
            matrix = np.asarray(pose, np.float32)
            found.append(
                Face(
                    landmarks=np.array(
                        [(p.x * width, p.y * height, p.z * width) for p in points], np.float32
                    ),
                    weights=np.array([by_name[name] for name in ARKIT_NAMES], np.float32),
                    head_deg=head_angles_deg(matrix[:3, :3]),
                    pose=matrix,
                )
            )
        return tuple(sorted(found, key=_area, reverse=True))

    def close(self) -> None:
        """Free the model."""
        self._finish()

    def __enter__(self) -> "FaceLandmarker":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _let_go(landmarker: Any) -> None:
    """Close MediaPipe's object, or, where the interpreter is ending, leave it to the system."""
    try:
        landmarker.close()
    except RuntimeError:
        # Its threads are gone already; without a handle its own __del__ will not try again.
        landmarker._handle = None


def _area(face: Face) -> float:
    left, top, right, bottom = face.box
    return (right - left) * (bottom - top)


def head_angles_deg(rotation: FloatArray) -> FloatArray:
    """Return pitch, yaw, roll [deg] of a rotation of camera space (x right, y up, z to the viewer).

    The inverse of `head_rotation`; signs as in `vortex_lp.values.MotionTrack`.
    """
    r = np.asarray(rotation, np.float64)
    r = r / np.cbrt(np.linalg.det(r))
    pitch = np.arcsin(np.clip(-r[1, 2], -1, 1))
    yaw = np.arctan2(r[0, 2], r[2, 2])
    roll = -np.arctan2(r[1, 0], r[1, 1])
    return np.degrees([pitch, yaw, roll]).astype(np.float32)


def head_rotation(head_deg: FloatArray) -> FloatArray:
    """Return rotations (…, 3, 3) for pitch, yaw, roll (…, 3) [deg]: yaw after pitch after roll.

    Camera space has x to the viewer's right, y up and z towards the viewer. Positive pitch looks
    down, positive yaw turns the face to the viewer's right, positive roll tips it clockwise.
    """
    pitch, yaw, roll = np.moveaxis(np.radians(np.asarray(head_deg, np.float64)), -1, 0)
    cp, sp, cy, sy = np.cos(pitch), np.sin(pitch), np.cos(yaw), np.sin(yaw)
    cr, sr = np.cos(-roll), np.sin(-roll)
    zero, one = np.zeros_like(pitch), np.ones_like(pitch)

    def stack(*rows: tuple[npt.NDArray[np.float64], ...]) -> npt.NDArray[np.float64]:
        return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)

    about_x = stack((one, zero, zero), (zero, cp, -sp), (zero, sp, cp))
    about_y = stack((cy, zero, sy), (zero, one, zero), (-sy, zero, cy))
    about_z = stack((cr, -sr, zero), (sr, cr, zero), (zero, zero, one))
    return np.asarray(about_y @ about_x @ about_z, np.float32)
