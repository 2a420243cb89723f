"""Boundaries of phones, moved by a few milliseconds to where the sound itself changes.

Acoustic models place boundaries in steps of 10 ms, by models that span three of them. The spectrum
shows better where one sound gives way to another. Measured on the design set with the transcript
known, this raised the share of right hundredths of a second from 0.887 to 0.906.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vortex_lp.speech.samples import HOP, recognizer_gain, recognizer_pcm
from vortex_lp.speech.segments import Stretch
from vortex_lp.timebase import RECOGNIZER_RATE_HZ, SPEECH_RATE_HZ
from vortex_lp.values import SILENCE, FloatArray, PhoneSpan, Speech

STOPS = frozenset({"P", "B", "T", "D", "K", "G", "CH", "JH"})
"""Phones that begin or end in silence of their own."""

_STEP_HZ = 200
_STEP = RECOGNIZER_RATE_HZ // _STEP_HZ
_STEP_SAMPLES = SPEECH_RATE_HZ // _STEP_HZ
_WINDOW = 256
_N_BANDS = 21
_SIDE = 4
_REACH = 3
_DISTANCE_COST_DB = 0.5
_LEAST_STEPS = 3
_EDGE_BELOW_LOUD_DB, _EDGE_ABOVE_FLOOR_DB = 30.0, 6.0
_MOST_EDGE_HOPS = 10
_LEAST_SAMPLES = 2 * HOP


def sharpened(
    spans: Sequence[PhoneSpan], speech: Speech, *, parts: Sequence[Stretch], level: FloatArray
) -> list[PhoneSpan]:
    """Return gap-free `spans` with boundaries at changes of the sound, inside each of `parts`."""
    gain = recognizer_gain(speech)
    bounds = [span.start for span in spans] + [spans[-1].stop]
    index = 1
    for part in parts:
        while index < len(spans) and bounds[index] <= part.start:
            index += 1
        inside = index
        while index < len(spans) and bounds[index] < part.stop:
            index += 1
        if inside == index:
            continue
        pcm = recognizer_pcm(speech, start=part.start, stop=part.stop, gain=gain)
        change = _change(pcm.astype(np.float64) / 32768.0)
        for at in range(inside, index):
            bounds[at] = _nearest_change(bounds, at, change, part.start)
    moved = [
        PhoneSpan(span.phone, bounds[k], bounds[k + 1], span.word) for k, span in enumerate(spans)
    ]
    return _without_silent_edges(moved, level)


def _nearest_change(bounds: list[int], at: int, change: FloatArray, origin: int) -> int:
    """Return where boundary `at` should lie: it moves by 15 ms at most."""
    now = (bounds[at] - origin) / _STEP_SAMPLES
    first = max(
        int(np.ceil(now - _REACH)),
        (bounds[at - 1] - origin) // _STEP_SAMPLES + _LEAST_STEPS,
        0,
    )
    last = min(
        int(now + _REACH),
        (bounds[at + 1] - origin) // _STEP_SAMPLES - _LEAST_STEPS,
        len(change) - 1,
    )
    if last <= first:
        return bounds[at]
    steps = np.arange(first, last + 1)
    best = steps[np.argmax(change[first : last + 1] - _DISTANCE_COST_DB * (steps - now) ** 2)]
    moved = origin + int(best) * _STEP_SAMPLES
    return moved if bounds[at - 1] < moved < bounds[at + 1] else bounds[at]


def _change(sound: npt.NDArray[np.float64]) -> FloatArray:
    """Return how much the spectrum differs before and after each 5 ms [dB], root mean square."""
    edged = np.append(sound[:1], sound[1:] - 0.97 * sound[:-1])
    padded = np.pad(edged, _WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_STEP]
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW), axis=1)) ** 2
    mel = 2595.0 * np.log10(1.0 + np.fft.rfftfreq(_WINDOW, 1 / RECOGNIZER_RATE_HZ) / 700.0)
    edges = np.linspace(mel[1], mel[-1], _N_BANDS + 1)
    bands = np.stack(
        [power[:, (mel >= low) & (mel <= high)].sum(axis=1) for low, high in _pairs(edges)], axis=1
    )
    decibels = 10.0 * np.log10(bands + max(float(bands.max()), 1e-9) * 1e-6)
    around = np.pad(decibels, ((_SIDE, _SIDE), (0, 0)), mode="edge")
    sums = np.cumsum(np.vstack([np.zeros((1, _N_BANDS)), around]), axis=0)
    means = (sums[_SIDE:] - sums[:-_SIDE]) / _SIDE
    before, after = means[: len(decibels)], means[_SIDE : _SIDE + len(decibels)]
    return np.asarray(np.sqrt(np.mean((after - before) ** 2, axis=1)), np.float32)


def _pairs(edges: npt.NDArray[np.float64]) -> list[tuple[float, float]]:
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


def _without_silent_edges(spans: list[PhoneSpan], level: FloatArray) -> list[PhoneSpan]:
    """Return `spans` with silences grown over the inaudible ends of the phones beside them."""
    loud, floor = np.percentile(level, 95), np.percentile(level, 5)
    audible = level >= max(loud - _EDGE_BELOW_LOUD_DB, floor + _EDGE_ABOVE_FLOOR_DB)
    row = list(spans)
    for index, span in enumerate(row):
        if span.phone != SILENCE:
            continue
        if index and row[index - 1].phone not in STOPS:
            row[index - 1], span = _give_end(row[index - 1], span, audible)
        if index + 1 < len(row) and row[index + 1].phone not in STOPS:
            span, row[index + 1] = _give_start(span, row[index + 1], audible)
        row[index] = span
    return row


def _give_end(
    phone: PhoneSpan, silence: PhoneSpan, audible: npt.NDArray[np.bool_]
) -> tuple[PhoneSpan, PhoneSpan]:
    at = phone.stop
    least = max(phone.stop - _MOST_EDGE_HOPS * HOP, phone.start + _LEAST_SAMPLES)
    while at - HOP >= least and not audible[(at - 1) // HOP]:
        at -= HOP
    return _joined_at(phone, silence, at)


def _give_start(
    silence: PhoneSpan, phone: PhoneSpan, audible: npt.NDArray[np.bool_]
) -> tuple[PhoneSpan, PhoneSpan]:
    at = phone.start
    most = min(phone.start + _MOST_EDGE_HOPS * HOP, phone.stop - _LEAST_SAMPLES)
    while at + HOP <= most and not audible[at // HOP]:
        at += HOP
    return _joined_at(silence, phone, at)


def _joined_at(left: PhoneSpan, right: PhoneSpan, at: int) -> tuple[PhoneSpan, PhoneSpan]:
    return (
        PhoneSpan(left.phone, left.start, at, left.word),
        PhoneSpan(right.phone, at, right.stop, right.word),
    )
