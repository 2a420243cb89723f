import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vortex_lp.report.compare import align, align_ends, correlation, on_grid, runs, shifted

CURVE = np.cumsum(np.random.default_rng(1).standard_normal(200))


def test_correlation_is_numpys() -> None:
    other = CURVE + np.random.default_rng(2).normal(0, 3, 200)
    assert correlation(CURVE, other) == pytest.approx(np.corrcoef(CURVE, other)[0, 1])


def test_unknown_values_are_left_out() -> None:
    holed = CURVE.copy()
    holed[50:60] = np.nan
    assert correlation(holed, CURVE) == pytest.approx(1)


def test_a_flat_curve_agrees_with_nothing() -> None:
    assert correlation(np.ones(50), CURVE[:50]) == 0
    flat = align(np.ones(200), CURVE, max_lag=5)
    assert np.isnan(flat.lag_frames)
    assert flat.correlation == 0


@given(st.integers(-10, 10))
def test_a_whole_shift_is_found_exactly(frames: int) -> None:
    found = align(shifted(CURVE, frames), CURVE, max_lag=12)
    assert found.lag_frames == pytest.approx(frames, abs=0.2)
    assert found.correlation == pytest.approx(1)


@pytest.mark.parametrize("lag", [-2.5, -0.4, 0.25, 1.75])
def test_a_shift_between_frames_is_found(lag: float) -> None:
    time = np.arange(200.0)

    def wave(t: np.ndarray) -> np.ndarray:
        return np.sin(t / 4) + np.sin(t / 7.3 + 1)

    assert align(wave(time - lag), wave(time), max_lag=8).lag_frames == pytest.approx(lag, abs=0.05)


def test_lost_frames_show_between_the_ends() -> None:
    first, last = align_ends(
        np.concatenate([np.delete(CURVE, slice(90, 95)), np.full(5, np.nan)]), CURVE, max_lag=12
    )
    assert first.lag_frames == pytest.approx(0, abs=0.3)
    assert last.lag_frames == pytest.approx(-5, abs=0.3)


def test_values_outside_the_picture_are_unknown_and_gaps_are_bridged() -> None:
    values = np.array([0.0, 1.0, np.nan, 3.0])
    curve = on_grid(values, np.arange(4.0), grid_s=np.array([-1.0, 0.5, 2.0, 6.0]), step_s=1)
    np.testing.assert_allclose(curve, [np.nan, 0.5, 2.0, np.nan])


def test_runs_are_half_open() -> None:
    assert runs(np.array([True, True, False, True])) == [(0, 2), (3, 4)]
    assert runs(np.zeros(3, bool)) == []
