"""The backward warp: which place of the source each pixel of the frame is taken from."""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from vortex_lp.values import FloatArray


@numba.njit(cache=True, nogil=True, fastmath=False)  # type: ignore[untyped-decorator]
def fill_map(
    triangles: npt.NDArray[np.int32],
    target: npt.NDArray[np.float32],
    source: npt.NDArray[np.float32],
    left: float,
    top: float,
    step: float,
    out: npt.NDArray[np.float32],
) -> None:
    """Write into `out` (H, W, 2), for each pixel inside a triangle, its place in the source.

    Pixel (i, j) of `out` stands at x = left + j·step, y = top + i·step. Triangles are (M, 3)
    numbers of points, `target` and `source` (V, 2) [px]. Later triangles win, so they come in the
    order back to front. Pixels outside all of them are left as they are.
    """
    height, width = out.shape[0], out.shape[1]
    for m in range(triangles.shape[0]):
        a, b, c = triangles[m, 0], triangles[m, 1], triangles[m, 2]
        ax, ay = (target[a, 0] - left) / step, (target[a, 1] - top) / step
        bx, by = (target[b, 0] - left) / step, (target[b, 1] - top) / step
        cx, cy = (target[c, 0] - left) / step, (target[c, 1] - top) / step
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if abs(area) < 1e-6:
            continue
        first_row = max(0, int(np.ceil(min(ay, by, cy) - 1e-3)))
        last_row = min(height - 1, int(np.floor(max(ay, by, cy) + 1e-3)))
        first_column = max(0, int(np.ceil(min(ax, bx, cx) - 1e-3)))
        last_column = min(width - 1, int(np.floor(max(ax, bx, cx) + 1e-3)))
        if first_row > last_row or first_column > last_column:
            continue
        # Barycentric weights of b and c are affine in the pixel, and so is the source place.
        over = 1.0 / area
        b_dx, b_dy = (cy - ay) * over, -(cx - ax) * over
        c_dx, c_dy = -(by - ay) * over, (bx - ax) * over
        sax, say = source[a, 0], source[a, 1]
        ux, uy = source[b, 0] - sax, source[b, 1] - say
        vx, vy = source[c, 0] - sax, source[c, 1] - say
        for row in range(first_row, last_row + 1):
            y = row - ay
            for column in range(first_column, last_column + 1):
                x = column - ax
                wb = x * b_dx + y * b_dy
                wc = x * c_dx + y * c_dy
                if wb >= -1e-4 and wc >= -1e-4 and wb + wc <= 1.0001:
                    out[row, column, 0] = sax + wb * ux + wc * vx
                    out[row, column, 1] = say + wb * uy + wc * vy


def identity_map(width: int, height: int, *, left: float, top: float, step: float) -> FloatArray:
    """Return (height, width, 2): every pixel's own place."""
    x = left + step * np.arange(width, dtype=np.float32)
    y = top + step * np.arange(height, dtype=np.float32)
    return np.stack(np.broadcast_arrays(x[None, :], y[:, None]), axis=-1).astype(np.float32)


def smooth_closed(points: npt.NDArray[Any], *, parts: int = 4) -> FloatArray:
    """Return a closed Catmull-Rom curve (n·parts, 2) through `points` (n, 2)."""
    t = (np.arange(parts, dtype=np.float32) / parts)[None, :, None]
    before, after = np.roll(points, 1, axis=0), np.roll(points, -1, axis=0)
    beyond = np.roll(points, -2, axis=0)
    p0, p1, p2, p3 = (p[:, None, :] for p in (before, points, after, beyond))
    curve = 0.5 * (
        2 * p1
        + (p2 - p0) * t
        + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
        + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    )
    return np.asarray(curve.reshape(-1, 2), np.float32)
