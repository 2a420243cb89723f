"""The best recogniser that is there."""

from collections.abc import Callable

from vortex_lp.settings import Settings
from vortex_lp.speech.recognizers import ctc
from vortex_lp.speech.recognizers.english import recognize_words
from vortex_lp.values import Recognition, Speech


def recognize_auto(
    speech: Speech,
    *,
    settings: Settings,
    transcript: str | None,
    on_progress: Callable[[float], None],
) -> Recognition:
    """Return what the best recogniser hears: the network, or words where it is not installed."""
    best = ctc.recognize_ctc if ctc.is_available() else recognize_words
    return best(speech, settings=settings, transcript=transcript, on_progress=on_progress)
