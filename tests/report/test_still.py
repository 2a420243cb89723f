from dataclasses import replace

import numpy as np
import pytest

from vortex_lp.report.still import SIDE_PX, StillRegion, small_grey
from vortex_lp.values import N_BLENDSHAPES, N_LANDMARKS, Face, Frame


def face_of(left: float, top: float, right: float, bottom: float) -> Face:
    points = np.zeros((N_LANDMARKS, 3), np.float32)
    points[:, :2] = (left + right) / 2, (top + bottom) / 2
    points[0, :2], points[1, :2] = (left, top), (right, bottom)
    return Face(
        landmarks=points,
        weights=np.zeros(N_BLENDSHAPES, np.float32),
        head_deg=np.zeros(3, np.float32),
        pose=np.eye(4, dtype=np.float32),
    )


def noise() -> Frame:
    return np.random.default_rng(0).integers(0, 200, (SIDE_PX, SIDE_PX, 3), np.uint8)


SMALL_FACE = face_of(80, 80, 112, 112)


def region(picture: Frame, face: Face = SMALL_FACE) -> StillRegion:
    return StillRegion(small_grey(picture), face, frame_height_px=picture.shape[0])


def test_an_unchanged_picture_is_identical() -> None:
    assert region(noise()).compare(small_grey(noise())) == pytest.approx((60, 1), abs=1e-4)


def test_a_known_difference_gives_the_psnr_of_its_definition() -> None:
    psnr_db, ssim = region(noise()).compare(small_grey(noise() + 10))
    assert psnr_db == pytest.approx(10 * np.log10(255**2 / 10**2), abs=0.05)
    assert 0.9 < ssim < 1


def test_what_the_head_does_does_not_count() -> None:
    talking = noise()
    talking[70:192, 75:117] = 0
    assert region(noise()).compare(small_grey(talking))[0] == pytest.approx(60)


def test_hair_behind_a_turned_face_does_not_count() -> None:
    turned = replace(SMALL_FACE, head_deg=np.array([0, -45, 0], np.float32))  # to the viewer's left
    swinging = noise()
    swinging[72:96, 118:140] = 0
    assert region(noise(), turned).compare(small_grey(swinging))[0] == pytest.approx(60)
    assert region(noise()).compare(small_grey(swinging))[0] < 30


def test_a_face_that_fills_the_picture_leaves_nothing_to_compare() -> None:
    close = region(noise(), face_of(5, 5, 187, 187))
    assert np.isnan(close.compare(small_grey(noise()))).all()
