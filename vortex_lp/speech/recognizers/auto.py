"""The best recogniser that is there."""

from collections.abc import Callable

from vortex_lp.settings import Settings
from vortex_lp.speech.recognizers import ctc, wav2vec2
from vortex_lp.speech.recognizers.english import recognize_words
from vortex_lp.speech.recognizers.transcript import recognize_transcript
from vortex_lp.values import Recognition, Speech


def recognize_auto(
    speech: Speech,
    *,
    settings: Settings,
    transcript: str | None,
    on_progress: Callable[[float], None],
) -> Recognition:
    """Return the phones of `transcript` where there is one, otherwise what the best one hears.

    That is wav2vec2 where its weights are there, then the small network, then words.
    """
    if transcript is not None and transcript.strip():
        return recognize_transcript(
            speech, settings=settings, transcript=transcript, on_progress=on_progress
        )
    best = recognize_words
    if wav2vec2.is_available(settings):
        best = wav2vec2.recognize_wav2vec2
    elif ctc.is_available():
        best = ctc.recognize_ctc
    return best(speech, settings=settings, transcript=transcript, on_progress=on_progress)
