"""Coarticulation: phones become mouth movement. This is the one place where that happens.

The model is that of dominance functions (Cohen & Massaro, "Modeling coarticulation in synthetic
visual speech", 1993, after Löfqvist's gestures): each phone claims each articulator with a
strength, full during the phone and fading before and after it, and the articulator stands at the
average of all targets weighted by these claims::

    position(t) = Σ claim_i(t) · target_i / Σ claim_i(t)

It departs from the paper in three ways. The fade is ``(1 - (d/reach)²)²`` instead of an
exponential, so that it ends: in a pause the mouth is shut, not nearly shut. Rounding reaches
further ahead than behind: lips are seen to round 0.1 to 0.3 s before a rounded vowel (Perkell &
Matthies 1992), which is why they do so here before OO and W, through the consonants before them.
And closures (P B M) and tucks (F V) are laid over the average as contacts, because no average of
open neighbours is shut; each holds in at least one frame, whatever the frame rate.

Targets, claims and reaches stand in the settings (``phones``, ``speech.kinds``, ``speech.reach``).
A frame shows the moment in the middle of its time on screen.
"""

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from vortex_lp.settings import ContactSettings, Settings, SpeechSettings
from vortex_lp.speech.phonemes import CLOSURES, TUCKS, VOWELS
from vortex_lp.speech.samples import HOP, level_db
from vortex_lp.speech.segments import quiet_hops
from vortex_lp.timebase import SPEECH_RATE_HZ, exact_fps, frame_at, samples
from vortex_lp.values import (
    ARKIT_INDEX,
    N_BLENDSHAPES,
    SILENCE,
    VISEME_CHANNELS,
    FloatArray,
    MouthTrack,
    PhoneSpan,
    Recognition,
    Speech,
)

N_VISEMES = len(VISEME_CHANNELS)
N_CHANNELS = N_VISEMES + N_BLENDSHAPES
"""The channels that are averaged together: the visemes first, then the ARKit weights."""

LOUD_RANGE_DB = 30.0
"""From silence to the loud syllables on the scale of `MouthTrack.loudness` [dB]."""

OPENING = ("jawOpen", "mouthFunnel", "mouthLowerDown", "mouthUpperUp", "mouthShrug")
"""Beginnings of the names of the shapes that part the lips: a closure takes them back."""

_RATE_WINDOW_S = 1.0
_GLIDE_AT = 0.5
_BLOCK_FRAMES = 1440


def _channels(beginnings: Sequence[str]) -> list[int]:
    names = tuple(beginnings)
    return [N_VISEMES + i for name, i in ARKIT_INDEX.items() if name.startswith(names)]


_JAW = [0, *_channels(["jaw"])]
_ROUNDING = [2, *_channels(["mouthPucker", "mouthFunnel"])]
_LIPS = [i for i in range(N_CHANNELS) if i not in {*_JAW, *_ROUNDING}]
_PARTING = [0, *_channels(OPENING)]
_LOWER_LIP = [*_channels(["mouthLowerDown", "mouthFunnel", "mouthShrug"])]
_SHUTTING = _channels(["mouthClose", "mouthPress", "mouthRoll"])


@dataclass(frozen=True, slots=True, eq=False)
class _Gesture:
    """What one phone, or one half of a diphthong, wants."""

    span: PhoneSpan
    target: FloatArray
    claims: tuple[float, float, float]


def make_mouth(
    recognition: Recognition,
    speech: Speech,
    *,
    fps: float | Fraction,
    n_frames: int,
    settings: Settings,
) -> MouthTrack:
    """Return what the mouth does to say `recognition` as `speech` sounds, for `n_frames` frames.

    Frames beyond the recording are silent.
    """
    rate = exact_fps(fps)
    middles = frame_middles(n_frames, fps=rate)
    loudness = _loudness(speech, middles)
    spans = tuple(recognition.spans)
    sizes = _sizes(spans, loudness, fps=rate, settings=settings.speech)
    closure = _contact(spans, CLOSURES, middles=middles, fps=rate, how=settings.speech.closure)
    tuck = _contact(spans, TUCKS, middles=middles, fps=rate, how=settings.speech.tuck)
    tuck *= 1.0 - closure
    channels = np.empty((n_frames, N_CHANNELS), np.float32)
    # Block by block, so that an hour needs no more memory than what comes out of it.
    for start in range(0, n_frames, _BLOCK_FRAMES):
        block = slice(start, start + _BLOCK_FRAMES)
        near = _near(spans, middles[block], settings=settings.speech)
        blended = _blend(spans[near], sizes[near], middles=middles[block], settings=settings)
        channels[block] = _with_contacts(blended, closure[block], tuck[block], settings=settings)
    return MouthTrack(
        fps=rate,
        visemes=channels[:, :N_VISEMES],
        weights=channels[:, N_VISEMES:],
        closure=closure,
        tuck=tuck,
        loudness=loudness,
        spans=spans,
    )


def _near(
    spans: Sequence[PhoneSpan], middles: npt.NDArray[np.int64], *, settings: SpeechSettings
) -> slice:
    """Return which of `spans` reach any of `middles`."""
    reach = settings.reach
    widest = samples(max(max(pair) for pair in (reach.jaw, reach.lips, reach.rounding)))
    first = bisect.bisect_left(spans, middles[0] - widest, key=lambda span: span.stop)
    last = bisect.bisect_right(spans, middles[-1] + widest, key=lambda span: span.start)
    return slice(first, last)


def visemes_of_spans(
    spans: Sequence[PhoneSpan], *, fps: float | Fraction, n_frames: int, settings: Settings
) -> FloatArray:
    """Return the (T, 3) visemes of `spans` at full size, however loud they were."""
    rate = exact_fps(fps)
    middles = frame_middles(n_frames, fps=rate)
    channels = _blend(spans, np.ones(len(spans), np.float32), middles=middles, settings=settings)
    closure = _contact(spans, CLOSURES, middles=middles, fps=rate, how=settings.speech.closure)
    return _with_contacts(channels, closure, np.zeros_like(closure), settings=settings)[
        :, :N_VISEMES
    ]


def frame_middles(n_frames: int, *, fps: float | Fraction) -> npt.NDArray[np.int64]:
    """Return the sample in the middle of each frame's time on screen, (T,)."""
    rate = exact_fps(fps)
    doubled = 2 * np.arange(n_frames, dtype=np.int64) + 1
    return (doubled * SPEECH_RATE_HZ * rate.denominator) // (2 * rate.numerator)


def _loudness(speech: Speech, middles: npt.NDArray[np.int64]) -> FloatArray:
    """Return how loud each frame is, from 0 in silence to 1 at the loud syllables."""
    level = level_db(speech)
    loud = float(np.percentile(level, 95))
    share = np.clip((level - (loud - LOUD_RANGE_DB)) / LOUD_RANGE_DB, 0.0, 1.0)
    share[quiet_hops(level)] = 0.0
    kernel = np.hanning(11)[1:-1]
    smooth = np.convolve(share, kernel / kernel.sum(), mode="same")
    hops = middles // HOP
    inside = hops < len(smooth)
    loudness = np.zeros(len(middles), np.float32)
    loudness[inside] = np.clip(smooth[hops[inside]], 0.0, 1.0)
    return loudness


def _sizes(
    spans: Sequence[PhoneSpan], loudness: FloatArray, *, fps: Fraction, settings: SpeechSettings
) -> FloatArray:
    """Return the size of each span's movement: less where speech is soft or fast."""
    low, high = settings.loudness_gain
    starts = np.array([s.start for s in spans if s.phone != SILENCE], np.int64)
    half = samples(_RATE_WINDOW_S / 2)
    sizes = np.ones(len(spans), np.float32)
    for index, span in enumerate(spans):
        if span.phone not in VOWELS or not len(loudness):
            continue
        first = min(frame_at(span.start, rate_hz=SPEECH_RATE_HZ, fps=fps), len(loudness) - 1)
        last = frame_at(span.stop - 1, rate_hz=SPEECH_RATE_HZ, fps=fps)
        loud = float(loudness[first : last + 1].max(initial=0.0))
        middle = (span.start + span.stop) // 2
        near = np.searchsorted(starts, [middle - half, middle + half])
        phones_hz = float(near[1] - near[0]) / _RATE_WINDOW_S
        fast = min(1.0, settings.easy_rate_hz / max(phones_hz, 1.0))
        sizes[index] = (low + (high - low) * loud) * max(fast, settings.least_rate_gain)
    return sizes


def _blend(
    spans: Sequence[PhoneSpan],
    sizes: FloatArray,
    *,
    middles: npt.NDArray[np.int64],
    settings: Settings,
) -> FloatArray:
    """Return the average of all targets by their claims, (T, N_CHANNELS)."""
    rest = np.array([*settings.phones[SILENCE].visemes, *[0.0] * N_BLENDSHAPES], np.float32)
    total = np.zeros((len(middles), N_CHANNELS), np.float64)
    weight = np.zeros((len(middles), 3), np.float64)
    reach = settings.speech.reach
    groups = ((_JAW, reach.jaw), (_LIPS, reach.lips), (_ROUNDING, reach.rounding))
    widest = samples(max(max(pair) for _, pair in groups))
    for gesture in _gestures(spans, sizes, settings=settings):
        first, last = np.searchsorted(
            middles, [gesture.span.start - widest, gesture.span.stop + widest]
        )
        times = middles[first:last]
        for group, (channels, (before_s, after_s)) in enumerate(groups):
            claim = gesture.claims[group] * _fade(times, gesture.span, before_s, after_s)
            weight[first:last, group] += claim
            total[first:last, channels] += claim[:, None] * (gesture.target - rest)[channels]
    for group, (channels, _) in enumerate(groups):
        share = np.where(weight[:, group] > 0.0, weight[:, group], 1.0)
        total[:, channels] /= share[:, None]
    return np.clip(total + rest, 0.0, 1.0).astype(np.float32)


def _fade(
    times: npt.NDArray[np.int64], span: PhoneSpan, before_s: float, after_s: float
) -> npt.NDArray[np.float64]:
    """Return 1 inside `span`, fading to 0 at its reach before and after."""
    early = (span.start - times) / samples(before_s)
    late = (times - span.stop) / samples(after_s)
    distance = np.clip(np.maximum(early, late), 0.0, 1.0)
    return np.asarray((1.0 - distance**2) ** 2)


def _gestures(
    spans: Sequence[PhoneSpan], sizes: FloatArray, *, settings: Settings
) -> Iterator[_Gesture]:
    """Yield what each phone wants; a diphthong wants two things, one after the other."""
    speech = settings.speech
    kind_of = {phone: kind for kind in speech.kinds.values() for phone in kind.phones}
    targets = _targets(settings)
    rest = targets[SILENCE]
    for span, size in zip(spans, sizes, strict=True):
        kind = kind_of[span.phone]
        much = _silence_claim(span, speech) if span.phone == SILENCE else 1.0
        claims = (much * kind.jaw, much * kind.lips, much * kind.rounding)
        halves = [(span.phone, span)]
        if span.phone in speech.glides:
            middle = round(span.start + _GLIDE_AT * (span.stop - span.start))
            if span.start < middle < span.stop:
                halves = [
                    (span.phone, PhoneSpan(span.phone, span.start, middle)),
                    (speech.glides[span.phone], PhoneSpan(span.phone, middle, span.stop)),
                ]
        for phone, part in halves:
            yield _Gesture(part, rest + size * (targets[phone] - rest), claims)


def _silence_claim(span: PhoneSpan, settings: SpeechSettings) -> float:
    """Return how much of its claim a silence makes: short ones leave it to their neighbours."""
    shortest, full = samples(settings.short_silence_s), samples(settings.full_silence_s)
    share = (span.stop - span.start - shortest) / max(full - shortest, 1)
    return float(np.clip(share, 0.05, 1.0))


def _targets(settings: Settings) -> dict[str, FloatArray]:
    targets: dict[str, FloatArray] = {}
    for phone, look in settings.phones.items():
        target = np.zeros(N_CHANNELS, np.float32)
        target[:N_VISEMES] = look.visemes
        for name, value in look.arkit.items():
            target[N_VISEMES + ARKIT_INDEX[name]] = value
        targets[phone] = target
    return targets


def _contact(
    spans: Sequence[PhoneSpan],
    phones: frozenset[str],
    *,
    middles: npt.NDArray[np.int64],
    fps: Fraction,
    how: ContactSettings,
) -> FloatArray:
    """Return how surely the contact of `phones` is made in each frame, (T,) in [0, 1].

    Each phone has at least one frame at 1: the one on screen in the middle of its hold.
    """
    contact = np.zeros(len(middles), np.float32)
    for index, span in enumerate(spans):
        if span.phone not in phones:
            continue
        before = spans[index - 1] if index else None
        after = spans[index + 1] if index + 1 < len(spans) else None
        rise = _ramp(how.close_s, before)
        fall = _ramp(how.open_s, after)
        held = max(round(how.hold * (span.stop - span.start)), 1)
        if after is not None and after.phone in phones:
            held = span.stop - span.start
        stop = span.start + held
        first, last = np.searchsorted(middles, [span.start - rise, stop + fall])
        times = middles[first:last]
        distance = np.maximum((span.start - times) / rise, (times - stop) / fall)
        part = 1.0 - np.clip(distance, 0.0, 1.0)
        contact[first:last] = np.maximum(contact[first:last], part * part * (3.0 - 2.0 * part))
        shown = frame_at((span.start + stop) // 2, rate_hz=SPEECH_RATE_HZ, fps=fps)
        if shown < len(contact):
            contact[shown] = 1.0
    return contact


def _ramp(time_s: float, neighbour: PhoneSpan | None) -> int:
    """Return how long [samples] a contact takes to come or go; its neighbour sets a limit."""
    room = (neighbour.stop - neighbour.start) * 45 // 100 if neighbour else samples(time_s)
    return max(min(samples(time_s), room), 1)


def _with_contacts(
    channels: FloatArray, closure: FloatArray, tuck: FloatArray, *, settings: Settings
) -> FloatArray:
    """Return `channels` with lips shut where `closure` says so, tucked where `tuck` does."""
    targets = _targets(settings)
    shut = channels.copy()
    shut[:, _PARTING] = targets["P"][_PARTING]
    shut[:, _SHUTTING] = np.maximum(shut[:, _SHUTTING], targets["M"][_SHUTTING])
    tucked = channels.copy()
    tucked[:, _JAW] = np.minimum(tucked[:, _JAW], targets["F"][_JAW])
    tucked[:, _LOWER_LIP] = 0.0
    tucked[:, _SHUTTING] = np.maximum(tucked[:, _SHUTTING], targets["V"][_SHUTTING])
    mixed = channels + tuck[:, None] * (tucked - channels)
    mixed += closure[:, None] * (shut - mixed)
    return np.clip(mixed, 0.0, 1.0).astype(np.float32)
