"""Eyes: blinks, gaze and lids.

**Blinks** come every 2 to 6 s, and at most ends of phrases, which is where talking people blink
(Condon & Ogston 1967; Nakano & Kitazawa 2010): together about 20 a minute, as in conversation
(Bentivoglio et al. 1997: 17 at rest, 26 talking). The lid falls in 60 to 90 ms and rises in about
twice that (Evinger et al. 1991). The moment of full closure is moved to the middle of a frame, so
that a shut eye is seen at any frame rate.

**Gaze** rests on the viewer, wanders by small saccades, and now and then leaves for something
aside, as talkers do (Kendon 1967). A saccade of A degrees lasts 21 + 2.2 A ms (the main sequence;
Carpenter 1988) along a path of least jerk. While the head turns, the eyes turn against it and stay
on the viewer (the vestibulo-ocular reflex). The lids follow the gaze up and down.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from vortex_lp.motion.curves import Curve, Talk, smootherstep, smoothstep, stream, sway
from vortex_lp.motion.expressions import REST_OPENNESS, Expression
from vortex_lp.settings import BlinkSettings, GazeSettings, LidSettings
from vortex_lp.values import ARKIT_INDEX, FloatArray, MotionTrack

SACCADE_S, SACCADE_S_PER_DEG = 0.021, 0.0022
"""Duration of a saccade: this, and this much for each degree (Carpenter 1988)."""

_DRIFT_HZ = (0.05, 0.5)
_SHUT = 0.99
_WAYS = ("In", "Out", "Up", "Down")
_LIDS = [ARKIT_INDEX["eyeBlinkLeft"], ARKIT_INDEX["eyeBlinkRight"]]
_WIDE = [ARKIT_INDEX["eyeWideLeft"], ARKIT_INDEX["eyeWideRight"]]
# The person's left is the viewer's right, which is where positive angles look.
_RIGHTWARD = [ARKIT_INDEX["eyeLookOutLeft"], ARKIT_INDEX["eyeLookInRight"]]
_LEFTWARD = [ARKIT_INDEX["eyeLookInLeft"], ARKIT_INDEX["eyeLookOutRight"]]
_UPWARD = [ARKIT_INDEX["eyeLookUpLeft"], ARKIT_INDEX["eyeLookUpRight"]]
_DOWNWARD = [ARKIT_INDEX["eyeLookDownLeft"], ARKIT_INDEX["eyeLookDownRight"]]


@dataclass(frozen=True, slots=True)
class Blink:
    """One blink: the lids fall, stay shut and rise."""

    shut_s: float
    """The moment from which they are shut, the middle of a frame [s]."""

    close_s: float
    """How long they fell before [s]."""

    hold_s: float
    """How long they stay shut [s]."""

    open_s: float
    """How long they then rise [s]."""


def plan_blinks(
    talk: Talk, *, n_frames: int, fps: Fraction, seed: int, rate: float, settings: BlinkSettings
) -> tuple[Blink, ...]:
    """Return the blinks of a clip, by time.

    Args:
        talk: When phrases end.
        n_frames: Length of the clip.
        fps: Its frames a second.
        seed: Decides when.
        rate: Factor on how often; 0 is never.
        settings: Their timing.
    """
    if rate <= 0:
        return ()
    duration_s = float(n_frames / fps)
    chance = stream(seed, "blink")
    ends = iter(_phrase_ends(talk, seed=seed, share=min(1.0, settings.phrase_share * rate)))
    end_s = next(ends, np.inf)
    low_s, high_s = (gap / rate for gap in settings.gap_s)
    blinks: list[Blink] = []
    last_s = -np.inf
    due_s = settings.first_s[0] + chance.random() * (settings.first_s[1] - settings.first_s[0])
    while True:
        while end_s < last_s + settings.phrase_gap_s:
            end_s = next(ends, np.inf)
        at_s = min(due_s, end_s)
        draw = chance.random(5)
        at_s = max(at_s, last_s + settings.min_gap_s)
        if at_s >= duration_s:
            return tuple(blinks)
        blinks.append(_blink(at_s, draw, fps=fps, settings=settings))
        last_s = at_s
        due_s = last_s + low_s + draw[3] * (high_s - low_s)


def _phrase_ends(talk: Talk, *, seed: int, share: float) -> list[float]:
    """Return the moments at which the phrase ends that are taken make somebody blink."""
    chance = stream(seed, "blink at phrase end").random((len(talk.stops_s), 2))
    return [
        float(stop_s + 0.15 * delay)
        for stop_s, (lot, delay) in zip(talk.stops_s, chance, strict=True)
        if lot < share
    ]


def _blink(at_s: float, draw: Curve, *, fps: Fraction, settings: BlinkSettings) -> Blink:
    ranges = (settings.close_s, settings.hold_s, settings.open_s)
    close_s, hold_s, open_s = (
        low + lot * (high - low) for lot, (low, high) in zip(draw, ranges, strict=False)
    )
    frame = np.floor((at_s + close_s) * float(fps))
    return Blink(float((frame + 0.5) / float(fps)), close_s, hold_s, open_s)


def blink_curve(blinks: tuple[Blink, ...], times_s: Curve) -> Curve:
    """Return how far the lids are shut by `blinks`: (T,) in [0, 1]."""
    curve = np.zeros_like(times_s)
    for blink in blinks:
        start_s = blink.shut_s - blink.close_s
        stop_s = blink.shut_s + blink.hold_s + blink.open_s
        first, last = np.searchsorted(times_s, (start_s, stop_s))
        inside = times_s[first:last]
        falls = smoothstep((inside - start_s) / blink.close_s)
        rises = smoothstep((stop_s - inside) / blink.open_s)
        curve[first:last] = np.maximum(curve[first:last], np.minimum(falls, rises))
        # Rounding must not cost the shut frame, whatever the frame rate.
        curve[first:last][np.abs(inside - blink.shut_s) < 1e-6] = 1.0
    return curve


def blink_frames(track: MotionTrack) -> tuple[int, ...]:
    """Return the first wholly shut frame of each blink that `track` asks for."""
    shut = track.weights[:, _LIDS].min(axis=1) >= _SHUT
    begins = shut & ~np.concatenate(([False], shut[:-1]))
    return tuple(int(frame) for frame in np.flatnonzero(begins))


def plan_gaze(
    times_s: Curve,
    head_deg: npt.NDArray[np.float64],
    *,
    seed: int,
    target: tuple[float, float],
    liveliness: float,
    settings: GazeSettings,
) -> npt.NDArray[np.float64]:
    """Return where the eyes look, (T, 2) [deg]: to the viewer's right, and up.

    Args:
        times_s: The moments that the frames show (T,).
        head_deg: Pitch, yaw, roll of the head (T, 3), which the eyes turn against.
        seed: Decides when and where they wander.
        target: What they rest on, right and up in [-1, 1]; (0, 0) is where the portrait looks.
        liveliness: Factor on the size of what they wander.
        settings: Sizes and times.
    """
    wander = _saccades(times_s, seed=seed, settings=settings)
    drift = np.stack(
        [
            sway(times_s, chance=stream(seed, f"gaze drift {axis}"), band_hz=_DRIFT_HZ)
            for axis in "xy"
        ],
        axis=1,
    )
    rest = np.array(target) * settings.target_deg
    # The head's pitch looks down where it is positive, the gaze's looks up.
    against = head_deg[:, [1, 0]] * (-settings.follow, settings.follow)
    return rest + liveliness * (wander + settings.drift_deg * drift) + against


def _saccades(times_s: Curve, *, seed: int, settings: GazeSettings) -> npt.NDArray[np.float64]:
    """Return the wandering gaze (T, 2) [deg]: rests, and saccades between them."""
    n_most = int(times_s[-1] / min(settings.fixation_s[0], settings.away_s[0])) + 2
    lots = stream(seed, "gaze time").random((n_most, 5))
    small = stream(seed, "gaze place").standard_normal((n_most, 2)) * settings.small_deg
    is_away = lots[:, 0] < settings.away_share
    is_away[0] = False
    size = settings.away_deg[0] + lots[:, 1] * (settings.away_deg[1] - settings.away_deg[0])
    angle = 2 * np.pi * lots[:, 2]
    # People who think look aside or down more than up; half the height, and less of it upwards.
    away = np.stack([np.cos(angle), 0.5 * np.sin(angle) - 0.15], axis=1) * size[:, None]
    places = np.where(is_away[:, None], away, small)
    places[0] = 0.0

    low_s, high_s = settings.fixation_s
    rests_s = np.minimum(low_s - settings.fixation_spread_s * np.log1p(-lots[:, 3]), high_s)
    brief_s = settings.away_s[0] + lots[:, 4] * (settings.away_s[1] - settings.away_s[0])
    rests_s = np.where(is_away, brief_s, rests_s)
    starts_s = np.concatenate(([0.0], np.cumsum(rests_s)[:-1]))

    number = np.searchsorted(starts_s, times_s, side="right") - 1
    before = places[np.maximum(number - 1, 0)]
    step = places[number] - before
    lasts_s = SACCADE_S + SACCADE_S_PER_DEG * np.hypot(step[:, 0], step[:, 1])
    done = smootherstep((times_s - starts_s[number]) / lasts_s)
    return np.asarray(before + step * done[:, None])


def gaze_of(weights: FloatArray, *, side: str) -> tuple[float, float]:
    """Return where the eye on the person's `side`, Left or Right, looks in one frame (K,).

    To the viewer's right and up, 1 being an eyeLook weight of 1.
    """
    look = {way: float(weights[ARKIT_INDEX[f"eyeLook{way}{side}"]]) for way in _WAYS}
    outwards = look["Out"] - look["In"]
    return (outwards if side == "Left" else -outwards), look["Up"] - look["Down"]


def apply_eyes(
    weights: FloatArray,
    expression: Expression,
    *,
    blink: Curve,
    gaze_deg: npt.NDArray[np.float64],
    lids: LidSettings,
    full_deg: float,
) -> FloatArray:
    """Return `weights` (T, K) with blinks, gaze and lids; eye shapes of the expression stay.

    Args:
        weights: Weights so far, such as the expression's.
        expression: How open the eyes are.
        blink: How far blinks shut the lids (T,).
        gaze_deg: Where the eyes look (T, 2) [deg], right and up.
        lids: How the lids follow.
        full_deg: The angle that an eyeLook weight of 1 means [deg].
    """
    out = weights.copy()
    right, up = (gaze_deg / full_deg).astype(np.float32).T
    for plus, minus, share in ((_RIGHTWARD, _LEFTWARD, right), (_UPWARD, _DOWNWARD, up)):
        signed = out[:, plus] - out[:, minus] + share[:, None]
        out[:, plus] = np.clip(signed, 0.0, 1.0)
        out[:, minus] = np.clip(-signed, 0.0, 1.0)

    openness = (expression.eye_openness - REST_OPENNESS) / REST_OPENNESS
    wide = lids.wide * np.maximum(openness, 0.0) + lids.follow_up * np.maximum(up, 0.0)
    sunk = lids.sink * np.maximum(-openness, 0.0) + lids.follow_down * np.maximum(-up, 0.0)
    shut = blink.astype(np.float32)[:, None]
    wide_all = np.clip(out[:, _WIDE] + wide[:, None], 0.0, 1.0) * (1.0 - shut)
    sunk_all = np.clip(out[:, _LIDS] + sunk[:, None], 0.0, lids.most_sunk)
    out[:, _WIDE] = wide_all
    out[:, _LIDS] = sunk_all + (1.0 - sunk_all) * shut
    return out
