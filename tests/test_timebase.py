from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vortex_lp.errors import SettingsError
from vortex_lp.timebase import (
    SPEECH_RATE_HZ,
    TENSOR_RATE_HZ,
    exact_fps,
    frame_at,
    frame_count,
    frame_start,
    frame_time_s,
    samples,
    seconds,
)

RATES = [24, 25, 30, 60, 23.976, 29.97, 59.94, 12.5, 1, 120]
rates = st.sampled_from(RATES)
counts = st.integers(0, 4 * 3600 * SPEECH_RATE_HZ)


def test_one_second_at_24_frames_is_24_frames() -> None:
    assert frame_count(TENSOR_RATE_HZ, rate_hz=TENSOR_RATE_HZ, fps=24) == 24


def test_a_started_frame_counts_whole() -> None:
    assert frame_count(2000, rate_hz=SPEECH_RATE_HZ, fps=24) == 1
    assert frame_count(2001, rate_hz=SPEECH_RATE_HZ, fps=24) == 2
    assert frame_count(0, rate_hz=SPEECH_RATE_HZ, fps=24) == 0


@pytest.mark.parametrize(
    ("fps", "exact"),
    [
        (23.976, Fraction(24000, 1001)),
        (29.97, Fraction(30000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (Fraction(30000, 1001), Fraction(30000, 1001)),
        (24, Fraction(24)),
        (12.5, Fraction(25, 2)),
    ],
)
def test_ntsc_rates_are_exact(fps: float, exact: Fraction) -> None:
    assert exact_fps(fps) == exact


@pytest.mark.parametrize("fps", [0, -24, 0.5, 121, 1e9, float("nan"), float("inf"), "fast", None])
def test_a_rate_that_is_none_is_refused(fps: object) -> None:
    with pytest.raises(SettingsError, match="frame rate"):
        exact_fps(fps)  # type: ignore[arg-type]


@given(n_samples=counts, fps=rates)
def test_frames_cover_the_samples_and_no_more(n_samples: int, fps: float) -> None:
    n_frames = frame_count(n_samples, rate_hz=SPEECH_RATE_HZ, fps=fps)
    assert frame_start(n_frames, rate_hz=SPEECH_RATE_HZ, fps=fps) >= n_samples
    if n_frames:
        assert frame_start(n_frames - 1, rate_hz=SPEECH_RATE_HZ, fps=fps) < n_samples


@given(sample=counts, fps=rates)
def test_the_frame_at_a_sample_has_begun_and_the_next_has_not(sample: int, fps: float) -> None:
    frame = frame_at(sample, rate_hz=SPEECH_RATE_HZ, fps=fps)
    assert frame_start(frame, rate_hz=SPEECH_RATE_HZ, fps=fps) <= sample
    assert frame_start(frame + 1, rate_hz=SPEECH_RATE_HZ, fps=fps) > sample


def test_an_hour_at_ntsc_rate_does_not_drift() -> None:
    fps = exact_fps(29.97)
    frame = frame_count(3600 * SPEECH_RATE_HZ, rate_hz=SPEECH_RATE_HZ, fps=fps) - 1
    assert frame == 107_892
    assert frame_time_s(frame, fps=fps) == pytest.approx(frame * 1001 / 30000, abs=1e-9)


@given(n_samples=counts)
def test_seconds_and_samples_are_inverse(n_samples: int) -> None:
    assert samples(seconds(n_samples)) == n_samples
