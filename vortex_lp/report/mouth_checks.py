"""What the mouth does, held against what was wanted of it."""

import dataclasses

import numpy as np
import numpy.typing as npt

from vortex_lp.report.compare import Curve, align_ends, runs
from vortex_lp.report.metric import Metric, Status, counted, graded, unmeasured
from vortex_lp.report.scene import Scene, percentile
from vortex_lp.timebase import SPEECH_RATE_HZ, seconds
from vortex_lp.values import SILENCE, PhoneSpan

CLOSED_PHONES = ("P", "B", "M")
TUCKED_PHONES = ("F", "V")

ON_TIME_FRAMES = 2
"""The promise: a mouth movement comes within this many frames of its sound."""

_SEARCH_FRAMES = 6
"""How far the movement around one phone is looked for."""

_CONTEXT_S = 0.2
"""What is compared around the middle of a phone, to either side: a phone and its neighbours."""

_MAX_LOCAL_ERROR = 1.0
"""Mean squared difference, in variances of the clip, beyond which a movement is none of ours."""

_CLEARLY_BETTER = 0.05
"""Another lag fits better only when its error is this much smaller [variances of the clip]; where
the mouth hardly moves every lag fits, and the small difference would be chance."""

_TUCKED_SHARE = 0.5
"""With the lower lip at the teeth the gap is under this share of the clip's opening. A heuristic:
MediaPipe sees the lips and not the teeth, so a shut mouth counts as tucked as well."""

_SILENT = "the mouth was to stay shut all the time"

_FROZEN_WINDOW_S = 0.5
_WANTED_CHANGE, _FROZEN_CHANGE = 0.4, 0.08
"""Within the window the wanted mouth changes by more than the one share of the clip's opening while
the measured one changes by less than the other."""


def check_mouth(scene: Scene) -> list[Metric]:
    """Return every finding about the mouth except its lag, which needs the sound too."""
    checks = [_correlation(scene), _range(scene), _frozen(scene), _drift(scene)]
    return [
        *checks,
        _phones_on_time(scene),
        _closures(scene),
        _tucks(scene),
        _silence(scene),
    ]


def _at_worst(scene: Scene) -> Status:
    """Return the gravest verdict where what is wanted may itself be misheard."""
    return "fail" if scene.is_asked else "warn"


def _correlation(scene: Scene) -> Metric:
    if not scene.wants_speech:
        return unmeasured("correlation", why=_SILENT)
    value = scene.alignment.correlation
    source = "asked of it" if scene.is_asked else "heard in the sound"
    why = f"the measured lip aperture follows what was {source} with correlation {value:.2f}"
    bands = scene.bands
    if not scene.moves:
        value, why = 0.0, "the mouth does not open in this clip"
    elif value < bands.correlation.poor:
        why += ": they do not speak this sound, or not all through the clip in time with it"
    metric = graded("correlation", value, band=bands.correlation, why=why)
    is_far = abs(scene.alignment.lag_frames) > bands.lag_frames.poor
    if not scene.is_asked and metric.status == "warn" and is_far:
        # Two talkers' lips always agree a little at some lag; one's own agree where they should.
        why += ", and only out of time: these lips do not speak this sound"
        return dataclasses.replace(metric, status="fail", why=why)
    return metric


def _range(scene: Scene) -> Metric:
    if not scene.wants_speech:
        return unmeasured("mouth_range", why=_SILENT)
    share = scene.opening / percentile(scene.wanted)
    why = f"the mouth opens to {share:.0%} of what was wanted"
    if share < scene.bands.mouth_range.poor:
        why += ": it hardly moves"
    return graded("mouth_range", share, band=scene.bands.mouth_range, why=why)


def _frozen(scene: Scene) -> Metric:
    width = max(3, round(_FROZEN_WINDOW_S * scene.fps))
    opening = max(scene.opening, 0.3 * percentile(scene.wanted))
    wanted = _changes(scene.wanted, width) > _WANTED_CHANGE * percentile(scene.wanted)
    frozen = wanted & (_changes(scene.measured, width) < _FROZEN_CHANGE * opening)
    found = runs(frozen)
    if not found:
        return graded(
            "frozen_s", 0.0, band=scene.bands.frozen_s, why="the mouth moves whenever it should"
        )
    start, stop = max(found, key=lambda run: run[1] - run[0])
    # Each entry stands for the window that begins there.
    length_s = (stop - start - 1 + width) / scene.fps
    why = f"the mouth is frozen for {length_s:.1f} s from {scene.time_s(start):.1f} s on"
    return graded(
        "frozen_s", length_s, band=scene.bands.frozen_s, why=why, at_worst=_at_worst(scene)
    )


def _changes(curve: Curve, width: int) -> Curve:
    """Return by how much `curve` changes within `width` frames from each frame on."""
    if len(curve) < width:
        return np.zeros(0)
    windows = np.lib.stride_tricks.sliding_window_view(curve, width)
    changes: Curve = windows.max(axis=1) - windows.min(axis=1)
    return changes


def _drift(scene: Scene) -> Metric:
    name = "drift_frames"
    if len(scene.wanted) < 6 * scene.fps:
        return unmeasured(name, why="the clip is shorter than 6 s, too short to drift")
    first, last = align_ends(scene.measured, scene.wanted, max_lag=scene.max_lag)
    value = last.lag_frames - first.lag_frames
    if min(first.correlation, last.correlation) < scene.bands.correlation.poor:
        return unmeasured(name, why="the lips do not follow the sound, so no lag can be told")
    way = "later" if value > 0 else "earlier"
    why = f"the lips are {abs(value):.1f} frames {way} at the end than at the beginning"
    if abs(value) > scene.bands.drift_frames.poor:
        why += ": frames were lost or doubled, or the frame rate is wrong"
    return graded(
        name, abs(value), band=scene.bands.drift_frames, why=why, at_worst=_at_worst(scene)
    )


def _phones_on_time(scene: Scene) -> Metric:
    name = "phones_on_time"
    spans = [span for span in scene.spans if span.phone != SILENCE]
    if not spans or not scene.wants_speech:
        return unmeasured(name, why="no phone is spoken, or nobody said which")
    if not scene.moves:
        return graded(name, 0.0, band=scene.bands.phones_on_time, why="the mouth does not move")
    measured, wanted = _standard(scene.measured), _standard(scene.wanted)
    lags = [
        _local_lag(scene, _middle(span, scene), measured=measured, wanted=wanted) for span in spans
    ]
    known = np.array([lag for lag in lags if lag is not None])
    if not len(known):
        return unmeasured(name, why="no phone is far enough from the clip's ends")
    share = float(np.mean(np.abs(known) <= ON_TIME_FRAMES))
    why = f"the movement around {share:.0%} of {counted(len(known), 'phone')} comes within 2 frames"
    return graded(name, share, band=scene.bands.phones_on_time, why=why)


def _standard(curve: Curve) -> Curve:
    spread = float(np.nanstd(curve))
    return (curve - np.nanmean(curve)) / max(spread, 1e-6)


def _middle(span: PhoneSpan, scene: Scene) -> int:
    middle_s = seconds(span.start + span.stop, rate_hz=SPEECH_RATE_HZ) / 2
    return int(np.floor(middle_s * scene.fps))


def _local_lag(scene: Scene, middle: int, *, measured: Curve, wanted: Curve) -> float | None:
    """Return how late the movement around frame `middle` is.

    Infinite where no movement is like it, None where the clip ends too near.
    """
    half = max(2, round(_CONTEXT_S * scene.fps))
    start, stop = middle - half, middle + half + 1
    if start < _SEARCH_FRAMES or stop + _SEARCH_FRAMES > len(wanted):
        return None
    best_error, best_lag = np.inf, np.inf
    # The smallest lag comes first and keeps its place where another is not clearly better.
    for lag in sorted(range(-_SEARCH_FRAMES, _SEARCH_FRAMES + 1), key=abs):
        difference = measured[start + lag : stop + lag] - wanted[start:stop]
        error = float(np.mean(np.square(difference)))
        if error < best_error - _CLEARLY_BETTER:
            best_error, best_lag = error, float(lag)
    return best_lag if best_error < _MAX_LOCAL_ERROR else float(np.inf)


def _closures(scene: Scene) -> Metric:
    spans = [span for span in scene.spans if span.phone in CLOSED_PHONES]
    return _recall(
        scene,
        "closure_recall",
        spans=spans,
        limit=scene.shut_below,
        what="P, B or M",
        done="shut the lips",
    )


def _tucks(scene: Scene) -> Metric:
    spans = [span for span in scene.spans if span.phone in TUCKED_PHONES]
    return _recall(
        scene,
        "tuck_recall",
        spans=spans,
        limit=_TUCKED_SHARE * scene.opening,
        what="F or V",
        done="bring the lip to the teeth",
    )


def _recall(
    scene: Scene, name: str, *, spans: list[PhoneSpan], limit: float, what: str, done: str
) -> Metric:
    """Grade at how many of `spans` the aperture falls under `limit`."""
    if not spans:
        return unmeasured(name, why=f"no {what} is spoken, or nobody said which phones are")
    if not scene.moves:
        return unmeasured(name, why="the mouth does not open, so that it cannot be seen to shut")
    # The promise is two frames, and a phone heard by a recogniser has blurred edges itself.
    margin = 1 if scene.is_asked else ON_TIME_FRAMES
    lows = [_lowest(scene.measured[scene.frames_of(span, margin=margin)]) for span in spans]
    seen = [(span, low) for span, low in zip(spans, lows, strict=True) if np.isfinite(low)]
    if not seen:
        return unmeasured(name, why=f"no frame shows a face at a {what}")
    missed = [span for span, low in seen if low > limit]
    share = 1 - len(missed) / len(seen)
    why = f"{len(seen) - len(missed)} of {len(seen)} {what} {done}"
    if missed:
        times = ", ".join(f"{span.phone} at {_when_s(span, scene):.2f} s" for span in missed[:5])
        why += f"; not {times}" + (" and others" if len(missed) > 5 else "")
    return graded(name, share, band=getattr(scene.bands, name), why=why, at_worst=_at_worst(scene))


def _when_s(span: PhoneSpan, scene: Scene) -> float:
    return scene.time_s(seconds(span.start, rate_hz=SPEECH_RATE_HZ) * scene.fps)


def _lowest(values: Curve) -> float:
    known = values[np.isfinite(values)]
    return float(known.min()) if len(known) else float("nan")


def _silence(scene: Scene) -> Metric:
    name = "silence_shut"
    quiet = _quiet_frames(scene)
    seen = quiet & np.isfinite(scene.measured)
    if not seen.any():
        return unmeasured(
            name, why=f"there is no silence of {scene.settings.min_silence_s:g} s or more"
        )
    if not scene.moves:
        return unmeasured(name, why="the mouth does not open, so that it cannot be seen to shut")
    shut = scene.measured < scene.shut_below
    share = float(np.mean(shut[seen]))
    why = f"the mouth is shut in {share:.0%} of {counted(int(seen.sum()), 'silent frame')}"
    ajar = runs(seen & ~shut)
    if ajar:
        start, stop = max(ajar, key=lambda run: run[1] - run[0])
        why += (
            f"; it stands open longest from {scene.time_s(start):.2f} s "
            f"for {counted(stop - start, 'frame')}"
        )
    return graded(name, share, band=scene.bands.silence_shut, why=why, at_worst=_at_worst(scene))


def _quiet_frames(scene: Scene) -> npt.NDArray[np.bool_]:
    """Return the frames inside long silences, without the time the mouth takes to shut and open."""
    quiet = np.zeros(len(scene.measured), bool)
    settle = round(scene.settings.settle_s * scene.fps)
    for span in scene.spans:
        length_s = seconds(span.stop - span.start, rate_hz=SPEECH_RATE_HZ)
        if span.phone != SILENCE or length_s < scene.settings.min_silence_s:
            continue
        frames = scene.frames_of(span)
        first, last = frames.start == 0, frames.stop == len(quiet)
        quiet[frames.start + (0 if first else settle) : frames.stop - (0 if last else settle)] = (
            True
        )
    return quiet
