import numpy as np

from vortex_lp.face.retarget import KEEP, relative_weights
from vortex_lp.values import ARKIT_INDEX, ARKIT_NAMES


def weights(**named: float) -> np.ndarray:
    row = np.zeros(len(ARKIT_NAMES), np.float32)
    for name, weight in named.items():
        row[ARKIT_INDEX[name]] = weight
    return row


def moved(target: np.ndarray, source: np.ndarray) -> np.ndarray:
    return relative_weights(target[None], source)[0]


def test_asking_for_what_the_portrait_shows_moves_nothing() -> None:
    source = weights(mouthSmileLeft=0.8, eyeLookInLeft=0.5, browDownLeft=0.3)
    assert not moved(source, source).any()


def test_more_than_the_portrait_shows_is_followed_whole() -> None:
    got = moved(weights(browInnerUp=0.7), weights(browInnerUp=0.2))
    np.testing.assert_allclose(got[ARKIT_INDEX["browInnerUp"]], 0.5)


def test_a_smile_and_a_heavy_brow_are_mostly_kept() -> None:
    got = moved(weights(), weights(mouthSmileLeft=0.8, browDownLeft=0.6))
    np.testing.assert_allclose(got[ARKIT_INDEX["mouthSmileLeft"]], -0.8 * KEEP["mouth"])
    np.testing.assert_allclose(got[ARKIT_INDEX["browDownLeft"]], -0.6 * KEEP["brow"])


def test_an_open_jaw_shuts_whole() -> None:
    got = moved(weights(), weights(jawOpen=0.3))
    np.testing.assert_allclose(got[ARKIT_INDEX["jawOpen"]], -0.3)


def test_gaze_is_an_offset_from_the_portraits_own() -> None:
    got = moved(weights(eyeLookOutLeft=0.2), weights(eyeLookOutLeft=0.9))
    np.testing.assert_allclose(got[ARKIT_INDEX["eyeLookOutLeft"]], 0.2)


def test_a_frown_takes_the_whole_smile_away() -> None:
    got = moved(weights(mouthFrownLeft=0.6), weights(mouthSmileLeft=0.8))
    np.testing.assert_allclose(got[ARKIT_INDEX["mouthSmileLeft"]], -0.8)
