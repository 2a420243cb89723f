"""The mouth's inside: teeth, tongue and dark, seen through the window between the lips."""

from dataclasses import dataclass

import cv2
import numpy as np

from vortex_lp.render.mesh.head import Head, image_points
from vortex_lp.render.mesh.landmarks import (
    CHIN,
    INNER_LOWER_LIP,
    INNER_UPPER_LIP,
    LOWER_LIDS,
    LOWER_LIP_RINGS,
    UPPER_LIDS,
    UPPER_LIP_RINGS,
)
from vortex_lp.render.mesh.lips import OPEN_GAP_CM, Lips
from vortex_lp.render.mesh.rig import FaceRig
from vortex_lp.render.mesh.warp import smooth_closed
from vortex_lp.values import N_LANDMARKS, FloatArray, Frame

TEETH_WIDTHS_CM = (0.84, 0.66, 0.76, 0.68, 0.60)
"""Visible widths of the upper teeth from the middle outwards, the side ones foreshortened by the
arch. Wheeler's Dental Anatomy gives 8.5, 6.5, 7.5, 7.0, 7.0 mm unforeshortened."""

LOWER_TEETH_WIDTHS_CM = (0.50, 0.55, 0.66, 0.62, 0.55)
UPPER_TOOTH_CM, LOWER_TOOTH_CM = 0.95, 0.75
SHOWN_AT_REST_CM = 0.26
"""How far the upper teeth reach below the edge of a resting upper lip."""

OVERBITE_CM = -0.22
"""How much higher the lower teeth's edge stands than the upper ones' with the jaw shut; less than
in life, where a lower lip, which we cannot lift off the chin, hides more of them."""

TONGUE_RISE_CM = 0.5
"""How far a resting tongue's back stands above the lower teeth."""

LOWER_SHADE = 0.8
"""The lower teeth stand deeper in the mouth, in the shade of the upper ones."""

TEETH_DEPTH_CM = 0.75
"""How far behind the lips the teeth stand."""

ENAMEL = np.array([238.0, 228.0, 212.0], np.float32)
GUM = np.array([176.0, 98.0, 96.0], np.float32)
TONGUE = np.array([196.0, 104.0, 100.0], np.float32)
CAVITY = np.array([46.0, 18.0, 18.0], np.float32)
"""Colours under white light, RGB."""

REAL_TEETH_GAP_CM = 0.3
"""A source that shows more than this between its lips brings its own teeth."""

TEETH_BRIGHTNESS = 0.55
"""An open mouth is this bright, as a share of white in that light, where teeth fill it."""

FIRST_SLIT_CM, CLEAR_OPENING_CM = 0.05, 0.2
"""Between these openings the window fades in, so that lips that barely part show their own line."""


@dataclass(frozen=True, slots=True, eq=False)
class Sprite:
    """A small picture that stands upright in the mouth."""

    colour: FloatArray
    """(h, w, 3) in [0, 255], premultiplied by alpha."""

    alpha: FloatArray
    """(h, w) in [0, 1]."""

    px_per_cm: float
    """Its resolution."""

    edge_px: float
    """The row of the biting edge."""


@dataclass(frozen=True, slots=True, eq=False)
class Mouth:
    """The inside of a portrait's mouth."""

    upper: Sprite
    lower: Sprite
    tongue: Sprite
    anchor_cm: FloatArray
    """(3,) canonical place of the upper teeth's biting edge, in the middle."""

    light: FloatArray
    """(3,) colour of the light on the face, 1 being white at full strength."""

    lip_colour: FloatArray
    """(3,) colour of the lips in [0, 255]."""

    own: FloatArray | None
    """(h, w, 3) in [0, 255]: the source's own open mouth, or None."""

    own_alpha: FloatArray | None
    """(h, w) in [0, 1]: where `own` shows teeth rather than lips."""

    own_place: tuple[int, int]
    """Left and top of `own` on the canvas [px]."""


def build_mouth(canvas: Frame, head: Head, lips: Lips, rig: FaceRig, source: FloatArray) -> Mouth:
    """Return the mouth of the portrait on `canvas` (H, W, 3) that shows weights `source` (K,)."""
    light = _light(canvas, head)
    resolution = float(np.clip(1.6 * head.scale, 10, 90))
    points = head.points[:N_LANDMARKS]
    back = (points[[13, 78, 308]] - head.origin) @ head.rotation / head.scale
    # The lip's place with its own expression taken off is where the skull holds the teeth.
    lip_y = back[0, 1] - float(source @ rig.shapes[:, 13, 1])
    anchor = np.array(
        [
            (back[1, 0] + back[2, 0]) / 2,
            lip_y - SHOWN_AT_REST_CM,
            back[0, 2] - TEETH_DEPTH_CM,
        ],
        np.float32,
    )
    own, own_alpha, own_place = _own_teeth(canvas, head, lips, light=light)
    return Mouth(
        upper=_teeth(TEETH_WIDTHS_CM, UPPER_TOOTH_CM, resolution, light=light, is_upper=True),
        lower=_teeth(
            LOWER_TEETH_WIDTHS_CM, LOWER_TOOTH_CM, resolution, light=light, is_upper=False
        ),
        tongue=_tongue(resolution, light=light),
        anchor_cm=anchor,
        light=light,
        lip_colour=_lip_colour(canvas, head),
        own=own,
        own_alpha=own_alpha,
        own_place=own_place,
    )


def _light(canvas: Frame, head: Head) -> FloatArray:
    """Return the light's colour, read off the whites of the eyes and, less, off the skin."""
    mask = np.zeros(canvas.shape[:2], np.uint8)
    points = image_points(head.points)
    for upper, lower in zip(UPPER_LIDS, LOWER_LIDS, strict=True):
        contour = points[np.concatenate([upper, lower[::-1][1:-1]])]
        cv2.fillPoly(mask, [np.round(contour * 16).astype(np.int32)], 255, shift=4)
    whites = canvas[mask > 0].astype(np.float32)
    skin_points = np.clip(
        points[[50, 280, 205, 425, 151]], 0, np.array(canvas.shape[1::-1]) - 1
    ).astype(int)
    skin = np.median(canvas[skin_points[:, 1], skin_points[:, 0]].astype(np.float32), axis=0)
    if len(whites) > 12:
        level = np.percentile(whites.mean(axis=1), 75)
        bright = np.median(whites[whites.mean(axis=1) >= level], axis=0)
    else:
        bright = skin
    # A white eye returns about 0.8 of the light and lies in the lids' shade; fair skin returns 0.7,
    # dark skin less: whichever says that there is more light is nearer the truth.
    by_eye, by_skin = bright / (255 * 0.80), skin / (255 * 0.72)
    strength = min(max(float(by_eye.mean()), float(by_skin.mean())), 1.0)
    colour = 0.7 * by_eye / by_eye.mean() + 0.3 * by_skin / by_skin.mean()
    return np.asarray(np.clip(strength * (1 + 0.6 * (colour - 1)), 0.15, 1.05), np.float32)


def _teeth(
    widths_cm: tuple[float, ...],
    height_cm: float,
    px_per_cm: float,
    *,
    light: FloatArray,
    is_upper: bool,
) -> Sprite:
    """Return a row of teeth with gum, biting edge at `edge_px`, drawn at 4x and averaged."""
    fine = 4 * px_per_cm
    half = sum(widths_cm)
    margin = 0.25
    width, height = int(2 * half * fine), int((height_cm + margin + 0.35) * fine)
    shape = np.zeros((height, width), np.uint8)
    shade = np.zeros((height, width), np.float32)
    edge = int(margin * fine)
    for side in (-1, 1):
        x = 0.0
        for number, tooth in enumerate(widths_cm):
            # Canines reach a little further, side incisors less: a gentle wave of the edge.
            inset = (0.0, 0.05, -0.01, 0.06, 0.1)[number]
            left, right = sorted((side * x, side * (x + tooth)))
            gap = 0.018
            rounding = 0.16 if is_upper else 0.12
            outline = _tooth_outline(left + gap, right - gap, inset, height_cm, rounding)
            pixels = outline * fine + np.array([width / 2, edge])
            cv2.fillPoly(shape, [np.round(pixels * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
            tone = (1.0, 0.95, 0.86, 0.72, 0.56)[number]
            cv2.fillPoly(shade, [np.round(pixels * 16).astype(np.int32)], tone, 8, 4)
            x += tooth
    shade = cv2.GaussianBlur(shade, (0, 0), 0.07 * fine)
    if not is_upper:
        shade *= LOWER_SHADE
    alpha = shape.astype(np.float32) / 255
    down = np.clip((np.arange(height, dtype=np.float32) - edge) / (height_cm * fine), 0, 1)
    # Translucent and a shade darker at the edge, warmer towards the gum.
    enamel = ENAMEL[None] * (0.93 + 0.07 * np.minimum(1, down * 4))[:, None]
    enamel = enamel * (1 - 0.16 * down**2)[:, None] * np.array([1, 1 - 0.0, 1.0])
    to_gum = np.clip((down - 0.82) / 0.15, 0, 1)[:, None]
    row = (enamel * (1 - to_gum) + GUM * to_gum)[:, None, :]
    between = np.clip(1 - alpha, 0, 1)
    gap_colour = row * 0.82
    colour = (
        row * shade[..., None] * alpha[..., None]
        + gap_colour * between[..., None] * shade[..., None]
    )
    body = np.zeros((height, width), np.float32)
    body[edge + int(0.14 * fine) :, int(0.1 * fine) : -int(0.1 * fine)] = 1.0
    body = cv2.GaussianBlur(body, (0, 0), 0.03 * fine)
    cover = np.maximum(alpha, body)
    fade = np.clip((half - np.abs(np.linspace(-half, half, width))) / 0.7, 0, 1).astype(np.float32)
    colour = colour * light * (cover * (0.35 + 0.65 * fade))[..., None]
    small = (max(2, width // 4), max(2, height // 4))
    colour = cv2.resize(colour.astype(np.float32), small, interpolation=cv2.INTER_AREA)
    cover = cv2.resize(cover, small, interpolation=cv2.INTER_AREA)
    if not is_upper:
        return Sprite(colour, cover, px_per_cm, edge / 4)
    return Sprite(
        np.ascontiguousarray(colour[::-1]),
        np.ascontiguousarray(cover[::-1]),
        px_per_cm,
        small[1] - edge / 4,
    )


def _tooth_outline(
    left: float, right: float, inset: float, height: float, rounding: float
) -> FloatArray:
    """Return a tooth's outline (n, 2) [cm], its biting edge at y = inset, its root downwards."""
    r = min(rounding, (right - left) / 2.2)
    angles = np.linspace(0, np.pi / 2, 6)
    corner_left = np.stack([left + r - r * np.cos(angles), inset + r - r * np.sin(angles)], axis=1)
    corner_right = np.stack(
        [right - r + r * np.sin(angles), inset + r - r * np.cos(angles)], axis=1
    )
    narrow = 0.06 * (right - left)
    foot = np.array([[right - narrow, height + 0.35], [left + narrow, height + 0.35]])
    return np.concatenate([corner_left, corner_right, foot]).astype(np.float32)


def _tongue(px_per_cm: float, *, light: FloatArray) -> Sprite:
    """Return a tongue's tip seen from the front, its top edge at `edge_px`."""
    width, height = int(3.6 * px_per_cm), int(2.2 * px_per_cm)
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    top = 0.12 + 0.25 * x**2 * np.abs(x)
    cover = np.clip((y - top) * 6, 0, 1) * np.clip((1 - np.abs(x)) * 4, 0, 1)
    tone = (
        0.72 + 0.28 * np.exp(-(((y - top - 0.12) / 0.14) ** 2)) - 0.12 * np.exp(-((x / 0.07) ** 2))
    )
    colour = TONGUE * light * (tone * (1 - 0.35 * x**2))[..., None] * cover[..., None]
    return Sprite(colour.astype(np.float32), cover.astype(np.float32), px_per_cm, 0.12 * height)


def _own_teeth(
    canvas: Frame, head: Head, lips: Lips, *, light: FloatArray
) -> tuple[FloatArray | None, FloatArray | None, tuple[int, int]]:
    """Return the source's own teeth, their mask and place, or Nones where it shows none."""
    points = head.points[:N_LANDMARKS]
    gap = (points[INNER_UPPER_LIP] - points[INNER_LOWER_LIP]) @ lips.up / head.scale
    if gap.max() < REAL_TEETH_GAP_CM:
        return None, None, (0, 0)
    outline = _window_outline(image_points(points), image_points(lips.up), np.zeros(11))
    low, high = np.floor(outline.min(axis=0)) - 6, np.ceil(outline.max(axis=0)) + 7
    left, top = int(max(low[0], 0)), int(max(low[1], 0))
    right, bottom = int(min(high[0], canvas.shape[1])), int(min(high[1], canvas.shape[0]))
    mask = np.zeros((bottom - top, right - left), np.uint8)
    cv2.fillPoly(
        mask, [np.round((outline - [left, top]) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4
    )
    shown = canvas[top:bottom, left:right].mean(axis=2)
    if np.percentile(shown[mask > 127], 70) < TEETH_BRIGHTNESS * 255 * light.mean():
        return None, None, (0, 0)
    inside = max(1, round(0.06 * head.scale))
    mask = cv2.erode(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * inside + 1,) * 2))
    alpha = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), max(0.05 * head.scale, 0.6))
    return canvas[top:bottom, left:right].astype(np.float32), alpha, (left, top)


def _window_outline(points: FloatArray, up: FloatArray, inset_px: FloatArray) -> FloatArray:
    """Return the smooth outline (n, 2) of the opening between the lips' inner edges."""
    upper = points[INNER_UPPER_LIP] - inset_px[:, None] / 2 * up
    lower = points[INNER_LOWER_LIP] + inset_px[:, None] / 2 * up
    # Where an inset would turn the opening inside out, it is shut.
    crossed = ((upper - lower) @ up) < 0
    middle = (upper + lower) / 2
    upper[crossed], lower[crossed] = middle[crossed], middle[crossed]
    return smooth_closed(np.concatenate([upper, lower[::-1][1:-1]]))


def draw_mouth(
    frame: Frame,
    mouth: Mouth,
    head: Head,
    lips: Lips,
    *,
    points: FloatArray,
    shift: FloatArray,
    head_deg: FloatArray,
) -> None:
    """Draw the inside of the mouth on `frame` (H, W, 3) in place.

    `points` (V, 2) are the moved points on the frame [px]; `shift` (L, 3) how far the landmarks moved
    before the head turned, from which the jaw's drop is read.
    """
    up = head.turn(head.origin + lips.up, head_deg) - head.turn(head.origin, head_deg)
    up_2d = image_points(up)
    up_2d = up_2d / max(float(np.linalg.norm(up_2d)), 1e-6)
    spread = (points[INNER_UPPER_LIP] - points[INNER_LOWER_LIP]) @ up_2d
    opening_cm = float((spread / head.scale - lips.shut_gap_cm).max())
    strength = float(
        np.clip((opening_cm - FIRST_SLIT_CM) / (CLEAR_OPENING_CM - FIRST_SLIT_CM), 0, 1)
    )
    if lips.source_gap_cm > OPEN_GAP_CM and strength < 1.0:
        _draw_lip_line(frame, mouth, head, points, strength=1.0 - strength)
    if strength == 0.0:
        return
    outline = _window_outline(points, up_2d, lips.shut_gap_cm * head.scale)
    low, high = np.floor(outline.min(axis=0)) - 3, np.ceil(outline.max(axis=0)) + 4
    left, top = int(max(low[0], 0)), int(max(low[1], 0))
    right, bottom = int(min(high[0], frame.shape[1])), int(min(high[1], frame.shape[0]))
    if right - left < 3 or bottom - top < 3:
        return
    window = np.zeros((bottom - top, right - left), np.uint8)
    cv2.fillPoly(
        window, [np.round((outline - [left, top]) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4
    )
    window = cv2.GaussianBlur(window, (0, 0), max(0.03 * head.scale, 0.5))
    inside = _inside(mouth, head, lips, window, shift=shift, head_deg=head_deg, left=left, top=top)
    alpha = window.astype(np.float32)[..., None] * (strength / 255)
    patch = frame[top:bottom, left:right]
    patch[...] = np.clip(patch * (1 - alpha) + inside * alpha + 0.5, 0, 255)


def _draw_lip_line(
    frame: Frame, mouth: Mouth, head: Head, points: FloatArray, *, strength: float
) -> None:
    """Draw the line of shut lips on `frame` in place, over what is left of an open source mouth."""
    line = (points[INNER_UPPER_LIP] + points[INNER_LOWER_LIP]) / 2
    low, high = np.floor(line.min(axis=0)) - 6, np.ceil(line.max(axis=0)) + 7
    left, top = int(max(low[0], 0)), int(max(low[1], 0))
    right, bottom = int(min(high[0], frame.shape[1])), int(min(high[1], frame.shape[0]))
    if right - left < 3 or bottom - top < 3:
        return
    patch = frame[top:bottom, left:right]
    path = [np.round((line - (left, top)) * 16).astype(np.int32)]
    width = max(1, round(0.1 * head.scale))
    band = np.zeros(patch.shape[:2], np.uint8)
    cv2.polylines(band, path, False, 255, width + 2, cv2.LINE_AA, 4)
    band = cv2.GaussianBlur(band, (0, 0), 0.05 * head.scale + 0.4)
    # First the lips' own colour from above and below over the seam, then the dark between them.
    soft = cv2.GaussianBlur(patch, (0, 0), sigmaX=0.6, sigmaY=0.16 * head.scale)
    lip = np.minimum(soft, mouth.lip_colour).astype(np.float32)
    cover = band.astype(np.float32)[..., None] * (strength / 255)
    mixed = patch + cover * (lip - patch)
    ink = np.zeros(patch.shape[:2], np.uint8)
    cv2.polylines(ink, path, False, 255, max(1, width // 2), cv2.LINE_AA, 4)
    ink = cv2.GaussianBlur(ink, (0, 0), 0.03 * head.scale + 0.3)
    dark = mouth.lip_colour * 0.45
    alpha = ink.astype(np.float32)[..., None] * (0.75 * strength / 255)
    patch[...] = np.clip(mixed + alpha * (dark - mixed) + 0.5, 0, 255)


def _lip_colour(canvas: Frame, head: Head) -> FloatArray:
    """Return the median colour (3,) of the lips."""
    points = image_points(head.points)
    rings = np.concatenate([*UPPER_LIP_RINGS[1:3], *LOWER_LIP_RINGS[1:3]])
    limit = np.array(canvas.shape[1::-1]) - 1
    x, y = np.clip(np.round(points[rings]), 0, limit).astype(int).T
    return np.asarray(np.median(canvas[y, x].astype(np.float32), axis=0), np.float32)


def _inside(
    mouth: Mouth,
    head: Head,
    lips: Lips,
    window: Frame,
    *,
    shift: FloatArray,
    head_deg: FloatArray,
    left: int,
    top: int,
) -> FloatArray:
    """Return what is behind the lips (h, w, 3) in the box of `window`."""
    size = (window.shape[1], window.shape[0])
    drop_cm = float(shift[CHIN].mean(axis=0) @ lips.up) / head.scale
    jaw = mouth.anchor_cm + np.array([0, OVERBITE_CM + min(drop_cm, 0.0), -0.15], np.float32)
    tongue = jaw + np.array([0, TONGUE_RISE_CM, -0.5], np.float32)
    inside = np.broadcast_to(CAVITY * mouth.light, (*window.shape, 3)).astype(np.float32)
    for sprite, at in ((mouth.tongue, tongue), (mouth.lower, jaw), (mouth.upper, mouth.anchor_cm)):
        matrix = _place(sprite, head, at, head_deg)
        matrix[:, 2] -= (left, top)
        colour = cv2.warpAffine(sprite.colour, matrix, size, flags=cv2.INTER_LINEAR)
        alpha = cv2.warpAffine(sprite.alpha, matrix, size, flags=cv2.INTER_LINEAR)
        inside = inside * (1 - alpha[..., None]) + colour
    # Light comes in through the opening: what is close to a lip, or behind a slit, lies in its shade.
    soft = cv2.GaussianBlur(window, (0, 0), max(0.2 * head.scale, 1.0)).astype(np.float32) / 255
    lit = np.clip((soft - 0.12) / 0.78, 0, 1)
    inside = inside * (0.28 + 0.72 * lit * lit * (3 - 2 * lit))[..., None]
    if mouth.own is None or mouth.own_alpha is None:
        return np.asarray(inside, np.float32)
    matrix = _own_place(mouth, head, head_deg)
    matrix[:, 2] -= (left, top)
    own = cv2.warpAffine(
        mouth.own, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    alpha = cv2.warpAffine(mouth.own_alpha, matrix, size, flags=cv2.INTER_LINEAR)[..., None]
    return np.asarray(inside * (1 - alpha) + own * alpha, np.float32)


def _frame_of(head: Head, at_cm: FloatArray, head_deg: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return where a canonical point is on the frame and its x and down axes there [px/cm]."""
    steps = np.array([[0, 0, 0], [1, 0, 0], [0, -1, 0]], np.float32)
    placed = image_points(head.turn(head.place(at_cm + steps), head_deg))
    return placed[0], np.stack([placed[1] - placed[0], placed[2] - placed[0]], axis=1)


def _place(sprite: Sprite, head: Head, at_cm: FloatArray, head_deg: FloatArray) -> FloatArray:
    """Return the (2, 3) matrix from a sprite's pixels to the frame's."""
    origin, axes = _frame_of(head, at_cm, head_deg)
    axes = axes / sprite.px_per_cm
    middle = np.array([sprite.alpha.shape[1] / 2, sprite.edge_px], np.float32)
    return np.concatenate([axes, (origin - axes @ middle)[:, None]], axis=1).astype(np.float32)


def _own_place(mouth: Mouth, head: Head, head_deg: FloatArray) -> FloatArray:
    """Return the (2, 3) matrix that takes the source's own mouth along with the skull."""
    before, axes_before = _frame_of(head, mouth.anchor_cm, np.zeros(3, np.float32))
    after, axes_after = _frame_of(head, mouth.anchor_cm, head_deg)
    axes = axes_after @ np.linalg.inv(axes_before)
    origin = np.array(mouth.own_place, np.float32)
    return np.concatenate([axes, (after + axes @ (origin - before))[:, None]], axis=1).astype(
        np.float32
    )
