"""The one place where seconds, samples and frames meet, in exact arithmetic.

Time is an integer number of samples until the last moment. Ranges are half-open: ``start`` is
inside, ``stop`` is not.
"""

import math
from fractions import Fraction

from vortex_lp.errors import SettingsError

SPEECH_RATE_HZ = 48_000
"""The clock of a recording. 48 kHz divides by 24, 25, 30, 50 and 60 frames a second and by the 16
and 24 kHz of the
recognisers and of the tensor interface, so that no conversion between them ever rounds."""

RECOGNIZER_RATE_HZ = 16_000
"""The rate that speech recognisers are trained on."""

TENSOR_RATE_HZ = 24_000
"""The rate of the audio that the tensor interface takes."""

MIN_FPS, MAX_FPS = Fraction(1), Fraction(120)


def exact_fps(fps: float | Fraction) -> Fraction:
    """Return `fps` as an exact rate; 23.976, 29.97 and 59.94 mean the NTSC rates n·1000/1001.

    Raises:
        SettingsError: `fps` is not a number from 1 to 120.
    """
    try:
        rate = Fraction(fps).limit_denominator(1001)
    except (TypeError, ValueError, OverflowError) as error:
        raise SettingsError(
            f"frame rate {fps!r} is not a number; use 1 to 120, such as 24"
        ) from error
    nominal = math.ceil(rate)
    if rate.denominator != 1 and abs(Fraction(nominal * 1000, 1001) - Fraction(fps)) < Fraction(
        1, 200
    ):
        rate = Fraction(nominal * 1000, 1001)
    if not MIN_FPS <= rate <= MAX_FPS:
        raise SettingsError(
            f"frame rate {fps} is outside 1 to 120 frames a second; use 24, 25 or 30"
        )
    return rate


def frame_count(n_samples: int, *, rate_hz: int, fps: float | Fraction) -> int:
    """Return how many frames cover `n_samples`; a started frame counts whole."""
    return math.ceil(Fraction(n_samples, rate_hz) * exact_fps(fps))


def frame_start(frame: int, *, rate_hz: int, fps: float | Fraction) -> int:
    """Return the first sample at or after the moment at which frame number `frame` appears."""
    return math.ceil(Fraction(frame * rate_hz) / exact_fps(fps))


def frame_time_s(frame: int, *, fps: float | Fraction) -> float:
    """Return the moment [s] at which frame number `frame` appears, rounded once."""
    return float(Fraction(frame) / exact_fps(fps))


def frame_at(sample: int, *, rate_hz: int, fps: float | Fraction) -> int:
    """Return the number of the frame that is on screen when `sample` sounds."""
    return math.floor(Fraction(sample, rate_hz) * exact_fps(fps))


def seconds(n_samples: int, *, rate_hz: int = SPEECH_RATE_HZ) -> float:
    """Return how long `n_samples` last [s], rounded once."""
    return float(Fraction(n_samples, rate_hz))


def samples(time_s: float, *, rate_hz: int = SPEECH_RATE_HZ) -> int:
    """Return the sample nearest to `time_s`."""
    return round(Fraction(time_s) * rate_hz)
