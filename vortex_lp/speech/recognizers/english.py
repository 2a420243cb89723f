"""The recognisers for English, on PocketSphinx's own model: ``"words"`` and ``"phones"``."""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np

from vortex_lp.settings import Settings
from vortex_lp.speech.recognizers.energy import energy_spans
from vortex_lp.speech.recognizers.pool import Ears, usable_cores
from vortex_lp.speech.recognizers.sphinx import FRAME_RATE_HZ, Heard, Job
from vortex_lp.speech.samples import level_db, recognizer_gain, recognizer_pcm
from vortex_lp.speech.segments import Stretch, pieces, quiet_hops, silences
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


@dataclasses.dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the recording and what was heard in it."""

    stretch: Stretch
    heard: Heard
    heard_by: str


def recognize_words(
    speech: Speech,
    *,
    settings: Settings,
    transcript: str | None,
    on_progress: Callable[[float], None],
) -> Recognition:
    """Return words, and the phones of those words; other phones where no words fit."""
    return _recognize(speech, settings=settings, first="words", on_progress=on_progress)


def recognize_phones(
    speech: Speech,
    *,
    settings: Settings,
    transcript: str | None,
    on_progress: Callable[[float], None],
) -> Recognition:
    """Return the phones that sound likeliest, whatever the words."""
    return _recognize(speech, settings=settings, first="phones", on_progress=on_progress)


def _recognize(
    speech: Speech, *, settings: Settings, first: str, on_progress: Callable[[float], None]
) -> Recognition:
    level = level_db(speech)
    parts = pieces(level, n_samples=speech.n_samples)
    spans: list[PhoneSpan] = []
    shares: dict[str, int] = {}
    for piece in _heard(speech, parts, level=level, settings=settings, first=first):
        spans += _piece_spans(piece, speech)
        stretch = piece.stretch
        shares[piece.heard_by] = shares.get(piece.heard_by, 0) + stretch.stop - stretch.start
        on_progress(stretch.stop / speech.n_samples)
    row = fill_gaps(spans, n_samples=speech.n_samples)
    row = silence_over(row, silent=silences(level, n_samples=speech.n_samples))
    used = max(shares, key=lambda name: shares[name]) if shares else first
    return Recognition(spans=tuple(row), recognizer=used, note=_note(shares, first=first))


def _heard(
    speech: Speech, parts: list[Stretch], *, level: FloatArray, settings: Settings, first: str
) -> Iterator[Piece]:
    """Yield each of `parts` with what the best recogniser that copes with it has heard."""
    if not parts:
        return
    gain = recognizer_gain(speech)
    with Ears(min(usable_cores(), len(parts))) as ears:
        for stretch, heard in zip(
            parts, ears.hear(_jobs(speech, parts, task=first, gain=gain)), strict=True
        ):
            if first == "words" and not _fits(heard, settings):
                heard, heard_by = (
                    next(ears.hear(_jobs(speech, [stretch], task="phones", gain=gain))),
                    "phones",
                )
            else:
                heard_by = first
            if not _is_dense(heard, stretch, level=level, settings=settings):
                heard_by = "energy"
            yield Piece(stretch, heard, heard_by)


def _jobs(
    speech: Speech, parts: list[Stretch], *, task: str, gain: float
) -> Iterator[tuple[Job, bytes]]:
    for part in parts:
        pcm = recognizer_pcm(speech, start=part.start, stop=part.stop, gain=gain)
        sound = pcm.astype("<i2").tobytes()
        yield Job(task=task, n_bytes=len(sound), words=[]), sound


def _fits(heard: Heard, settings: Settings) -> bool:
    return heard["fits"] and heard["score"] >= settings.speech.least_word_score


def _is_dense(heard: Heard, stretch: Stretch, *, level: FloatArray, settings: Settings) -> bool:
    """Return whether phones fill the sound of `stretch`, rather than a part of it."""
    hops = slice(stretch.start // FRAME, -(-stretch.stop // FRAME))
    n_loud = int(np.count_nonzero(~quiet_hops(level)[hops]))
    n_phones = sum(1 for phone, *_ in heard["phones"] if phone != SILENCE)
    return n_phones * FRAME_RATE_HZ >= settings.speech.least_phones_hz * n_loud


def _piece_spans(piece: Piece, speech: Speech) -> list[PhoneSpan]:
    if piece.heard_by == "energy":
        return energy_spans(speech, piece.stretch)
    spans = []
    for phone, first, length, word in piece.heard["phones"]:
        start = piece.stretch.start + (first * FRAME + FRAME_OFFSET if first else 0)
        stop = piece.stretch.start + (first + length) * FRAME + FRAME_OFFSET
        stop = min(stop, piece.stretch.stop)
        if start < stop:
            spans.append(PhoneSpan(_NOISES.get(phone, phone), start, stop, word))
    return spans


def _note(shares: dict[str, int], *, first: str) -> str | None:
    names = {"phones": "by their phones", "energy": "by their loudness and colour"}
    others = [
        f"{seconds(n_samples):.0f} s were followed {names[name]}"
        for name, n_samples in shares.items()
        if name != first
    ]
    if not others:
        return None
    return f"no English {first} fit parts of the recording: {' and '.join(others)}"
