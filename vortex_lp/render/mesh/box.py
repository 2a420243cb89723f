"""Small boxes of a frame, where mouth and eyes are drawn."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vortex_lp.values import FloatArray, Frame


@dataclass(frozen=True, slots=True)
class Box:
    """A box of whole pixels inside a picture; `right` and `bottom` are one past the last."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height [px]."""
        return self.right - self.left, self.bottom - self.top

    @property
    def is_worth_drawing(self) -> bool:
        """Whether there is room for more than an edge."""
        return self.right - self.left >= 3 and self.bottom - self.top >= 3

    def of(self, picture: Frame) -> Frame:
        """Return the part of `picture` (H, W, 3) in the box: a view, not a copy."""
        return picture[self.top : self.bottom, self.left : self.right]

    def inside(self, points: npt.NDArray[np.floating]) -> FloatArray:
        """Return points (…, 2) of the picture in the box's own coordinates."""
        return np.asarray(points - np.array([self.left, self.top]), np.float32)


def box_around(points: npt.NDArray[np.floating], *, margin_px: float, picture: Frame) -> Box:
    """Return the box of `points` (n, 2) with a margin, cut to `picture` (H, W, …)."""
    low = np.floor(points.min(axis=0) - margin_px)
    high = np.ceil(points.max(axis=0) + margin_px) + 1
    height, width = picture.shape[:2]
    return Box(
        left=int(np.clip(low[0], 0, width)),
        top=int(np.clip(low[1], 0, height)),
        right=int(np.clip(high[0], 0, width)),
        bottom=int(np.clip(high[1], 0, height)),
    )


def fill_mask(size: tuple[int, int], outline: FloatArray) -> Frame:
    """Return a mask (h, w) uint8, 255 inside `outline` (n, 2), smooth at its edge."""
    mask = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillPoly(mask, [_fixed(outline)], 255, cv2.LINE_AA, _FRACTION_BITS)
    return mask


def line_mask(size: tuple[int, int], line: FloatArray, *, width_px: int) -> Frame:
    """Return a mask (h, w) uint8, 255 on the open `line` (n, 2), smooth at its edge."""
    mask = np.zeros((size[1], size[0]), np.uint8)
    cv2.polylines(mask, [_fixed(line)], False, 255, width_px, cv2.LINE_AA, _FRACTION_BITS)
    return mask


def blend(patch: Frame, over: FloatArray, *, mask: Frame, opacity: float) -> None:
    """Lay `over` (h, w, 3) on `patch` (h, w, 3) in place, by `mask` (h, w) times `opacity`."""
    alpha = np.multiply(mask, opacity / 255, dtype=np.float32)[..., None]
    mixed = np.subtract(over, patch, dtype=np.float32)
    mixed *= alpha
    mixed += patch
    patch[...] = cv2.convertScaleAbs(mixed)


def colours_at(picture: Frame, places: npt.NDArray[np.floating]) -> FloatArray:
    """Return the colours (n, 3) in [0, 255] of the pixels nearest to `places` (n, 2)."""
    limit = np.array(picture.shape[1::-1]) - 1
    x, y = np.clip(np.round(places), 0, limit).astype(int).T
    return np.asarray(picture[y, x], np.float32)


_FRACTION_BITS = 4


def _fixed(points: FloatArray) -> npt.NDArray[np.int32]:
    """Return points in OpenCV's fixed-point numbers."""
    return np.asarray(np.round(points * (1 << _FRACTION_BITS)), np.int32)
