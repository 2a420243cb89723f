"""The measured lengths, on the canonical face turned by hand."""

import numpy as np
import pytest

from vortex_lp.face.landmarker import head_rotation
from vortex_lp.face.model import canonical_face
from vortex_lp.report.geometry import FaceShape, face_shape
from vortex_lp.values import N_BLENDSHAPES, N_LANDMARKS, Face

LOWER_INNER_LIP = [14, 87, 317, 178, 402]


def turned_face(*, gap_cm: float, head_deg: tuple[float, float, float], px_per_cm: float) -> Face:
    """Return the canonical face with its lower lip lowered, seen from the front after a turn."""
    points = np.zeros((N_LANDMARKS, 3), np.float32)
    points[:468] = canonical_face().vertices
    points[LOWER_INNER_LIP, 1] -= gap_cm
    rotation = head_rotation(np.array(head_deg))
    seen = points @ rotation.T * px_per_cm * (1, -1, -1) + (256, 256, 0)
    pose = np.eye(4, dtype=np.float32)
    pose[:3, :3] = rotation
    return Face(
        landmarks=seen.astype(np.float32),
        weights=np.zeros(N_BLENDSHAPES, np.float32),
        head_deg=np.array(head_deg, np.float32),
        pose=pose,
    )


def shape(gap_cm: float, *head_deg: float, px_per_cm: float = 20.0) -> FaceShape:
    pitch, yaw, roll = head_deg or (0.0, 0.0, 0.0)
    return face_shape(turned_face(gap_cm=gap_cm, head_deg=(pitch, yaw, roll), px_per_cm=px_per_cm))


def test_lowering_the_lip_opens_the_mouth_by_as_much() -> None:
    eyes_cm = np.linalg.norm(canonical_face().vertices[33] - canonical_face().vertices[263])
    opened = shape(1.2).aperture - shape(0.0).aperture
    assert opened == pytest.approx(1.2 / eyes_cm, rel=1e-4)


@pytest.mark.parametrize("head_deg", [(20, 0, 0), (0, 35, 0), (0, 0, -25), (10, -20, 15)])
def test_neither_pose_nor_size_changes_a_length(head_deg: tuple[int, int, int]) -> None:
    straight, turned = shape(0.8), shape(0.8, *head_deg, px_per_cm=7.0)
    for name in ("aperture", "lip_width", "lip_protrusion", "lower_lip", "eye_left", "eye_right"):
        assert getattr(turned, name) == pytest.approx(getattr(straight, name), rel=1e-3), name
    assert straight.scale_px / turned.scale_px == pytest.approx(20 / 7, rel=1e-4)
