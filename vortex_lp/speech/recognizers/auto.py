"""The best recogniser that is there."""

from collections.abc import Callable

from vortex_lp.settings import Settings
from vortex_lp.speech.recognizers import ctc
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

    That is the network, or words where its package is not installed.
    """
    if transcript is not None and transcript.strip():
        return recognize_transcript(
            speech, settings=settings, transcript=transcript, on_progress=on_progress
        )
    best = ctc.recognize_ctc if ctc.is_available() else recognize_words
    return best(speech, settings=settings, transcript=transcript, on_progress=on_progress)
