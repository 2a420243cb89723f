"""Any language: mouth shapes guessed from how loud the sound is and how its spectrum leans.

These are no phones of the language but the nearest English ones to what the mouth seems to do. The
thresholds are heuristics, set by ear and by plots on the recordings of the benchmark.
"""

import itertools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from vortex_lp.settings import Settings
from vortex_lp.speech.samples import level_db, recognizer_gain, recognizer_pcm
from vortex_lp.speech.segments import Stretch, pieces, silences
from vortex_lp.speech.spans import fill_gaps, silence_over
from vortex_lp.timebase import RECOGNIZER_RATE_HZ, SPEECH_RATE_HZ
from vortex_lp.values import SILENCE, FloatArray, PhoneSpan, Recognition, Speech

_STEP = RECOGNIZER_RATE_HZ // 100
_WINDOW = 400
_STEP_SAMPLES = SPEECH_RATE_HZ // 100
_BANDS_HZ = ((80, 500), (500, 1000), (1000, 2000), (2000, 3500), (3500, 7500))
_SMOOTH_STEPS = 7
_LEAST_STEPS = 4
_QUIET_DB = 30.0
_DIP_DB = 14.0
_HISS_SHARE = 0.5
_FRONT_SHARE = 0.16
_BACK_SHARE = 0.06
_OPEN_SHARE = 0.35
_HUM_SHARE = 0.93


def recognize_energy(
    speech: Speech,
    *,
    settings: Settings,
    transcript: str | None,
    on_progress: Callable[[float], None],
) -> Recognition:
    """Return pseudo-phones of any sound; the nearest English phones to what the mouth may do."""
    level = level_db(speech)
    gain = recognizer_gain(speech)
    spans: list[PhoneSpan] = []
    for stretch in pieces(level, n_samples=speech.n_samples):
        spans += energy_spans(speech, stretch, gain=gain)
        on_progress(stretch.stop / speech.n_samples)
    row = fill_gaps(spans, n_samples=speech.n_samples)
    row = silence_over(row, silent=silences(level, n_samples=speech.n_samples))
    note = "phones are guessed from loudness and colour, not from a language"
    return Recognition(spans=tuple(row), recognizer="energy", note=note)


def energy_spans(speech: Speech, stretch: Stretch, *, gain: float) -> list[PhoneSpan]:
    """Return the pseudo-phones of one stretch, gap-free and at least 40 ms long each.

    `gain` is the recording's `recognizer_gain`; finding it takes a pass over all of it.
    """
    pcm = recognizer_pcm(speech, start=stretch.start, stop=stretch.stop, gain=gain)
    names = _classify(_band_powers(pcm))
    spans = []
    for start, stop in _steady_runs(names):
        first = stretch.start + start * _STEP_SAMPLES
        last = min(stretch.start + stop * _STEP_SAMPLES, stretch.stop)
        if first < last:
            spans.append(PhoneSpan(str(names[start]), first, last))
    return spans


def _band_powers(pcm: npt.NDArray[np.int16]) -> FloatArray:
    """Return the power in each of `_BANDS_HZ` for each 10 ms, (steps, bands)."""
    padded = np.pad(pcm.astype(np.float32) / 32768.0, _WINDOW // 2)
    n_steps = max(len(pcm) // _STEP, 1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_STEP][:n_steps]
    spectrum = np.abs(np.fft.rfft(windows * np.hanning(_WINDOW), axis=1)) ** 2
    hertz = np.fft.rfftfreq(_WINDOW, 1 / RECOGNIZER_RATE_HZ)
    bands = [spectrum[:, (hertz >= low) & (hertz < high)].sum(axis=1) for low, high in _BANDS_HZ]
    kernel = np.hanning(_SMOOTH_STEPS + 2)[1:-1]
    kernel /= kernel.sum()
    smooth = [np.convolve(band, kernel, mode="same") for band in bands]
    return np.stack(smooth, axis=1).astype(np.float32) + 1e-9


def _classify(powers: FloatArray) -> npt.NDArray[np.str_]:
    """Return one pseudo-phone for each step."""
    total = powers.sum(axis=1)
    level = 10 * np.log10(total)
    loud = np.percentile(level, 95)
    share = powers / total[:, None]
    # Loudness beside that of the half second around tells syllables from what is between them.
    around = _running_max(level, 25)
    names = np.full(len(total), "AH", dtype="<U3")
    names[share[:, 1] > _OPEN_SHARE] = "AA"
    names[share[:, 2] > _OPEN_SHARE] = "AE"
    names[share[:, 3] > _FRONT_SHARE] = "IY"
    back = (share[:, 2] + share[:, 3] < _BACK_SHARE) & (share[:, 1] <= _OPEN_SHARE)
    names[back] = "UW"
    names[share[:, 4] > _HISS_SHARE] = "S"
    dip = level < around - _DIP_DB
    names[dip & (share[:, 4] <= _HISS_SHARE)] = "T"
    names[dip & (share[:, 0] > _HUM_SHARE)] = "M"
    names[level < loud - _QUIET_DB] = SILENCE
    return names


def _running_max(values: FloatArray, reach: int) -> FloatArray:
    padded = np.pad(values, reach, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
    return np.asarray(windows.max(axis=1))


def _steady_runs(names: npt.NDArray[np.str_]) -> list[tuple[int, int]]:
    """Return the half-open runs of equal names; those too short go to the run before them."""
    edges = [0, *(np.flatnonzero(names[1:] != names[:-1]) + 1).tolist(), len(names)]
    kept: list[tuple[int, int]] = []
    for start, stop in itertools.pairwise(edges):
        if kept and (stop - start < _LEAST_STEPS or names[start] == names[kept[-1][0]]):
            kept[-1] = (kept[-1][0], stop)
        else:
            kept.append((start, stop))
    return kept
