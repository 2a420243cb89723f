"""Comparing two curves in time: how late one is, how alike they are, where they part.

Curves are rows of floats on one frame grid; NaN marks what is not known and is left out.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Curve = npt.NDArray[np.float64]

_MIN_PAIRS = 8
"""Fewer common frames than this say nothing about likeness."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """How one curve lies against another."""

    lag_frames: float
    """How many frames the first curve comes late, between frames by a parabola through the peak of
    the cross-correlation; NaN where either curve is flat or too short."""

    correlation: float
    """Pearson correlation at the best whole-frame lag; 0 where there is none."""


def correlation(a: Curve, b: Curve) -> float:
    """Return the Pearson correlation of two curves; 0 where either is flat or too short."""
    known = np.isfinite(a) & np.isfinite(b)
    if known.sum() < _MIN_PAIRS:
        return 0.0
    x, y = a[known] - a[known].mean(), b[known] - b[known].mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / scale if scale > 1e-12 else 0.0


def shifted(curve: Curve, frames: int) -> Curve:
    """Return `curve` moved `frames` later; what was before its start is NaN."""
    out = np.full(len(curve), np.nan)
    start, stop = max(0, frames), min(len(curve), len(curve) + frames)
    if start < stop:
        out[start:stop] = curve[start - frames : stop - frames]
    return out


def align(curve: Curve, reference: Curve, *, max_lag: int) -> Alignment:
    """Return how late `curve` is against `reference`, looking `max_lag` frames to either side."""
    lags = range(-max_lag, max_lag + 1)
    scores = np.array([correlation(shifted(curve, -lag), reference) for lag in lags])
    best = int(np.argmax(scores))
    if scores[best] <= 0:
        return Alignment(lag_frames=float("nan"), correlation=0.0)
    return Alignment(
        lag_frames=lags[best] + _peak_offset(scores, best), correlation=float(scores[best])
    )


def _peak_offset(scores: Curve, best: int) -> float:
    """Return where between whole lags the parabola through the best three scores peaks."""
    if not 0 < best < len(scores) - 1:
        return 0.0
    left, middle, right = (float(score) for score in scores[best - 1 : best + 2])
    bend = left - 2 * middle + right
    return 0.5 * (left - right) / bend if bend < -1e-12 else 0.0


def align_ends(curve: Curve, reference: Curve, *, max_lag: int) -> tuple[Alignment, Alignment]:
    """Return how late the first third of `curve` is, and the last third.

    Frames that got lost on the way make the end of a picture early.
    """
    third = len(curve) // 3
    return (
        align(curve[:third], reference[:third], max_lag=max_lag),
        align(curve[-third:], reference[-third:], max_lag=max_lag),
    )


def on_grid(values: Curve, times_s: Curve, *, grid_s: Curve, step_s: float) -> Curve:
    """Return `values` at the moments `grid_s`, linearly between frames; NaN outside the picture.

    Short gaps in `values` (a frame or two without a face) are bridged as well.
    """
    known = np.isfinite(values)
    if known.sum() < 2:
        return np.full(len(grid_s), np.nan)
    curve: Curve = np.interp(grid_s, times_s[known], values[known])
    outside = (grid_s < times_s[0] - step_s / 2) | (grid_s > times_s[-1] + step_s)
    curve[outside] = np.nan
    return curve


def runs(mask: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the half-open ranges in which `mask` holds."""
    edges = np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8))
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return [(int(start), int(stop)) for start, stop in zip(starts, stops, strict=True)]
