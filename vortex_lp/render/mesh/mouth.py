"""The mouth's inside: teeth, tongue and dark, seen through the window between the lips."""

from dataclasses import dataclass

import cv2
import numpy as np

from vortex_lp.render.mesh.box import (
    Box,
    blend,
    box_around,
    colours_at,
    fill_mask,
    line_mask,
)
from vortex_lp.render.mesh.head import Head, Turn, image_points
from vortex_lp.render.mesh.landmarks import (
    CHIN,
    INNER_LOWER_LIP,
    INNER_UPPER_LIP,
    LOWER_LIDS,
    LOWER_LIP_RINGS,
    UPPER_LIDS,
    UPPER_LIP_RINGS,
)
from vortex_lp.render.mesh.lips import Lips
from vortex_lp.render.mesh.rig import FaceRig
from vortex_lp.render.mesh.teeth import Sprite, lower_teeth, tongue, upper_teeth
from vortex_lp.render.mesh.warp import smooth_closed
from vortex_lp.values import FloatArray, Frame

SHOWN_AT_REST_CM = 0.26
"""How far the upper teeth reach below the edge of a resting upper lip."""

LOWER_TEETH_CM = -0.22
"""Where the lower teeth's edge stands with the jaw shut, above the upper ones'. In life it is a
little above; our lower lip cannot be lifted off the chin and has to hide them."""

TONGUE_CM = 0.5
"""How far a resting tongue's back stands above the lower teeth."""

TEETH_DEPTH_CM = 0.75
"""How far behind the lips the teeth stand."""

CAVITY = np.array([46.0, 18.0, 18.0], np.float32)
"""The dark of the throat under white light, RGB."""

REAL_TEETH_GAP_CM = 0.3
"""A portrait that shows more than this between its lips may bring its own teeth."""

TEETH_BRIGHTNESS = 0.55
"""An open mouth is this bright, as a share of white in that light, where teeth fill it."""

FIRST_SLIT_CM, CLEAR_OPENING_CM = 0.05, 0.2
"""Between these openings the window fades in, so that lips that barely part show their own line."""

SKIN_POINTS = np.array([50, 280, 205, 425, 151])
"""Both cheeks, above and below, and the forehead."""


@dataclass(frozen=True, slots=True, eq=False)
class OwnTeeth:
    """What the portrait itself shows between its lips."""

    picture: FloatArray
    """(h, w, 3) in [0, 255]."""

    alpha: FloatArray
    """(h, w) in [0, 1]: where `picture` shows teeth rather than lips."""

    place: FloatArray
    """(2,) where its first pixel lies on the canvas [px]."""


@dataclass(frozen=True, slots=True, eq=False)
class Mouth:
    """The inside of a portrait's mouth."""

    upper: Sprite
    lower: Sprite
    tongue: Sprite
    """Drawn teeth and tongue."""

    own: OwnTeeth | None
    """The portrait's own teeth, or None where it shows none."""

    anchor_cm: FloatArray
    """(3,) canonical place of the upper teeth's biting edge, in the middle."""

    light: FloatArray
    """(3,) colour of the light on the face, 1 being white at full strength."""

    lip_colour: FloatArray
    """(3,) in [0, 255]."""


def build_mouth(
    canvas: Frame, head: Head, lips: Lips, *, rig: FaceRig, source: FloatArray
) -> Mouth:
    """Return the mouth of the portrait on `canvas` (H, W, 3) that shows weights `source` (K,)."""
    light = _light(canvas, head)
    px_per_cm = float(np.clip(1.6 * head.scale, 10, 90))
    middle, right, left = (head.points[[13, 78, 308]] - head.origin) @ head.rotation / head.scale
    # The lip's place with its own expression taken off is where the skull holds the teeth.
    lip_y = middle[1] - float(source @ rig.shapes[:, 13, 1])
    anchor = [(right[0] + left[0]) / 2, lip_y - SHOWN_AT_REST_CM, middle[2] - TEETH_DEPTH_CM]
    rings = np.concatenate([*UPPER_LIP_RINGS[1:3], *LOWER_LIP_RINGS[1:3]])
    lip_colours = colours_at(canvas, image_points(head.points[rings]))
    return Mouth(
        upper=upper_teeth(px_per_cm, light=light),
        lower=lower_teeth(px_per_cm, light=light),
        tongue=tongue(px_per_cm, light=light),
        own=_own_teeth(canvas, head, lips, light=light),
        anchor_cm=np.array(anchor, np.float32),
        light=light,
        lip_colour=np.asarray(np.median(lip_colours, axis=0), np.float32),
    )


def _light(canvas: Frame, head: Head) -> FloatArray:
    """Return the light's colour (3,), read off the whites of the eyes and off the skin."""
    points = image_points(head.points)
    skin = np.median(colours_at(canvas, points[SKIN_POINTS]), axis=0)
    whites = []
    for upper, lower in zip(UPPER_LIDS, LOWER_LIDS, strict=True):
        contour = points[np.concatenate([upper, lower[::-1][1:-1]])]
        box = box_around(contour, margin_px=1, picture=canvas)
        inside = fill_mask(box.size, box.inside(contour)) > 127
        whites.append(box.of(canvas)[inside].astype(np.float32))
    eyes = np.concatenate(whites)
    if len(eyes) > 12:
        level = eyes.mean(axis=1)
        bright = np.median(eyes[level >= np.percentile(level, 75)], axis=0)
    else:
        bright = skin
    # A white eye returns about 0.8 of the light and lies in the lids' shade; fair skin returns 0.7,
    # dark skin less: whichever says that there is more light is nearer the truth.
    by_eye, by_skin = np.maximum(bright, 1) / (255 * 0.80), np.maximum(skin, 1) / (255 * 0.72)
    strength = min(max(float(by_eye.mean()), float(by_skin.mean())), 1.0)
    colour = 0.7 * by_eye / by_eye.mean() + 0.3 * by_skin / by_skin.mean()
    return np.asarray(np.clip(strength * (1 + 0.6 * (colour - 1)), 0.15, 1.05), np.float32)


def _own_teeth(canvas: Frame, head: Head, lips: Lips, *, light: FloatArray) -> OwnTeeth | None:
    """Return the teeth that the portrait shows, or None where its mouth is shut or dark."""
    if lips.source_gap_cm.max() < REAL_TEETH_GAP_CM:
        return None
    outline = _window_outline(image_points(head.points), up=image_points(lips.up), inset_px=0.0)
    box = box_around(outline, margin_px=6, picture=canvas)
    mask = fill_mask(box.size, box.inside(outline))
    shown = box.of(canvas).mean(axis=2)[mask > 127]
    if not len(shown) or np.percentile(shown, 70) < TEETH_BRIGHTNESS * 255 * light.mean():
        return None
    # The rim belongs to the lips.
    rim = 2 * max(1, round(0.06 * head.scale)) + 1
    mask = cv2.erode(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (rim, rim)))
    alpha = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), max(0.05 * head.scale, 0.6))
    return OwnTeeth(
        picture=box.of(canvas).astype(np.float32),
        alpha=alpha,
        place=np.array([box.left, box.top], np.float32),
    )


def _window_outline(
    points: FloatArray, *, up: FloatArray, inset_px: FloatArray | float
) -> FloatArray:
    """Return the smooth outline (n, 2) of the opening between the lips' inner edges."""
    inset = np.multiply.outer(np.broadcast_to(inset_px, len(INNER_UPPER_LIP)) / 2, up)
    upper, lower = points[INNER_UPPER_LIP] - inset, points[INNER_LOWER_LIP] + inset
    # Where an inset would turn the opening inside out, it is shut.
    is_crossed = ((upper - lower) @ up) < 0
    middle = (upper + lower) / 2
    upper[is_crossed], lower[is_crossed] = middle[is_crossed], middle[is_crossed]
    return smooth_closed(np.concatenate([upper, lower[::-1][1:-1]]))


def draw_mouth(
    frame: Frame,
    mouth: Mouth,
    head: Head,
    lips: Lips,
    *,
    points: FloatArray,
    shift: FloatArray,
    turn: Turn,
) -> None:
    """Draw the inside of the mouth on `frame` (H, W, 3) in place.

    `points` (V, 2) are the moved points on the frame [px]; `shift` (L, 3) is how far the landmarks
    moved before the head turned, from which the jaw's drop is read.
    """
    up = image_points(turn.rotation @ lips.up)
    up = up / max(float(np.linalg.norm(up)), 1e-6)
    gap_cm = (points[INNER_UPPER_LIP] - points[INNER_LOWER_LIP]) @ up / head.scale
    opening_cm = float((gap_cm - lips.shut_gap_cm).max())
    is_clear = (opening_cm - FIRST_SLIT_CM) / (CLEAR_OPENING_CM - FIRST_SLIT_CM)
    strength = float(np.clip(is_clear, 0, 1))
    if lips.is_open_on_portrait and strength < 1.0:
        _draw_lip_line(frame, mouth, head, points, strength=1.0 - strength)
    if strength == 0.0:
        return
    outline = _window_outline(points, up=up, inset_px=lips.shut_gap_cm * head.scale)
    box = box_around(outline, margin_px=3, picture=frame)
    if not box.is_worth_drawing:
        return
    window = fill_mask(box.size, box.inside(outline))
    window = cv2.GaussianBlur(window, (0, 0), max(0.03 * head.scale, 0.5))
    drop_cm = min(float(shift[CHIN].mean(axis=0) @ lips.up) / head.scale, 0.0)
    inside = _inside(mouth, head, box, window=window, turn=turn, drop_cm=drop_cm)
    blend(box.of(frame), inside, mask=window, opacity=strength)


def _draw_lip_line(
    frame: Frame, mouth: Mouth, head: Head, points: FloatArray, *, strength: float
) -> None:
    """Draw the line of shut lips on `frame` in place, over what is left of an open mouth."""
    line = (points[INNER_UPPER_LIP] + points[INNER_LOWER_LIP]) / 2
    box = box_around(line, margin_px=6, picture=frame)
    if not box.is_worth_drawing:
        return
    patch, line = box.of(frame), box.inside(line)
    width = max(1, round(0.1 * head.scale))
    # First the lips' own colour from above and below over the seam, then the dark between them.
    seam = line_mask(box.size, line, width_px=width + 2)
    seam = cv2.GaussianBlur(seam, (0, 0), 0.05 * head.scale + 0.4)
    soft = cv2.GaussianBlur(patch, (0, 0), sigmaX=0.6, sigmaY=0.16 * head.scale)
    blend(patch, np.minimum(soft, mouth.lip_colour), mask=seam, opacity=strength)
    dark = line_mask(box.size, line, width_px=max(1, width // 2))
    dark = cv2.GaussianBlur(dark, (0, 0), 0.03 * head.scale + 0.3)
    blend(patch, mouth.lip_colour * np.float32(0.45), mask=dark, opacity=0.75 * strength)


def _inside(
    mouth: Mouth, head: Head, box: Box, *, window: Frame, turn: Turn, drop_cm: float
) -> FloatArray:
    """Return what is behind the lips (h, w, 3) in `box`."""
    jaw = mouth.anchor_cm + np.array([0, LOWER_TEETH_CM + drop_cm, -0.15], np.float32)
    inside = np.broadcast_to(CAVITY * mouth.light, (*window.shape, 3)).astype(np.float32)
    for sprite, at_cm in (
        (mouth.tongue, jaw + np.array([0, TONGUE_CM, -0.5], np.float32)),
        (mouth.lower, jaw),
        (mouth.upper, mouth.anchor_cm),
    ):
        matrix = _sprite_matrix(sprite, head, at_cm, turn=turn)
        matrix[:, 2] -= (box.left, box.top)
        colour = cv2.warpAffine(sprite.colour, matrix, box.size, flags=cv2.INTER_LINEAR)
        alpha = cv2.warpAffine(sprite.alpha, matrix, box.size, flags=cv2.INTER_LINEAR)
        inside = inside * (1 - alpha[..., None]) + colour
    # Light comes in through the opening: what is close to a lip or behind a slit lies in its shade.
    soft = cv2.GaussianBlur(window, (0, 0), max(0.2 * head.scale, 1.0)).astype(np.float32) / 255
    lit = np.clip((soft - 0.12) / 0.78, 0, 1)
    inside *= (0.28 + 0.72 * lit * lit * (3 - 2 * lit))[..., None]
    if mouth.own is not None:
        matrix = _own_matrix(mouth.own, head, mouth.anchor_cm, turn=turn)
        matrix[:, 2] -= (box.left, box.top)
        own = cv2.warpAffine(mouth.own.picture, matrix, box.size, borderMode=cv2.BORDER_REPLICATE)
        alpha = cv2.warpAffine(mouth.own.alpha, matrix, box.size)[..., None]
        inside = inside * (1 - alpha) + own * alpha
    return inside


def _axes(head: Head, at_cm: FloatArray, *, turn: Turn) -> tuple[FloatArray, FloatArray]:
    """Return where a canonical point is on the frame and its x and down axes there [px/cm]."""
    steps = np.array([[0, 0, 0], [1, 0, 0], [0, -1, 0]], np.float32)
    origin, right, down = image_points(turn.apply(head.place(at_cm + steps)))
    return origin, np.stack([right - origin, down - origin], axis=1)


def _sprite_matrix(sprite: Sprite, head: Head, at_cm: FloatArray, *, turn: Turn) -> FloatArray:
    """Return the (2, 3) matrix from a sprite's pixels to the frame's."""
    origin, axes = _axes(head, at_cm, turn=turn)
    axes = axes / sprite.px_per_cm
    middle = np.array([sprite.alpha.shape[1] / 2, sprite.edge_px], np.float32)
    return np.concatenate([axes, (origin - axes @ middle)[:, None]], axis=1, dtype=np.float32)


def _own_matrix(own: OwnTeeth, head: Head, at_cm: FloatArray, *, turn: Turn) -> FloatArray:
    """Return the (2, 3) matrix that takes the portrait's own teeth along with the skull."""
    before, axes_before = _axes(head, at_cm, turn=head.turn(np.eye(3, dtype=np.float32)))
    after, axes_after = _axes(head, at_cm, turn=turn)
    axes = axes_after @ np.linalg.inv(axes_before)
    offset = after + axes @ (own.place - before)
    return np.concatenate([axes, offset[:, None]], axis=1, dtype=np.float32)
