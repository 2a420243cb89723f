"""Lips: an opening that must close exactly, moved column by column."""

from dataclasses import dataclass

import numpy as np

from vortex_lp.render.mesh.head import Head
from vortex_lp.render.mesh.landmarks import (
    INNER_LOWER_LIP,
    INNER_UPPER_LIP,
    LOWER_LIP_RINGS,
    UPPER_LIP_RINGS,
)
from vortex_lp.render.mesh.rig import FaceRig
from vortex_lp.values import ARKIT_NAMES, N_LANDMARKS, FloatArray

CLOSED_GAP_CM = 0.14
"""MediaPipe's inner lip edges stand up to this far apart on a shut mouth (measured on our
portraits); a source gap up to this counts as shut."""

OPEN_GAP_CM = 0.2
"""A portrait whose lips are further apart than this has its mouth open."""

LIKE_SOURCE = 0.12
"""Weights that differ by less than about this ask for the portrait's own mouth."""

IS_MOUTH = np.array([name.startswith(("mouth", "jaw")) for name in ARKIT_NAMES])

MAX_GAP_CM = 3.6
"""No mouth opens further, whatever is asked."""

LIP_REACH_CM = 1.1
"""How far beyond the lips the skin follows a correction of the lip gap."""

UPPER_SHARE = 0.3
"""Share of a lip gap's correction that the upper lip takes; the jaw's lip takes the rest."""


@dataclass(frozen=True, slots=True, eq=False)
class Lips:
    """The source's lips, ready to part by a given gap."""

    up: FloatArray
    """(3,) the face's upward axis in head space."""

    source_gap_cm: FloatArray
    """(11,) the gap between the inner edges on the portrait, beyond `shut_gap_cm`."""

    shut_gap_cm: FloatArray
    """(11,) the gap between the inner edges that counts as shut."""

    spread: FloatArray
    """(L, 11) how far each landmark goes up for a correction of 1 in each column."""

    @property
    def is_open_on_portrait(self) -> bool:
        """Whether the portrait shows what is behind its lips."""
        return bool(self.source_gap_cm.max() > OPEN_GAP_CM)

    def gap(self, weights: FloatArray, source: FloatArray, *, rig: FaceRig) -> FloatArray:
        """Return the gap (T, 11) [cm] that weights (T, K) ask of a portrait that shows `source`.

        The rig says how far lips part. Where little is asked beyond what the portrait shows, the
        portrait itself knows better than the rig.
        """
        asked, shown = rig.lip_gap(weights), rig.lip_gap(source[None])
        away = np.abs(weights - source)[:, IS_MOUTH].max(axis=1, keepdims=True)
        keep = np.exp(-((away / LIKE_SOURCE) ** 2))
        gap = asked + keep * (self.source_gap_cm - shown)
        return np.asarray(np.maximum(gap, 0.0), np.float32)

    def correct(self, head: Head, shift: FloatArray, *, gap_cm: FloatArray) -> FloatArray:
        """Return `shift` (T, L, 3) [px] changed so that the lips part by `gap_cm` (T, 11)."""
        upper = head.points[INNER_UPPER_LIP] + shift[:, INNER_UPPER_LIP]
        lower = head.points[INNER_LOWER_LIP] + shift[:, INNER_LOWER_LIP]
        wanted = self.shut_gap_cm + np.minimum(gap_cm, MAX_GAP_CM)
        correction = wanted * head.scale - (upper - lower) @ self.up
        correction[:, [0, -1]] = 0.0
        lift = correction @ self.spread.T
        return np.asarray(shift + lift[..., None] * self.up, np.float32)


def build_lips(head: Head) -> Lips:
    """Return the lips of `head`."""
    up = head.rotation[:, 1]
    points = head.points[:N_LANDMARKS]
    gap = (points[INNER_UPPER_LIP] - points[INNER_LOWER_LIP]) @ up / head.scale
    # Lips that are apart on the portrait have teeth or dark between them: nothing of it may stay.
    shut = np.clip(gap, 0.0, CLOSED_GAP_CM) if gap.max() < OPEN_GAP_CM else np.zeros_like(gap)
    return Lips(
        up=np.asarray(up, np.float32),
        source_gap_cm=np.asarray(np.maximum(gap - shut, 0.0), np.float32),
        shut_gap_cm=np.asarray(shut, np.float32),
        spread=_spread(head),
    )


def _spread(head: Head) -> FloatArray:
    """Return how landmarks follow corrections: whole on the lips, fading on the skin round them."""
    right, up = head.rotation[:, 0], head.rotation[:, 1]
    points = head.points[:N_LANDMARKS] / head.scale
    x, y = points @ right, points @ up
    columns = x[INNER_UPPER_LIP]
    middle = (y[INNER_UPPER_LIP] + y[INNER_LOWER_LIP]) / 2
    top = np.max([y[ring] for ring in UPPER_LIP_RINGS], axis=0)
    bottom = np.min([y[ring] for ring in LOWER_LIP_RINGS], axis=0)
    spread = np.zeros((N_LANDMARKS, len(columns)), np.float32)
    for point in range(N_LANDMARKS):
        share = _interpolation(columns, float(x[point]))
        if not share.any():
            continue
        is_upper = y[point] > share @ middle
        beyond = y[point] - share @ top if is_upper else share @ bottom - y[point]
        fade = float(np.exp(-((max(beyond, 0.0) / LIP_REACH_CM) ** 2)))
        spread[point] = share * fade * (UPPER_SHARE if is_upper else UPPER_SHARE - 1.0)
    for upper, lower in zip(UPPER_LIP_RINGS, LOWER_LIP_RINGS, strict=True):
        inner = slice(1, -1)
        spread[upper[inner]] = np.eye(len(columns))[inner] * UPPER_SHARE
        spread[lower[inner]] = np.eye(len(columns))[inner] * (UPPER_SHARE - 1.0)
    return spread


def _interpolation(columns: FloatArray, x: float) -> FloatArray:
    """Return weights (11,) that interpolate at `x` between columns; zero beyond the corners."""
    weights = np.zeros(len(columns), np.float32)
    if columns[0] <= x <= columns[-1]:
        right = int(np.clip(np.searchsorted(columns, x), 1, len(columns) - 1))
        share = (x - columns[right - 1]) / max(columns[right] - columns[right - 1], 1e-6)
        weights[right - 1], weights[right] = 1 - share, share
    return weights
