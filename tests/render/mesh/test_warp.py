import numpy as np

from vortex_lp.render.mesh.warp import fill_map, identity_map, smooth_closed

TRIANGLES = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
SOURCE = np.array([[10, 10], [50, 10], [50, 40], [10, 40]], np.float32)


def fill(target: np.ndarray, *, size: tuple[int, int] = (64, 48), step: float = 1.0) -> np.ndarray:
    place = identity_map(*size, left=0.0, top=0.0, step=step)
    fill_map(TRIANGLES, target.astype(np.float32), SOURCE, 0.0, 0.0, step, place)
    return place


def test_points_that_stay_leave_every_pixel_in_its_place() -> None:
    still = identity_map(64, 48, left=0.0, top=0.0, step=1.0)
    np.testing.assert_allclose(fill(SOURCE), still, atol=1e-4)


def test_a_warped_quad_follows_the_inverse_affine_map() -> None:
    matrix, offset = np.array([[0.9, 0.2], [-0.1, 1.1]]), np.array([3.0, -2.0])
    target = SOURCE @ matrix.T + offset
    place = fill(target)
    # A pixel well inside the target: its source is the inverse of the affine map there.
    for x, y in ((30, 20), (25, 30), (40, 25)):
        expected = np.linalg.inv(matrix) @ (np.array([x, y]) - offset)
        np.testing.assert_allclose(place[y, x], expected, atol=1e-3)


def test_a_coarser_map_holds_the_same_values_at_its_pixels() -> None:
    target = SOURCE + np.array([2.5, 1.25])
    fine, coarse = fill(target), fill(target, size=(32, 24), step=2.0)
    inside = (slice(8, 18), slice(8, 24))
    np.testing.assert_allclose(fine[::2, ::2][inside], coarse[inside], atol=1e-3)


def test_later_triangles_win() -> None:
    triangles = np.array([[0, 1, 2], [3, 4, 5]], np.int32)
    square = np.array([[0, 0], [20, 0], [0, 20]], np.float32)
    source = np.concatenate([square, square + 100])
    target = np.concatenate([square, square])
    place = identity_map(8, 8, left=0.0, top=0.0, step=1.0)
    fill_map(triangles, target, source.astype(np.float32), 0.0, 0.0, 1.0, place)
    np.testing.assert_allclose(place[3, 3], [103, 103], atol=1e-3)


def test_triangles_without_area_are_skipped() -> None:
    target = np.array([[10, 10], [50, 10], [30, 10], [20, 10]], np.float32)
    still = identity_map(64, 48, left=0.0, top=0.0, step=1.0)
    np.testing.assert_array_equal(fill(target), still)


def test_a_smooth_curve_passes_through_its_points() -> None:
    points = np.array([[0, 0], [10, 0], [12, 8], [3, 9]], np.float32)
    curve = smooth_closed(points, parts=5)
    assert len(curve) == 20
    np.testing.assert_allclose(curve[::5], points, atol=1e-5)
