import numpy as np
import pytest
from scipy import signal

from tests.motion.mouths import mouth_of, phrases
from vortex_lp.errors import SettingsError
from vortex_lp.motion.curves import Talk, smootherstep, smoothstep, stream, sway


def test_a_stream_is_the_same_for_the_same_seed_and_name() -> None:
    np.testing.assert_array_equal(stream(5, "blink").random(9), stream(5, "blink").random(9))


def test_streams_of_other_names_and_seeds_are_independent() -> None:
    draws = [
        stream(seed, name).standard_normal(4000) for seed in (0, 1) for name in ("blink", "head")
    ]
    correlation = np.corrcoef(draws) - np.eye(4)
    assert np.abs(correlation).max() < 0.06


@pytest.mark.parametrize("seed", [-1, 1.5, True, "3"])
def test_a_seed_that_is_no_whole_number_is_refused(seed: object) -> None:
    with pytest.raises(SettingsError, match="seed must be a whole number from 0 on"):
        stream(seed, "blink")  # type: ignore[arg-type]


@pytest.mark.parametrize("step", [smoothstep, smootherstep])
def test_steps_are_symmetric_and_begin_and_end_at_rest(step: object) -> None:
    x = np.linspace(-0.5, 1.5, 2001)
    y = step(x)  # type: ignore[operator]
    np.testing.assert_allclose(y + y[::-1], 1.0, atol=1e-12)
    assert np.abs(np.gradient(y, x)[np.isin(np.round(x, 6), [0.0, 1.0])]).max() < 0.01
    assert (np.diff(y) >= 0).all()


def test_sway_has_unit_size_and_nothing_outside_its_band() -> None:
    rate_hz = 24.0
    times_s = np.arange(int(600 * rate_hz)) / rate_hz
    curve = sway(times_s, chance=stream(3, "head yaw"), band_hz=(0.1, 0.7))
    assert np.sqrt((curve**2).mean()) == pytest.approx(1.0, abs=0.1)
    frequency, power = signal.periodogram(curve, fs=rate_hz, window="blackmanharris")
    inside = (frequency > 0.08) & (frequency < 0.75)
    assert power[~inside].sum() < 1e-5 * power.sum()


def test_any_moment_of_sway_can_be_computed_by_itself() -> None:
    times_s = np.arange(1000) / 24
    whole = sway(times_s, chance=stream(3, "x"), band_hz=(0.1, 0.7))
    part = sway(times_s[400:500], chance=stream(3, "x"), band_hz=(0.1, 0.7))
    np.testing.assert_array_equal(part, whole[400:500])


def test_talk_knows_how_far_speech_is_away() -> None:
    talk = Talk(
        mouth_of([("SIL", 1.0), ("AA", 1.0), ("SIL", 0.1), ("AA", 0.4), ("SIL", 2.0), ("AA", 0.5)]),
        pause_s=0.3,
    )
    times_s = np.array([0.25, 1.0, 2.05, 2.4, 3.5, 4.6, 5.25])
    np.testing.assert_allclose(talk.since_s(times_s), [np.inf, 0, 0, 0, 1.0, 0, 0.25])
    np.testing.assert_allclose(talk.until_s(times_s), [0.75, 0, 0, 0, 1.0, 0, np.inf])
    np.testing.assert_allclose(talk.stops_s, [2.5, 5.0])


def test_presence_is_1_in_speech_and_0_deep_in_a_pause() -> None:
    talk = Talk(phrases(3), pause_s=0.3)
    times_s = np.arange(0, 9, 0.01)
    present = talk.presence(times_s, leave_s=0.12, come_s=0.08)
    in_phrase = (talk.since_s(times_s) == 0) | (talk.until_s(times_s) == 0)
    deep = (talk.since_s(times_s) > 0.12) & (talk.until_s(times_s) > 0.08)
    assert (present[in_phrase] == 1).all()
    assert deep.any()
    assert (present[deep] == 0).all()


def test_a_recording_without_speech_is_one_pause() -> None:
    talk = Talk(mouth_of([("SIL", 2.0)]), pause_s=0.3)
    times_s = np.linspace(0, 2, 50)
    assert (talk.presence(times_s, leave_s=0.1, come_s=0.1) == 0).all()
