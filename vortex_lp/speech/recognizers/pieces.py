"""What the recognisers that work piece by piece have in common."""

from collections.abc import Sequence

import numpy as np

from vortex_lp.settings import Settings
from vortex_lp.speech.boundaries import sharpened
from vortex_lp.speech.denoise import is_noisy
from vortex_lp.speech.recognizers.sphinx import FRAME_RATE_HZ, Heard
from vortex_lp.speech.segments import Stretch, quiet_hops, silences
from vortex_lp.speech.spans import fill_gaps, silence_over
from vortex_lp.timebase import SPEECH_RATE_HZ, seconds
from vortex_lp.values import SILENCE, FloatArray, PhoneSpan, Recognition, Speech

FRAME = SPEECH_RATE_HZ // FRAME_RATE_HZ
"""Samples of one frame of the acoustic model."""

FRAME_OFFSET = round(SPEECH_RATE_HZ * (0.025625 / 2 - 0.01 / 2))
"""From the nominal start of a frame to the middle between its window's centre and that of the
window before: windows are 25.6 ms long and 10 ms apart, so the boundary lies 7.8 ms later."""

_NOISES = {"+NSN+": SILENCE, "+SPN+": "AH"}
"""PocketSphinx's fillers: noise, and speech that it cannot name."""


def is_dense(n_phones: int, stretch: Stretch, *, level: FloatArray, settings: Settings) -> bool:
    """Return whether so many phones fill the sound of `stretch`, rather than a part of it."""
    hops = slice(stretch.start // FRAME, -(-stretch.stop // FRAME))
    n_loud = int(np.count_nonzero(~quiet_hops(level)[hops]))
    return n_phones * FRAME_RATE_HZ >= settings.speech.least_phones_hz * n_loud


def heard_spans(heard: Heard, stretch: Stretch) -> list[PhoneSpan]:
    """Return the phones of `heard` on the clock of the recording."""
    spans = []
    for phone, first, length, word in heard["phones"]:
        start = stretch.start + (first * FRAME + FRAME_OFFSET if first else 0)
        stop = min(stretch.start + (first + length) * FRAME + FRAME_OFFSET, stretch.stop)
        if start < stop:
            spans.append(PhoneSpan(_NOISES.get(phone, phone), start, stop, word))
    return spans


def finish(
    spans: list[PhoneSpan],
    speech: Speech,
    *,
    level: FloatArray,
    parts: Sequence[Stretch],
    recognizer: str,
    n_guessed: int = 0,
    note: str | None = None,
) -> Recognition:
    """Return gap-free `spans` with sharp boundaries in `parts`, silent where the recording is."""
    row = fill_gaps(spans, n_samples=speech.n_samples)
    if not is_noisy(level):
        row = sharpened(row, speech, parts=parts, level=level)
    row = silence_over(row, silent=silences(level, n_samples=speech.n_samples))
    if n_guessed:
        guessed = f"{seconds(n_guessed):.0f} s held no phones and were followed by their loudness"
        note = f"{note}; {guessed}" if note else guessed
    return Recognition(spans=tuple(row), recognizer=recognizer, note=note)
