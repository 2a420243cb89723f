"""The moving head: the source's own landmarks in space, the rings round them, and their motion."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vortex_lp.face.landmarker import head_rotation
from vortex_lp.face.model import N_CANONICAL, canonical_face
from vortex_lp.render.mesh.landmarks import CHIN, FACE_OVAL
from vortex_lp.values import Face, FloatArray

NECK_PIVOT_CM = np.array([0.0, -9.0, -6.0])
"""The head turns about the top of the neck, in canonical space."""

SKULL_CENTRE_CM = np.array([0.0, 1.0, -4.0])
SKULL_RADII_CM = np.array([8.0, 12.5, 10.5])
"""An ellipsoid that the face oval lies on within half a centimetre, hair included at the top."""

UPPER_RINGS = ((0.5, 1.0), (1.0, 1.0), (1.22, 1.0), (1.5, 0.62), (1.85, 0.22), (2.3, 0.0))
LOWER_RINGS = ((1.13, 0.9), (1.3, 0.62), (1.5, 0.34), (1.75, 0.14), (2.05, 0.03), (2.4, 0.0))
"""Rings round the face oval as (how far out, share of the head's motion). Above and beside the face
1 is the outline of the skull, and hair turns with the head at full weight; below it 1 is the oval,
and the neck stretches between chin and shoulders. Our own judgement, by eye."""

JAW_FOLLOW = (0.55, 0.22, 0.06, 0.0, 0.0, 0.0)
"""How much of the chin's drop each ring below the face follows."""


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A portrait's head, ready to move. Space is x right, y up, z to the viewer, in pixels."""

    points: FloatArray
    """(V, 3) the 478 landmarks, then the rings."""

    follow: FloatArray
    """(V,) share of the head's turning that each point takes part in."""

    jaw_follow: FloatArray
    """(V,) share of the chin's drop that each ring point follows; 0 for landmarks."""

    triangles: npt.NDArray[np.int32]
    """(M, 3) point numbers, back to front."""

    scale: float
    """Pixels a centimetre."""

    rotation: FloatArray
    """(3, 3) canonical axes to image axes."""

    origin: FloatArray
    """(3,) where the canonical origin is [px]."""

    def place(self, canonical_cm: npt.NDArray[np.floating]) -> FloatArray:
        """Return canonical points (…, 3) [cm] in the space of this head [px]."""
        placed = self.scale * canonical_cm @ self.rotation.T + self.origin
        return np.asarray(placed, np.float32)

    def turn(self, points: FloatArray, head_deg: FloatArray) -> FloatArray:
        """Return points (…, 3) turned with the head by pitch, yaw, roll (3,) [deg]."""
        pivot = self.place(NECK_PIVOT_CM)
        turned = (points - pivot) @ head_rotation(head_deg).T + pivot
        return np.asarray(turned, np.float32)

    def move(self, shift_px: FloatArray, head_deg: FloatArray) -> FloatArray:
        """Return all points (V, 3) after landmarks moved by `shift_px` (L, 3) and the head turned."""
        n_landmarks = len(shift_px)
        moved = self.points.copy()
        moved[:n_landmarks] += shift_px
        chin = shift_px[CHIN].mean(axis=0)
        moved[n_landmarks:] += self.jaw_follow[n_landmarks:, None] * chin
        return moved + self.follow[:, None] * (self.turn(moved, head_deg) - moved)


def image_points(points: FloatArray) -> FloatArray:
    """Return points (…, 3) of head space as pixels (…, 2), y down."""
    return np.ascontiguousarray(points[..., :2] * np.array([1, -1], np.float32))


def build_head(face: Face) -> Head:
    """Return the head of `face`: aligned to the canonical face, with rings for hair and neck."""
    landmarks = face.landmarks * np.array([1, -1, -1], np.float32)
    scale, rotation, origin = _align(landmarks)
    rings, follow, jaw_follow = _rings(landmarks, scale=scale, rotation=rotation, origin=origin)
    points = np.concatenate([landmarks, rings.reshape(-1, 3)]).astype(np.float32)
    n_landmarks = len(landmarks)
    faces = canonical_face().triangles
    # Far triangles first, so that a nose drawn over a cheek stays over it.
    faces = faces[np.argsort(landmarks[faces].mean(axis=1)[:, 2])]
    triangles = np.concatenate([_ring_triangles(n_landmarks, len(rings)), faces])
    return Head(
        points=points,
        follow=np.concatenate([np.ones(n_landmarks), follow.ravel()]).astype(np.float32),
        jaw_follow=np.concatenate([np.zeros(n_landmarks), jaw_follow.ravel()]).astype(np.float32),
        triangles=np.ascontiguousarray(triangles, np.int32),
        scale=scale,
        rotation=rotation.astype(np.float32),
        origin=origin.astype(np.float32),
    )


def _align(landmarks: FloatArray) -> tuple[float, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return scale, rotation, origin that take the canonical face onto `landmarks` (Umeyama 1991)."""
    canon = canonical_face()
    weight = (canon.basis_weights / canon.basis_weights.sum())[:, None].astype(np.float64)
    a = canon.vertices[canon.basis].astype(np.float64)
    b = landmarks[:N_CANONICAL][canon.basis].astype(np.float64)
    mean_a, mean_b = (weight * a).sum(axis=0), (weight * b).sum(axis=0)
    a, b = a - mean_a, b - mean_b
    u, s, vt = np.linalg.svd((weight * b).T @ a)
    signs = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = u @ signs @ vt
    scale = float((s * np.diag(signs)).sum() / (weight * a * a).sum())
    return scale, rotation, mean_b - scale * rotation @ mean_a


def _rings(
    landmarks: FloatArray,
    *,
    scale: float,
    rotation: npt.NDArray[np.float64],
    origin: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return rings (R, 36, 3), their share of head motion and of the chin's drop (R, 36)."""
    oval = landmarks[FACE_OVAL].astype(np.float64)
    centre = origin
    outward = oval[:, :2] - centre[:2]
    oval_radius = np.linalg.norm(outward, axis=1)
    direction = outward / oval_radius[:, None]
    # How much a direction points up in the head's own frame: 1 from the ears upwards.
    up = direction @ rotation[:2, 1] / np.linalg.norm(rotation[:2, 1])
    upness = _smoothstep((up + 0.42) / 0.5)[:, None]
    skull = SkullOutline(scale=scale, rotation=rotation, origin=origin)
    outline = np.maximum(skull.radius(centre[:2], direction), oval_radius * 1.1)
    depth_at_outline = skull.centre[2]
    pivot_z = (scale * rotation @ NECK_PIVOT_CM + origin)[2]
    rings, follows, jaws = [], [], []
    for (out_up, follow_up), (out_low, follow_low), jaw in zip(
        UPPER_RINGS, LOWER_RINGS, JAW_FOLLOW, strict=True
    ):
        if out_up < 1:
            radius_up = oval_radius + out_up * (outline - oval_radius)
        else:
            radius_up = out_up * outline
        radius = upness[:, 0] * radius_up + (1 - upness[:, 0]) * out_low * oval_radius
        xy = centre[:2] + radius[:, None] * direction
        # From the oval's own depth to that of the skull's outline, along a quarter circle.
        along = np.clip((radius - oval_radius) / (outline - oval_radius), 0, 1)
        curve = 1 - np.sqrt(1 - along**2)
        z_up = oval[:, 2] + curve * (depth_at_outline - oval[:, 2])
        share_low = min(1.0, (out_low - 1) / 0.5)
        z_low = oval[:, 2] + share_low * (pivot_z - oval[:, 2])
        z = upness[:, 0] * z_up + (1 - upness[:, 0]) * z_low
        rings.append(np.concatenate([xy, z[:, None]], axis=1))
        follows.append(upness[:, 0] * follow_up + (1 - upness[:, 0]) * follow_low)
        jaws.append((1 - upness[:, 0]) * jaw)
    return np.array(rings), np.array(follows), np.array(jaws)


@dataclass(frozen=True, slots=True, eq=False)
class SkullOutline:
    """The outline of the skull's ellipsoid as the camera sees it."""

    scale: float
    rotation: npt.NDArray[np.float64]
    origin: npt.NDArray[np.float64]

    @property
    def centre(self) -> npt.NDArray[np.float64]:
        """(3,) the middle of the skull [px]."""
        return self.scale * self.rotation @ SKULL_CENTRE_CM + self.origin

    def radius(
        self, start: npt.NDArray[np.float64], direction: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """Return how far (n,) the outline is from `start` (2,) along unit `direction` (n, 2)."""
        half_axes = self.scale * self.rotation[:2] * SKULL_RADII_CM
        shape = np.linalg.inv(half_axes @ half_axes.T)
        offset = start - self.centre[:2]
        a = np.einsum("ni,ij,nj->n", direction, shape, direction)
        b = direction @ shape @ offset
        c = offset @ shape @ offset - 1.0
        return np.asarray((-b + np.sqrt(np.maximum(b * b - a * c, 0.0))) / a)


def _ring_triangles(n_landmarks: int, n_rings: int) -> npt.NDArray[np.int32]:
    """Return the triangles between the face oval and the rings, the outermost first."""
    n = len(FACE_OVAL)
    loops = [FACE_OVAL] + [n_landmarks + k * n + np.arange(n) for k in range(n_rings)]
    strips = []
    for inner, outer in zip(loops[:-1], loops[1:], strict=True):
        next_inner, next_outer = np.roll(inner, -1), np.roll(outer, -1)
        strips.append(np.stack([inner, outer, next_outer], axis=1))
        strips.append(np.stack([inner, next_outer, next_inner], axis=1))
    return np.concatenate(strips[::-1]).astype(np.int32)


def _smoothstep(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3 - 2 * x)
