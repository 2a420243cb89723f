"""Networks that mark each phone at one moment, and PocketSphinx to say when it begins.

A connectionist temporal classifier says well what is said and badly when: it marks each phone once,
some time after it began. So its phones are aligned with the sound by PocketSphinx's acoustic model;
where that fails, they are placed by the marks.
"""

import dataclasses
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from vortex_lp.settings import Settings
from vortex_lp.speech.denoise import is_noisy, without_noise
from vortex_lp.speech.phonemes import VOWELS, viseme_class
from vortex_lp.speech.recognizers.energy import energy_spans
from vortex_lp.speech.recognizers.pieces import FRAME, finish, heard_spans, is_dense
from vortex_lp.speech.recognizers.pool import Ears, usable_cores
from vortex_lp.speech.recognizers.sphinx import FRAME_RATE_HZ, Heard, Job
from vortex_lp.speech.samples import level_db, recognizer_gain, recognizer_pcm
from vortex_lp.speech.segments import Stretch, pieces
from vortex_lp.timebase import RECOGNIZER_RATE_HZ
from vortex_lp.values import FloatArray, PhoneSpan, Recognition, Speech

MARK_RATE_HZ = 50
"""How often such networks say what they hear: every 20 ms."""

PAUSE_S = 0.25
"""Marks further apart than this have silence between them [s]: vowels are rarely so long."""

_LAST_VOWEL_S, _LAST_CONSONANT_S = 0.08, 0.04
_PEAK = 0.9


@dataclasses.dataclass(frozen=True, slots=True)
class Mark:
    """A phone and when the network says that it heard it."""

    phone: str
    """ARPAbet, one of PocketSphinx's 39."""

    time_s: float
    """From the beginning of the piece [s]."""


Words: TypeAlias = list[list[Mark]]
"""Marks, word by word."""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Heeded:
    """A piece of the recording, and what the network heard in it."""

    stretch: Stretch
    sound: npt.NDArray[np.int16]
    words: Words


def recognize_by_marks(
    speech: Speech,
    *,
    hear: Callable[[npt.NDArray[np.int16]], Words],
    delay_s: Mapping[str, float],
    recognizer: str,
    settings: Settings,
    on_progress: Callable[[float], None],
) -> Recognition:
    """Return the phones that `hear` marks in each piece; loudness where it hears next to nothing.

    Args:
        speech: The recording.
        hear: A network; called from several threads at once.
        delay_s: By how much it marks phones of each viseme class after they begin [s].
        recognizer: Its name.
        settings: Everything that can be set.
        on_progress: Called with the share that is done.
    """
    level = level_db(speech)
    gain = recognizer_gain(speech)
    parts = pieces(level, n_samples=speech.n_samples)
    spans: list[PhoneSpan] = []
    n_guessed = 0
    for piece, heard in _aligned(speech, parts, hear=hear, noisy=is_noisy(level)):
        stretch = piece.stretch
        n_phones = sum(len(word) for word in piece.words)
        if not is_dense(n_phones, stretch, level=level, settings=settings):
            spans += energy_spans(speech, stretch, gain=gain)
            n_guessed += stretch.stop - stretch.start
        elif heard["fits"]:
            spans += heard_spans(heard, stretch)
        else:
            spans += placed_by_marks(piece.words, stretch, delay_s=delay_s)
        on_progress(stretch.stop / speech.n_samples)
    n_spoken = sum(part.stop - part.start for part in parts)
    used = "energy" if 2 * n_guessed > n_spoken else recognizer
    return finish(spans, speech, level=level, parts=parts, recognizer=used, n_guessed=n_guessed)


def placed_by_marks(
    words: Words, stretch: Stretch, *, delay_s: Mapping[str, float]
) -> list[PhoneSpan]:
    """Return phones that begin by their usual delay before their marks."""
    marks = [mark for word in words for mark in word]
    starts = [max(mark.time_s - delay_s[viseme_class(mark.phone)], 0.0) for mark in marks]
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
    speech: Speech,
    parts: list[Stretch],
    *,
    hear: Callable[[npt.NDArray[np.int16]], Words],
    noisy: bool,
) -> Iterator[tuple[Heeded, Heard]]:
    """Yield each piece with its alignment, in order, a few pieces ahead at most."""
    if not parts:
        return
    n_workers = min(usable_cores(), len(parts))
    waiting: deque[Heeded] = deque()

    def jobs() -> Iterator[tuple[Job, bytes]]:
        for piece in _heeded(speech, parts, hear=hear, noisy=noisy, n_threads=n_workers):
            waiting.append(piece)
            yield alignment_job(piece.words, piece.sound)

    with Ears(n_workers) as ears:
        for heard in ears.hear(jobs()):
            yield waiting.popleft(), heard


def _heeded(
    speech: Speech,
    parts: list[Stretch],
    *,
    hear: Callable[[npt.NDArray[np.int16]], Words],
    noisy: bool,
    n_threads: int,
) -> Iterator[Heeded]:
    """Yield what the network hears in each of `parts`; it works on as many as there are threads."""
    gain = recognizer_gain(speech)

    def heed(stretch: Stretch) -> Heeded:
        sound = recognizer_sound(speech, stretch, gain=gain, noisy=noisy)
        return Heeded(stretch, sound, hear(sound))

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
