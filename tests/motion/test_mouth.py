import numpy as np
import pytest

from tests.motion.mouths import SETTINGS, babble, mouth_of
from vortex_lp.face.aperture import asked_aperture
from vortex_lp.motion.mouth import CLOSING, OFF_THE_TEETH, OPENING
from vortex_lp.motion.track import MotionOptions, make_track
from vortex_lp.values import ARKIT_INDEX, MotionTrack, MouthTrack

PRESETS = list(SETTINGS.presets)


def track_of(mouth: MouthTrack, base: str = "neutral", **options: float) -> MotionTrack:
    return make_track(
        mouth,
        clips=(),
        base=base,
        base_intensity=1.0,
        seed=1,
        settings=SETTINGS,
        options=MotionOptions(**options),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("base", PRESETS)
def test_no_expression_stops_a_p_from_closing(base: str) -> None:
    mouth = babble(3.0)
    track = track_of(mouth, base)
    shut = mouth.closure == 1
    assert shut.any()
    assert track.weights[shut][:, OPENING].max() == 0.0
    assert (track.weights[shut][:, CLOSING] >= mouth.weights[shut][:, CLOSING] - 1e-6).all()
    assert track.closure is not None
    np.testing.assert_array_equal(track.closure[shut], 1.0)


@pytest.mark.parametrize("base", PRESETS)
def test_no_expression_takes_the_lip_off_the_teeth_in_an_f(base: str) -> None:
    mouth = babble(3.0)
    track = track_of(mouth, base)
    tucked = mouth.tuck == 1
    scale = SETTINGS.presets[base].mouth_scale
    asked = mouth.weights[tucked][:, OFF_THE_TEETH] * scale
    np.testing.assert_allclose(track.weights[tucked][:, OFF_THE_TEETH], asked, atol=1e-6)
    roll = ARKIT_INDEX["mouthRollLower"]
    assert (track.weights[tucked][:, roll] >= mouth.weights[tucked][:, roll] - 1e-6).all()


@pytest.mark.parametrize("base", PRESETS)
def test_every_expression_leaves_the_rhythm_of_the_lips(base: str) -> None:
    mouth = babble(6.0)
    asked = asked_aperture(mouth.weights, mouth.closure)
    track = track_of(mouth, base)
    shown = asked_aperture(track.weights, track.closure)
    assert np.corrcoef(asked, shown)[0, 1] > 0.97


@pytest.mark.parametrize("base", PRESETS)
def test_silence_shuts_the_mouth(base: str) -> None:
    mouth = mouth_of([("AA", 0.5), ("SIL", 0.8), ("AA", 0.5)])
    track = track_of(mouth, base)
    times_s = (np.arange(mouth.n_frames) + 0.5) / 24
    silent = (times_s > 0.65) & (times_s < 1.2)
    assert track.weights[silent][:, OPENING].max() == 0.0
    assert asked_aperture(track.weights, track.closure)[silent].max() == 0.0
    assert track.weights[times_s < 0.5][:, ARKIT_INDEX["jawOpen"]].min() > 0.3


def test_a_short_gap_is_no_silence() -> None:
    mouth = mouth_of([("AA", 0.5), ("SIL", 0.15), ("AA", 0.5)])
    track = track_of(mouth)
    assert track.closure is not None
    assert track.closure.max() == 0.0


def test_an_expression_bends_the_mouth() -> None:
    smile = ARKIT_INDEX["mouthSmileLeft"]
    mouth = babble(3.0)
    assert track_of(mouth, "happy").weights[:, smile].mean() > 0.5
    assert track_of(mouth, "neutral").weights[:, smile].mean() < 0.1


def test_pressed_lips_let_an_open_vowel_open() -> None:
    press = ARKIT_INDEX["mouthPressLeft"]
    track = track_of(mouth_of([("AA", 1.0), ("SIL", 1.0)]), "angry")
    assert track.weights[12, press] == 0.0
    assert track.weights[40, press] > 0.3


def test_a_smile_gives_way_to_round_lips() -> None:
    smile = ARKIT_INDEX["mouthSmileLeft"]
    track = track_of(mouth_of([("UW", 0.5), ("AA", 0.5)]), "happy")
    assert 0.2 < track.weights[6, smile] < 0.75 * track.weights[18, smile]


def test_mouth_scale_and_strength_multiply_what_speech_asks() -> None:
    jaw = ARKIT_INDEX["jawOpen"]
    mouth = mouth_of([("IY", 1.0)])
    asked = mouth.weights[12, jaw]
    assert track_of(mouth, "manic").weights[12, jaw] == pytest.approx(1.3 * asked, rel=1e-5)
    doubled = track_of(mouth, "neutral", mouth_strength=2.0)
    assert doubled.weights[12, jaw] == pytest.approx(2 * asked, rel=1e-5)
    assert track_of(mouth, "neutral", mouth_strength=0.0).weights[12, jaw] == 0.0


@pytest.mark.parametrize("base", PRESETS)
def test_weights_stay_in_range(base: str) -> None:
    track = track_of(babble(3.0), base, mouth_strength=3.0)
    assert track.weights.min() >= 0.0
    assert track.weights.max() <= 1.0
