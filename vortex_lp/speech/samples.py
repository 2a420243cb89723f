"""Views of a recording that need no memory of its length: loudness, and pieces for recognisers."""

import numpy as np
import numpy.typing as npt

from vortex_lp.timebase import RECOGNIZER_RATE_HZ, SPEECH_RATE_HZ
from vortex_lp.values import FloatArray, Speech

HOP = SPEECH_RATE_HZ // 100
"""Samples of one step of the loudness curve: 10 ms."""

DECIMATION = SPEECH_RATE_HZ // RECOGNIZER_RATE_HZ
"""How many samples of a recording make one of a recogniser's; exact."""

_BLOCK_HOPS = 600
_EDGE = 160 * DECIMATION
_FULL_SCALE = 32767.0
_LOUD_RMS = 0.1
_MAX_GAIN = 300.0
_MAX_PEAK = 0.98


def level_db(speech: Speech) -> FloatArray:
    """Return the loudness of each 10 ms [dB of full scale], (ceil(N / HOP),); -120 is the least."""
    n_hops = -(-speech.n_samples // HOP)
    power = np.zeros(n_hops, np.float64)
    for first in range(0, n_hops, _BLOCK_HOPS):
        block = np.asarray(
            speech.samples[first * HOP : (first + _BLOCK_HOPS) * HOP], dtype=np.float64
        )
        squares = np.zeros(-(-len(block) // HOP) * HOP)
        # Without the difference, rumble and an offset of the microphone would count as loud.
        squares[1 : len(block)] = (block[1:] - 0.95 * block[:-1]) ** 2
        power[first : first + _BLOCK_HOPS] = squares.reshape(-1, HOP).mean(axis=1)
    return (10 * np.log10(power + 1e-12)).astype(np.float32)


def recognizer_gain(speech: Speech) -> float:
    """Return the factor that brings the loud parts of `speech` to the level recognisers expect."""
    loud = 10 ** (float(np.percentile(level_db(speech), 95)) / 20)
    return float(np.clip(_LOUD_RMS / max(loud, 1e-9), 1 / _MAX_GAIN, _MAX_GAIN))


def recognizer_pcm(speech: Speech, *, start: int, stop: int, gain: float) -> npt.NDArray[np.int16]:
    """Return the samples from `start` to `stop` as int16 at `RECOGNIZER_RATE_HZ`, times `gain`.

    Both must be multiples of `DECIMATION`, or the end of the recording. Neighbouring pieces join
    without a seam, because each is resampled with what surrounds it.
    """
    import soxr

    before = min(start, _EDGE)
    piece = np.asarray(speech.samples[start - before : stop + _EDGE], dtype=np.float32)
    at_16k = soxr.resample(piece, SPEECH_RATE_HZ, RECOGNIZER_RATE_HZ, quality="HQ")
    first = before // DECIMATION
    wanted = at_16k[first : first + -(-(stop - start) // DECIMATION)] * gain
    peak = float(np.abs(wanted).max(initial=0.0))
    if peak > _MAX_PEAK:
        wanted = wanted * (_MAX_PEAK / peak)
    return np.asarray(np.round(wanted * _FULL_SCALE), np.int16)
