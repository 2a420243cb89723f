"""The best recogniser that is there."""

from collections.abc import Callable

from vortex_lp.settings import Settings
from vortex_lp.speech.recognizers.english import recognize_words
from vortex_lp.values import Recognition, Speech


def recognize_auto(
    speech: Speech,
    *,
    settings: Settings,
    transcript: str | None,
    on_progress: Callable[[float], None],
) -> Recognition:
    """Return what ``"words"`` hears, which gives way to phones and loudness where it must."""
    return recognize_words(
        speech, settings=settings, transcript=transcript, on_progress=on_progress
    )
