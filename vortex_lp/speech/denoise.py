"""Steady noise, taken out before recognisers listen; the video keeps the recording as it is.

The gain is Ephraim & Malah's log-spectral amplitude estimator (1985) with their decision-directed
estimate of the signal-to-noise ratio; the noise is the mean spectrum of the quietest tenth.
"""

import numpy as np
import numpy.typing as npt

from vortex_lp.values import FloatArray

NOISY_RANGE_DB = 30.0
"""A recording whose loud and quiet parts differ by less than this counts as noisy [dB]: speech
recorded in a quiet room spans 40 dB and more."""

_WINDOW, _STEP, _FFT = 400, 160, 512
_QUIETEST_SHARE = 0.1
_LEAST_FRAMES = 8
_MEMORY = 0.95
_LEAST_SNR = 10 ** (-25 / 10)
_LEAST_GAIN = 10 ** (-20 / 20)
_MOST_SNR = 1e4


def is_noisy(level: FloatArray) -> bool:
    """Return whether the loudness curve `level` [dB] is that of speech in steady noise."""
    loud, floor = np.percentile(level, 95), np.percentile(level, 5)
    return bool(loud - floor < NOISY_RANGE_DB)


def without_noise(samples: FloatArray) -> FloatArray:
    """Return `samples` (N,) at 16 kHz with the steady part of their noise lowered by 20 dB."""
    window = np.sqrt(np.hanning(_WINDOW + 1)[:-1])
    padded = np.pad(samples.astype(np.float64), (_WINDOW, 2 * _WINDOW))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_STEP]
    spectrum = np.fft.rfft(frames * window, _FFT, axis=1)
    power = np.abs(spectrum) ** 2
    clean = np.fft.irfft(spectrum * _gains(power, _noise(power)), _FFT, axis=1)[:, :_WINDOW]
    out, weight = np.zeros(len(padded)), np.zeros(len(padded))
    for index, frame in enumerate(clean * window):
        out[index * _STEP : index * _STEP + _WINDOW] += frame
        weight[index * _STEP : index * _STEP + _WINDOW] += window**2
    whole = out / np.maximum(weight, 1e-3)
    return np.asarray(whole[_WINDOW : _WINDOW + len(samples)], np.float32)


def _noise(power: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the mean power spectrum of the quietest frames, smoothed over frequency."""
    inside = slice(4, max(len(power) - 6, 5))
    energy = np.convolve(power.sum(axis=1), np.ones(5) / 5, mode="same")[inside]
    n_quiet = max(round(_QUIETEST_SHARE * len(energy)), _LEAST_FRAMES)
    quiet = power[inside][np.argsort(energy)[:n_quiet]].mean(axis=0)
    smooth = np.convolve(np.pad(quiet, 4, mode="edge"), np.ones(9) / 9, mode="valid")
    return np.asarray(np.maximum(smooth, 1e-12))


def _gains(
    power: npt.NDArray[np.float64], noise: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the estimator's gain for each frame and frequency."""
    from scipy.special import exp1

    gains = np.ones_like(power)
    before: npt.NDArray[np.float64] | None = None
    for index, row in enumerate(power):
        posterior = np.minimum(row / noise, _MOST_SNR)
        now = np.maximum(posterior - 1.0, 0.0)
        prior = now if before is None else _MEMORY * before + (1.0 - _MEMORY) * now
        prior = np.maximum(prior, _LEAST_SNR)
        share = prior / (1.0 + prior)
        gain = share * np.exp(0.5 * exp1(np.maximum(share * posterior, 1e-8)))
        gains[index] = np.clip(gain, _LEAST_GAIN, 1.0)
        before = gains[index] ** 2 * posterior
    return gains
