"""Where people speak and where they pause."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vortex_lp.speech.samples import HOP
from vortex_lp.timebase import SPEECH_RATE_HZ
from vortex_lp.values import FloatArray

QUIET_BELOW_LOUD_DB = 35.0
"""Sound this far below the loud syllables is a pause, in a recording without noise [dB]. A voice
spans about 30 dB from its loud vowels to its faint consonants."""

QUIET_ABOVE_FLOOR_DB = 4.0
"""In a noisy recording, sound up to this far above the noise is a pause [dB]."""

LEAST_RANGE_DB = 10.0
"""A recording whose loud and quiet parts differ by less than this shows no pauses [dB]."""

_HOPS_A_SECOND = SPEECH_RATE_HZ // HOP
PAUSE_HOPS = _HOPS_A_SECOND // 4
"""A piece may be cut where it is quiet for so long: 0.25 s, longer than the closure of a stop."""

LONG_PAUSE_HOPS = 3 * _HOPS_A_SECOND // 10
"""Quiet for so long is silence whatever a recogniser says: 0.3 s."""

MARGIN_HOPS = 15
"""Quiet left at both ends of a piece, so that the models hear its beginning: 0.15 s."""

AIM_HOPS = 8 * _HOPS_A_SECOND
"""Pieces grow to about this length: long enough for the level and the words to settle, short
enough to share among cores."""

MOST_HOPS = 14 * _HOPS_A_SECOND
"""Speech without a pause is cut at its quietest place before it gets longer than this."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of the recording."""

    start: int
    """First sample."""

    stop: int
    """One past the last sample."""


def quiet_hops(level: FloatArray) -> npt.NDArray[np.bool_]:
    """Return which 10 ms of `level` [dB] are quiet, (H,)."""
    smooth = np.convolve(np.pad(level, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    loud, floor = np.percentile(smooth, 95), np.percentile(smooth, 5)
    if loud - floor < LEAST_RANGE_DB:
        return np.full(len(level), bool(loud < -60.0))
    threshold = max(loud - QUIET_BELOW_LOUD_DB, floor + QUIET_ABOVE_FLOOR_DB)
    return np.asarray(smooth < threshold)


def runs(flags: npt.NDArray[np.bool_], *, at_least: int) -> list[tuple[int, int]]:
    """Return the half-open ranges in which `flags` holds for at least `at_least` entries."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    pairs = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    return [(start, stop) for start, stop in pairs if stop - start >= at_least]


def silences(level: FloatArray, *, n_samples: int) -> list[Stretch]:
    """Return where it is silent for 0.3 s or more."""
    return _stretches(runs(quiet_hops(level), at_least=LONG_PAUSE_HOPS), n_samples)


def pieces(level: FloatArray, *, n_samples: int) -> list[Stretch]:
    """Return what a recogniser should hear, in order: speech in pieces cut at pauses."""
    pauses = runs(quiet_hops(level), at_least=PAUSE_HOPS)
    spoken = _between(pauses, len(level))
    cut = [part for start, stop in spoken for part in _cut(level, start, stop)]
    joined: list[tuple[int, int]] = []
    for start, stop in cut:
        near = joined and start - joined[-1][1] < 2 * _HOPS_A_SECOND
        if near and stop - joined[-1][0] <= AIM_HOPS:
            joined[-1] = (joined[-1][0], stop)
        else:
            joined.append((start, stop))
    return _stretches(_with_margins(joined, len(level)), n_samples)


def _between(pauses: list[tuple[int, int]], n_hops: int) -> list[tuple[int, int]]:
    stops = [start for start, _ in pauses] + [n_hops]
    starts = [0] + [stop for _, stop in pauses]
    return [(a, b) for a, b in zip(starts, stops, strict=True) if b > a]


def _cut(level: FloatArray, start: int, stop: int) -> list[tuple[int, int]]:
    parts = []
    while stop - start > MOST_HOPS:
        window = level[start + AIM_HOPS // 2 : start + MOST_HOPS]
        smooth = np.convolve(window, np.ones(9) / 9, mode="same")
        # The ends of a convolution see zeros, which are louder than any level.
        middle = start + AIM_HOPS // 2 + 4 + int(np.argmin(smooth[4:-4]))
        parts.append((start, middle))
        start = middle
    return [*parts, (start, stop)]


def _with_margins(parts: list[tuple[int, int]], n_hops: int) -> list[tuple[int, int]]:
    """Widen each part into the pauses beside it, at most to their middles."""
    wide = []
    for index, (start, stop) in enumerate(parts):
        before = parts[index - 1][1] if index else -MARGIN_HOPS
        after = parts[index + 1][0] if index + 1 < len(parts) else n_hops + MARGIN_HOPS
        left = min(MARGIN_HOPS, (start - before) // 2)
        right = min(MARGIN_HOPS, (after - stop) // 2)
        wide.append((max(start - left, 0), min(stop + right, n_hops)))
    return wide


def _stretches(hops: list[tuple[int, int]], n_samples: int) -> list[Stretch]:
    return [
        Stretch(start * HOP, min(stop * HOP, n_samples))
        for start, stop in hops
        if start * HOP < n_samples
    ]
