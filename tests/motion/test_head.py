import numpy as np
import pytest
from scipy import signal

from tests.motion.mouths import SETTINGS, babble, mouth_of, phrases
from vortex_lp.motion.head import plan_accents
from vortex_lp.motion.track import MotionOptions, make_track
from vortex_lp.settings import PresetSettings
from vortex_lp.values import MouthTrack

LIVELY = SETTINGS.model_copy(
    update={
        "presets": {
            "lively": PresetSettings(
                intensity=1.0, eye_openness=0.5, mouth_scale=1.0, head_motion=1.0, shape={}
            )
        }
    }
)


def head_of(mouth: MouthTrack, *, seed: int = 0, **options: float) -> np.ndarray:
    return make_track(
        mouth,
        clips=(),
        base="lively",
        seed=seed,
        settings=LIVELY,
        options=MotionOptions(**options),  # type: ignore[arg-type]
    ).head_deg.astype(np.float64)


@pytest.mark.parametrize("seed", range(6))
def test_the_head_starts_from_the_portraits_pose_at_rest(seed: int) -> None:
    head = head_of(babble(4.0, fps=60), seed=seed)
    np.testing.assert_array_equal(head[0], 0.0)
    assert np.abs(head[:6]).max() < 0.01  # a tenth of a second
    assert np.abs(head).max() > 0.3


@pytest.mark.parametrize("seed", range(6))
def test_the_head_stays_within_5_degrees_and_uses_the_room(seed: int) -> None:
    head = head_of(phrases(20), seed=seed)
    assert np.abs(head).max() < 5.0
    assert np.abs(head[:, 1]).max() > 1.5


def test_sway_alone_has_no_power_above_1_hz() -> None:
    head = head_of(babble(120.0), accents=0.0)[48:]
    frequency, power = signal.periodogram(head, fs=24, window="blackmanharris", axis=0)
    assert (power[frequency > 1.5].sum(axis=0) < 0.002 * power.sum(axis=0)).all()


def test_nods_do_not_jitter() -> None:
    head = head_of(babble(120.0))[48:]
    frequency, power = signal.periodogram(head, fs=24, window="blackmanharris", axis=0)
    assert (power[frequency > 5.0].sum(axis=0) < 0.003 * power.sum(axis=0)).all()


def test_the_head_settles_in_a_long_pause_and_wakes_again() -> None:
    mouth = mouth_of([("AA", 0.2), ("T", 0.1)] * 100 + [("SIL", 60.0)])
    sizes = []
    for seed in range(8):
        head = head_of(mouth, seed=seed, accents=0.0)
        sizes.append([np.abs(head[48:700]).mean(), np.abs(head[790:]).mean()])
    talking, silent = np.mean(sizes, axis=0)
    assert silent == pytest.approx(LIVELY.motion.head.idle * talking, rel=0.35)


def test_nods_fall_on_loud_syllables() -> None:
    mouth = phrases(20)
    with_nods, without = head_of(mouth), head_of(mouth, accents=0.0)
    nods = np.abs(with_nods - without)[:, 0]
    peaks = np.flatnonzero((nods[1:-1] > nods[:-2]) & (nods[1:-1] >= nods[2:])) + 1
    peaks = peaks[nods[peaks] > 0.3]
    assert len(peaks) > 15
    assert np.mean(mouth.loudness[peaks] >= 0.99) > 0.85


def test_accents_keep_their_distance_and_leave_some_syllables_out() -> None:
    mouth = phrases(40)
    times_s = np.arange(mouth.n_frames) / 24
    accents = plan_accents(
        mouth, times_s=times_s, seed=3, strength=1.0, settings=SETTINGS.motion.head
    )
    gaps_s = np.diff([accent.peak_s for accent in accents])
    assert gaps_s.min() >= SETTINGS.motion.head.accent_gap_s
    # Four loud vowels a phrase, some too close to each other.
    assert 20 < len(accents) < 4 * 40
    assert all(0 < accent.size <= 1 for accent in accents)


def test_more_head_motion_moves_more_and_0_holds_still() -> None:
    mouth = babble(20.0)
    still, usual, double = (head_of(mouth, head_motion=factor) for factor in (0.0, 1.0, 2.0))
    assert np.abs(still).max() == 0.0
    np.testing.assert_allclose(double, 2 * usual, rtol=1e-5)


def test_the_heads_movement_does_not_depend_on_the_frame_rate() -> None:
    slow = head_of(babble(10.0, fps=24), accents=0.0)
    fast = head_of(babble(10.0, fps=48), accents=0.0)
    np.testing.assert_allclose(fast[: 2 * len(slow) : 2], slow[: len(fast[::2])], atol=1e-5)
