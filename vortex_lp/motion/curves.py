"""The curves and the chance that all of motion is made of.

Every random choice comes from a stream that has its own name, so that other blinks never move the
head; and every stream is read from its beginning, event by event, so that a frame does not depend
on how long the clip is.
"""

import zlib
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from vortex_lp.errors import SettingsError
from vortex_lp.timebase import seconds
from vortex_lp.values import SILENCE, MouthTrack

Curve = npt.NDArray[np.float64]
"""(T,) numbers, one per frame; double precision, because an hour is long."""


def stream(seed: int, name: str) -> np.random.Generator:
    """Return the random numbers called `name` of the clip with this `seed`.

    Raises:
        SettingsError: The seed is no whole number from 0 on.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise SettingsError(f"the seed must be a whole number from 0 on, not {seed!r}")
    sequence = np.random.SeedSequence(int(seed), spawn_key=(zlib.crc32(name.encode()),))
    return np.random.Generator(np.random.PCG64(sequence))


def middles_s(n_frames: int, *, fps: Fraction) -> Curve:
    """Return the middle of each frame's time on screen [s], which is what the frame shows."""
    return np.asarray((np.arange(n_frames) + 0.5) * float(1 / fps), np.float64)


def starts_s(n_frames: int, *, fps: Fraction) -> Curve:
    """Return the moment at which each frame appears [s]."""
    return np.asarray(np.arange(n_frames) * float(1 / fps), np.float64)


def smoothstep(x: Curve) -> Curve:
    """Return 0 up to 0, 1 from 1 on, between them 3x² - 2x³: no jump in speed."""
    x = np.clip(x, 0.0, 1.0)
    return np.asarray(x * x * (3.0 - 2.0 * x))


def smootherstep(x: Curve) -> Curve:
    """Return 0 up to 0, 1 from 1 on, between them 6x⁵ - 15x⁴ + 10x³: no jump in acceleration.

    It is also the path of least jerk between two rests (Flash & Hogan 1985), which heads and eyes
    take.
    """
    x = np.clip(x, 0.0, 1.0)
    return np.asarray(x * x * x * (10.0 + x * (6.0 * x - 15.0)))


def sway(times_s: Curve, *, chance: np.random.Generator, band_hz: tuple[float, float]) -> Curve:
    """Return smooth noise of unit root mean square whose frequencies all lie in `band_hz`.

    It is a sum of twelve sines, one in each twelfth of the band (on a logarithmic scale), slow
    ones larger (amplitude 1/√f), phases and frequencies drawn by chance. So it has no jitter by
    construction, never repeats, and any moment can be computed by itself.
    """
    n_sines = 12
    low, high = np.log(band_hz[0]), np.log(band_hz[1])
    steps = (np.arange(n_sines) + chance.random(n_sines)) / n_sines
    frequencies = np.exp(low + (high - low) * steps)
    phases = 2.0 * np.pi * chance.random(n_sines)
    amplitudes = 1.0 / np.sqrt(frequencies)
    amplitudes *= np.sqrt(2.0 / (amplitudes**2).sum())
    total = np.zeros_like(times_s)
    for frequency, phase, amplitude in zip(frequencies, phases, amplitudes, strict=True):
        total += amplitude * np.sin(2.0 * np.pi * frequency * times_s + phase)
    return total


class Talk:
    """When somebody talks in a recording, asked moment by moment."""

    def __init__(self, mouth: MouthTrack, *, pause_s: float) -> None:
        """Join what is spoken with less than `pause_s` of silence between.

        The spans of `mouth` are counted at the recording's clock.
        """
        starts: list[float] = []
        stops: list[float] = []
        for span in mouth.spans:
            if span.phone == SILENCE:
                continue
            start_s, stop_s = seconds(span.start), seconds(span.stop)
            if stops and start_s - stops[-1] < pause_s:
                stops[-1] = stop_s
            else:
                starts.append(start_s)
                stops.append(stop_s)
        self._starts = np.array(starts)
        self.stops_s = np.array(stops)
        """The moments at which a phrase ends [s], in order."""

    def since_s(self, times_s: Curve) -> Curve:
        """Return how long ago a phrase ended [s]: 0 within one, infinite before the first."""
        number = np.searchsorted(self._starts, times_s, side="right") - 1
        if not len(self.stops_s):
            return np.full_like(times_s, np.inf)
        since = np.maximum(times_s - self.stops_s[number], 0.0)
        return np.where(number < 0, np.inf, since)

    def until_s(self, times_s: Curve) -> Curve:
        """Return how soon a phrase begins [s]: 0 within one, infinite after the last."""
        number = np.searchsorted(self.stops_s, times_s, side="left")
        if not len(self.stops_s):
            return np.full_like(times_s, np.inf)
        until = np.maximum(self._starts[np.minimum(number, len(self._starts) - 1)] - times_s, 0.0)
        return np.where(number == len(self.stops_s), np.inf, until)

    def presence(
        self, times_s: Curve, *, hold_s: float = 0.0, leave_s: float, come_s: float
    ) -> Curve:
        """Return 1 while somebody talks, smoothly 0 in a pause.

        Args:
            times_s: When.
            hold_s: How long after a phrase it stays 1.
            leave_s: How long it then takes to 0.
            come_s: How long before the next phrase it begins to rise.
        """
        gone = smoothstep((self.since_s(times_s) - hold_s) / leave_s)
        far = smoothstep(self.until_s(times_s) / come_s)
        return np.asarray(1.0 - gone * far)
