"""``"ctc"``: a small neural phone recogniser that arrives with pip.

The network (4.7 MB, in the package ``hama``, Apache-2.0) hears phones well, in noise too.
"""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from vortex_lp.errors import SettingsError
from vortex_lp.settings import Settings
from vortex_lp.speech.ipa import ipa_phones
from vortex_lp.speech.phonemes import VOWELS
from vortex_lp.speech.pronounce import TO_SPHINX
from vortex_lp.speech.recognizers.marks import MARK_RATE_HZ, Mark, Words, recognize_by_marks
from vortex_lp.values import SILENCE, Recognition, Speech

BLANK_BIAS = -0.1
"""Added to the network's log probability of "nothing new"; its authors' choice."""

DELAY_S: dict[str, float] = {
    "PP": 0.097, "FF": 0.076, "TH": 0.083, "DD": 0.073, "kk": 0.073, "CH": 0.094, "SS": 0.082,
    "nn": 0.053, "RR": 0.068, "aa": 0.081, "E": 0.080, "I": 0.076, "O": 0.086, "U": 0.063,
}  # fmt: skip
"""By how much the mark comes after the beginning of a phone [s]: medians over 673 phones of the
design set (`benchmarks/speech_accuracy.py`), so tuned there; the spread is about 0.03 s."""

WEAK_FORMS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("DH", "IY"): ("DH", "AH"),
    ("T", "OW"): ("T", "AH"),
    ("T", "UW"): ("T", "AH"),
}
"""Words that the network spells in full, and how they are said before a consonant."""

_per_thread = threading.local()


def recognize_ctc(
    speech: Speech,
    *,
    settings: Settings,
    transcript: str | None,
    on_progress: Callable[[float], None],
) -> Recognition:
    """Return the phones that the network hears.

    Raises:
        SettingsError: The package ``hama`` is not there.
    """
    _network()
    return recognize_by_marks(
        speech,
        hear=hear_marks,
        delay_s=DELAY_S,
        recognizer="ctc",
        settings=settings,
        on_progress=on_progress,
    )


def hear_marks(sound: npt.NDArray[np.int16]) -> Words:
    """Return the phones in `sound` at 16 kHz, word by word."""
    network = _network()
    waveform = (sound.astype(np.float32) / 32768.0)[None]
    lengths = np.array([len(sound)], np.int64)
    probabilities, _ = network.session.run(
        ["log_probs", "out_lengths"], {"waveform": waveform, "waveform_lengths": lengths}
    )
    scores = np.array(probabilities[0], np.float32)
    scores[:, network.blank_id] += BLANK_BIAS
    words: Words = [[]]
    before = network.blank_id
    for index, token in enumerate(scores.argmax(axis=1).tolist()):
        if token not in (before, network.blank_id):
            name = network.decoder_tokens[token]
            if name == "<wb>":
                words.append([])
            time_s = (index + 0.5) / MARK_RATE_HZ
            # Names in angle brackets are marks of the network, not IPA.
            for phone in [] if name.startswith("<") else ipa_phones(name):
                if phone != SILENCE:
                    words[-1].append(Mark(TO_SPHINX.get(phone, phone), time_s))
        before = token
    return _weakened([word for word in words if word])


def _weakened(words: Words) -> Words:
    """Return `words` with `WEAK_FORMS` wherever a consonant follows."""
    said = []
    for index, word in enumerate(words):
        weak = WEAK_FORMS.get(tuple(mark.phone for mark in word))
        vowel_next = index + 1 < len(words) and words[index + 1][0].phone in VOWELS
        if weak is not None and not vowel_next:
            word = [Mark(phone, mark.time_s) for phone, mark in zip(weak, word, strict=True)]
        said.append(word)
    return said


def is_available() -> bool:
    """Return whether the network's package is there."""
    import importlib.util

    return importlib.util.find_spec("hama") is not None


def _network() -> Any:
    """Return this thread's own network; loading it takes 50 ms."""
    if not hasattr(_per_thread, "network"):
        try:
            import hama
        except ImportError as error:
            raise SettingsError(
                "recognizer 'ctc' needs the package hama; pip install hama, or use 'words'"
            ) from error
        _per_thread.network = hama.ASRModel()
    return _per_thread.network
