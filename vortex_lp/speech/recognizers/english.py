"""The recognisers for English, on PocketSphinx's own model: ``"words"`` and ``"phones"``."""

import dataclasses
from collections.abc import Callable, Iterator

from vortex_lp.settings import Settings
from vortex_lp.speech.recognizers.energy import energy_spans
from vortex_lp.speech.recognizers.pieces import finish, heard_spans, is_dense
from vortex_lp.speech.recognizers.pool import Ears, usable_cores
from vortex_lp.speech.recognizers.sphinx import Heard, Job
from vortex_lp.speech.samples import level_db, recognizer_gain, recognizer_pcm
from vortex_lp.speech.segments import Stretch, pieces
from vortex_lp.timebase import seconds
from vortex_lp.values import SILENCE, FloatArray, PhoneSpan, Recognition, Speech


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
    gain = recognizer_gain(speech)
    spans: list[PhoneSpan] = []
    shares: dict[str, int] = {}
    for piece in _heard(speech, parts, level=level, gain=gain, settings=settings, first=first):
        spans += _piece_spans(piece, speech, gain=gain)
        stretch = piece.stretch
        shares[piece.heard_by] = shares.get(piece.heard_by, 0) + stretch.stop - stretch.start
        on_progress(stretch.stop / speech.n_samples)
    used = max(shares, key=lambda name: shares[name]) if shares else first
    note = _note(shares, first=first)
    return finish(spans, speech, level=level, parts=parts, recognizer=used, note=note)


def _heard(
    speech: Speech,
    parts: list[Stretch],
    *,
    level: FloatArray,
    gain: float,
    settings: Settings,
    first: str,
) -> Iterator[Piece]:
    """Yield each of `parts` with what the best recogniser that copes with it has heard."""
    if not parts:
        return
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
            n_phones = sum(1 for phone, *_ in heard["phones"] if phone != SILENCE)
            if not is_dense(n_phones, stretch, level=level, settings=settings):
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


def _piece_spans(piece: Piece, speech: Speech, *, gain: float) -> list[PhoneSpan]:
    if piece.heard_by == "energy":
        return energy_spans(speech, piece.stretch, gain=gain)
    return heard_spans(piece.heard, piece.stretch)


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
