"""``"transcript"``: the user says what is said; only the times are to be found.

The phones of the text are matched with those that another recogniser hears (an edit distance in
which look-alikes are cheap). That tells which words belong to which piece of the recording, and
where text and sound part. PocketSphinx then aligns the words of each piece; a piece whose text does
not fit keeps what was heard.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from vortex_lp.errors import SettingsError
from vortex_lp.settings import Settings
from vortex_lp.speech.denoise import is_noisy
from vortex_lp.speech.phonemes import VOWELS, viseme_class
from vortex_lp.speech.pronounce import TO_SPHINX, pronounce
from vortex_lp.speech.recognizers import ctc
from vortex_lp.speech.recognizers.english import recognize_phones
from vortex_lp.speech.recognizers.marks import PAUSE_S, Mark, recognizer_sound
from vortex_lp.speech.recognizers.pieces import finish, heard_spans
from vortex_lp.speech.recognizers.pool import Ears, usable_cores
from vortex_lp.speech.recognizers.sphinx import Job
from vortex_lp.speech.samples import level_db, recognizer_gain
from vortex_lp.speech.segments import Stretch, pieces
from vortex_lp.speech.text import spoken_words
from vortex_lp.timebase import seconds
from vortex_lp.values import SILENCE, PhoneSpan, Recognition, Speech

SKIP = 0.7
"""Cost of a phone that only the text or only the sound has."""

LOOK_ALIKE, SAME_SORT, OTHER = 0.2, 0.9, 1.4
"""Costs of two phones of one viseme class, of two vowels or two consonants, and of a vowel beside a
consonant. A pair that costs more than two skips is never made."""

BAND = 1500
"""Text and sound may be out of step by this many phones; keeps an hour's matching in memory."""

LEAST_AGREEMENT = 0.4
"""Share of a piece's or a run's phones that must be heard as written."""

EXTRA_PHONES = 12
"""A mismatch is reported where so many phones in a row are said, about one second, that the text
lacks."""

RUN_WORDS = 4
"""A mismatch is reported where so many words in a row do not agree."""


@dataclasses.dataclass(slots=True)
class Placed:
    """A word of the transcript and where it seems to be."""

    word: str
    phones: list[str]
    times_s: list[float]
    """When phones that look like its own were heard [s]."""

    @property
    def agreement(self) -> float:
        """Share of its phones that were heard."""
        return min(len(self.times_s) / len(self.phones), 1.0)


def recognize_transcript(
    speech: Speech,
    *,
    settings: Settings,
    transcript: str | None,
    on_progress: Callable[[float], None],
) -> Recognition:
    """Return the phones of `transcript`, with times from the sound.

    Raises:
        SettingsError: There is no transcript, or it holds no word.
    """
    said = spoken_words(transcript or "")
    if not said:
        raise SettingsError("recognizer 'transcript' needs the words that are said; give some text")
    hear = ctc.recognize_ctc if ctc.is_available() else recognize_phones
    heard = hear(
        speech,
        settings=settings,
        transcript=None,
        on_progress=lambda share: on_progress(0.6 * share),
    )
    marks = [
        Mark(TO_SPHINX.get(s.phone, s.phone), seconds((s.start + s.stop) // 2))
        for s in heard.spans
        if s.phone != SILENCE
    ]
    sounds = pronounce(said)
    words = [Placed(word, sounds[word], []) for word in said]
    _place(words, marks)
    level = level_db(speech)
    parts = pieces(level, n_samples=speech.n_samples)
    shared = _shared_out(words, parts)
    spans = _aligned(speech, parts, shared, heard, noisy=is_noisy(level))
    note = _mismatch(words, marks)
    return finish(spans, speech, level=level, parts=parts, recognizer="transcript", note=note)


def _place(words: list[Placed], marks: list[Mark]) -> None:
    """Give each word the times at which phones like its own were heard."""
    owners = [word for word in words for _ in word.phones]
    text = [phone for word in words for phone in word.phones]
    for i, j in match(text, [mark.phone for mark in marks]):
        if viseme_class(text[i]) == viseme_class(marks[j].phone):
            owners[i].times_s.append(marks[j].time_s)


def match(text: list[str], heard: list[str]) -> list[tuple[int, int]]:
    """Return the pairs of the cheapest way to turn `text` into `heard`, in order."""
    if not text or not heard:
        return []
    names = sorted({*text, *heard})
    index = {name: k for k, name in enumerate(names)}
    costs = np.array([[_cost(a, b) for b in names] for a in names], np.float32)
    columns = np.array([index[name] for name in heard])
    n, m = len(text), len(heard)
    width = min(m, 2 * BAND + abs(m - n) // max(n // 1000, 1)) if m > 2 * BAND else m
    lows = [min(max(round(i * m / n) - width // 2, 0), m - width) for i in range(n + 1)]
    row = SKIP * np.arange(lows[0], lows[0] + width + 1, dtype=np.float32)
    steps: list[npt.NDArray[np.int8]] = []
    ramp = SKIP * np.arange(width + 1, dtype=np.float32)
    for i in range(n):
        low, shift = lows[i + 1], lows[i + 1] - lows[i]
        above = np.concatenate([row[shift:], np.full(shift, np.inf, np.float32)])
        pair = above[:-1] + costs[index[text[i]], columns[low : low + width]]
        skip_text = above + SKIP
        best = skip_text.copy()
        best[1:] = np.minimum(best[1:], pair)
        row = np.minimum.accumulate(best - ramp) + ramp
        step = np.full(width + 1, 2, np.int8)
        step[row >= skip_text - 1e-4] = 1
        paired = np.zeros(width + 1, bool)
        paired[1:] = row[1:] >= pair - 1e-4
        step[paired] = 0
        steps.append(step)
    return _walk_back(steps, lows, width)


def _walk_back(
    steps: list[npt.NDArray[np.int8]], lows: list[int], width: int
) -> list[tuple[int, int]]:
    i, j = len(steps), lows[-1] + width
    pairs = []
    while i > 0 and j > 0:
        at = min(max(j - lows[i], 0), width)
        step = steps[i - 1][at]
        if step == 0 and at > 0:
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif step == 2 and at > 0:
            j -= 1
        else:
            i -= 1
    return pairs[::-1]


def _cost(a: str, b: str) -> float:
    if a == b:
        return 0.0
    if viseme_class(a) == viseme_class(b):
        return LOOK_ALIKE
    return SAME_SORT if (a in VOWELS) == (b in VOWELS) else OTHER


def _shared_out(words: list[Placed], parts: list[Stretch]) -> list[list[Placed]]:
    """Return which words belong to each of `parts`; each word to one, in order."""
    shared: list[list[Placed]] = [[] for _ in parts]
    if not parts:
        return shared
    stops_s = [seconds(part.stop) for part in parts]
    known = [(k, float(np.median(w.times_s))) for k, w in enumerate(words) if w.times_s]
    if not known:
        times = np.linspace(seconds(parts[0].start), stops_s[-1], len(words))
    else:
        at, when = zip(*known, strict=True)
        times = np.interp(np.arange(len(words)), at, np.maximum.accumulate(when))
    for word, time_s in zip(words, times.tolist(), strict=True):
        part = next((k for k, stop_s in enumerate(stops_s) if time_s < stop_s), len(parts) - 1)
        shared[part].append(word)
    return shared


def _aligned(
    speech: Speech,
    parts: list[Stretch],
    shared: list[list[Placed]],
    heard: Recognition,
    *,
    noisy: bool,
) -> list[PhoneSpan]:
    """Return the phones of each part: of its words where they fit, otherwise what was heard."""
    fitting = [
        (part, words)
        for part, words in zip(parts, shared, strict=True)
        if words and _agreement(words, heard, part) >= LEAST_AGREEMENT
    ]
    aligned: dict[int, list[PhoneSpan]] = {}
    gain = recognizer_gain(speech)
    jobs = (
        _job(words, recognizer_sound(speech, part, gain=gain, noisy=noisy))
        for part, words in fitting
    )
    with Ears(max(min(usable_cores(), len(fitting)), 1)) as ears:
        for (part, _), answer in zip(fitting, ears.hear(jobs), strict=True):
            if answer["fits"]:
                aligned[part.start] = heard_spans(answer, part)
    spans: list[PhoneSpan] = []
    for part in parts:
        inside = [s for s in heard.spans if part.start <= s.start < part.stop]
        spans += aligned.get(part.start, inside)
    return spans


def _agreement(words: list[Placed], heard: Recognition, part: Stretch) -> float:
    """Return how much of what `words` hold and of what `part` was heard to hold is the same."""
    n_heard = sum(s.phone != SILENCE and part.start <= s.start < part.stop for s in heard.spans)
    n_written = sum(len(word.phones) for word in words)
    return sum(len(word.times_s) for word in words) / max(n_heard, n_written, 1)


def _job(words: list[Placed], sound: npt.NDArray[np.int16]) -> tuple[Job, bytes]:
    """Return the job of aligning `words`, with silence at both ends and in long gaps.

    Words keep their own names, so that PocketSphinx tries the other ways to say them too.
    """
    row = [["<sil>", ""]]
    last_s: float | None = None
    for word in words:
        if last_s is not None and word.times_s and word.times_s[0] - last_s > 1.6 * PAUSE_S:
            row.append(["<sil>", ""])
        row.append([word.word, " ".join(word.phones)])
        last_s = word.times_s[-1] if word.times_s else None
    data = sound.astype("<i2").tobytes()
    return Job(task="align", n_bytes=len(data), words=[*row, ["<sil>", ""]]), data


def _mismatch(words: list[Placed], marks: list[Mark]) -> str | None:
    """Return where text and sound part for the first time, in one sentence."""
    n_agreed = sum(len(word.times_s) for word in words)
    if n_agreed < LEAST_AGREEMENT * max(sum(len(word.phones) for word in words), len(marks), 1):
        start = " ".join(word.word for word in words[:RUN_WORDS])
        return f"the transcript {start!r}... does not match the sound; give the words that are said"
    for first in range(max(len(words) - RUN_WORDS + 1, 1)):
        run = words[first : first + RUN_WORDS]
        if np.mean([word.agreement for word in run]) >= LEAST_AGREEMENT:
            continue
        text = " ".join(word.word for word in run)
        before = [word.times_s[-1] for word in words[:first] if word.times_s]
        place = f"after {before[-1]:.1f} s" if before else "at the beginning"
        return f"the transcript does not match the sound {place}, at {text!r}; check it there"
    agreed = {time_s for word in words for time_s in word.times_s}
    extra: list[Mark] = []
    for mark in marks:
        extra = [] if mark.time_s in agreed else [*extra, mark]
        if len(extra) >= EXTRA_PHONES:
            return f"the transcript lacks something that is said near {extra[0].time_s:.1f} s"
    return None
