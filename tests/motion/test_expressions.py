import numpy as np
import pytest

from tests.motion.mouths import SETTINGS
from vortex_lp.errors import SettingsError
from vortex_lp.motion.curves import Curve
from vortex_lp.motion.expressions import Expression, blend, resolve_preset
from vortex_lp.settings import PresetSettings, Settings
from vortex_lp.values import ARKIT_INDEX, Clip

TIMES = (np.arange(240) + 0.5) / 24
NAMES = list(SETTINGS.presets)
SMILE = ARKIT_INDEX["mouthSmileLeft"]


def expression(
    *clips: Clip,
    base: str = "neutral",
    intensity: float | None = None,
    settings: Settings = SETTINGS,
    times_s: Curve = TIMES,
) -> Expression:
    return blend(clips, times_s=times_s, base=base, base_intensity=intensity, settings=settings)


def share(shown: Expression, name: str) -> np.ndarray:
    return shown.presets[:, NAMES.index(name)]


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("neutral", (0.3, 0.5, 1.0, 0.2)),
        ("excited", (0.8, 0.8, 1.2, 0.6)),
        ("manic", (1.0, 1.0, 1.3, 0.8)),
        ("calm", (0.2, 0.4, 0.9, 0.1)),
    ],
)
def test_the_four_manners_have_the_promised_numbers(name: str, numbers: tuple[float]) -> None:
    preset = SETTINGS.presets[name]
    assert (
        preset.intensity,
        preset.eye_openness,
        preset.mouth_scale,
        preset.head_motion,
    ) == numbers


@pytest.mark.parametrize("name", ["happy", "sad", "angry", "surprised", "afraid", "disgusted"])
def test_the_six_emotions_have_a_symmetric_shape(name: str) -> None:
    shape = SETTINGS.presets[name].shape
    assert len(shape) >= 5
    for blendshape, weight in shape.items():
        if blendshape.endswith("Left"):
            assert shape[blendshape.removesuffix("Left") + "Right"] == weight


def test_names_are_found_whatever_their_capitals() -> None:
    assert resolve_preset(" Happy ", settings=SETTINGS) == "happy"


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(SettingsError, match=r"no expression 'hapy', did you mean 'happy'; use one"):
        resolve_preset("hapy", settings=SETTINGS)


def test_without_clips_the_base_shows_at_its_own_intensity() -> None:
    shown = expression(base="happy")
    preset = SETTINGS.presets["happy"]
    np.testing.assert_array_equal(share(shown, "happy"), 1.0)
    expected = preset.intensity * preset.shape["mouthSmileLeft"]
    np.testing.assert_allclose(shown.shape[:, SMILE], expected, rtol=1e-6)
    np.testing.assert_allclose(shown.mouth_scale, preset.mouth_scale)
    np.testing.assert_allclose(shown.head_motion, preset.head_motion)


def test_the_base_can_show_at_another_intensity() -> None:
    shown = expression(base="happy", intensity=0.35)
    expected = 0.35 * SETTINGS.presets["happy"].shape["mouthSmileLeft"]
    np.testing.assert_allclose(shown.shape[:, SMILE], expected, rtol=1e-6)


@pytest.mark.parametrize("intensity", [-0.1, 1.1, float("nan")])
def test_an_intensity_out_of_range_is_refused(intensity: float) -> None:
    with pytest.raises(SettingsError, match="intensity of 'happy'"):
        expression(base="happy", intensity=intensity)


def test_a_clip_comes_and_goes_along_a_cubic_smoothstep() -> None:
    shown = share(expression(Clip(2.0, 6.0, "happy", ease_s=1.0)), "happy")
    x = np.clip(np.minimum(TIMES - 2.0, 6.0 - TIMES), 0, 1)
    np.testing.assert_allclose(shown, 3 * x**2 - 2 * x**3, atol=1e-6)


def test_an_ease_longer_than_half_the_clip_is_cut_there() -> None:
    shown = share(expression(Clip(2.0, 4.0, "happy", ease_s=9.0)), "happy")
    assert shown.max() == pytest.approx(1.0, abs=0.01)
    assert TIMES[shown.argmax()] == pytest.approx(3.0, abs=0.03)


def test_an_ease_of_0_is_a_cut() -> None:
    shown = share(expression(Clip(2.0, 4.0, "happy", ease_s=0.0)), "happy")
    np.testing.assert_array_equal(shown, (TIMES >= 2.0) & (TIMES < 4.0))


def test_shares_always_sum_to_1() -> None:
    chance = np.random.default_rng(4)
    clips = [
        Clip(
            start,
            start + chance.uniform(0.05, 4),
            str(chance.choice(NAMES)),
            intensity=None,
            ease_s=chance.uniform(0, 1),
        )
        for start in chance.uniform(-1, 9, 40)
    ]
    shown = expression(*clips, base="sad")
    np.testing.assert_allclose(shown.presets.sum(axis=1), 1.0, atol=1e-5)
    assert shown.presets.min() >= 0
    assert shown.shape.min() >= 0
    assert shown.shape.max() <= 1


def test_overlapping_clips_share_the_face_evenly() -> None:
    shown = expression(Clip(1, 9, "happy", ease_s=0.5), Clip(3, 7, "sad", ease_s=0.5))
    middle = 120
    assert share(shown, "happy")[middle] == pytest.approx(0.5)
    assert share(shown, "sad")[middle] == pytest.approx(0.5)
    assert share(shown, "neutral")[middle] == 0.0


def test_a_gap_is_the_base() -> None:
    shown = expression(Clip(1, 3, "happy"), Clip(6, 9, "sad"), base="calm")
    assert share(shown, "calm")[108] == 1.0


def test_lids_go_with_the_intensity_and_manner_stays() -> None:
    half = expression(base="manic", intensity=0.5)
    none = expression(base="manic", intensity=0.0)
    np.testing.assert_allclose(half.eye_openness, 0.75)
    np.testing.assert_allclose(none.eye_openness, 0.5)
    np.testing.assert_allclose(none.mouth_scale, 1.3)


def test_a_new_preset_needs_no_code() -> None:
    wink = PresetSettings(
        intensity=0.5,
        eye_openness=0.5,
        mouth_scale=1.0,
        head_motion=0.3,
        shape={"eyeSquintLeft": 0.8},
    )
    settings = SETTINGS.model_copy(update={"presets": {**SETTINGS.presets, "sly": wink}})
    shown = expression(base="sly", settings=settings)
    np.testing.assert_allclose(shown.shape[:, ARKIT_INDEX["eyeSquintLeft"]], 0.4, rtol=1e-6)
