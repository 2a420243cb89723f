"""The moving head: the source's own landmarks in space, the rings round them, and their motion."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from vortex_lp.face.model import N_CANONICAL, canonical_face
from vortex_lp.render.mesh.landmarks import CHIN, FACE_OVAL, UPPER_LID_CREASES, UPPER_LIDS
from vortex_lp.values import N_LANDMARKS, Face, FloatArray

NECK_PIVOT_CM = np.array([0.0, -9.0, -6.0])
"""The head turns about the top of the neck, in canonical space."""

SKULL_CENTRE_CM = np.array([0.0, 1.0, -4.0])
SKULL_RADII_CM = np.array([8.0, 12.5, 10.5])
"""An ellipsoid that the face oval lies on within half a centimetre, hair included at the top."""

FIRST_RING = 1.045
"""Where the first ring lies, as a share of the outline: a little outside, because landmarks end a
little inside."""

UPPER_RINGS = (
    (0.0, 1.0),
    (0.5, 1.0),
    (1.0, 1.0),
    (1.18, 1.0),
    (1.38, 0.6),
    (1.65, 0.2),
    (2.0, 0.0),
)
LOWER_RINGS = (
    (FIRST_RING, 1.0),
    (1.13, 0.9),
    (1.28, 0.62),
    (1.46, 0.32),
    (1.66, 0.12),
    (1.9, 0.03),
    (2.2, 0.0),
)
"""Rings round the face's outline as (how far out, share of the head's motion); the first lies on
it. Above and beside the face 1 is the outline of the skull, and hair turns with the head at full
weight; below it 1 is the face's outline, and the neck stretches between chin and shoulders. Our own
judgement, by eye."""

LASHES_AT = 0.7
"""Where the lashes end, from the edge of the upper lid (0) to its crease (1). Up to there the lid
slides down as it is; only the skin beyond is stretched."""

FLATTEN_FROM_DEG, FLATTEN_OVER_DEG, FACING_AT_OUTLINE = 5.0, 12.0, 0.35
"""From which turn on the far side of a face is flattened, over how many degrees, and how little its
skin faces the camera there (cosine)."""

N_LASH_POINTS = sum(len(lid) for lid in UPPER_LIDS)
FIRST_RING_POINT = N_LANDMARKS + N_LASH_POINTS

JAW_FOLLOW = (0.95, 0.55, 0.22, 0.06, 0.0, 0.0, 0.0)
"""How much of the chin's drop each ring below the face follows."""


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A portrait's head, ready to move. Space is x right, y up, z to the viewer, in pixels."""

    points: FloatArray
    """(V, 3) the 478 landmarks, then the ends of the lashes, then the rings."""

    follow: FloatArray
    """(V,) share of the head's turning that each point takes part in."""

    jaw_follow: FloatArray
    """(V,) share of the chin's drop that each ring point follows; 0 for the face."""

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

    def turn(self, rotation: FloatArray) -> "Turn":
        """Return the turn by `rotation` (3, 3) about the neck."""
        return Turn(rotation=rotation, pivot=self.place(NECK_PIVOT_CM))

    def move(self, shift_px: FloatArray, rotations: FloatArray) -> FloatArray:
        """Return all points (T, V, 3) after the face moved and the head turned.

        `shift_px` (T, L, 3) says how far the landmarks move, `rotations` (T, 3, 3) how the head
        turns.
        """
        moved = np.repeat(self.points[None], len(shift_px), axis=0)
        moved[:, :N_LANDMARKS] += shift_px
        moved[:, N_LANDMARKS:FIRST_RING_POINT] += shift_px[:, np.concatenate(UPPER_LIDS)]
        moved += self.jaw_follow[:, None] * shift_px[:, CHIN].mean(axis=1)[:, None]
        pivot = self.place(NECK_PIVOT_CM)
        turned = (moved - pivot) @ rotations.transpose(0, 2, 1) + pivot
        return np.asarray(moved + self.follow[:, None] * (turned - moved), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """A turn of the whole head about the neck."""

    rotation: FloatArray
    """(3, 3) in head space."""

    pivot: FloatArray
    """(3,) what stays where it is [px]."""

    def apply(self, points: FloatArray) -> FloatArray:
        """Return points (…, 3) of head space, turned."""
        return np.asarray((points - self.pivot) @ self.rotation.T + self.pivot, np.float32)


def image_points(points: FloatArray) -> FloatArray:
    """Return points (…, 3) of head space as pixels (…, 2), y down."""
    return np.ascontiguousarray(points[..., :2] * np.array([1, -1], np.float32))


def build_head(face: Face) -> Head:
    """Return the head of `face`: aligned to the canonical face, with rings for hair and neck."""
    landmarks = face.landmarks * np.array([1, -1, -1], np.float32)
    scale, rotation, origin = _align(landmarks)
    landmarks = _flatten_far_side(landmarks, rotation)
    rings, follow, jaw_follow = _rings(landmarks, scale=scale, rotation=rotation, origin=origin)
    lids, creases = np.concatenate(UPPER_LIDS), np.concatenate(UPPER_LID_CREASES)
    lashes = landmarks[lids] + LASHES_AT * (landmarks[creases] - landmarks[lids])
    points = np.concatenate([landmarks, lashes, rings.reshape(-1, 3)]).astype(np.float32)
    faces = _face_triangles()
    # Far triangles first, so that a nose drawn over a cheek stays over it.
    faces = faces[np.argsort(points[faces].mean(axis=1)[:, 2])]
    triangles = np.concatenate([_ring_triangles(len(rings)), faces])
    return Head(
        points=points,
        follow=np.concatenate([np.ones(FIRST_RING_POINT), follow.ravel()]).astype(np.float32),
        jaw_follow=np.concatenate([np.zeros(FIRST_RING_POINT), jaw_follow.ravel()]).astype(
            np.float32
        ),
        triangles=np.ascontiguousarray(triangles, np.int32),
        scale=scale,
        rotation=rotation.astype(np.float32),
        origin=origin.astype(np.float32),
    )


def _align(landmarks: FloatArray) -> tuple[float, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return scale, rotation, origin from canonical face to `landmarks` (Umeyama 1991)."""
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


def _flatten_far_side(landmarks: FloatArray, rotation: npt.NDArray[np.float64]) -> FloatArray:
    """Return `landmarks` with the hidden side of a turned face brought up to its outline.

    The far cheek curves away behind the outline. Were it to turn at its own depth, a strip that the
    picture does not show would unfold; at the outline's depth it stays folded.
    """
    yaw_deg = float(np.degrees(np.arctan2(rotation[0, 2], rotation[2, 2])))
    amount = float(np.clip((abs(yaw_deg) - FLATTEN_FROM_DEG) / FLATTEN_OVER_DEG, 0, 1))
    if amount == 0:
        return landmarks
    faces = canonical_face().triangles
    a, b, c = (landmarks[faces[:, k]] for k in range(3))
    normals = np.zeros_like(landmarks)
    for k in range(3):
        np.add.at(normals, faces[:, k], np.cross(b - a, c - a))
    facing = normals[:, 2] / np.maximum(np.linalg.norm(normals, axis=1), 1e-6)
    on_far_side = (landmarks[:, 0] - landmarks[1, 0]) * np.sign(yaw_deg) > 0
    hidden = on_far_side & (facing < FACING_AT_OUTLINE)
    hidden[N_CANONICAL:] = False
    shown = np.flatnonzero(~hidden[:N_CANONICAL])
    flat = landmarks.copy()
    for point in np.flatnonzero(hidden):
        distance = np.linalg.norm(landmarks[shown, :2] - landmarks[point, :2], axis=1)
        nearest = shown[np.argsort(distance)[:3]]
        depth = max(float(landmarks[nearest, 2].mean()), float(landmarks[point, 2]))
        flat[point, 2] += amount * (depth - landmarks[point, 2])
    return flat


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
    direction = outward / np.linalg.norm(outward, axis=1)[:, None]
    oval_radius, oval_z = _outline(landmarks.astype(np.float64), centre[:2], direction)
    # How much a direction points up in the head's own frame: 1 from the ears upwards.
    up = direction @ rotation[:2, 1] / np.linalg.norm(rotation[:2, 1])
    upness = _smoothstep((up + 0.42) / 0.5)[:, None]
    skull = SkullOutline(scale=scale, rotation=rotation, origin=origin)
    outline = np.maximum(skull.radius(centre[:2], direction), oval_radius * 1.12)
    depth_at_outline = skull.centre[2]
    pivot_z = (scale * rotation @ NECK_PIVOT_CM + origin)[2]
    rings, follows, jaws = [], [], []
    for (out_up, follow_up), (out_low, follow_low), jaw in zip(
        UPPER_RINGS, LOWER_RINGS, JAW_FOLLOW, strict=True
    ):
        if out_up < 1:
            radius_up = FIRST_RING * oval_radius + out_up * (outline - FIRST_RING * oval_radius)
        else:
            radius_up = out_up * outline
        radius = upness[:, 0] * radius_up + (1 - upness[:, 0]) * out_low * oval_radius
        xy = centre[:2] + radius[:, None] * direction
        # From the oval's own depth to that of the skull's outline, along a quarter circle.
        along = np.clip(
            (radius / oval_radius - FIRST_RING) / (outline / oval_radius - FIRST_RING), 0, 1
        )
        curve = 1 - np.sqrt(1 - along**2)
        z_up = oval_z + curve * (depth_at_outline - oval_z)
        share_low = min(1.0, (out_low - FIRST_RING) / 0.5)
        z_low = oval_z + share_low * (pivot_z - oval_z)
        z = upness[:, 0] * z_up + (1 - upness[:, 0]) * z_low
        rings.append(np.concatenate([xy, z[:, None]], axis=1))
        follows.append(upness[:, 0] * follow_up + (1 - upness[:, 0]) * follow_low)
        jaws.append((1 - upness[:, 0]) * jaw)
    return np.array(rings), np.array(follows), np.array(jaws)


def _outline(
    landmarks: npt.NDArray[np.float64],
    centre: npt.NDArray[np.float64],
    direction: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return how far (n,) the face reaches along each `direction` (n, 2), and its depth there.

    That is the oval on a frontal face; on a turned one the oval's far side hides behind the cheek.
    """
    offset = landmarks[:N_CANONICAL, :2] - centre
    along = offset @ direction.T
    across = np.abs(offset @ np.stack([-direction[:, 1], direction[:, 0]]))
    reach = np.where((along > 0) & (across < 0.1 * along), along, 0.0)
    outermost = np.argsort(reach, axis=0)[-3:]
    return reach.max(axis=0), landmarks[outermost, 2].mean(axis=0)


@dataclass(frozen=True, slots=True, eq=False)
class SkullOutline:
    """The outline of the skull's ellipsoid as the camera sees it."""

    scale: float
    rotation: npt.NDArray[np.float64]
    origin: npt.NDArray[np.float64]

    @property
    def centre(self) -> npt.NDArray[np.float64]:
        """(3,) the middle of the skull [px]."""
        return np.asarray(self.scale * self.rotation @ SKULL_CENTRE_CM + self.origin)

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


def _face_triangles() -> npt.NDArray[np.int32]:
    """Return the canonical triangles, those of the upper lids cut in two where the lashes end."""
    faces = canonical_face().triangles
    strips = []
    first_lash = N_LANDMARKS
    for lid, crease in zip(UPPER_LIDS, UPPER_LID_CREASES, strict=True):
        lashes = first_lash + np.arange(len(lid))
        first_lash += len(lid)
        in_lid = np.isin(faces, lid).any(axis=1) & np.isin(faces, crease).any(axis=1)
        in_lid &= np.isin(faces, np.concatenate([lid, crease])).all(axis=1)
        faces = faces[~in_lid]
        strips += [_strip(lid, lashes), _strip(lashes, crease)]
    return np.asarray(np.concatenate([faces, *strips]), np.int32)


def _strip(
    inner: npt.NDArray[np.integer], outer: npt.NDArray[np.integer]
) -> npt.NDArray[np.integer]:
    """Return the triangles between two rows of points."""
    return np.concatenate(
        [
            np.stack([inner[:-1], outer[:-1], outer[1:]], axis=1),
            np.stack([inner[:-1], outer[1:], inner[1:]], axis=1),
        ]
    )


def _ring_triangles(n_rings: int) -> npt.NDArray[np.int32]:
    """Return the triangles between the face oval and the rings, the outermost first."""
    n = len(FACE_OVAL)
    loops = [FACE_OVAL] + [FIRST_RING_POINT + k * n + np.arange(n) for k in range(n_rings)]
    strips = []
    for inner, outer in pairwise(loops):
        strips.append(_strip(np.append(inner, inner[0]), np.append(outer, outer[0])))
    return np.asarray(np.concatenate(strips[::-1]), np.int32)


def _smoothstep(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3 - 2 * x)
