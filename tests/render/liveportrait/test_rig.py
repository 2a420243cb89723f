"""The motion rig: directions, limits, and how well it predicts motion it has not seen."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from vortex_lp.render.liveportrait.rig import keypoint_rotation, load_rig, soft_limit
from vortex_lp.values import ARKIT_INDEX, N_BLENDSHAPES

ROOT = Path(__file__).parents[3]
PAIRS = ROOT.parent / "shared" / "liveportrait_motion" / "motion_pairs.npz"
X, Y = 0, 1


def offset(name: str, keypoint: int, axis: int) -> float:
    weights = np.zeros((1, N_BLENDSHAPES), np.float32)
    weights[0, ARKIT_INDEX[name]] = 1
    return float(load_rig().expression(weights)[0, keypoint, axis])


@pytest.mark.parametrize(
    ("name", "keypoint", "axis", "sign"),
    [
        ("jawOpen", 19, Y, 1),
        ("mouthClose", 19, Y, -1),
        ("eyeBlinkLeft", 15, Y, 1),
        ("eyeBlinkRight", 11, Y, 1),
        ("eyeWideLeft", 15, Y, -1),
        ("eyeLookUpRight", 11, Y, -1),
        ("eyeLookOutLeft", 15, X, 1),
        ("eyeLookOutRight", 11, X, -1),
        ("mouthLeft", 19, X, 1),
        ("mouthRight", 19, X, -1),
        ("mouthSmileLeft", 14, Y, -1),
        ("mouthPucker", 14, Y, 1),
    ],
)
def test_a_weight_moves_the_published_keypoint_its_published_way(
    name: str, keypoint: int, axis: int, sign: int
) -> None:
    assert sign * offset(name, keypoint, axis) > 0.004


def test_a_blink_leaves_the_mouth_and_speech_leaves_the_eyes_alone() -> None:
    rig = load_rig()
    lips, eyes = [6, 12, 14, 17, 19, 20], [11, 15]
    blink = [ARKIT_INDEX["eyeBlinkLeft"], ARKIT_INDEX["eyeBlinkRight"]]
    speech = [n for name, n in ARKIT_INDEX.items() if name.startswith(("jaw", "mouth"))]
    assert not rig.offsets[blink][:, lips].any()
    assert not rig.offsets[speech][:, eyes].any()


def test_no_expression_shifts_the_whole_head() -> None:
    assert not load_rig().offsets[:, 5, :2].any()


def test_nothing_asked_is_nothing_moved() -> None:
    rig = load_rig()
    assert not rig.expression(np.zeros((2, N_BLENDSHAPES), np.float32)).any()
    assert not rig.shift(np.zeros((2, 3), np.float32)).any()


def test_the_most_extreme_motion_stays_within_the_limits() -> None:
    rig = load_rig()
    weights = np.random.default_rng(1).choice([-1.0, 1.0], (500, N_BLENDSHAPES)).astype(np.float32)
    moved = rig.expression(100 * weights)
    assert (np.abs(moved) <= rig.limits * (1 + 1e-6)).all()
    assert float(rig.limits.max()) < 0.2


def test_soft_limit_keeps_small_values_and_order() -> None:
    values = np.linspace(-5, 5, 1001)
    limited = soft_limit(values, 1.0)
    small = np.abs(values) <= 0.7
    np.testing.assert_array_equal(limited[small], values[small])
    assert (np.diff(limited) >= 0).all()
    assert np.abs(limited).max() <= 1.0
    # No corner: the slope never jumps.
    assert np.abs(np.diff(limited, 2)).max() < 0.001


@pytest.mark.parametrize(
    ("head_deg", "point", "axis", "said"),
    [
        ((10, 0, 0), (0, 0, -1), Y, "pitch turns the nose down"),
        ((0, 10, 0), (0, 0, -1), X, "yaw turns the nose to the viewer's right"),
        ((0, 0, 10), (0, -1, 0), X, "roll tips the crown clockwise"),
    ],
)
def test_head_angles_turn_keypoints_as_they_say(
    head_deg: tuple[float, ...], point: tuple[float, ...], axis: int, said: str
) -> None:
    rotation = keypoint_rotation(np.array([head_deg], np.float32))[0]
    moved = np.array(point) @ rotation
    assert moved[axis] == pytest.approx(np.sin(np.radians(10)), abs=1e-6), said
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-6)


def fitting_script() -> ModuleType:
    path = ROOT / "scripts" / "fit_liveportrait_rig.py"
    spec = importlib.util.spec_from_file_location("fit_liveportrait_rig", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.shared
def test_the_prior_earns_its_place_on_both_long_videos() -> None:
    if not PAIRS.is_file():
        pytest.skip(f"no motion pairs at {PAIRS}")
    script = fitting_script()
    with np.load(PAIRS, allow_pickle=False) as arrays:
        pairs = {name: arrays[name] for name in arrays}
    scores = script.print_left_out(pairs)
    for video in ("d5", "d8"):
        x, y = script.centred(pairs, video)
        others = [other for other in script.PAIRED if other != video]
        seen_x, seen_y = script.stacked(pairs, others)
        plain = max(
            script.explained(y, x @ script.ridge(seen_x, seen_y, strength=strength))
            for strength in (0.1, 0.3, 0.5, 1.0, 2.0, 5.0)
        )
        assert scores[video] > plain, video
    assert scores["d5"] > 0.43
    assert scores["d8"] > 0.35
