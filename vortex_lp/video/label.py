"""A few words on the picture itself, for those who want everybody to see what it is."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from vortex_lp.values import Frame

_HEIGHT_SHARE = 1 / 26
_MIN_PX = 12
"""The writing is this share of the picture's height, and never smaller than can be read."""

_PLATE = 0.55
"""How much of the picture the dark plate behind the writing covers."""


def labelled(frames: Iterator[Frame], text: str) -> Iterator[Frame]:
    """Yield `frames` with `text` in the lower left corner; as they are where there is none."""
    if not text.strip():
        yield from frames
        return
    cover: npt.NDArray[np.float32] | None = None
    paint = cover
    for frame in frames:
        if cover is None or paint is None:
            cover, paint = _plate(text.strip(), width=frame.shape[1], height=frame.shape[0])
        rows, columns = cover.shape[:2]
        inset = frame.shape[0] // 40
        marked = frame.copy()
        corner = marked[-inset - rows : marked.shape[0] - inset, inset : inset + columns]
        corner[:] = np.rint(corner * (1 - cover) + paint)
        yield marked


def _plate(
    text: str, *, width: int, height: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return how much is covered (h, w, 1), 0 to 1, and with what (h, w, 3), 0 to 255."""
    from PIL import Image, ImageDraw, ImageFont

    room_px = width - 2 * (height // 40)
    size_px = max(_MIN_PX, round(height * _HEIGHT_SHARE))
    while True:
        font = ImageFont.load_default(size_px)
        left, top, right, bottom = font.getbbox(text)
        margin = size_px // 2
        extent = (int(right - left) + 2 * margin, int(bottom - top) + 2 * margin)
        if extent[0] <= room_px or size_px <= _MIN_PX:
            break
        size_px -= 1
    ink = Image.new("L", extent, 0)
    ImageDraw.Draw(ink).text((margin - left, margin - top), text, fill=255, font=font)
    drawn = np.asarray(ink, np.float32)[:, :room_px, None] / 255
    cover = _PLATE + (1 - _PLATE) * drawn
    return cover.astype(np.float32), np.repeat(drawn * 255, 3, axis=2).astype(np.float32)
