"""Drawn teeth and tongue: small upright pictures, made once for a portrait."""

from dataclasses import dataclass

import cv2
import numpy as np

from vortex_lp.values import FloatArray

UPPER_WIDTHS_CM = (0.84, 0.66, 0.76, 0.68, 0.60)
"""Visible widths of the upper teeth from the middle outwards, the side ones foreshortened by the
arch. Wheeler's Dental Anatomy gives 8.5, 6.5, 7.5, 7.0, 7.0 mm unforeshortened."""

LOWER_WIDTHS_CM = (0.50, 0.55, 0.66, 0.62, 0.55)
"""The same for the lower teeth (5.0, 5.5, 7.0, 7.0, 7.0 mm)."""

UPPER_HEIGHT_CM, LOWER_HEIGHT_CM = 0.95, 0.75
UPPER_ROUNDING_CM, LOWER_ROUNDING_CM = 0.16, 0.12

EDGE_WAVE_CM = (0.0, 0.05, -0.01, 0.06, 0.1)
"""How much shorter than the front tooth each next one is: a gentle wave of the biting edge."""

TONE = (1.0, 0.95, 0.86, 0.72, 0.56)
"""Brightness of the teeth from the middle outwards, where the cheeks' shade begins."""

LOWER_SHADE = 0.8
"""The lower teeth stand deeper in the mouth, in the shade of the upper ones."""

GAP_SHADE = 0.82
"""Brightness between two teeth, as a share of theirs."""

ENAMEL = np.array([238.0, 228.0, 212.0], np.float32)
GUM = np.array([176.0, 98.0, 96.0], np.float32)
TONGUE = np.array([196.0, 104.0, 100.0], np.float32)
"""Colours under white light, RGB."""

_MARGIN_CM = 0.25
_FINE = 4
"""Sprites are drawn this much finer and averaged down."""


@dataclass(frozen=True, slots=True, eq=False)
class Sprite:
    """A small picture that stands upright in the mouth."""

    colour: FloatArray
    """(h, w, 3) in [0, 255], premultiplied by `alpha`."""

    alpha: FloatArray
    """(h, w) in [0, 1]."""

    px_per_cm: float
    """Its resolution."""

    edge_px: float
    """The row of the biting edge, or of the tongue's top."""


def upper_teeth(px_per_cm: float, *, light: FloatArray) -> Sprite:
    """Return the upper row, biting edge down, under `light` (3,)."""
    colour, alpha = _row(UPPER_WIDTHS_CM, UPPER_HEIGHT_CM, px_per_cm, rounding_cm=UPPER_ROUNDING_CM)
    return Sprite(
        colour=np.ascontiguousarray(colour[::-1] * light),
        alpha=np.ascontiguousarray(alpha[::-1]),
        px_per_cm=px_per_cm,
        edge_px=len(alpha) - _MARGIN_CM * px_per_cm,
    )


def lower_teeth(px_per_cm: float, *, light: FloatArray) -> Sprite:
    """Return the lower row, biting edge up, under `light` (3,)."""
    colour, alpha = _row(LOWER_WIDTHS_CM, LOWER_HEIGHT_CM, px_per_cm, rounding_cm=LOWER_ROUNDING_CM)
    return Sprite(
        colour=colour * light * np.float32(LOWER_SHADE),
        alpha=alpha,
        px_per_cm=px_per_cm,
        edge_px=_MARGIN_CM * px_per_cm,
    )


def tongue(px_per_cm: float, *, light: FloatArray) -> Sprite:
    """Return a tongue's tip seen from the front under `light` (3,)."""
    width, height = int(3.6 * px_per_cm), int(2.2 * px_per_cm)
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    top = 0.12 + 0.25 * np.abs(x) ** 3
    alpha = np.clip((y - top) * 6, 0, 1) * np.clip((1 - np.abs(x)) * 4, 0, 1)
    ridge = np.exp(-(((y - top - 0.12) / 0.14) ** 2))
    furrow = np.exp(-((x / 0.07) ** 2))
    tone = (0.72 + 0.28 * ridge - 0.12 * furrow) * (1 - 0.35 * x**2)
    return Sprite(
        colour=np.asarray(TONGUE * light * (tone * alpha)[..., None], np.float32),
        alpha=np.asarray(alpha, np.float32),
        px_per_cm=px_per_cm,
        edge_px=0.12 * height,
    )


def _row(
    widths_cm: tuple[float, ...], height_cm: float, px_per_cm: float, *, rounding_cm: float
) -> tuple[FloatArray, FloatArray]:
    """Return colour (h, w, 3), premultiplied, and alpha (h, w) of a row, biting edge up."""
    fine = _FINE * px_per_cm
    half = sum(widths_cm)
    edge = round(_MARGIN_CM * fine)
    size = (int(2 * half * fine), int((height_cm + 0.35) * fine) + edge)
    shape, shade = _silhouette(
        widths_cm, height_cm, fine=fine, size=size, edge=edge, rounding_cm=rounding_cm
    )
    row = _enamel(size[1], edge=edge, height_px=height_cm * fine)[:, None]
    colour = row * shade[..., None] * (GAP_SHADE + (1 - GAP_SHADE) * shape[..., None])
    # What is between the teeth is more tooth, in the shade; nothing of the cavity shines through.
    body = np.zeros(shape.shape, np.float32)
    body[edge + int(0.14 * fine) :, int(0.1 * fine) : -int(0.1 * fine)] = 1.0
    alpha = np.maximum(shape, cv2.GaussianBlur(body, (0, 0), 0.03 * fine))
    at_side = np.clip((half - np.abs(np.linspace(-half, half, size[0]))) / 0.7, 0, 1)
    colour = colour * (alpha * (0.35 + 0.65 * at_side))[..., None]
    small = (max(2, size[0] // _FINE), max(2, size[1] // _FINE))
    return (
        np.asarray(cv2.resize(colour, small, interpolation=cv2.INTER_AREA), np.float32),
        np.asarray(cv2.resize(alpha, small, interpolation=cv2.INTER_AREA), np.float32),
    )


def _silhouette(
    widths_cm: tuple[float, ...],
    height_cm: float,
    *,
    fine: float,
    size: tuple[int, int],
    edge: int,
    rounding_cm: float,
) -> tuple[FloatArray, FloatArray]:
    """Return the teeth's cover (h, w) in [0, 1] and their tone (h, w), blurred into each other."""
    cover = np.zeros((size[1], size[0]), np.uint8)
    tones = np.zeros((size[1], size[0]), np.float32)
    gap_cm = 0.018
    for side in (-1, 1):
        start = 0.0
        for width, inset, tone in zip(widths_cm, EDGE_WAVE_CM, TONE, strict=True):
            left, right = sorted((side * start, side * (start + width)))
            outline = _tooth(
                left + gap_cm, right - gap_cm, inset, height_cm, rounding_cm=rounding_cm
            )
            pixels = outline * fine + np.array([size[0] / 2, edge])
            path = [np.round(pixels * 16).astype(np.int32)]
            cv2.fillPoly(cover, path, 255, cv2.LINE_AA, 4)
            cv2.fillPoly(tones, path, tone, cv2.LINE_8, 4)
            start += width
    tones = cv2.GaussianBlur(tones, (0, 0), 0.07 * fine)
    return np.asarray(cover / 255, np.float32), np.asarray(tones, np.float32)


def _enamel(n_rows: int, *, edge: int, height_px: float) -> FloatArray:
    """Return the colour (n_rows, 3) of a tooth from its edge to its gum."""
    down = np.clip((np.arange(n_rows, dtype=np.float32) - edge) / height_px, 0, 1)
    # Translucent and a shade darker at the edge, darker again towards the gum.
    tone = (0.93 + 0.07 * np.minimum(1, down * 4)) * (1 - 0.16 * down**2)
    to_gum = np.clip((down - 0.82) / 0.15, 0, 1)[:, None]
    return np.asarray(ENAMEL * tone[:, None] * (1 - to_gum) + GUM * to_gum, np.float32)


def _tooth(
    left: float, right: float, inset: float, height: float, *, rounding_cm: float
) -> FloatArray:
    """Return a tooth's outline (n, 2) [cm], its biting edge at y = inset, its root downwards."""
    r = min(rounding_cm, (right - left) / 2.2)
    angles = np.linspace(0, np.pi / 2, 6)
    near = np.stack([left + r - r * np.cos(angles), inset + r - r * np.sin(angles)], axis=1)
    far = np.stack([right - r + r * np.sin(angles), inset + r - r * np.cos(angles)], axis=1)
    narrow = 0.06 * (right - left)
    foot = np.array([[right - narrow, height + 0.35], [left + narrow, height + 0.35]])
    return np.asarray(np.concatenate([near, far, foot]), np.float32)
