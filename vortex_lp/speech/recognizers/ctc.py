"""``"ctc"``: a small neural phone recogniser, and PocketSphinx to say when each phone begins.

The network (4.7 MB, in the package ``hama``, Apache-2.0) hears phones well, in noise too, but marks
each at one moment only, some 80 ms after it begins. So its phones are aligned with the sound by
PocketSphinx's acoustic model; where that fails, they are placed by the moments.
"""

import dataclasses
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from vortex_lp.errors import SettingsError
from vortex_lp.settings import Settings
from vortex_lp.speech.denoise import is_noisy, without_noise
from vortex_lp.speech.ipa import ipa_phones
from vortex_lp.speech.phonemes import VOWELS, viseme_class
from vortex_lp.speech.recognizers.energy import energy_spans
from vortex_lp.speech.recognizers.pieces import FRAME, finish, heard_spans, is_dense
from vortex_lp.speech.recognizers.pool import Ears, usable_cores
from vortex_lp.speech.recognizers.sphinx import FRAME_RATE_HZ, Heard, Job
from vortex_lp.speech.samples import level_db, recognizer_gain, recognizer_pcm
from vortex_lp.speech.segments import Stretch, pieces
from vortex_lp.timebase import RECOGNIZER_RATE_HZ
from vortex_lp.values import SILENCE, FloatArray, PhoneSpan, Recognition, Speech

MARK_RATE_HZ = 50
"""How often the network says what it hears: every 20 ms."""

BLANK_BIAS = -0.1
"""Added to the network's log probability of "nothing new"; its authors' choice."""

PAUSE_S = 0.25
"""Marks further apart than this have silence between them [s]: vowels are rarely so long."""

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

_SPHINX_PHONES = {"AX": "AH", "IX": "IH", "AXR": "ER", "UX": "UW", "DX": "D"}
_LAST_VOWEL_S, _LAST_CONSONANT_S = 0.08, 0.04
_PEAK = 0.9
_per_thread = threading.local()


@dataclasses.dataclass(frozen=True, slots=True)
class Mark:
    """A phone and when the network says that it heard it."""

    phone: str
    """ARPAbet, one of PocketSphinx's 39."""

    time_s: float
    """From the beginning of the piece [s]."""


Words = list[list[Mark]]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Heeded:
    """A piece of the recording, and what the network heard in it."""

    stretch: Stretch
    sound: npt.NDArray[np.int16]
    words: Words


def recognize_ctc(
    speech: Speech,
    *,
    settings: Settings,
    transcript: str | None,
    on_progress: Callable[[float], None],
) -> Recognition:
    """Return the phones that the network hears; loudness where it hears next to nothing.

    Raises:
        SettingsError: The package ``hama`` is not there.
    """
    _network()
    level = level_db(speech)
    gain = recognizer_gain(speech)
    parts = pieces(level, n_samples=speech.n_samples)
    spans: list[PhoneSpan] = []
    n_guessed = 0
    for piece, heard in _aligned(speech, parts, noisy=is_noisy(level)):
        stretch = piece.stretch
        n_phones = sum(len(word) for word in piece.words)
        if not is_dense(n_phones, stretch, level=level, settings=settings):
            spans += energy_spans(speech, stretch, gain=gain)
            n_guessed += stretch.stop - stretch.start
        elif heard["fits"]:
            spans += heard_spans(heard, stretch)
        else:
            spans += placed_by_marks(piece.words, stretch)
        on_progress(stretch.stop / speech.n_samples)
    n_spoken = sum(part.stop - part.start for part in parts)
    used = "energy" if 2 * n_guessed > n_spoken else "ctc"
    return finish(spans, speech, level=level, parts=parts, recognizer=used, n_guessed=n_guessed)


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
                    words[-1].append(Mark(_SPHINX_PHONES.get(phone, phone), time_s))
        before = token
    return _weakened([word for word in words if word])


def placed_by_marks(words: Words, stretch: Stretch) -> list[PhoneSpan]:
    """Return phones that begin by their usual delay before their marks."""
    marks = [mark for word in words for mark in word]
    starts = [max(mark.time_s - DELAY_S[viseme_class(mark.phone)], 0.0) for mark in marks]
    spans = []
    for index, mark in enumerate(marks):
        stop_s = mark.time_s + (_LAST_VOWEL_S if mark.phone in VOWELS else _LAST_CONSONANT_S)
        if index + 1 < len(marks) and starts[index + 1] - stop_s < PAUSE_S / 2:
            stop_s = starts[index + 1]
        start, stop = (
            stretch.start + round(time_s * FRAME_RATE_HZ) * FRAME
            for time_s in (starts[index], stop_s)
        )
        if start < min(stop, stretch.stop):
            spans.append(PhoneSpan(mark.phone, start, min(stop, stretch.stop)))
    return spans


def alignment_job(words: Words, sound: npt.NDArray[np.int16]) -> tuple[Job, bytes]:
    """Return the job of aligning `words` with `sound`, silence at both ends and in long gaps."""
    row = [["<sil>", ""]]
    last_s: float | None = None
    for word in words:
        if last_s is not None and word[0].time_s - last_s > PAUSE_S:
            row.append(["<sil>", ""])
        phones = [mark.phone for mark in word]
        row.append(["_".join(["said", *phones]).lower(), " ".join(phones)])
        last_s = word[-1].time_s
    data = sound.astype("<i2").tobytes()
    return Job(task="align", n_bytes=len(data), words=[*row, ["<sil>", ""]]), data


def _aligned(
    speech: Speech, parts: list[Stretch], *, noisy: bool
) -> Iterator[tuple[Heeded, Heard]]:
    """Yield each piece with its alignment, in order, a few pieces ahead at most."""
    if not parts:
        return
    n_workers = min(usable_cores(), len(parts))
    waiting: deque[Heeded] = deque()

    def jobs() -> Iterator[tuple[Job, bytes]]:
        for piece in _heeded(speech, parts, noisy=noisy, n_threads=n_workers):
            waiting.append(piece)
            yield alignment_job(piece.words, piece.sound)

    with Ears(n_workers) as ears:
        for heard in ears.hear(jobs()):
            yield waiting.popleft(), heard


def _heeded(
    speech: Speech, parts: list[Stretch], *, noisy: bool, n_threads: int
) -> Iterator[Heeded]:
    """Yield what the network hears in each of `parts`; it works on as many as there are threads."""
    gain = recognizer_gain(speech)

    def heed(stretch: Stretch) -> Heeded:
        sound = recognizer_sound(speech, stretch, gain=gain, noisy=noisy)
        return Heeded(stretch, sound, hear_marks(sound))

    futures: deque[Future[Heeded]] = deque()
    with ThreadPoolExecutor(n_threads) as threads:
        for stretch in parts:
            futures.append(threads.submit(heed, stretch))
            if len(futures) > n_threads:
                yield futures.popleft().result()
        while futures:
            yield futures.popleft().result()


def recognizer_sound(
    speech: Speech, stretch: Stretch, *, gain: float, noisy: bool
) -> npt.NDArray[np.int16]:
    """Return `stretch` at 16 kHz, without its steady noise where it is `noisy`."""
    pcm = recognizer_pcm(speech, start=stretch.start, stop=stretch.stop, gain=gain)
    if not noisy or len(pcm) < RECOGNIZER_RATE_HZ // 5:
        return pcm
    clean: FloatArray = without_noise(pcm.astype(np.float32) / 32768.0)
    clean = clean * (_PEAK / max(float(np.abs(clean).max()), 1e-6))
    return np.asarray(np.round(clean * 32767.0), np.int16)


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
