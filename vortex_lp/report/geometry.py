"""What a face does on one picture, as lengths that neither its size nor its pose changes.

Every length is a share of the distance between the outer corners of the eyes, taken in the head's
own axes: the pose that MediaPipe measures is undone first, so a nod or a turn opens no mouth.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vortex_lp.values import Face

INNER_LIP_PAIRS = np.array([(13, 14), (82, 87), (312, 317), (81, 178), (311, 402)])
"""Landmarks of the upper and the lower inner lip that face each other, the middle first."""

LOWER_LIP_INNER, LOWER_LIP_OUTER = 14, 17
MOUTH_CORNERS = (61, 291)
LIP_MIDDLES = (0, 13, 14, 17)

RIGHT_EYE_CORNERS = (33, 133)
LEFT_EYE_CORNERS = (263, 362)
"""Outer and inner corner; left and right are the person's own."""

RIGHT_LID_PAIRS = np.array([(160, 144), (159, 145), (158, 153)])
LEFT_LID_PAIRS = np.array([(387, 373), (386, 374), (385, 380)])

STIFF_POINTS = (33, 133, 362, 263, 168, 6, 197, 195, 8, 9, 151)
"""Eye corners, bridge of the nose and the brow's middle: they move with the skull, not the jaw."""

_Points = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FaceShape:
    """One face's lengths, as shares of the distance between the outer eye corners."""

    aperture: float
    """Gap between the inner lips; 0 shut, about 0.15 for an ordinary open vowel."""

    lip_width: float
    """Distance between the mouth's corners."""

    lip_protrusion: float
    """How far the lips' middle stands before the mouth's corners; more when they are rounded."""

    lower_lip: float
    """How much of the lower lip shows; less when it is tucked under the teeth."""

    eye_left: float
    """Height of the person's left eye opening over its width; 0 shut, about 0.3 open."""

    eye_right: float
    """The same of the right eye."""

    centre_px: tuple[float, float]
    """Where the stiff part of the face is in the picture, x right and y down [px]."""

    scale_px: float
    """Distance between the outer eye corners [px], the unit of the lengths above."""


def face_shape(face: Face) -> FaceShape:
    """Return the lengths of `face`."""
    points = _in_head_axes(face)
    scale = float(np.linalg.norm(points[33] - points[263]))
    upper, lower = points[INNER_LIP_PAIRS[:, 0]], points[INNER_LIP_PAIRS[:, 1]]
    corners = points[list(MOUTH_CORNERS)]
    centre = face.landmarks[list(STIFF_POINTS), :2].astype(np.float64).mean(axis=0)
    return FaceShape(
        aperture=float(np.mean(upper[:, 1] - lower[:, 1])) / scale,
        lip_width=float(np.linalg.norm(corners[0] - corners[1])) / scale,
        lip_protrusion=float(points[list(LIP_MIDDLES), 2].mean() - corners[:, 2].mean()) / scale,
        lower_lip=float(points[LOWER_LIP_INNER, 1] - points[LOWER_LIP_OUTER, 1]) / scale,
        eye_left=_eye_openness(points, corners=LEFT_EYE_CORNERS, lids=LEFT_LID_PAIRS),
        eye_right=_eye_openness(points, corners=RIGHT_EYE_CORNERS, lids=RIGHT_LID_PAIRS),
        centre_px=(float(centre[0]), float(centre[1])),
        scale_px=scale,
    )


def _in_head_axes(face: Face) -> _Points:
    """Return the landmarks (L, 3) with x right, y up, z to the viewer, the head's turn undone."""
    rotation = face.pose[:3, :3].astype(np.float64)
    rotation /= np.cbrt(np.linalg.det(rotation))
    upright: _Points = (face.landmarks.astype(np.float64) * (1.0, -1.0, -1.0)) @ rotation
    return upright


def _eye_openness(
    points: _Points, *, corners: tuple[int, int], lids: npt.NDArray[np.int64]
) -> float:
    height = np.linalg.norm(points[lids[:, 0]] - points[lids[:, 1]], axis=1).mean()
    return float(height / np.linalg.norm(points[corners[0]] - points[corners[1]]))
