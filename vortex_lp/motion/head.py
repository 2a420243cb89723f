"""The head: it sways, it nods with what is stressed, and it settles in long pauses.

**Sway** is noise between 0.1 and 0.7 Hz (see `curves.sway`), so it cannot jitter. **Accents** are
nods on loud syllables, as in talkers whose head marks the beat (Hadar et al. 1983; Munhall et al.
2004): a fall of a quarter and a rise of half a second along paths of least jerk, whose lowest point
is on the syllable. Everything starts at exactly 0 with no speed, which is the portrait's own pose,
and a soft limit keeps each angle within `limit_deg`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vortex_lp.motion.curves import Curve, Talk, smootherstep, stream, sway
from vortex_lp.settings import HeadSettings
from vortex_lp.values import MouthTrack

AXES = ("pitch", "yaw", "roll")


@dataclass(frozen=True, slots=True)
class Accent:
    """One stressed syllable that head and brows mark."""

    peak_s: float
    """When it is marked most [s]."""

    size: float
    """How much, from 0 to 1."""

    turn: tuple[float, float, float]
    """Which way: pitch, yaw, roll for a size of 1 [deg]."""


def plan_accents(
    mouth: MouthTrack, *, times_s: Curve, seed: int, strength: float, settings: HeadSettings
) -> tuple[Accent, ...]:
    """Return the loud syllables that are marked, by time, with `strength` as a factor on each.

    A syllable counts when nothing louder is within `accent_gap_s`; chance leaves some out, because
    nobody nods at every word. One too early for its nod to begin with the clip does not count.
    """
    peaks = _peaks(mouth.loudness, apart=max(1, round(settings.accent_gap_s * float(mouth.fps))))
    loud = mouth.loudness[peaks]
    peaks, loud = peaks[loud >= settings.accent_loudness], loud[loud >= settings.accent_loudness]
    lots = stream(seed, "accent").random((len(peaks), 5))
    low, high = settings.nod_deg
    accents = []
    for frame, level, lot in zip(peaks, loud, lots, strict=True):
        if lot[0] >= settings.accent_share or times_s[frame] < settings.nod_fall_s:
            continue
        nod = (low + lot[1] * (high - low)) * float(level) * strength
        # Four in five go down; the others lift the chin a little, mostly with a tilt.
        pitch = nod if lot[2] < 0.8 else -0.5 * nod
        turn = (pitch, 0.5 * nod * (2 * lot[3] - 1), 0.4 * nod * (2 * lot[4] - 1))
        accents.append(Accent(float(times_s[frame]), nod / high, turn))
    return tuple(accents)


def _peaks(loudness: npt.NDArray[np.float32], *, apart: int) -> npt.NDArray[np.intp]:
    """Return the frames that are louder than every other within `apart` frames."""
    if not len(loudness):
        return np.zeros(0, np.intp)
    padded = np.pad(loudness, apart, constant_values=-1.0)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * apart + 1)
    # argmax takes the first of equals, so a plateau is one peak.
    return np.flatnonzero((windows.argmax(axis=1) == apart) & (loudness > 0))


def accent_curve(accents: tuple[Accent, ...], times_s: Curve, settings: HeadSettings) -> Curve:
    """Return how much the accents are marked: (T,) in [0, 1]; the brows follow it."""
    curve = np.zeros_like(times_s)
    for accent in accents:
        part, bump = _bump(accent, times_s, settings)
        curve[part] = np.maximum(curve[part], accent.size * bump)
    return curve


def _bump(accent: Accent, times_s: Curve, settings: HeadSettings) -> tuple[slice, Curve]:
    start_s = accent.peak_s - settings.nod_fall_s
    stop_s = accent.peak_s + settings.nod_rise_s
    first, last = np.searchsorted(times_s, (start_s, stop_s))
    inside = times_s[first:last]
    falls = smootherstep((inside - start_s) / settings.nod_fall_s)
    rises = smootherstep((stop_s - inside) / settings.nod_rise_s)
    return slice(first, last), np.minimum(falls, rises)


def plan_head(
    accents: tuple[Accent, ...],
    *,
    talk: Talk,
    times_s: Curve,
    amount: Curve,
    seed: int,
    settings: HeadSettings,
) -> npt.NDArray[np.float64]:
    """Return pitch, yaw, roll (T, 3) [deg].

    Args:
        accents: What is marked.
        talk: When somebody talks.
        times_s: The moments at which the frames appear (T,), the first of them 0.
        amount: How much the head moves, (T,) from 0 to 1; the size of movement grows with its
            square root, so that even a calm head lives.
        seed: Decides the sway.
        settings: Sizes and times.
    """
    liveliness = settings.idle + (1.0 - settings.idle) * talk.presence(
        times_s, hold_s=settings.rest_after_s, leave_s=settings.rest_s, come_s=settings.wake_s
    )
    head = np.zeros((len(times_s), 3))
    for axis, (name, size) in enumerate(zip(AXES, settings.sway_deg, strict=True)):
        chance = stream(seed, f"head {name}")
        head[:, axis] = size * liveliness * sway(times_s, chance=chance, band_hz=settings.sway_hz)
    for accent in accents:
        part, bump = _bump(accent, times_s, settings)
        head[part] += bump[:, None] * accent.turn
    limit = settings.limit_deg
    head[...] = limit * np.tanh(head / limit)
    onset = smootherstep(times_s / settings.onset_s)
    return np.asarray(head * (onset * np.sqrt(amount))[:, None])
