"""Mouth tracks made by hand, so that these tests need no recogniser."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from vortex_lp.settings import load_settings
from vortex_lp.timebase import SPEECH_RATE_HZ, frame_count, samples
from vortex_lp.values import ARKIT_INDEX, N_BLENDSHAPES, MouthTrack, PhoneSpan

SETTINGS = load_settings()
LOUD = {"AA": 1.0, "IY": 0.75, "UW": 0.7, "EH": 0.9}


def mouth_of(phones: Sequence[tuple[str, float]], *, fps: float | Fraction = 24) -> MouthTrack:
    """Return a track that shows each phone's own shape, without transitions.

    `phones` are names and durations [s].
    """
    spans, start_s = [], 0.0
    for phone, length_s in phones:
        spans.append(PhoneSpan(phone, samples(start_s), samples(start_s + length_s)))
        start_s += length_s
    n_frames = frame_count(spans[-1].stop, rate_hz=SPEECH_RATE_HZ, fps=fps)
    weights = np.zeros((n_frames, N_BLENDSHAPES), np.float32)
    visemes = np.zeros((n_frames, 3), np.float32)
    closure, tuck, loudness = np.zeros((3, n_frames), np.float32)
    starts = np.array([span.start for span in spans])
    for frame in range(n_frames):
        middle = (frame + 0.5) / float(fps) * SPEECH_RATE_HZ
        phone = spans[int(np.searchsorted(starts, middle, side="right")) - 1].phone
        look = SETTINGS.phones[phone]
        visemes[frame] = look.visemes
        for name, weight in look.arkit.items():
            weights[frame, ARKIT_INDEX[name]] = weight
        closure[frame] = phone in ("P", "B", "M")
        tuck[frame] = phone in ("F", "V")
        loudness[frame] = 0.0 if phone == "SIL" else LOUD.get(phone, 0.3)
    return MouthTrack(
        fps=Fraction(fps),
        visemes=visemes,
        weights=weights,
        closure=closure,
        tuck=tuck,
        loudness=loudness,
        spans=tuple(spans),
    )


def babble(duration_s: float, *, fps: float | Fraction = 24) -> MouthTrack:
    """Return speech without a pause."""
    word = [("B", 0.08), ("AA", 0.14), ("T", 0.07), ("UW", 0.12), ("F", 0.08), ("IY", 0.13)]
    n_words = int(duration_s / sum(length for _, length in word)) + 1
    return mouth_of(word * n_words, fps=fps)


def phrases(n_phrases: int, *, fps: float | Fraction = 24) -> MouthTrack:
    """Return phrases of 2.48 s with pauses of 0.8 s after each."""
    word = [("B", 0.08), ("AA", 0.14), ("T", 0.07), ("UW", 0.12), ("F", 0.08), ("IY", 0.13)]
    return mouth_of([*(word * 4), ("SIL", 0.8)] * n_phrases, fps=fps)
