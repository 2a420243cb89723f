import subprocess
import sys
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from tests.motion.mouths import SETTINGS, babble, phrases
from vortex_lp.errors import SettingsError
from vortex_lp.motion.eyes import blink_frames
from vortex_lp.motion.track import MotionOptions, make_track
from vortex_lp.values import ARKIT_INDEX, N_BLENDSHAPES, Clip, MotionTrack, MouthTrack

CLIPS = (Clip(1.0, 3.0, "happy"), Clip(2.5, 6.0, "angry", 0.9, 0.2))


def track_of(
    mouth: MouthTrack, *, seed: int = 7, options: MotionOptions | None = None
) -> MotionTrack:
    return make_track(
        mouth, clips=CLIPS, base="calm", seed=seed, settings=SETTINGS, options=options
    )


def test_a_track_has_a_row_for_every_frame() -> None:
    mouth = phrases(2)
    track = track_of(mouth)
    assert track.weights.shape == (mouth.n_frames, N_BLENDSHAPES)
    assert track.head_deg.shape == (mouth.n_frames, 3)
    assert track.fps == mouth.fps


def test_the_same_seed_gives_the_same_bits() -> None:
    one, two = track_of(phrases(3)), track_of(phrases(3))
    assert one.weights.tobytes() == two.weights.tobytes()
    assert one.head_deg.tobytes() == two.head_deg.tobytes()


def test_another_seed_gives_another_performance() -> None:
    one, two = track_of(phrases(5)), track_of(phrases(5), seed=8)
    assert np.abs(one.head_deg - two.head_deg).max() > 0.2
    assert blink_frames(one) != blink_frames(two)


def test_other_blinks_leave_head_gaze_and_mouth_alone() -> None:
    mouth = phrases(5)
    usual, often = track_of(mouth), track_of(mouth, options=MotionOptions(blink_rate=2.5))
    np.testing.assert_array_equal(usual.head_deg, often.head_deg)
    lids = [ARKIT_INDEX[name] for name in ARKIT_INDEX if "Blink" in name or "Wide" in name]
    others = np.delete(np.arange(N_BLENDSHAPES), lids)
    np.testing.assert_array_equal(usual.weights[:, others], often.weights[:, others])
    assert len(blink_frames(often)) > len(blink_frames(usual))


def test_a_frame_does_not_depend_on_what_comes_much_later() -> None:
    long, short = track_of(phrases(8)), track_of(phrases(4))
    settled = short.n_frames - 48  # the next phrase is prepared for in the last seconds
    np.testing.assert_array_equal(long.weights[:settled], short.weights[:settled])
    np.testing.assert_array_equal(long.head_deg[:settled], short.head_deg[:settled])


def test_stressed_syllables_raise_the_brows() -> None:
    mouth = phrases(6)
    brow = ARKIT_INDEX["browOuterUpLeft"]
    marked = make_track(mouth, clips=(), base="neutral", seed=7, settings=SETTINGS)
    plain = make_track(
        mouth,
        clips=(),
        base="neutral",
        seed=7,
        settings=SETTINGS,
        options=MotionOptions(accents=0.0),
    )
    assert 0.08 < marked.weights[:, brow].max() <= SETTINGS.motion.head.brow
    assert plain.weights[:, brow].max() == 0.0


def test_an_hour_takes_little_memory() -> None:
    minute = babble(60.0)
    hour = MouthTrack(
        fps=minute.fps,
        visemes=np.tile(minute.visemes, (60, 1)),
        weights=np.tile(minute.weights, (60, 1)),
        closure=np.tile(minute.closure, 60),
        tuck=np.tile(minute.tuck, 60),
        loudness=np.tile(minute.loudness, 60),
        spans=tuple(
            replace(span, start=span.start + minute_at, stop=span.stop + minute_at)
            for minute_at in range(0, 60 * minute.spans[-1].stop, minute.spans[-1].stop)
            for span in minute.spans
        ),
    )
    tracemalloc.start()
    track = track_of(hour)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert track.n_frames > 86_400
    # Eight tables of the result's size, 18 MB each.
    assert peak < 150e6


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("head_motion", -0.1),
        ("blink_rate", 3.5),
        ("mouth_strength", float("nan")),
        ("eye_motion", "much"),
        ("gaze", (0.0, 1.5)),
        ("gaze", (0.0,)),
    ],
)
def test_options_out_of_range_are_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(SettingsError, match=f"{name} is "):
        MotionOptions(**{name: value})  # type: ignore[arg-type]


def test_an_unknown_base_is_refused() -> None:
    with pytest.raises(SettingsError, match="no expression 'sadd', did you mean 'sad'"):
        make_track(babble(1.0), clips=(), base="sadd", seed=0, settings=SETTINGS)


def test_motion_needs_neither_torch_nor_scipy() -> None:
    code = (
        "import sys, vortex_lp.motion.track, vortex_lp.motion.formats, vortex_lp.motion.timeline;"
        "heavy = {'torch', 'scipy', 'librosa', 'cv2', 'mediapipe', 'gradio'} & set(sys.modules);"
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
