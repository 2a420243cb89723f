"""Recognisers: a name in a table, imported when it is chosen."""

import functools
from collections.abc import Callable
from importlib import import_module
from typing import Protocol, cast

from vortex_lp.errors import SettingsError
from vortex_lp.settings import Settings
from vortex_lp.values import Recognition, Speech

RECOGNIZERS: dict[str, str] = {
    "auto": "vortex_lp.speech.recognizers.auto:recognize_auto",
    "transcript": "vortex_lp.speech.recognizers.transcript:recognize_transcript",
    "wav2vec2": "vortex_lp.speech.recognizers.wav2vec2:recognize_wav2vec2",
    "ctc": "vortex_lp.speech.recognizers.ctc:recognize_ctc",
    "words": "vortex_lp.speech.recognizers.english:recognize_words",
    "phones": "vortex_lp.speech.recognizers.english:recognize_phones",
    "energy": "vortex_lp.speech.recognizers.energy:recognize_energy",
}
"""Each recogniser's name and where it lives."""


class Recognizer(Protocol):
    """What stands behind each name of `RECOGNIZERS`."""

    def __call__(
        self,
        speech: Speech,
        *,
        settings: Settings,
        transcript: str | None,
        on_progress: Callable[[float], None],
    ) -> Recognition:
        """Return what is said in `speech`; see `recognize`."""


def recognize(
    speech: Speech,
    *,
    recognizer: str,
    settings: Settings,
    transcript: str | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> Recognition:
    """Return the phones of `speech`, from its first sample to its last.

    Args:
        speech: The recording.
        recognizer: A name of `RECOGNIZERS`; ``"auto"`` takes the best that is there.
        settings: Everything that can be set.
        transcript: What is said, where the user knows.
        on_progress: Called with the share that is done, from 0 to 1.

    Raises:
        SettingsError: There is no such recogniser, or what it needs is missing.
        AudioError: A recogniser stopped in the middle of its work.
    """
    run = _load(recognizer)
    progress = on_progress or _ignore
    progress(0.0)
    recognition = run(speech, settings=settings, transcript=transcript, on_progress=progress)
    progress(1.0)
    return recognition


def _ignore(share: float) -> None:
    """Do nothing about progress."""


@functools.cache
def _load(name: str) -> Recognizer:
    if name not in RECOGNIZERS:
        known = ", ".join(RECOGNIZERS)
        raise SettingsError(f"there is no recognizer {name!r}; use one of {known}")
    module, _, function = RECOGNIZERS[name].partition(":")
    return cast(Recognizer, getattr(import_module(module), function))
