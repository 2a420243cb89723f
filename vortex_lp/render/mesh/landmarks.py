"""MediaPipe's landmark numbers that the mesh renderer speaks of, named once.

Right and left are the person's own. Contours run along the face so that neighbours are neighbours.
"""

import numpy as np

_OVAL_LEFT = (
    10,
    338,
    297,
    332,
    284,
    251,
    389,
    356,
    454,
    323,
    361,
    288,
    397,
    365,
    379,
    378,
    400,
    377,
)
_OVAL_RIGHT = (152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)
FACE_OVAL = np.array((*_OVAL_LEFT, *_OVAL_RIGHT))
"""The edge of the face, clockwise as the viewer sees it from the top of the forehead."""

INNER_UPPER_LIP = np.array([78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308])
INNER_LOWER_LIP = np.array([78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308])
"""Inner edges of the lips from the right corner to the left one; first and last are shared."""

UPPER_LIP_RINGS = (
    INNER_UPPER_LIP,
    np.array([62, 183, 42, 41, 38, 12, 268, 271, 272, 407, 292]),
    np.array([76, 184, 74, 73, 72, 11, 302, 303, 304, 408, 306]),
    np.array([61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291]),
)
LOWER_LIP_RINGS = (
    INNER_LOWER_LIP,
    np.array([62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292]),
    np.array([76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306]),
    np.array([61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291]),
)
"""The lips from their inner to their outer edge, column by column above each other."""

UPPER_LIDS = (
    np.array([33, 246, 161, 160, 159, 158, 157, 173, 133]),
    np.array([263, 466, 388, 387, 386, 385, 384, 398, 362]),
)
LOWER_LIDS = (
    np.array([33, 7, 163, 144, 145, 153, 154, 155, 133]),
    np.array([263, 249, 390, 373, 374, 380, 381, 382, 362]),
)
"""Edges of the lids of the right and of the left eye, from the outer corner to the inner one."""

UPPER_LID_CREASES = (
    np.array([130, 247, 30, 29, 27, 28, 56, 190, 243]),
    np.array([359, 467, 260, 259, 257, 258, 286, 414, 463]),
)
"""The next ring above the upper lid's edge, column by column."""

ABOVE_CREASES = (
    np.array([226, 113, 225, 224, 223, 222, 221, 189, 244]),
    np.array([446, 342, 445, 444, 443, 442, 441, 413, 464]),
)
"""The ring above that, under the brow, column by column."""

IRIS_CENTRES = (468, 473)
IRIS_EDGES = (np.array([469, 470, 471, 472]), np.array([474, 475, 476, 477]))
CHIN = np.array([152, 175, 199, 200, 148, 377])
"""Landmarks that ride on the jaw bone."""
