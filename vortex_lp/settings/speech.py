"""What phones look like, and how speech becomes mouth movement."""

from typing import Annotated

from pydantic import Field, model_validator

from vortex_lp.settings.base import Positive, Share, Strict, known_shapes


class PhoneSettings(Strict):
    """What the mouth does for one phone."""

    visemes: tuple[Share, Share, Share]
    """jaw_open, lip_width, lip_rounding."""

    arkit: dict[str, Share]
    """ARKit weights of the fully articulated phone."""

    _check_names = model_validator(mode="after")(lambda self: (known_shapes(self.arkit), self)[1])


class ReachSettings(Strict):
    """How far a phone reaches beyond its own time: before it begins and after it ends [s]."""

    jaw: tuple[Positive, Positive]
    """Reach of the jaw."""

    lips: tuple[Positive, Positive]
    """Reach of the lips but for their rounding."""

    rounding: tuple[Positive, Positive]
    """Reach of pucker and funnel, which begin long before a rounded sound."""


class KindSettings(Strict):
    """How strongly one kind of phone claims each articulator; see `vortex_lp.speech.visemes`."""

    phones: tuple[str, ...]
    """The phones of this kind."""

    jaw: Positive
    """Claim on the jaw."""

    lips: Positive
    """Claim on the lips but for their rounding."""

    rounding: Positive
    """Claim on the rounding of the lips."""


class ContactSettings(Strict):
    """How a contact of the lips (a closure, a tuck) comes and goes."""

    close_s: Positive
    """From open to contact [s]."""

    open_s: Positive
    """From contact to open [s]."""

    hold: Annotated[float, Field(gt=0.0, le=1.0)]
    """Share of the phone during which the contact holds, counted from its beginning."""


class SpeechSettings(Strict):
    """How sound becomes phones, and phones become mouth movement."""

    recognizer: str
    """The recogniser to use where none is named."""

    least_word_score: float
    """Acoustic score a frame below which heard words are not believed."""

    least_phones_hz: Positive
    """Phones a second of sound below which a recogniser is taken to have missed most of it."""

    wav2vec2_model: str
    """Folder, or name on the Hugging Face hub, of the network of recogniser ``"wav2vec2"``."""

    glides: dict[str, str]
    """Diphthongs, and the phone whose shape their second half takes."""

    reach: ReachSettings
    kinds: dict[str, KindSettings]
    closure: ContactSettings
    tuck: ContactSettings

    short_silence_s: Positive
    """Silences up to this long leave the mouth to the phones around [s]."""

    full_silence_s: Positive
    """Silences from this long on shut it [s]."""

    loudness_gain: tuple[Positive, Positive]
    """Size of movements in the softest and in the loudest speech."""

    easy_rate_hz: Positive
    """Phones a second up to which movements keep their size."""

    least_rate_gain: Share
    """Size of movements in the fastest speech."""
