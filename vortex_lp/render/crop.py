"""A square cut out of a picture, upright to the face, and the way back, for pictures and points.

The published LivePortrait crop (512 px, scale 2.3, shift -0.125): the axis from the middle of the
eyes to the middle of the lips is down, the square is the larger side of the face's box along that
axis, enlarged, and its centre lies a little above the box's. The published source crop takes its
box from 106 points (jaw from the ears down, brows, eyes, nose, mouth; no forehead); here these are
the MediaPipe landmarks of the same meaning.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vortex_lp.values import Face, FloatArray, Frame

_RIGHT_JAW = (127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152)
_LEFT_JAW = (356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377)
_BROWS = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300)
_EYES = (33, 133, 159, 145, 362, 263, 386, 374)
"""Corners and lids of both eyes; their mean is the middle of the eyes."""

_MOUTH_CORNERS = (61, 291)
BOX_LANDMARKS = (*_RIGHT_JAW, *_LEFT_JAW, *_BROWS, *_EYES, *_MOUTH_CORNERS)
"""What the box lies round; nose and lips are always inside."""

_SHRINK_FIRST = 0.75
"""Below this scale a picture is averaged before it is sampled, against moiré."""


@dataclass(frozen=True, slots=True, eq=False)
class SquareCrop:
    """A square of a picture, turned and scaled to `side_px` pixels."""

    centre: tuple[float, float]
    """Its centre in the picture [px]."""

    reach: float
    """Its side in the picture [px]."""

    angle_rad: float
    """How far it is turned, clockwise as seen."""

    side_px: int
    """Its side once cut out [px]."""

    @property
    def scale(self) -> float:
        """Pixels of the crop per pixel of the picture."""
        return self.side_px / self.reach

    @property
    def to_picture(self) -> FloatArray:
        """(2, 3): points of the crop → points of the picture."""
        cos, sin = np.cos(self.angle_rad) / self.scale, np.sin(self.angle_rad) / self.scale
        turn = np.array([[cos, -sin], [sin, cos]])
        # Pixel centres are whole numbers, so the middle of n pixels is at (n - 1) / 2.
        middle = np.full(2, (self.side_px - 1) / 2)
        shift = np.array(self.centre) - turn @ middle
        return np.column_stack((turn, shift)).astype(np.float32)

    @property
    def to_crop(self) -> FloatArray:
        """(2, 3): points of the picture → points of the crop."""
        return np.asarray(cv2.invertAffineTransform(self.to_picture), np.float32)

    def cut(self, picture: Frame) -> Frame:
        """Return the square (side_px, side_px, 3); the picture's edge is drawn out beyond it."""
        matrix = self.to_crop.astype(np.float64)
        if self.scale < _SHRINK_FIRST:
            height, width = picture.shape[:2]
            small = (max(1, round(width * self.scale)), max(1, round(height * self.scale)))
            picture = np.asarray(cv2.resize(picture, small, interpolation=cv2.INTER_AREA))
            ratio = np.array([small[0] / width, small[1] / height])
            matrix[:, :2] /= ratio
            matrix[:, 2] += matrix[:, :2] @ (0.5 * (1 - ratio))
        side = (self.side_px, self.side_px)
        cut = cv2.warpAffine(
            picture, matrix, side, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(cut)

    def points_to_crop(self, points: FloatArray) -> FloatArray:
        """Return points (N, 2) of the picture as points of the crop."""
        return np.asarray(points @ self.to_crop[:, :2].T + self.to_crop[:, 2], np.float32)

    def points_to_picture(self, points: FloatArray) -> FloatArray:
        """Return points (N, 2) of the crop as points of the picture."""
        return np.asarray(points @ self.to_picture[:, :2].T + self.to_picture[:, 2], np.float32)


def face_crop(face: Face, *, side_px: int, scale: float, rise: float) -> SquareCrop:
    """Return the published crop of `face`, in the pixels that its landmarks are in.

    Args:
        face: The face.
        side_px: Side of the crop once cut out [px].
        scale: Side of the crop over that of the face's box.
        rise: How far the crop's centre lies above the box's, as a share of the crop's side.
    """
    points = face.landmarks[:, :2].astype(np.float64)
    eyes, mouth = points[list(_EYES)].mean(axis=0), points[list(_MOUTH_CORNERS)].mean(axis=0)
    down = mouth - eyes
    length = float(np.linalg.norm(down))
    down = down / length if length > 1e-3 else np.array([0.0, 1.0])
    right = np.array([down[1], -down[0]])
    axes = np.stack((right, down))
    along = points[list(BOX_LANDMARKS)] @ axes.T
    low, high = along.min(axis=0), along.max(axis=0)
    reach = float((high - low).max()) * scale
    centre = ((low + high) / 2 - (0, rise * reach)) @ axes
    return SquareCrop(
        centre=(float(centre[0]), float(centre[1])),
        reach=reach,
        angle_rad=float(np.arctan2(right[1], right[0])),
        side_px=side_px,
    )


class PasteBack:
    """Lays crops over a still picture, with an edge that fades over `feather` of their side."""

    def __init__(self, picture: Frame, crop: SquareCrop, *, feather: float) -> None:
        """Make ready for crops of `picture` with the geometry of `crop`."""
        self._picture = picture
        height, width = picture.shape[:2]
        corners = np.array([(0, 0), (1, 0), (0, 1), (1, 1)], np.float32) * (crop.side_px - 1)
        reached = crop.points_to_picture(corners)
        left, top = np.maximum(np.floor(reached.min(axis=0)).astype(int), 0)
        right, bottom = np.minimum(np.ceil(reached.max(axis=0)).astype(int) + 1, (width, height))
        self._rows, self._columns = slice(int(top), int(bottom)), slice(int(left), int(right))
        self._size = (int(right - left), int(bottom - top))
        self._matrix = crop.to_picture.astype(np.float64) - [[0, 0, left], [0, 0, top]]
        mask = self._place(_soft_square(crop.side_px, feather=feather))
        self._mask = mask[:, :, None]
        self._still = picture[self._rows, self._columns] * (1 - self._mask)

    def __call__(self, crop: Frame) -> Frame:
        """Return a copy of the picture with `crop` (side_px, side_px, 3) laid over it."""
        frame = self._picture.copy()
        blended = self._place(crop).astype(np.float32) * self._mask + self._still
        frame[self._rows, self._columns] = (blended + 0.5).astype(np.uint8)
        return frame

    def _place(self, crop: npt.NDArray[Any]) -> npt.NDArray[Any]:
        kind = cv2.INTER_CUBIC if crop.dtype == np.uint8 else cv2.INTER_LINEAR
        return np.asarray(cv2.warpAffine(crop, self._matrix, self._size, flags=kind))


def _soft_square(side_px: int, *, feather: float) -> FloatArray:
    """Return (side_px, side_px): 1 inside, smoothly to 0 at the edge over `feather` of the side."""
    distance = (np.minimum(np.arange(side_px), np.arange(side_px)[::-1])) / (feather * side_px)
    near = np.clip(distance, 0, 1)
    edge = near * near * (3 - 2 * near)
    return np.outer(edge, edge).astype(np.float32)
