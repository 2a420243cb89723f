import functools
from fractions import Fraction

import numpy as np
import pytest

from tests.speech.sounds import SAMPLES, sample, sample_spans
from vortex_lp.settings import load_settings
from vortex_lp.speech.phonemes import CLOSURES, TUCKS
from vortex_lp.speech.spans import fill_gaps
from vortex_lp.speech.visemes import frame_middles, make_mouth
from vortex_lp.timebase import frame_count
from vortex_lp.values import ARKIT_INDEX, ARKIT_NAMES, MouthTrack, PhoneSpan, Recognition, Speech

SETTINGS = load_settings()
JAW = ARKIT_INDEX["jawOpen"]
PUCKER = ARKIT_INDEX["mouthPucker"]
RATES = [10, 24, 25, 30, Fraction(30000, 1001), 60]


@functools.cache
def mouth_of(name: str, fps: Fraction) -> MouthTrack:
    speech = sample(name)
    spans = tuple(fill_gaps(sample_spans(name), n_samples=speech.n_samples))
    n_frames = frame_count(speech.n_samples, rate_hz=48_000, fps=fps)
    recognition = Recognition(spans=spans, recognizer="phones")
    return make_mouth(recognition, speech, fps=fps, n_frames=n_frames, settings=SETTINGS)


def say(*phones: tuple[str, float], fps: float = 100, loud: float = 0.3) -> MouthTrack:
    """Return the mouth for phones of the given lengths [s], in sound of even loudness."""
    spans, at = [], 0
    for phone, duration_s in phones:
        spans.append(PhoneSpan(phone, at, at + round(duration_s * 48_000)))
        at = spans[-1].stop
    rng = np.random.default_rng(0)
    samples = np.concatenate(
        [(0.0 if s.phone == "SIL" else loud) * rng.uniform(-1, 1, s.stop - s.start) for s in spans]
    )
    n_frames = frame_count(at, rate_hz=48_000, fps=fps)
    return make_mouth(
        Recognition(spans=tuple(spans), recognizer="phones"),
        Speech(samples=samples.astype(np.float32)),
        fps=fps,
        n_frames=n_frames,
        settings=SETTINGS,
    )


@pytest.mark.parametrize("fps", RATES, ids=str)
@pytest.mark.parametrize("name", SAMPLES)
def test_every_closure_shows_in_a_frame(name: str, fps: Fraction) -> None:
    mouth = mouth_of(name, Fraction(fps))
    middles = frame_middles(mouth.n_frames, fps=fps)
    half = 24_000 * Fraction(fps).denominator / Fraction(fps).numerator
    for span in mouth.spans:
        shown = (middles >= span.start - half) & (middles <= span.stop + half)
        if span.phone in CLOSURES:
            assert mouth.closure[shown].max() >= 0.95
            shut = shown & (mouth.closure >= 0.95)
            assert mouth.weights[shut, JAW].max() <= 0.05
            assert mouth.visemes[shut, 0].max() <= 0.05
        if span.phone in TUCKS and not (mouth.closure[shown] > 0).any():
            assert mouth.tuck[shown].max() >= 0.95


def test_lips_that_close_press_and_do_not_part() -> None:
    mouth = say(("SIL", 0.3), ("AA", 0.2), ("M", 0.08), ("AA", 0.2), ("SIL", 0.3))
    shut = int(np.argmax(mouth.closure))
    named = dict(zip(ARKIT_NAMES, mouth.weights[shut], strict=True))
    assert named["mouthPressLeft"] > 0.15
    assert named["mouthRollLower"] > 0.1
    assert named["mouthLowerDownLeft"] == named["mouthUpperUpLeft"] == named["mouthFunnel"] == 0


def test_vowels_between_closures_open_the_mouth() -> None:
    mouth = say(*[("M", 0.08), ("AA", 0.1)] * 4, fps=24)
    for span in mouth.spans[1::2]:
        middles = frame_middles(mouth.n_frames, fps=24)
        inside = (middles >= span.start) & (middles < span.stop)
        assert mouth.visemes[inside, 0].max() > 0.3


def test_the_lower_lip_tucks_under_the_teeth_for_f() -> None:
    mouth = say(("SIL", 0.3), ("AA", 0.2), ("F", 0.1), ("IY", 0.2), ("SIL", 0.3))
    tucked = int(np.argmax(mouth.tuck))
    named = dict(zip(ARKIT_NAMES, mouth.weights[tucked], strict=True))
    assert mouth.tuck[tucked] == 1.0
    assert named["mouthRollLower"] > 0.3
    assert named["jawOpen"] < 0.1
    assert mouth.closure.max() == 0.0


def test_lips_round_before_a_rounded_vowel() -> None:
    rounded = say(("SIL", 0.4), ("S", 0.12), ("T", 0.08), ("UW", 0.2), ("SIL", 0.4))
    spread = say(("SIL", 0.4), ("S", 0.12), ("T", 0.08), ("IY", 0.2), ("SIL", 0.4))
    vowel = 60
    half_way = rounded.weights[vowel + 10, PUCKER] / 2
    first = int(np.argmax(rounded.weights[:, PUCKER] >= half_way))
    assert 0.05 <= (vowel - first) / 100 <= 0.25
    assert spread.weights[vowel - 5, PUCKER] < 0.02


def test_the_jaw_is_on_its_way_before_the_vowel_and_after_it() -> None:
    mouth = say(("SIL", 0.4), ("K", 0.1), ("AA", 0.2), ("K", 0.1), ("SIL", 0.4))
    alone = SETTINGS.phones["K"].visemes[0]
    assert mouth.visemes[47, 0] > alone + 0.1
    assert mouth.visemes[73, 0] > alone + 0.1


@pytest.mark.parametrize("name", SAMPLES)
def test_long_silence_shuts_the_mouth(name: str) -> None:
    mouth = mouth_of(name, Fraction(24))
    middles = frame_middles(mouth.n_frames, fps=24)
    for span in mouth.spans:
        if span.phone == "SIL" and span.stop - span.start >= 0.24 * 48_000:
            still = (middles >= span.start + 5_000) & (middles < span.stop - 5_000)
            assert mouth.weights[still, JAW].max(initial=0.0) <= 1e-6
            assert mouth.visemes[still, 0].max(initial=0.0) <= 1e-6


def test_silence_alone_is_a_mouth_at_rest() -> None:
    mouth = say(("SIL", 1.0), fps=24)
    assert not mouth.weights.any()
    assert not mouth.loudness.any()
    assert (mouth.visemes == np.array([0.0, 0.5, 0.0], np.float32)).all()


def test_frames_beyond_the_recording_are_silent() -> None:
    speech = sample("movie_rms.wav")
    spans = tuple(fill_gaps(sample_spans("movie_rms.wav"), n_samples=speech.n_samples))
    mouth = make_mouth(
        Recognition(spans=spans, recognizer="phones"), speech, fps=24, n_frames=300,
        settings=SETTINGS,
    )  # fmt: skip
    assert mouth.n_frames == 300
    assert not mouth.weights[180:].any()
    assert not mouth.loudness[180:].any()


def test_soft_and_fast_speech_moves_less() -> None:
    vowels = [("AA", 0.2), ("D", 0.08)] * 3
    loud = say(*vowels)
    both = say(*vowels, ("SIL", 0.5), fps=100)
    assert loud.visemes[:, 0].max() == pytest.approx(both.visemes[:80, 0].max(), abs=0.1)
    fast = say(*[("AA", 0.05), ("D", 0.03)] * 12)
    assert fast.visemes[:, 0].max() < 0.9 * loud.visemes[:, 0].max()


def test_fast_speech_does_not_flap() -> None:
    mouth = say(*[("AA", 0.05), ("S", 0.03), ("EH", 0.04), ("T", 0.03)] * 15, fps=24)
    jaw = mouth.visemes[12:-12, 0]
    turns = np.flatnonzero(np.diff(np.sign(np.diff(jaw))))
    swings = np.abs(np.diff(jaw[turns + 1]))
    assert (swings > 0.25).sum() / (len(jaw) / 24) < 8


@pytest.mark.parametrize("name", SAMPLES)
def test_weights_are_those_of_conversation(name: str) -> None:
    mouth = mouth_of(name, Fraction(24))
    assert mouth.weights.min() >= 0.0
    assert mouth.weights.max() <= 0.9
    assert 0.3 < np.percentile(mouth.weights[:, JAW], 97) < 0.6
    beyond = [i for i, n in enumerate(ARKIT_NAMES) if not n.startswith(("jaw", "mouth"))]
    assert not mouth.weights[:, beyond].any()


def test_the_frame_rate_does_not_change_the_movement() -> None:
    slow, fast = (mouth_of("movie_rms.wav", Fraction(fps)) for fps in (24, 120))
    at = frame_middles(slow.n_frames, fps=24) / 48_000
    same = np.interp(at, frame_middles(fast.n_frames, fps=120) / 48_000, fast.visemes[:, 2])
    assert np.abs(same - slow.visemes[:, 2]).max() < 0.05
