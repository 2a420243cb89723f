import numpy as np

from vortex_lp.render.mesh.rig import load_rig
from vortex_lp.values import ARKIT_INDEX, ARKIT_NAMES


def one(name: str, weight: float = 1.0) -> np.ndarray:
    weights = np.zeros((1, len(ARKIT_NAMES)), np.float32)
    weights[0, ARKIT_INDEX[name]] = weight
    return weights


def test_every_blendshape_moves_something() -> None:
    moved = np.abs(load_rig().shapes[:, :468]).max(axis=(1, 2))
    for name, most_cm in zip(ARKIT_NAMES, moved, strict=True):
        assert most_cm > 0.05, name


def test_left_and_right_are_mirror_images() -> None:
    rig = load_rig()
    left, right = rig.displacement(one("mouthSmileLeft")), rig.displacement(one("mouthSmileRight"))
    # The corners of the mouth, 291 on the person's left and 61 on the right.
    np.testing.assert_allclose(left[0, 291] * [-1, 1, 1], right[0, 61], atol=0.02)
    np.testing.assert_allclose(left[0, 61] * [-1, 1, 1], right[0, 291], atol=0.02)


def test_an_open_jaw_drops_the_chin_and_parts_the_lips() -> None:
    rig = load_rig()
    assert rig.displacement(one("jawOpen"))[0, 152, 1] < -1.0
    assert rig.lip_gap(one("jawOpen"))[0, 5] > 2.0


def test_a_blink_lowers_only_its_own_upper_lid() -> None:
    shift = load_rig().displacement(one("eyeBlinkLeft"))[0, :, 1]
    assert shift[386] < -0.4
    assert abs(shift[159]) < 0.2


def test_brows_do_not_move_lips_and_jaws_do_not_move_brows() -> None:
    rig = load_rig()
    assert np.abs(rig.displacement(one("browInnerUp"))[0, [13, 14, 61, 291]]).max() < 0.02
    assert np.abs(rig.displacement(one("jawOpen"))[0, [105, 334, 159, 386]]).max() < 0.02


def test_a_gap_is_never_negative() -> None:
    assert load_rig().lip_gap(one("mouthRollUpper")).min() == 0.0
