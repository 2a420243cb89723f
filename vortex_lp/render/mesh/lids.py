"""Lids: how open each eye is asked to be, where it looks, and the lids' edges moved there."""

from dataclasses import dataclass

import numpy as np

from vortex_lp.render.mesh.head import Head
from vortex_lp.render.mesh.landmarks import (
    ABOVE_CREASES,
    IRIS_CENTRES,
    LOWER_LIDS,
    UPPER_LID_CREASES,
    UPPER_LIDS,
)
from vortex_lp.render.mesh.rig import FaceRig
from vortex_lp.values import ARKIT_INDEX, FloatArray

SIDES = ("Right", "Left")

CLOSING_LINE = 0.22
"""Where lids meet, from the lower lid (0) to the upper one (1): the lower lid rises a little."""

CREASE_SHARE, ABOVE_CREASE_SHARE = 0.42, 0.14
"""How much of the lid's way down the crease and the skin under the brow go along."""

WIDE_GAIN, SQUINT_GAIN, LOOK_UP_GAIN, LOOK_DOWN_GAIN = 0.30, 0.38, 0.16, 0.30
"""Change of the eye's opening, as a share of it, for each unit of eyeWide, eyeSquint and gaze."""

ROUND_EYE, ROUNDEST_EYE, GROWTH = 0.43, 0.5, 3.3
"""Eyes whose opening is more than this share of their width are drawn ones, and how much larger
they are than their landmarks for each unit beyond. Of our portraits the people, photographed or
painted, have 0.27 to 0.43, the cartoon 0.49 and lids a fifth further out."""

MAX_OPENNESS = 1.45
MAX_GAZE_CM = 0.45


def fit_round_eyes(landmarks: FloatArray) -> FloatArray:
    """Return `landmarks` (L, 3) [px] with the lids of very round eyes moved out to where they are.

    On drawn faces, whose eyes are rounder than anybody's, the landmarks stay inside the lids, and
    a blink would leave a rim of white.
    """
    fitted = landmarks.copy()
    for upper, lower, crease in zip(UPPER_LIDS, LOWER_LIDS, UPPER_LID_CREASES, strict=True):
        top, bottom = landmarks[upper], landmarks[lower]
        opening = np.linalg.norm(top - bottom, axis=1).max()
        roundness = opening / np.linalg.norm(top[0] - top[-1])
        growth = GROWTH * float(np.clip(roundness - ROUND_EYE, 0, ROUNDEST_EYE - ROUND_EYE))
        lids = np.unique(np.concatenate([upper, lower]))
        middle = landmarks[lids].mean(axis=0)
        fitted[lids] += growth * (landmarks[lids] - middle)
        fitted[crease] += 0.5 * growth * (landmarks[crease] - middle)
    return fitted


@dataclass(frozen=True, slots=True, eq=False)
class EyeMotion:
    """What both eyes are asked to do; index 0 is the right eye, 1 the left."""

    openness: FloatArray
    """(T, 2) share of the source's own opening; 0 is shut, 1 is the source."""

    gaze_cm: FloatArray
    """(T, 2, 2) how far each iris moves to the person's left and up, on the canonical face."""


def eye_motion(moved: FloatArray, source: FloatArray, *, rig: FaceRig) -> EyeMotion:
    """Return what the eyes do for weight differences (T, K) from the `source` weights (K,)."""
    openness = np.empty((len(moved), 2), np.float32)
    gaze = np.zeros((len(moved), 2, 2), np.float32)
    for eye, (side, iris) in enumerate(zip(SIDES, IRIS_CENTRES, strict=True)):
        column = {
            name: moved[:, ARKIT_INDEX[name + side]]
            for name in ("eyeBlink", "eyeWide", "eyeSquint", "eyeLookUp", "eyeLookDown")
        }
        own = min(float(source[ARKIT_INDEX["eyeBlink" + side]]), 0.9)
        blink = column["eyeBlink"]
        share = np.where(blink > 0, 1.0 - blink / (1.0 - own), 1.0 - 0.3 * blink)
        share *= 1.0 + WIDE_GAIN * column["eyeWide"] - SQUINT_GAIN * column["eyeSquint"]
        share *= 1.0 + LOOK_UP_GAIN * column["eyeLookUp"] - LOOK_DOWN_GAIN * column["eyeLookDown"]
        openness[:, eye] = np.clip(share, 0.0, MAX_OPENNESS)
        for way in ("In", "Out", "Up", "Down"):
            index = ARKIT_INDEX[f"eyeLook{way}{side}"]
            gaze[:, eye] += moved[:, index, None] * rig.shapes[index, iris, :2]
    length = np.linalg.norm(gaze, axis=2, keepdims=True)
    gaze *= np.minimum(1.0, MAX_GAZE_CM / np.maximum(length, 1e-6))
    return EyeMotion(openness=openness, gaze_cm=gaze)


def set_lids(head: Head, shift: FloatArray, *, openness: FloatArray) -> FloatArray:
    """Return `shift` (T, L, 3) [px] with the lids' edges where `openness` (T, 2) wants them."""
    shift = shift.copy()
    points = head.points
    rings = zip(UPPER_LIDS, LOWER_LIDS, UPPER_LID_CREASES, ABOVE_CREASES, strict=True)
    for eye, (upper, lower, crease, above) in enumerate(rings):
        up, low = points[upper], points[lower]
        line = low + CLOSING_LINE * (up - low)
        share = openness[:, eye, None, None]
        shift[:, upper] = (share - 1) * (up - line)
        shift[:, lower] = (share - 1) * (low - line)
        # The skin up to the brow shares the stretch, so that none of it is stretched far.
        down = np.maximum(0.0, 1 - share) * (line - up)[1:-1]
        for ring, follow in ((crease, CREASE_SHARE), (above, ABOVE_CREASE_SHARE)):
            shift[:, ring[1:-1]] = 0.4 * shift[:, ring[1:-1]] + follow * down
    return shift
