import numpy as np
import pytest

from vortex_lp.face.aperture import APERTURE_PER_WEIGHT, asked_aperture
from vortex_lp.settings import load_settings
from vortex_lp.values import ARKIT_INDEX, N_BLENDSHAPES, FloatArray


def weights(**shape: float) -> FloatArray:
    row = np.zeros((1, N_BLENDSHAPES), np.float32)
    for name, weight in shape.items():
        row[0, ARKIT_INDEX[name]] = weight
    return row


def test_it_is_linear_until_the_lips_meet() -> None:
    assert asked_aperture(weights(jawOpen=0.5))[0] == pytest.approx(
        0.5 * APERTURE_PER_WEIGHT["jawOpen"]
    )
    assert asked_aperture(weights(jawOpen=0.2, mouthClose=0.8))[0] == 0


def test_a_closure_shuts_what_the_weights_leave_open() -> None:
    opened = np.repeat(weights(jawOpen=0.5), 3, axis=0)
    shut = asked_aperture(opened, np.array([0.0, 0.5, 1.0], np.float32))
    np.testing.assert_allclose(shut, asked_aperture(opened) * [1, 0.5, 0], atol=1e-6)


def test_the_table_of_phones_closes_p_and_opens_aa() -> None:
    phones = load_settings().phones
    gap = {phone: asked_aperture(weights(**phones[phone].arkit))[0] for phone in ("P", "AA", "SIL")}
    assert gap["SIL"] == 0
    assert gap["P"] < 0.15 * gap["AA"]
    assert gap["AA"] > 0.15
