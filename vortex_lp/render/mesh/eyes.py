"""Eyes: the opening between the lids is a window on an eyeball that turns with the gaze."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

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
    IRIS_CENTRES,
    IRIS_EDGES,
    LOWER_LIDS,
    UPPER_LID_CREASES,
    UPPER_LIDS,
)
from vortex_lp.render.mesh.warp import smooth_closed
from vortex_lp.values import N_LANDMARKS, FloatArray, Frame

STILL_GAZE_CM, STILL_OPENNESS = 0.02, 0.03
"""Below these the eye is left as the photograph shows it, lashes and all."""

HIDDEN_OPENNESS = 0.02
"""An eye that is open less than this shows no eyeball."""


@dataclass(frozen=True, slots=True, eq=False)
class Eye:
    """One eye of the portrait."""

    upper: npt.NDArray[np.intp]
    lower: npt.NDArray[np.intp]
    """Point numbers of the lids' edges, from the outer corner to the inner one."""

    crease: npt.NDArray[np.intp]
    lashes: npt.NDArray[np.intp]
    """Point numbers of the upper lid's crease and of the ends of its lashes."""

    ball: FloatArray
    """(h, w, 3) the eyeball without its lids, in [0, 255]."""

    place: FloatArray
    """(2,) where the first pixel of `ball` lies on the canvas [px]."""

    iris: FloatArray
    """(2,) centre of the iris on the canvas [px]."""

    iris_radius_px: float
    """Radius of the iris [px]."""

    middle: FloatArray
    """(3,) the middle of the eye in head space [px]."""

    lash_colour: FloatArray
    """(3,) in [0, 255]."""

    @property
    def contour(self) -> npt.NDArray[np.intp]:
        """Point numbers round the opening."""
        return np.concatenate([self.upper, self.lower[::-1][1:-1]])


def build_eyes(canvas: Frame, head: Head) -> tuple[Eye, Eye]:
    """Return the right and the left eye of the portrait on `canvas` (H, W, 3)."""
    return _build_eye(canvas, head, side=0), _build_eye(canvas, head, side=1)


def _build_eye(canvas: Frame, head: Head, *, side: int) -> Eye:
    upper, lower = UPPER_LIDS[side], LOWER_LIDS[side]
    points = image_points(head.points)
    contour = points[np.concatenate([upper, lower[::-1][1:-1]])]
    iris = points[IRIS_CENTRES[side]]
    radius = float(np.linalg.norm(points[IRIS_EDGES[side]] - iris, axis=1).mean())
    box = box_around(contour, margin_px=0.5 * float(np.ptp(contour[:, 0])) + 2, picture=canvas)
    return Eye(
        upper=upper,
        lower=lower,
        crease=UPPER_LID_CREASES[side],
        lashes=N_LANDMARKS + side * len(upper) + np.arange(len(upper)),
        ball=_without_lids(
            box.of(canvas),
            contour=box.inside(smooth_closed(contour)),
            iris=box.inside(iris),
            radius=radius,
        ),
        place=np.array([box.left, box.top], np.float32),
        iris=iris,
        iris_radius_px=radius,
        middle=head.points[np.concatenate([upper, lower])].mean(axis=0),
        lash_colour=_lash_colour(canvas, points[upper], opening_px=float(np.ptp(contour[:, 1]))),
    )


def _without_lids(
    picture: Frame, *, contour: FloatArray, iris: FloatArray, radius: float
) -> FloatArray:
    """Return `picture` with everything outside the lids' `contour` replaced by more eyeball."""
    is_open = fill_mask((picture.shape[1], picture.shape[0]), contour)
    if radius > 5:
        # The rim of the opening is lashes and shade, not eyeball.
        is_open = cv2.erode(is_open, np.ones((3, 3), np.uint8))
    is_open = np.where(is_open > 127, 255, 0).astype(np.uint8)
    filled = cv2.inpaint(np.ascontiguousarray(picture), 255 - is_open, 3, cv2.INPAINT_TELEA)
    ball = filled.astype(np.float32)
    height, width = is_open.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    # What a lid hides of the iris is the mirror image of what it shows below the pupil.
    opposite = 2 * iris[1] - y
    mirrored = cv2.remap(ball, x, opposite, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    shown = cv2.remap(is_open, x, opposite, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    in_iris = np.clip(radius * 1.06 - np.hypot(x - iris[0], y - iris[1]) + 0.5, 0, 1)
    is_hidden = is_open == 0
    use = cv2.GaussianBlur((in_iris * is_hidden * (shown > 127)).astype(np.float32), (0, 0), 0.6)
    use = (use * is_hidden)[..., None]
    return np.asarray(ball * (1 - use) + mirrored * use, np.float32)


def _lash_colour(canvas: Frame, lid: FloatArray, *, opening_px: float) -> FloatArray:
    """Return the dark of the upper lid's edge (n, 2): what a shut eye's line looks like."""
    steps = np.linspace(-0.12, 0.05, 5) * opening_px
    places = np.concatenate([lid[1:-1] + np.array([0.0, step]) for step in steps])
    colours = colours_at(canvas, places)
    brightness = colours.mean(axis=1)
    is_dark = brightness <= np.percentile(brightness, 30)
    return np.asarray(colours[is_dark].mean(axis=0), np.float32)


def draw_eye(
    frame: Frame,
    eye: Eye,
    head: Head,
    *,
    points: FloatArray,
    turn: Turn,
    openness: float,
    gaze_cm: FloatArray,
) -> None:
    """Draw one eye on `frame` (H, W, 3) in place.

    `points` (V, 2) are the moved points on the frame [px], `turn` is the head's; `openness` and
    `gaze_cm` (2,) as in `vortex_lp.render.mesh.lids.EyeMotion`.
    """
    effort = max(float(np.hypot(*gaze_cm)) / STILL_GAZE_CM, abs(openness - 1.0) / STILL_OPENNESS)
    opacity = float(np.clip(effort - 0.5, 0.0, 1.0))
    if opacity > 0.0 and openness > HIDDEN_OPENNESS:
        _draw_eyeball(
            frame, eye, head, points, turn=turn, gaze_cm=gaze_cm, openness=openness, opacity=opacity
        )
    if openness < 0.85:
        _smooth_lid(frame, eye, points, strength=float(np.clip((0.85 - openness) / 0.6, 0, 1)))
    if openness < 0.3:
        _draw_lash_line(frame, eye, points, strength=float(np.clip((0.3 - openness) / 0.25, 0, 1)))


def _draw_eyeball(
    frame: Frame,
    eye: Eye,
    head: Head,
    points: FloatArray,
    *,
    turn: Turn,
    gaze_cm: FloatArray,
    openness: float,
    opacity: float,
) -> None:
    contour = points[eye.contour]
    box = box_around(contour, margin_px=3, picture=frame)
    if not box.is_worth_drawing:
        return
    window = fill_mask(box.size, box.inside(smooth_closed(contour)))
    ball = _turned_ball(eye, head, box, turn=turn, gaze_cm=gaze_cm)
    # The eyeball is darker close to a lid that has come down over it.
    soft = cv2.GaussianBlur(window, (0, 0), max(0.35 * eye.iris_radius_px, 0.6))
    shade = min(1.0, abs(1 - openness) * 2) * 0.35
    ball *= (1 - shade + shade / 255 * soft.astype(np.float32))[..., None]
    blend(box.of(frame), ball, mask=cv2.GaussianBlur(window, (3, 3), 0), opacity=opacity)


def _turned_ball(eye: Eye, head: Head, box: Box, *, turn: Turn, gaze_cm: FloatArray) -> FloatArray:
    """Return the eyeball as it looks inside `box` of the frame, gaze and head turn applied."""
    axes = turn.rotation[:2, :2] * np.array([[1, -1], [-1, 1]], np.float32)
    back = np.linalg.inv(axes).astype(np.float32)
    middle = image_points(turn.apply(eye.middle))
    x = np.arange(box.left, box.right, dtype=np.float32) - middle[0]
    y = np.arange(box.top, box.bottom, dtype=np.float32)[:, None] - middle[1]
    still = image_points(eye.middle)
    shift = head.scale * (head.rotation[:2, :2] @ gaze_cm) * np.array([1, -1], np.float32)
    place = np.empty((box.size[1], box.size[0], 2), np.float32)
    for axis in (0, 1):
        place[..., axis] = back[axis, 0] * x + back[axis, 1] * y + still[axis]
    if shift.any():
        away = place - (eye.iris + shift)
        distance = np.sqrt(away[..., 0] ** 2 + away[..., 1] ** 2)
        # The iris moves whole; the white between it and the corners stretches.
        near, far = 1.15 * eye.iris_radius_px, 3.2 * eye.iris_radius_px
        hold = np.minimum(np.maximum((far - distance) / (far - near), 0), 1)
        place -= (hold * hold * (3 - 2 * hold))[..., None] * shift
    place -= eye.place
    return np.asarray(
        cv2.remap(eye.ball, place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        np.float32,
    )


def _smooth_lid(frame: Frame, eye: Eye, points: FloatArray, *, strength: float) -> None:
    """Soften the skin that a falling lid has stretched on `frame`, in place.

    Stretched skin shows its grain and the roots of the lashes as upright streaks; a lid is smooth.
    """
    ring = np.concatenate([points[eye.crease], points[eye.lashes][::-1]])
    width = float(np.linalg.norm(ring[0] - ring[len(eye.crease) - 1]))
    box = box_around(ring, margin_px=0.1 * width, picture=frame)
    if not box.is_worth_drawing:
        return
    patch = box.of(frame)
    mask = fill_mask(box.size, box.inside(ring))
    mask = cv2.GaussianBlur(mask, (0, 0), max(0.03 * width, 0.7))
    soft = cv2.GaussianBlur(patch, (0, 0), sigmaX=max(0.06 * width, 0.8), sigmaY=0.6)
    blend(patch, soft.astype(np.float32), mask=mask, opacity=0.8 * strength)


def _draw_lash_line(frame: Frame, eye: Eye, points: FloatArray, *, strength: float) -> None:
    """Draw the line where lids meet on `frame`, in place."""
    line = np.float32(0.5) * (points[eye.upper] + points[eye.lower])
    width = float(np.linalg.norm(line[-1] - line[0]))
    box = box_around(line, margin_px=0.15 * width, picture=frame)
    if not box.is_worth_drawing:
        return
    patch = box.of(frame)
    curve = box.inside(_smooth_line(line))
    seam = cv2.GaussianBlur(line_mask(box.size, curve, width_px=3), (0, 0), 0.8)
    soft = cv2.GaussianBlur(patch, (0, 0), 0.9)
    blend(patch, soft.astype(np.float32), mask=seam, opacity=strength)
    # The line is thickest in its middle and tapers to both corners.
    along = np.clip(np.linspace(0.03, 0.99, len(curve)), 0, 1)
    half = 0.5 * (0.028 * width * np.sin(np.pi * along) ** 0.7 + 0.4)
    normal = np.stack([-np.gradient(curve[:, 1]), np.gradient(curve[:, 0])], axis=1)
    across = normal * (half / np.maximum(np.linalg.norm(normal, axis=1), 1e-6))[:, None]
    outline = np.concatenate([curve + across, (curve - across)[::-1]], dtype=np.float32)
    lash = fill_mask(box.size, outline)
    lash = cv2.GaussianBlur(lash, (0, 0), max(0.012 * width, 0.5))
    dark = np.minimum(patch, eye.lash_colour)
    blend(patch, dark, mask=lash, opacity=0.75 * strength)


def _smooth_line(points: FloatArray, *, n_points: int = 33) -> FloatArray:
    """Return a cubic (n_points, 2) through the midst of `points` (n, 2)."""
    knots, t = np.linspace(0, 1, len(points)), np.linspace(0, 1, n_points)
    fitted = np.polyfit(knots, points, 3)
    return np.asarray(np.vander(t, 4) @ fitted, np.float32)
