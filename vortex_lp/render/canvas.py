"""The picture that is animated: the part of the portrait that shows, and what lies round it."""

from dataclasses import dataclass

import cv2
import numpy as np

from vortex_lp.render.base import Framing
from vortex_lp.values import Face, FloatArray, Frame, Portrait

BROWS = np.array([70, 63, 105, 66, 107, 336, 296, 334, 293, 300])
"""MediaPipe's landmarks along the upper edges of both brows."""

CROP_PX = 512
FULL_MAX_PX = 1920
CROP_SCALE = 2.3
CROP_RISE = 0.125
"""The crop's side is 2.3 times the face's (from brows to chin) and its centre sits an eighth of the
crop above the face's, as LivePortrait's published crop does; this one is not turned upright."""

MARGIN_PX = 96
"""So much of the portrait beyond the frame's edge is kept, for what moves into the frame."""


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """What a frame shows at rest."""

    picture: Frame
    """(H, W, 3) the frame at zero motion; both sides even."""

    texture: Frame
    """(H + 2 m, W + 2 m, 3) the same with a margin of m = `MARGIN_PX`: more of the portrait where
    there is more, its mirror image where it ends."""

    landmarks: FloatArray
    """(L, 3) the face's landmarks on `picture` [px]."""


def make_canvas(portrait: Portrait, face: Face, *, framing: Framing) -> Canvas:
    """Return the canvas for `framing`; see `vortex_lp.render.base.Framing`."""
    height, width = portrait.image.shape[:2]
    if framing == "crop":
        left, top, side = _crop_square(face, width=width, height=height)
        scale, size = CROP_PX / side, (CROP_PX, CROP_PX)
    else:
        scale = min(1.0, FULL_MAX_PX / max(height, width))
        size = (max(2, round(width * scale) // 2 * 2), max(2, round(height * scale) // 2 * 2))
        left = top = 0.0
        if scale == 1.0:
            # An odd last row or column is left out rather than squeezed in.
            size = (width // 2 * 2, height // 2 * 2)
    texture = _sample(portrait.image, left=left, top=top, scale=scale, size=size)
    inside = slice(MARGIN_PX, -MARGIN_PX)
    landmarks = (face.landmarks - np.array([left, top, 0], np.float32)) * np.float32(scale)
    # Pixel centres, not corners, are what coordinates count.
    landmarks[:, :2] += 0.5 * (scale - 1)
    return Canvas(
        picture=np.ascontiguousarray(texture[inside, inside]), texture=texture, landmarks=landmarks
    )


def _crop_square(face: Face, *, width: int, height: int) -> tuple[float, float, float]:
    """Return left, top, side [px] of the crop, which never leaves the picture."""
    below_forehead = face.landmarks[face.landmarks[:, 1] > face.landmarks[BROWS, 1].min(), :2]
    low, high = below_forehead.min(axis=0), below_forehead.max(axis=0)
    face_side = float((high - low).max())
    side = min(CROP_SCALE * face_side, float(width), float(height))
    centre = (low + high) / 2 - np.array([0.0, CROP_RISE * side])
    left = float(np.clip(centre[0] - side / 2, 0.0, width - side))
    top = float(np.clip(centre[1] - side / 2, 0.0, height - side))
    return round(left), round(top), float(max(2, int(side)))


def _sample(image: Frame, *, left: float, top: float, scale: float, size: tuple[int, int]) -> Frame:
    """Return `size` pixels of `image` at `scale` from (left, top), with a margin all round."""
    margin = int(np.ceil(MARGIN_PX / scale)) + 2
    x0, y0 = int(left) - margin, int(top) - margin
    x1 = int(np.ceil(left + size[0] / scale)) + margin
    y1 = int(np.ceil(top + size[1] / scale)) + margin
    height, width = image.shape[:2]
    part = image[max(y0, 0) : min(y1, height), max(x0, 0) : min(x1, width)]
    pads = (max(-y0, 0), max(y1 - height, 0), max(-x0, 0), max(x1 - width, 0))
    part = cv2.copyMakeBorder(part, *pads, cv2.BORDER_REFLECT_101)
    if scale < 0.75:
        # Averaging first keeps a large picture from turning into moiré.
        small = (round(part.shape[1] * scale), round(part.shape[0] * scale))
        ratio = (small[0] / part.shape[1], small[1] / part.shape[0])
        part = cv2.resize(part, small, interpolation=cv2.INTER_AREA)
        start = ((left - x0) * ratio[0] - MARGIN_PX, (top - y0) * ratio[1] - MARGIN_PX)
        step = (ratio[0] / scale, ratio[1] / scale)
    else:
        start = (left - x0 - MARGIN_PX / scale, top - y0 - MARGIN_PX / scale)
        step = (1 / scale, 1 / scale)
    full = (size[0] + 2 * MARGIN_PX, size[1] + 2 * MARGIN_PX)
    centre = (0.5 * (step[0] - 1), 0.5 * (step[1] - 1))
    matrix = np.array(
        [[step[0], 0, start[0] + centre[0]], [0, step[1], start[1] + centre[1]]], np.float64
    )
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    if step == (1.0, 1.0):
        flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    out = cv2.warpAffine(part, matrix, full, flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    return np.ascontiguousarray(out, np.uint8)
