"""Eyes: the opening between the lids is a window on an eyeball that turns with the gaze."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vortex_lp.render.mesh.head import Head, image_points
from vortex_lp.render.mesh.landmarks import (
    IRIS_CENTRES,
    IRIS_EDGES,
    LOWER_LIDS,
    UPPER_LID_CREASES,
    UPPER_LIDS,
)
from vortex_lp.render.mesh.lips import EyeOpening
from vortex_lp.render.mesh.warp import identity_map, smooth_closed
from vortex_lp.values import N_LANDMARKS, FloatArray, Frame

MAX_GAZE_CM = 0.45
STILL_GAZE_CM, STILL_OPENNESS = 0.02, 0.03
"""Below these the eye is left as the photograph shows it, lashes and all."""


@dataclass(frozen=True, slots=True, eq=False)
class Eyeball:
    """One eye of the source without its lids."""

    upper: npt.NDArray[np.intp]
    lower: npt.NDArray[np.intp]
    """Point numbers of the lids' edges."""

    crease: npt.NDArray[np.intp]
    lashes: npt.NDArray[np.intp]
    """Point numbers of the upper lid's crease and of the ends of its lashes."""

    picture: FloatArray
    """(h, w, 3) the eyeball, continued under the lids, in [0, 255]."""

    left: int
    top: int
    """Where `picture` lies on the canvas [px]."""

    iris: FloatArray
    """(2,) centre of the iris on the canvas [px]."""

    iris_radius_px: float
    """Radius of the iris [px]."""

    centre: FloatArray
    """(3,) the middle of the eye in head space [px]."""

    lash: FloatArray
    """(3,) colour of the lashes in [0, 255]."""


def build_eyeballs(canvas: Frame, head: Head) -> tuple[Eyeball, ...]:
    """Return the right and the left eyeball of the portrait on `canvas` (H, W, 3)."""
    eyeballs = []
    for side, (upper, lower, centre, edge) in enumerate(
        zip(UPPER_LIDS, LOWER_LIDS, IRIS_CENTRES, IRIS_EDGES, strict=True)
    ):
        points = image_points(head.points)
        contour = points[np.concatenate([upper, lower[::-1][1:-1]])]
        width = float(np.ptp(contour[:, 0])) + 4
        low = np.floor(contour.min(axis=0) - 0.5 * width).astype(int)
        high = np.ceil(contour.max(axis=0) + 0.5 * width).astype(int)
        left, top = max(int(low[0]), 0), max(int(low[1]), 0)
        right, bottom = min(int(high[0]), canvas.shape[1]), min(int(high[1]), canvas.shape[0])
        radius = float(np.linalg.norm(points[edge] - points[centre], axis=1).mean())
        iris = points[centre]
        picture = _without_lids(
            canvas[top:bottom, left:right],
            contour=smooth_closed(contour) - np.array([left, top], np.float32),
            iris=iris - np.array([left, top], np.float32),
            radius=radius,
        )
        eyeballs.append(
            Eyeball(
                upper=upper,
                lower=lower,
                crease=UPPER_LID_CREASES[side],
                lashes=N_LANDMARKS + side * len(upper) + np.arange(len(upper)),
                picture=picture,
                left=left,
                top=top,
                iris=iris,
                iris_radius_px=radius,
                centre=head.points[np.concatenate([upper, lower])].mean(axis=0),
                lash=_lash_colour(canvas, points[upper], opening_px=float(np.ptp(contour[:, 1]))),
            )
        )
    return tuple(eyeballs)


def _without_lids(
    picture: Frame, *, contour: FloatArray, iris: FloatArray, radius: float
) -> FloatArray:
    """Return `picture` with everything outside the lids' `contour` replaced by more eyeball."""
    is_open = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(is_open, [np.round(contour * 16).astype(np.int32)], 255, shift=4)
    if radius > 5:
        is_open = cv2.erode(is_open, np.ones((3, 3), np.uint8))
    filled = cv2.inpaint(np.ascontiguousarray(picture), 255 - is_open, 3, cv2.INPAINT_TELEA)
    ball = filled.astype(np.float32)
    height, width = is_open.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    # What a lid hides of the iris is the mirror image of what it shows below the pupil.
    mirrored_y = 2 * iris[1] - y
    mirrored = cv2.remap(ball, x, mirrored_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    shown = cv2.remap(is_open, x, mirrored_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    distance = np.hypot(x - iris[0], y - iris[1])
    in_iris = np.clip(radius * 1.06 - distance + 0.5, 0, 1)
    use = in_iris * (is_open == 0) * (shown > 127)
    use = (
        cv2.GaussianBlur(use.astype(np.float32), (0, 0), 0.6)[..., None] * (is_open == 0)[..., None]
    )
    return np.asarray(ball * (1 - use) + mirrored * use, np.float32)


def _lash_colour(canvas: Frame, lid: FloatArray, *, opening_px: float) -> FloatArray:
    """Return the dark of the upper lid's edge (n, 2): what a shut eye's line looks like."""
    steps = np.linspace(-0.12, 0.05, 5) * opening_px
    places = np.concatenate([lid[1:-1] + np.array([0.0, step]) for step in steps])
    limit = np.array(canvas.shape[1::-1]) - 1
    x, y = np.clip(np.round(places), 0, limit).astype(int).T
    colours = canvas[y, x].astype(np.float32)
    dark = colours.mean(axis=1) <= np.percentile(colours.mean(axis=1), 30)
    return np.asarray(colours[dark].mean(axis=0), np.float32)


def smooth_lid(frame: Frame, eyeball: Eyeball, points: FloatArray, *, eye: EyeOpening) -> None:
    """Soften the skin that a falling lid has stretched on `frame` (H, W, 3), in place.

    Stretched skin shows its grain and the roots of the lashes as upright streaks; a lid is smooth.
    """
    strength = float(np.clip((0.85 - eye.openness) / 0.6, 0.0, 1.0))
    if strength == 0.0:
        return
    ring = np.concatenate([points[eyeball.crease], points[eyeball.lashes][::-1]])
    width = float(np.linalg.norm(ring[0] - ring[len(eyeball.crease) - 1]))
    low, high = np.floor(ring.min(axis=0) - 0.1 * width), np.ceil(ring.max(axis=0) + 0.1 * width)
    left, top = int(max(low[0], 0)), int(max(low[1], 0))
    right, bottom = int(min(high[0], frame.shape[1])), int(min(high[1], frame.shape[0]))
    if right - left < 3 or bottom - top < 3:
        return
    patch = frame[top:bottom, left:right]
    mask = np.zeros(patch.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round((ring - (left, top)) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    mask = cv2.GaussianBlur(mask, (0, 0), max(0.03 * width, 0.7))
    soft = cv2.GaussianBlur(patch, (0, 0), sigmaX=max(0.06 * width, 0.8), sigmaY=0.6)
    alpha = mask.astype(np.float32)[..., None] * (0.8 * strength / 255)
    patch[...] = np.clip(patch + alpha * (soft.astype(np.float32) - patch) + 0.5, 0, 255)


def close_lids(frame: Frame, eyeball: Eyeball, points: FloatArray, *, eye: EyeOpening) -> None:
    """Draw the line where lids meet on `frame` (H, W, 3) in place, as far as they are shut."""
    strength = float(np.clip((0.3 - eye.openness) / 0.25, 0.0, 1.0))
    if strength == 0.0:
        return
    line = (points[eyeball.upper] + points[eyeball.lower]) / 2
    width = float(np.linalg.norm(line[-1] - line[0]))
    low, high = np.floor(line.min(axis=0) - 0.15 * width), np.ceil(line.max(axis=0) + 0.15 * width)
    left, top = int(max(low[0], 0)), int(max(low[1], 0))
    right, bottom = int(min(high[0], frame.shape[1])), int(min(high[1], frame.shape[0]))
    if right - left < 3 or bottom - top < 3:
        return
    patch = frame[top:bottom, left:right]
    # The line is thickest in its middle and tapers to both corners.
    t = np.linspace(0, 1, 33)
    curve = np.stack([_along(line[:, axis], t) for axis in (0, 1)], axis=1) - (left, top)
    half = 0.5 * (0.028 * width * np.sin(np.pi * np.clip(t * 0.96 + 0.03, 0, 1)) ** 0.7 + 0.4)
    normal = np.stack([-np.gradient(curve[:, 1]), np.gradient(curve[:, 0])], axis=1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    across = normal * half[:, None]
    outline = np.concatenate([curve + across, (curve - across)[::-1]])
    seam = np.zeros(patch.shape[:2], np.uint8)
    cv2.polylines(seam, [np.round(curve * 16).astype(np.int32)], False, 255, 3, cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(patch, (0, 0), 0.9).astype(np.float32)
    band = cv2.GaussianBlur(seam, (0, 0), 0.8).astype(np.float32)[..., None] * (strength / 255)
    mixed = patch + band * (soft - patch)
    lash = np.zeros(patch.shape[:2], np.uint8)
    cv2.fillPoly(lash, [np.round(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    lash = cv2.GaussianBlur(lash, (0, 0), max(0.012 * width, 0.5))
    ink = lash.astype(np.float32)[..., None] * (0.75 * strength / 255)
    patch[...] = np.clip(mixed + ink * (np.minimum(eyeball.lash, mixed) - mixed) + 0.5, 0, 255)


def _along(values: FloatArray, t: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return a smooth run of `values` (n,) at shares `t` of its length."""
    knots = np.linspace(0, 1, len(values))
    return np.asarray(np.polyval(np.polyfit(knots, values, 3), t))


def draw_eye(
    frame: Frame,
    eyeball: Eyeball,
    head: Head,
    points: FloatArray,
    *,
    eye: EyeOpening,
    turned: FloatArray,
) -> None:
    """Draw one eye on `frame` (H, W, 3) in place.

    `points` (V, 2) are the moved points on the frame [px]; `turned` (3, 3) the moved places in head
    space of the eye's middle and of one pixel to its right and up.
    """
    effort = max(np.hypot(*eye.gaze_cm) / STILL_GAZE_CM, abs(eye.openness - 1.0) / STILL_OPENNESS)
    opacity = float(np.clip(effort - 0.5, 0.0, 1.0))
    if opacity == 0.0 or eye.openness <= 0.02:
        return
    contour = points[np.concatenate([eyeball.upper, eyeball.lower[::-1][1:-1]])]
    low, high = np.floor(contour.min(axis=0)) - 3, np.ceil(contour.max(axis=0)) + 4
    left, top = int(max(low[0], 0)), int(max(low[1], 0))
    right, bottom = int(min(high[0], frame.shape[1])), int(min(high[1], frame.shape[0]))
    if right - left < 3 or bottom - top < 3:
        return
    window = np.zeros((bottom - top, right - left), np.uint8)
    outline = smooth_closed(contour) - np.array([left, top], np.float32)
    cv2.fillPoly(window, [np.round(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    alpha = cv2.GaussianBlur(window, (3, 3), 0).astype(np.float32)[..., None] * (opacity / 255)
    ball = _turned_eyeball(eyeball, head, turned, eye, box=(left, top, right, bottom))
    shade = _lid_shadow(window, eyeball.iris_radius_px, amount=min(1.0, abs(1 - eye.openness) * 2))
    patch = frame[top:bottom, left:right]
    patch[...] = np.clip(patch * (1 - alpha) + ball * shade * alpha + 0.5, 0, 255)


def _turned_eyeball(
    eyeball: Eyeball,
    head: Head,
    turned: FloatArray,
    eye: EyeOpening,
    *,
    box: tuple[int, int, int, int],
) -> FloatArray:
    """Return the eyeball as it looks inside `box` of the frame, gaze and head turn applied."""
    left, top, right, bottom = box
    place = identity_map(right - left, bottom - top, left=left, top=top, step=1.0)
    middle = image_points(turned)
    axes = np.stack([middle[1] - middle[0], -(middle[2] - middle[0])], axis=1)
    back = np.linalg.inv(axes)
    start = image_points(eyeball.centre)
    place = (place - middle[0]) @ back.T.astype(np.float32) + start
    gaze = np.array(eye.gaze_cm, np.float32)
    gaze *= min(1.0, MAX_GAZE_CM / max(float(np.hypot(*gaze)), 1e-6))
    shift = head.scale * (head.rotation[:2, :2] @ gaze) * np.array([1, -1], np.float32)
    distance = np.linalg.norm(place - (eyeball.iris + shift), axis=-1, keepdims=True)
    near, far = 1.15 * eyeball.iris_radius_px, 3.2 * eyeball.iris_radius_px
    hold = np.clip((far - distance) / (far - near), 0, 1)
    place = place - hold * hold * (3 - 2 * hold) * shift
    place = (place - np.array([eyeball.left, eyeball.top])).astype(np.float32)
    return np.asarray(
        cv2.remap(eyeball.picture, place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        np.float32,
    )


def _lid_shadow(window: npt.NDArray[np.uint8], radius: float, *, amount: float) -> FloatArray:
    """Return a factor (h, w, 1): the eyeball is darker close to a lid that has come down."""
    soft = cv2.GaussianBlur(window, (0, 0), max(0.35 * radius, 0.6)).astype(np.float32) / 255
    return np.asarray(1 - amount * 0.35 * (1 - np.clip(soft, 0, 1)), np.float32)[..., None]
