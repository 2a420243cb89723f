import math

import numpy as np
import pytest

from tests.speech.sounds import SAMPLES, sample, sample_spans, tone
from vortex_lp.settings import load_settings
from vortex_lp.speech.lipsync import (
    audio_to_visemes,
    interpolate_visemes,
    measure_lipsync_accuracy,
    smooth_viseme_sequence,
    validate_viseme_sequence,
)
from vortex_lp.speech.visemes import visemes_of_spans


def reference(name: str, *, fps: int = 24) -> np.ndarray:
    n_frames = math.ceil(sample(name).n_samples / 48_000 * fps)
    spans = sample_spans(name)
    return visemes_of_spans(spans, fps=fps, n_frames=n_frames, settings=load_settings())


@pytest.mark.parametrize(("fps", "n_frames"), [(24, 24), (25, 25), (30, 30), (29.97, 30)])
def test_one_second_gives_as_many_frames_as_cover_it(fps: float, n_frames: int) -> None:
    visemes = audio_to_visemes(tone(1.0, rate_hz=24_000), fps)
    assert visemes.shape == (n_frames, 3)
    assert visemes.dtype == np.float32
    assert ((visemes >= 0) & (visemes <= 1)).all()


def test_a_started_frame_counts_whole() -> None:
    assert len(audio_to_visemes(np.zeros(24_001, np.float32), 24)) == 25


def test_visemes_of_real_speech_follow_the_phones_that_were_said() -> None:
    audio = sample("movie_rms.wav").samples[::2]
    visemes = audio_to_visemes(audio, 24)
    found = measure_lipsync_accuracy(visemes, sample_spans("movie_rms.wav"), 24)
    assert abs(found.offset_frames) < 0.5
    assert found.share_within_2_frames >= 0.9
    assert found.correlation >= 0.85


@pytest.mark.parametrize("bad", [[], [[0.0, 0.0]], [0.0, math.nan], [math.inf]])
def test_bad_audio_is_a_value_error(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="audio"):
        audio_to_visemes(np.array(bad, np.float32), 24)


@pytest.mark.parametrize("late", [-4, -1, 0, 1, 3])
@pytest.mark.parametrize("name", SAMPLES)
def test_a_shift_is_measured(name: str, late: int) -> None:
    found = measure_lipsync_accuracy(np.roll(reference(name), late, axis=0), sample_spans(name), 24)
    assert found.offset_frames == pytest.approx(late, abs=0.2)
    if late == 0:
        assert found.correlation > 0.999
    assert (found.share_within_2_frames > 0.9) == (abs(late) <= 2)


def test_a_shift_between_frames_is_measured() -> None:
    fine = reference("movie_rms.wav", fps=96)
    spans = sample_spans("movie_rms.wav")
    # Frame k of the slow track shows what belongs half a frame earlier, and so is late by a half.
    slow = fine[:-2:4]
    at_middle = fine[2::4][: len(slow)]
    early, middle = (measure_lipsync_accuracy(v, spans, 24) for v in (at_middle, slow))
    assert middle.offset_frames - early.offset_frames == pytest.approx(0.5, abs=0.15)


def test_a_frozen_mouth_shows_no_phone() -> None:
    still = np.full((170, 3), 0.4, np.float32)
    found = measure_lipsync_accuracy(still, sample_spans("movie_rms.wav"), 24)
    assert math.isnan(found.offset_frames)
    assert found.correlation == 0.0
    assert found.share_within_2_frames == 0.0


def test_another_speakers_mouth_is_told_apart() -> None:
    found = measure_lipsync_accuracy(
        reference("welcome_slt.wav")[:170], sample_spans("movie_rms.wav"), 24
    )
    assert found.correlation < 0.4
    assert found.share_within_2_frames < 0.7


def test_phones_may_be_given_in_seconds() -> None:
    visemes = reference("movie_rms.wav")
    spans = sample_spans("movie_rms.wav")
    timed = [(s.phone + "1", s.start / 48_000, s.stop / 48_000) for s in spans]
    a, b = (measure_lipsync_accuracy(visemes, phones, 24) for phones in (spans, timed))
    assert a == b


def test_no_reference_phone_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="holds no phone"):
        measure_lipsync_accuracy(reference("movie_rms.wav"), [("SIL", 0.0, 1.0)], 24)


def test_smoothing_keeps_constants_range_and_length() -> None:
    constant = np.full((20, 3), 0.3, np.float32)
    assert np.allclose(smooth_viseme_sequence(constant), constant)
    noisy = np.random.default_rng(0).uniform(0, 1, (50, 3)).astype(np.float32)
    smooth = smooth_viseme_sequence(noisy, 7)
    assert smooth.shape == noisy.shape
    assert smooth.dtype == np.float32
    assert np.diff(smooth, axis=0).std() < 0.5 * np.diff(noisy, axis=0).std()
    assert np.allclose(smooth_viseme_sequence(noisy, 1), noisy)
    with pytest.raises(ValueError, match="odd"):
        smooth_viseme_sequence(noisy, 4)


def test_interpolation_is_the_cubic_smoothstep() -> None:
    first, second = np.array([0.0, 0.5, 0.0]), np.array([1.0, 0.5, 0.5])
    share = np.linspace(0, 1, 11)
    rows = interpolate_visemes(first, second, share)
    assert rows.shape == (11, 3)
    assert np.allclose(rows[:, 0], 3 * share**2 - 2 * share**3)
    assert np.allclose(rows[5], [0.5, 0.5, 0.25])
    assert interpolate_visemes(first, second, 0.25).shape == (3,)
    track = np.random.default_rng(0).uniform(0, 1, (11, 3))
    assert np.allclose(interpolate_visemes(track, track[::-1], 0.0), track)
    assert interpolate_visemes(track, track[::-1], share).shape == (11, 3)
    with pytest.raises(ValueError, match="share"):
        interpolate_visemes(first, second, 1.1)
    with pytest.raises(ValueError, match="visemes"):
        interpolate_visemes(first[:2], second[:2], 0.5)


def test_validation_names_frame_and_channel() -> None:
    good = np.full((5, 3), 0.5)
    assert validate_viseme_sequence(good).dtype == np.float32
    for value in (1.2, -0.1, math.nan):
        bad = good.copy()
        bad[3, 2] = value
        with pytest.raises(ValueError, match="lip_rounding of frame 3"):
            validate_viseme_sequence(bad)
    with pytest.raises(ValueError, match=r"\(T, 3\)"):
        validate_viseme_sequence(np.zeros((5, 2)))
    with pytest.raises(ValueError, match="T > 0"):
        validate_viseme_sequence(np.zeros((0, 3)))
