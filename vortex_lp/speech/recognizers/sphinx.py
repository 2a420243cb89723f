"""PocketSphinx as a process of its own: pieces of sound in, phones out.

This file needs nothing of vortex_lp, and runs by path: ``python sphinx.py``. PocketSphinx holds
the interpreter's lock while it listens (measured: two threads take as long as one after the
other), so only processes use several cores, and only a process of its own leaves a page responsive.

Protocol, on standard input: one line of JSON (a `Job` without its sound), then ``n_bytes`` of
int16 sound at 16 kHz; on standard output: one line of JSON (a `Heard`).
"""

import json
import sys
from typing import Any, TypedDict

FRAME_RATE_HZ = 100
"""Frames of the acoustic model a second."""

LEAST_BYTES = 2 * 1600
"""Sound shorter than 0.1 s holds no phone with what is around it, and is not listened to."""

SILENT_WORDS = frozenset({"<s>", "</s>", "<sil>", "[NOISE]", "[COUGH]", "[SMACK]", "[UH]", "[UM]"})


class Job(TypedDict):
    """What to do with the sound that follows."""

    task: str
    """``"phones"``, ``"words"`` or ``"align"``."""

    n_bytes: int
    """How many bytes of sound follow."""

    words: list[list[str]]
    """For ``"align"``: each word and its phones in one string, such as ``["the", "DH AH"]``, and
    ``["<sil>", ""]`` wherever there is silence. The same name must always mean the same phones."""


class Heard(TypedDict):
    """What was heard."""

    phones: list[tuple[str, int, int, str | None]]
    """Phone, first frame, frames, and the word that it belongs to."""

    score: float
    """Acoustic score a frame over what is no silence; higher fits better, 0 where nothing is."""

    words: list[str]
    """The words heard or aligned, without silences."""

    fits: bool
    """False where the task could not be done on this sound; `phones` is then empty."""


NOTHING = Heard(phones=[], score=0.0, words=[], fits=False)


class Ear:
    """The decoders, each loaded when it is first needed."""

    def __init__(self) -> None:
        self._decoders: dict[str, Any] = {}

    def hear(self, job: Job, sound: bytes) -> Heard:
        """Do `job` on `sound`."""
        if len(sound) < LEAST_BYTES:
            return NOTHING
        if job["task"] == "phones":
            return self._phones(sound)
        if job["task"] == "words":
            return self._words(sound)
        return self._align(sound, job["words"])

    def _decoder(self, task: str) -> Any:
        if task not in self._decoders:
            import pocketsphinx

            model = pocketsphinx.get_model_path
            options: dict[str, Any] = {"hmm": model("en-us/en-us"), "loglevel": "FATAL"}
            if task == "phones":
                # Weight and beams as measured in design.md, section 5.
                options |= {"allphone": model("en-us/en-us-phone.lm.bin"), "lm": None, "dict": None}
                options |= {"lw": 2.0, "beam": 1e-10, "pbeam": 1e-10}
            if task == "align":
                # Fillers between any two words make the second pass fail on every tenth piece;
                # whoever asks for an alignment names the silences instead.
                options |= {"lm": None, "fsgusefiller": False}
            if task == "words":
                # Measured on 30 sentences by three voices: half the time, and a quarter of it in
                # noise, without a difference in accuracy.
                options |= {"maxhmmpf": 1000}
            self._decoders[task] = pocketsphinx.Decoder(**options)
        return self._decoders[task]

    def _phones(self, sound: bytes) -> Heard:
        decoder = self._decoder("phones")
        _listen(decoder, sound)
        segments = [(s.word, s.start_frame, s.end_frame - s.start_frame + 1) for s in decoder.seg()]
        phones: list[tuple[str, int, int, str | None]] = [
            (name, start, length, None) for name, start, length in segments if length > 0
        ]
        return Heard(phones=phones, score=0.0, words=[], fits=bool(phones))

    def _words(self, sound: bytes) -> Heard:
        decoder = self._decoder("words")
        decoder.activate_search()
        _listen(decoder, sound)
        hypothesis = decoder.hyp()
        if hypothesis is None or not hypothesis.hypstr.strip():
            return NOTHING
        return _align_phones(decoder, sound)

    def _align(self, sound: bytes, words: list[list[str]]) -> Heard:
        decoder = self._decoder("align")
        for word, phones in words:
            if word != "<sil>" and decoder.lookup_word(word) is None:
                decoder.add_word(word, phones, True)
        try:
            decoder.set_align_text(" ".join(word for word, _ in words))
            _listen(decoder, sound)
        except RuntimeError:
            return NOTHING
        if decoder.hyp() is None:
            return NOTHING
        return _align_phones(decoder, sound)


def _listen(decoder: Any, sound: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(sound, full_utt=True)
    decoder.end_utt()


def _align_phones(decoder: Any, sound: bytes) -> Heard:
    """Find the phones of the words that `decoder` has just heard, in a second pass."""
    try:
        decoder.set_alignment()
        _listen(decoder, sound)
        alignment = decoder.get_alignment()
    except RuntimeError:
        # PocketSphinx's way to say that the words do not fit into the sound.
        return NOTHING
    phones: list[tuple[str, int, int, str | None]] = []
    words: list[str] = []
    score, n_scored = 0.0, 0
    for entry in alignment or ():
        is_silent = entry.name in SILENT_WORDS
        name = None if is_silent else entry.name.split("(")[0]
        if name is not None:
            words.append(name)
            score, n_scored = score + entry.score, n_scored + entry.duration
        for phone in entry:
            if phone.duration > 0:
                phones.append(
                    ("SIL" if is_silent else phone.name, phone.start, phone.duration, name)
                )
    return Heard(phones=phones, score=score / max(n_scored, 1), words=words, fits=bool(phones))


def main() -> None:
    """Answer jobs until standard input ends."""
    ear = Ear()
    while line := sys.stdin.buffer.readline():
        job: Job = json.loads(line)
        heard = ear.hear(job, sys.stdin.buffer.read(job["n_bytes"]))
        sys.stdout.write(json.dumps(heard) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
