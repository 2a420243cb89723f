"""The face crop: one geometry for pictures and points, there and back."""

import numpy as np
import pytest

from vortex_lp.render.crop import BOX_LANDMARKS, PasteBack, SquareCrop, face_crop
from vortex_lp.values import N_BLENDSHAPES, N_LANDMARKS, Face, FloatArray

EYES = (33, 133, 159, 145, 362, 263, 386, 374)


def upright_face() -> FloatArray:
    """A face whose box is 100 wide and 120 high with its centre at (300, 200)."""
    points = np.tile(np.float32([300, 200, 0]), (N_LANDMARKS, 1))
    points[127, :2], points[356, :2] = (250, 180), (350, 180)
    points[105, :2], points[152, :2] = (280, 140), (300, 260)
    points[list(EYES), 1] = 170
    points[[61, 291], 1] = 230
    return points


def face_of(landmarks: FloatArray) -> Face:
    return Face(landmarks, np.zeros(N_BLENDSHAPES), np.zeros(3), np.eye(4))


def turned(points: FloatArray, degrees: float) -> FloatArray:
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = points.copy()
    moved[:, :2] = (points[:, :2] - (300, 200)) @ turn.T + (300, 200)
    return moved


def test_an_upright_face_gives_the_published_square() -> None:
    crop = face_crop(face_of(upright_face()), side_px=512, scale=2.3, rise=0.125)
    assert crop.reach == pytest.approx(2.3 * 120)
    assert crop.angle_rad == pytest.approx(0)
    assert crop.centre == pytest.approx((300, 200 - 0.125 * 2.3 * 120))


@pytest.mark.parametrize("degrees", [-40, 15, 90])
def test_a_tilted_face_is_upright_in_its_crop(degrees: float) -> None:
    straight = face_crop(face_of(upright_face()), side_px=512, scale=2.3, rise=0.125)
    tilted = face_crop(face_of(turned(upright_face(), degrees)), side_px=512, scale=2.3, rise=0.125)
    points = upright_face()[:, :2]
    expected = straight.points_to_crop(points)
    actual = tilted.points_to_crop(turned(upright_face(), degrees)[:, :2])
    np.testing.assert_allclose(actual, expected, atol=0.02)
    assert np.degrees(tilted.angle_rad) == pytest.approx(degrees, abs=1e-3)


def test_points_come_back() -> None:
    crop = SquareCrop(centre=(123.4, 56.7), reach=200.0, angle_rad=0.3, side_px=512)
    points = np.random.default_rng(0).uniform(0, 300, (20, 2)).astype(np.float32)
    np.testing.assert_allclose(
        crop.points_to_picture(crop.points_to_crop(points)), points, atol=1e-3
    )


@pytest.mark.parametrize(("reach", "angle_rad"), [(512.0, 0.2), (250.0, -0.4), (900.0, 0.1)])
def test_the_picture_goes_where_its_points_go(reach: float, angle_rad: float) -> None:
    rows, columns = np.mgrid[:700, :900].astype(np.float64)
    spot = np.array((431.0, 337.0))
    bump = np.exp(-((columns - spot[0]) ** 2 + (rows - spot[1]) ** 2) / (2 * 20**2))
    picture = np.repeat((200 * bump)[:, :, None], 3, axis=2).astype(np.uint8)
    crop = SquareCrop(centre=(450.0, 350.0), reach=reach, angle_rad=angle_rad, side_px=512)
    cut = crop.cut(picture)[:, :, 0].astype(np.float64)
    found = np.array([(cut * axis).sum() for axis in np.mgrid[:512, :512][::-1]]) / cut.sum()
    np.testing.assert_allclose(
        found, crop.points_to_crop(spot[None].astype(np.float32))[0], atol=0.3
    )


@pytest.mark.parametrize("angle_rad", [0.0, 0.35])
def test_pasting_back_what_was_cut_changes_almost_nothing(angle_rad: float) -> None:
    rows, columns = np.mgrid[:400, :500]
    picture = np.stack((rows // 2, columns // 2, (rows + columns) // 4), axis=2).astype(np.uint8)
    crop = SquareCrop(centre=(250.0, 150.0), reach=380.0, angle_rad=angle_rad, side_px=512)
    pasted = PasteBack(picture, crop, feather=0.1)(crop.cut(picture))
    difference = np.abs(pasted.astype(int) - picture.astype(int))
    # What the crop shows beyond the edge of the picture never comes back.
    assert difference.max() <= 2
    np.testing.assert_array_equal(pasted[-1], picture[-1])


def test_the_edge_of_the_crop_never_shows() -> None:
    picture = np.full((400, 400, 3), 100, np.uint8)
    crop = SquareCrop(centre=(200.0, 200.0), reach=256.0, angle_rad=0.0, side_px=512)
    pasted = PasteBack(picture, crop, feather=0.1)(np.full((512, 512, 3), 220, np.uint8))
    assert pasted[200, 200, 0] == 220
    assert np.abs(np.diff(pasted[:, :, 0].astype(int), axis=1)).max() <= 12
    assert np.abs(np.diff(pasted[200, :, 0].astype(int))).max() <= 12


def test_the_box_lies_round_known_landmarks() -> None:
    assert all(0 <= number < N_LANDMARKS for number in BOX_LANDMARKS)
    assert len(set(BOX_LANDMARKS)) == len(BOX_LANDMARKS)
