from fractions import Fraction

import numpy as np
import pytest

from tests.motion.mouths import SETTINGS, babble, mouth_of, phrases
from vortex_lp.motion.curves import Curve, Talk, middles_s
from vortex_lp.motion.eyes import (
    Blink,
    blink_curve,
    blink_frames,
    gaze_of,
    plan_blinks,
    plan_gaze,
)
from vortex_lp.motion.track import MotionOptions, make_track
from vortex_lp.values import ARKIT_INDEX, MotionTrack, MouthTrack

BLINK, GAZE = SETTINGS.motion.blink, SETTINGS.motion.gaze
STILL = {"head_motion": 0.0, "accents": 0.0}
LEFT_LID, RIGHT_LID = ARKIT_INDEX["eyeBlinkLeft"], ARKIT_INDEX["eyeBlinkRight"]


def blinks_of(
    mouth: MouthTrack, *, seed: int = 0, rate: float = 1.0, n_frames: int | None = None
) -> tuple[Blink, ...]:
    return plan_blinks(
        Talk(mouth, pause_s=SETTINGS.motion.pause_s),
        n_frames=n_frames or mouth.n_frames,
        fps=mouth.fps,
        seed=seed,
        rate=rate,
        settings=BLINK,
    )


def track_of(mouth: MouthTrack, base: str = "neutral", **options: object) -> MotionTrack:
    return make_track(
        mouth,
        clips=(),
        base=base,
        seed=1,
        settings=SETTINGS,
        options=MotionOptions(**options),  # type: ignore[arg-type]
    )


def gaze_angles(
    seconds: float, *, head: np.ndarray | None = None, fps: int = 1000
) -> tuple[Curve, np.ndarray]:
    times_s = middles_s(round(seconds * fps), fps=Fraction(fps))
    head = np.zeros((len(times_s), 3)) if head is None else head
    settings = GAZE.model_copy(update={"drift_deg": 0.0})
    angles = plan_gaze(times_s, head, seed=2, target=(0.0, 0.0), liveliness=1.0, settings=settings)
    return times_s, angles


@pytest.mark.parametrize("seed", range(8))
def test_without_pauses_blinks_come_every_2_to_6_seconds(seed: int) -> None:
    shut_s = [blink.shut_s for blink in blinks_of(babble(120.0), seed=seed)]
    gaps_s = np.diff([0.0, *shut_s])
    # Moving the shut moment to a frame, and how long the lid falls, cost a tenth of a second.
    assert gaps_s[1:].min() > 2.0 - 0.1
    assert gaps_s.max() < 6.0 + 0.1
    assert 120 / 6 - 1 <= len(shut_s) <= 120 / 2


def test_most_phrase_ends_bring_a_blink() -> None:
    mouth = phrases(40)
    ends_s = Talk(mouth, pause_s=0.3).stops_s
    shut_s = np.array([blink.shut_s for blink in blinks_of(mouth)])
    with_blink = [((shut_s > end) & (shut_s < end + 0.35)).any() for end in ends_s]
    # Chance alone would give a tenth: 0.35 s of every 3.3 s.
    assert 0.5 < np.mean(with_blink) < 0.9


@pytest.mark.parametrize("rate", [1.0, 3.0])
def test_no_two_blinks_come_close(rate: float) -> None:
    for seed in range(5):
        shut_s = [blink.shut_s for blink in blinks_of(phrases(40), seed=seed, rate=rate)]
        assert np.diff(shut_s).min() > 0.6 - 0.08


def test_a_higher_rate_blinks_more_and_0_never() -> None:
    counts = [len(blinks_of(babble(200.0), rate=rate)) for rate in (0.0, 0.5, 1.0, 2.0)]
    assert counts[0] == 0
    assert counts[1] * 1.5 < counts[2]
    assert counts[2] * 1.5 < counts[3]


def test_lids_fall_faster_than_they_rise_within_the_promised_time() -> None:
    for blink in blinks_of(babble(200.0)):
        assert blink.close_s < blink.open_s
        assert 0.15 <= blink.close_s + blink.hold_s + blink.open_s <= 0.30


@pytest.mark.parametrize("fps", [8, 12, 24, Fraction(30000, 1001), 30, 60, 120])
def test_each_blink_shuts_fully_for_a_frame_at_any_rate(fps: float | Fraction) -> None:
    mouth = babble(30.0, fps=fps)
    track = track_of(mouth)
    blinks = blinks_of(mouth, seed=1)
    frames = blink_frames(track)
    assert len(blinks) >= 5
    assert frames == tuple(round(blink.shut_s * float(mouth.fps) - 0.5) for blink in blinks)
    assert (track.weights[list(frames)][:, [LEFT_LID, RIGHT_LID]] == 1.0).all()


def test_between_blinks_the_eyes_are_open() -> None:
    mouth = babble(30.0)
    lids = track_of(mouth, **STILL).weights[:, LEFT_LID]
    assert np.mean(lids < 0.1) > 0.9


def test_a_blink_is_the_same_whatever_follows() -> None:
    long, short = babble(60.0), babble(60.0)
    whole = blinks_of(long)
    part = blinks_of(short, n_frames=720)
    assert whole[: len(part)] == part
    assert len(part) >= 5


def test_overlaid_blinks_never_leave_the_range() -> None:
    times_s = middles_s(240, fps=Fraction(240))
    curve = blink_curve((Blink(0.301, 0.08, 0.03, 0.15), Blink(0.4, 0.08, 0.03, 0.15)), times_s)
    assert curve.min() == 0.0
    assert curve.max() == 1.0


def test_saccades_follow_the_main_sequence() -> None:
    times_s, angles = gaze_angles(120.0)
    speed = np.hypot(*np.gradient(angles, times_s, axis=0).T)
    moving = speed > 1e-9
    starts = np.flatnonzero(np.diff(moving.astype(int)) == 1)
    stops = np.flatnonzero(np.diff(moving.astype(int)) == -1)
    sizes, lasts_s = [], []
    for start, stop in zip(starts, stops, strict=False):
        sizes.append(np.hypot(*(angles[stop + 1] - angles[start])))
        lasts_s.append((stop - start) / 1000)
    sizes, lasts_s = np.array(sizes), np.array(lasts_s)
    assert len(sizes) > 40
    np.testing.assert_allclose(lasts_s, 0.021 + 0.0022 * sizes, atol=0.003)
    assert sizes.max() > 4
    assert np.median(sizes) < 3
    # A path of least jerk peaks at 1.875 times its mean speed.
    largest = sizes.argmax()
    peak = speed[starts[largest] : stops[largest]].max()
    assert peak == pytest.approx(1.875 * sizes[largest] / lasts_s[largest], rel=0.15)


def test_the_eyes_rest_most_of_the_time_and_start_straight() -> None:
    times_s, angles = gaze_angles(120.0, fps=240)
    assert np.hypot(*angles[0]) == 0.0
    speed = np.hypot(*np.gradient(angles, times_s, axis=0).T)
    assert np.mean(speed < 1.0) > 0.9
    assert np.hypot(*angles.T).max() < 9.0


def test_eyes_turn_against_the_head() -> None:
    head = np.zeros((4000, 3))
    straight = gaze_angles(4.0, head=head)[1]
    head[:, 0], head[:, 1] = 2.0, 3.0  # looking down and to the viewer's right
    turned = gaze_angles(4.0, head=head)[1]
    np.testing.assert_allclose(turned - straight, [[-0.8 * 3.0, 0.8 * 2.0]] * 4000, atol=1e-9)


@pytest.mark.parametrize(
    ("target", "shapes"),
    [
        ((1.0, 0.0), ("eyeLookOutLeft", "eyeLookInRight")),
        ((-1.0, 0.0), ("eyeLookInLeft", "eyeLookOutRight")),
        ((0.0, 1.0), ("eyeLookUpLeft", "eyeLookUpRight")),
        ((0.0, -1.0), ("eyeLookDownLeft", "eyeLookDownRight")),
    ],
)
def test_a_gaze_target_is_looked_at(target: tuple[float, float], shapes: tuple[str, ...]) -> None:
    track = track_of(babble(2.0), gaze=target, eye_motion=0.0, **STILL)
    looks = {name: track.weights[:, index] for name, index in ARKIT_INDEX.items() if "Look" in name}
    for name, weights in looks.items():
        expected = GAZE.target_deg / GAZE.full_deg if name in shapes else 0.0
        np.testing.assert_allclose(weights, expected, atol=1e-6)
    for side in ("Left", "Right"):
        right_up = gaze_of(track.weights[0], side=side)
        np.testing.assert_allclose(right_up, np.array(target) * 2 / 3, atol=1e-6)


def test_lids_follow_the_gaze_up_and_down() -> None:
    up = track_of(babble(1.0), gaze=(0.0, 1.0), blink_rate=0.0, eye_motion=0.0, **STILL).weights
    down = track_of(babble(1.0), gaze=(0.0, -1.0), blink_rate=0.0, eye_motion=0.0, **STILL).weights
    wide = ARKIT_INDEX["eyeWideLeft"]
    assert up[:, wide].min() > 0.1
    assert up[:, LEFT_LID].max() == 0.0
    assert down[:, LEFT_LID].min() > 0.1
    assert down[:, wide].max() == 0.0


def test_openness_widens_and_sinks_the_lids() -> None:
    options = {"blink_rate": 0.0, "eye_motion": 0.0, **STILL}
    wide = ARKIT_INDEX["eyeWideLeft"]
    assert track_of(babble(1.0), "neutral", **options).weights[:, [LEFT_LID, wide]].max() == 0.0
    assert track_of(babble(1.0), "manic", **options).weights[:, wide].min() > 0.5
    assert 0.02 < track_of(babble(1.0), "calm", **options).weights[:, LEFT_LID].min() < 0.2


def test_wide_eyes_still_shut_in_a_blink() -> None:
    track = track_of(babble(20.0), "manic")
    frames = list(blink_frames(track))
    assert len(frames) >= 3
    assert track.weights[frames][:, ARKIT_INDEX["eyeWideLeft"]].max() == 0.0


def test_blinks_come_in_silence_too() -> None:
    assert len(blinks_of(mouth_of([("SIL", 60.0)]))) >= 10
