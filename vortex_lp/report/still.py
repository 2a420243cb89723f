"""How pictures differ from each other: the background that should keep still, repeated frames."""

import numpy as np
import numpy.typing as npt

from vortex_lp.values import Face, FloatArray, Frame

SIDE_PX = 192
"""Frames are compared at this size (longer side): finer than anything that would be seen to swim,
coarse enough that the encoder's grain does not count."""

MIN_SHARE = 0.02
"""With less of the picture than this beside the head there is nothing to compare."""

_HEAD_HALF_WIDTH, _HEAD_HALF_HEIGHT = 0.85, 1.5
"""Half axes of the ellipse with head, hair and hat [widths, heights of the landmarks' box]."""

_BEHIND_FACE = 0.5
"""How far behind the face the middle of the head is [box widths]; seen in profile it shows."""

_BODY_HALF_WIDTH = 1.2
"""Below the eyes, neck and shoulders may move this far to either side [box widths]."""

_PEAK = 255.0
_BEST_DB = 60.0
"""Identical pictures; beyond this a difference is not even one grey level in a few pixels."""


class StillRegion:
    """The background of the first frame with a face; later frames are compared with it."""

    def __init__(self, grey: FloatArray, face: Face, *, frame_height_px: int) -> None:
        """Keep the first frame and mask what may move.

        Args:
            grey: The frame as `small_grey` makes it.
            face: The face in it, in the pixels of the frame itself.
            frame_height_px: Height of that frame.
        """
        self._first = grey
        scale = frame_height_px / grey.shape[0]
        self._mask = _beside_the_head(face, shape=grey.shape, scale=scale)

    @property
    def share(self) -> float:
        """The share of the picture that is compared."""
        return float(self._mask.mean())

    def compare(self, grey: FloatArray) -> tuple[float, float]:
        """Return PSNR [dB] and SSIM of the still region; NaN where there is too little of it."""
        if self.share < MIN_SHARE or grey.shape != self._first.shape:
            return float("nan"), float("nan")
        error = float(np.mean(np.square(grey - self._first)[self._mask]))
        psnr_db = 10 * np.log10(_PEAK**2 / max(error, 1e-12))
        return min(float(psnr_db), _BEST_DB), float(_ssim(grey, self._first)[self._mask].mean())


def small_grey(frame: Frame) -> FloatArray:
    """Return `frame` in grey levels, its longer side `SIDE_PX`."""
    import cv2

    height, width = frame.shape[:2]
    scale = SIDE_PX / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.float32)


def _beside_the_head(face: Face, *, shape: tuple[int, ...], scale: float) -> npt.NDArray[np.bool_]:
    left, top, right, bottom = face.box
    yaw = np.radians(float(face.head_deg[1]))
    # A turned face is narrow in the picture, and the head lies behind it on the far side.
    box_width = (right - left) / max(float(np.cos(yaw)), 0.5)
    box_height = bottom - top
    centre_x = (left + right) / 2 - _BEHIND_FACE * np.sin(yaw) * box_width
    y, x = (np.mgrid[: shape[0], : shape[1]] + 0.5) * scale
    dx = np.abs(x - centre_x) / box_width
    dy = (y - (top + bottom) / 2) / box_height
    head = (dx / _HEAD_HALF_WIDTH) ** 2 + (dy / _HEAD_HALF_HEIGHT) ** 2 < 1
    body = (dy > 0) & (dx < _BODY_HALF_WIDTH)
    beside: npt.NDArray[np.bool_] = ~(head | body)
    return beside


def _ssim(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the structural similarity of every pixel (Wang et al. 2004, its own constants)."""
    import cv2

    def blur(image: FloatArray) -> FloatArray:
        return np.asarray(cv2.GaussianBlur(image, (11, 11), 1.5), np.float32)

    c1, c2 = (0.01 * _PEAK) ** 2, (0.03 * _PEAK) ** 2
    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2
    cov = blur(a * b) - mean_a * mean_b
    top = (2 * mean_a * mean_b + c1) * (2 * cov + c2)
    return np.asarray(top / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)), np.float32)
