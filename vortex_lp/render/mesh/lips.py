"""Lips and lids: the openings that must close exactly, moved column by column."""

from dataclasses import dataclass

import numpy as np

from vortex_lp.render.mesh.head import Head
from vortex_lp.render.mesh.landmarks import (
    ABOVE_CREASES,
    INNER_LOWER_LIP,
    INNER_UPPER_LIP,
    LOWER_LIDS,
    LOWER_LIP_RINGS,
    UPPER_LID_CREASES,
    UPPER_LIDS,
    UPPER_LIP_RINGS,
)
from vortex_lp.render.mesh.rig import FaceRig
from vortex_lp.values import ARKIT_INDEX, N_LANDMARKS, FloatArray

CLOSED_GAP_CM = 0.14
"""MediaPipe's inner lip edges stand up to this far apart on a shut mouth (measured on our
portraits); a source gap up to this counts as shut."""

OPEN_GAP_CM = 0.2
"""A portrait whose lips are further apart than this has its mouth open."""

MAX_GAP_CM = 3.6
LIP_REACH_CM = 1.1
"""How far beyond the lips the skin follows a correction of the lip gap."""

UPPER_SHARE = 0.3
"""Share of a lip gap's correction that the upper lip takes; the jaw's lip takes the rest."""

CLOSING_LINE = 0.22
"""Where lids meet, from the lower lid (0) to the upper one (1): the lower lid rises a little."""

CREASE_SHARE, ABOVE_CREASE_SHARE = 0.42, 0.14
"""How much of the lid's way down the crease and the skin under the brow go along."""

WIDE_GAIN, SQUINT_GAIN, LOOK_UP_GAIN, LOOK_DOWN_GAIN = 0.30, 0.38, 0.16, 0.30
"""Change of the eye's opening, as a share of it, for each unit of eyeWide, eyeSquint and gaze."""


@dataclass(frozen=True, slots=True, eq=False)
class Lips:
    """The source's lips, ready to part by a given gap."""

    up: FloatArray
    """(3,) the face's upward axis in head space."""

    source_gap_cm: float
    """The widest gap between the inner edges on the portrait."""

    shut_gap_cm: FloatArray
    """(11,) the gap between the inner edges that counts as shut."""

    spread: FloatArray
    """(L, 11) how far each landmark goes up for a correction of 1 in each column."""

    def correct(self, head: Head, shift: FloatArray, gap_cm: FloatArray) -> FloatArray:
        """Return `shift` (L, 3) [px] changed so that the lips part by `gap_cm` (11,)."""
        points = head.points[:N_LANDMARKS] + shift
        edges = (points[INNER_UPPER_LIP] - points[INNER_LOWER_LIP]) @ self.up
        wanted = self.shut_gap_cm + np.minimum(gap_cm, MAX_GAP_CM)
        correction = wanted * head.scale - edges
        correction[[0, -1]] = 0.0
        return np.asarray(shift + (self.spread @ correction)[:, None] * self.up, np.float32)


def build_lips(head: Head) -> Lips:
    """Return the lips of `head`."""
    up = head.rotation[:, 1]
    points = head.points[:N_LANDMARKS]
    gap = (points[INNER_UPPER_LIP] - points[INNER_LOWER_LIP]) @ up / head.scale
    # Lips that are apart on the portrait have teeth or dark between them: nothing of it may stay.
    shut = np.clip(gap, 0.0, CLOSED_GAP_CM) if gap.max() < OPEN_GAP_CM else np.zeros_like(gap)
    return Lips(
        up=up.astype(np.float32),
        source_gap_cm=float(gap.max()),
        shut_gap_cm=shut.astype(np.float32),
        spread=_spread(head),
    )


def _spread(head: Head) -> FloatArray:
    """Return how landmarks follow corrections: whole on the lips, fading on the skin round them."""
    right, up = head.rotation[:, 0], head.rotation[:, 1]
    points = head.points[:N_LANDMARKS] / head.scale
    x, y = points @ right, points @ up
    columns = x[INNER_UPPER_LIP]
    middle = (y[INNER_UPPER_LIP] + y[INNER_LOWER_LIP]) / 2
    spread = np.zeros((N_LANDMARKS, len(columns)), np.float32)
    top = np.max([y[ring] for ring in UPPER_LIP_RINGS], axis=0)
    bottom = np.min([y[ring] for ring in LOWER_LIP_RINGS], axis=0)
    on_lip = {int(i) for ring in (*UPPER_LIP_RINGS, *LOWER_LIP_RINGS) for i in ring}
    for point in range(N_LANDMARKS):
        share = _interpolation(columns, x[point])
        if not share.any():
            continue
        is_upper = y[point] > share @ middle
        beyond = y[point] - share @ top if is_upper else share @ bottom - y[point]
        fade = 1.0 if point in on_lip else float(np.exp(-((max(beyond, 0) / LIP_REACH_CM) ** 2)))
        spread[point] = share * fade * (UPPER_SHARE if is_upper else UPPER_SHARE - 1.0)
    for upper, lower in zip(UPPER_LIP_RINGS, LOWER_LIP_RINGS, strict=True):
        for column in range(1, len(columns) - 1):
            spread[upper[column]] = np.eye(len(columns))[column] * UPPER_SHARE
            spread[lower[column]] = np.eye(len(columns))[column] * (UPPER_SHARE - 1.0)
    return spread


def _interpolation(columns: FloatArray, x: float) -> FloatArray:
    """Return weights (11,) that interpolate at `x` between columns; fading beyond the corners."""
    weights = np.zeros(len(columns), np.float32)
    if columns[0] <= x <= columns[-1]:
        right = int(np.clip(np.searchsorted(columns, x), 1, len(columns) - 1))
        share = (x - columns[right - 1]) / max(columns[right] - columns[right - 1], 1e-6)
        weights[right - 1], weights[right] = 1 - share, share
    return weights


@dataclass(frozen=True, slots=True)
class EyeOpening:
    """How open one eye is asked to be, and where it looks."""

    openness: float
    """Share of the source's own opening; 0 is shut, 1 is the source."""

    gaze_cm: tuple[float, float]
    """How far the iris moves to the person's left and up, on the canonical face [cm]."""


def eye_openings(moved: FloatArray, source: FloatArray, rig: FaceRig) -> tuple[EyeOpening, ...]:
    """Return the asked state of the right and of the left eye for weight differences (K,)."""
    openings = []
    for side, iris in (("Right", 468), ("Left", 473)):

        def at(name: str, side: str = side) -> float:
            return float(moved[ARKIT_INDEX[name + side]])

        own = min(float(source[ARKIT_INDEX["eyeBlink" + side]]), 0.9)
        blink = at("eyeBlink")
        openness = 1.0 - blink / (1.0 - own) if blink > 0 else 1.0 - 0.3 * blink
        openness *= 1.0 + WIDE_GAIN * at("eyeWide") - SQUINT_GAIN * at("eyeSquint")
        openness *= 1.0 + LOOK_UP_GAIN * at("eyeLookUp") - LOOK_DOWN_GAIN * at("eyeLookDown")
        gaze = np.zeros(2)
        for way in ("In", "Out", "Up", "Down"):
            name = f"eyeLook{way}{side}"
            gaze += at(f"eyeLook{way}") * rig.shapes[ARKIT_INDEX[name], iris, :2]
        openings.append(
            EyeOpening(
                openness=float(np.clip(openness, 0.0, 1.45)),
                gaze_cm=(float(gaze[0]), float(gaze[1])),
            )
        )
    return tuple(openings)


def set_lids(head: Head, shift: FloatArray, openings: tuple[EyeOpening, ...]) -> FloatArray:
    """Return `shift` (L, 3) [px] with the edges of the lids where `openings` wants them."""
    shift = shift.copy()
    points = head.points
    for upper, lower, crease, above, eye in zip(
        UPPER_LIDS, LOWER_LIDS, UPPER_LID_CREASES, ABOVE_CREASES, openings, strict=True
    ):
        up, low = points[upper], points[lower]
        line = low + CLOSING_LINE * (up - low)
        new_up, new_low = line + eye.openness * (up - line), line + eye.openness * (low - line)
        shift[upper], shift[lower] = new_up - up, new_low - low
        # The skin up to the brow shares the stretch, so that none of it is stretched far.
        down = max(0.0, 1 - eye.openness) * (line - up)[1:-1]
        for ring, share in ((crease, CREASE_SHARE), (above, ABOVE_CREASE_SHARE)):
            shift[ring[1:-1]] = 0.4 * shift[ring[1:-1]] + share * down
    return shift
