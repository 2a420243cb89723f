"""The backward warp: which place of the source each pixel of the frame is taken from."""

import functools
from typing import Any

import cv2
import numba
import numpy as np
import numpy.typing as npt

from vortex_lp.render.canvas import MARGIN_PX, Canvas
from vortex_lp.render.mesh.box import box_around
from vortex_lp.render.mesh.head import FIRST_RING_POINT, Head, image_points
from vortex_lp.values import FloatArray, Frame

TEXTURE_SCALE = 2
"""The texture is enlarged once with a bicubic, so that the quick bilinear look-up of each frame
stays as sharp as a bicubic one."""

MAP_STEP = 2
"""The map is computed at every other pixel and interpolated between."""


class Warp:
    """Turns moved points into a frame; keeps its buffers between the frames of one clip."""

    def __init__(self, canvas: Canvas, head: Head) -> None:
        """Make room for the box that can move."""
        self._picture = canvas.picture
        self._triangles = head.triangles
        points = image_points(head.points)
        box = box_around(points[FIRST_RING_POINT:], margin_px=0, picture=canvas.picture)
        self._box = box
        # What the box can show: itself and the margin round it.
        self._texture = _enlarged(
            canvas.texture[
                box.top : box.bottom + 2 * MARGIN_PX, box.left : box.right + 2 * MARGIN_PX
            ]
        )
        offset = np.array([MARGIN_PX - box.left, MARGIN_PX - box.top], np.float32)
        self._source = (points + offset) * np.float32(TEXTURE_SCALE)
        # One block more on every side, because cv2.resize cannot interpolate beyond the outermost.
        width, height = (-(-side // MAP_STEP) + 2 for side in box.size)
        # The middle of each block of pixels is where cv2.resize will put its value.
        self._left = box.left - MAP_STEP + (MAP_STEP - 1) / 2
        self._top = box.top - MAP_STEP + (MAP_STEP - 1) / 2
        still = identity_map(width, height, left=self._left, top=self._top, step=MAP_STEP)
        self._still = (still + offset) * np.float32(TEXTURE_SCALE)
        self._map = self._still.copy()

    def apply(self, points: FloatArray) -> Frame:
        """Return the frame with the portrait's points moved to `points` (V, 2) [px]."""
        np.copyto(self._map, self._still)
        fill_map(self._triangles, points, self._source, self._left, self._top, MAP_STEP, self._map)
        height, width = self._map.shape[:2]
        place = cv2.resize(
            self._map, (width * MAP_STEP, height * MAP_STEP), interpolation=cv2.INTER_LINEAR
        )
        rows, columns = (slice(MAP_STEP, MAP_STEP + side) for side in self._box.size[::-1])
        moved = cv2.remap(
            self._texture,
            place[rows, columns],
            None,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        frame = self._picture.copy()
        self._box.of(frame)[...] = cv2.cvtColor(moved, cv2.COLOR_RGBA2RGB)
        return frame


def _enlarged(texture: Frame) -> Frame:
    """Return `texture` (H, W, 3) enlarged, with a fourth channel, which makes look-ups quicker.

    Pixel (x, y) of the texture lies exactly at (x, y) times `TEXTURE_SCALE`.
    """
    height, width = texture.shape[:2]
    matrix = np.array([[1 / TEXTURE_SCALE, 0, 0], [0, 1 / TEXTURE_SCALE, 0]], np.float64)
    large = cv2.warpAffine(
        cv2.cvtColor(texture, cv2.COLOR_RGB2RGBA),
        matrix,
        (width * TEXTURE_SCALE, height * TEXTURE_SCALE),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(large, np.uint8)


@numba.njit(cache=True, nogil=True, fastmath=False)
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
    return np.asarray(_catmull_rom(len(points), parts) @ points, np.float32)


@functools.lru_cache(maxsize=16)
def _catmull_rom(n_points: int, parts: int) -> FloatArray:
    """Return the matrix (n·parts, n) from points to their curve."""
    t = np.arange(parts) / parts
    basis = 0.5 * np.stack(
        [
            -t + 2 * t**2 - t**3,
            2 - 5 * t**2 + 3 * t**3,
            t + 4 * t**2 - 3 * t**3,
            -(t**2) + t**3,
        ],
        axis=1,
    )
    matrix = np.zeros((n_points, parts, n_points), np.float32)
    for point in range(n_points):
        for share, neighbour in enumerate((-1, 0, 1, 2)):
            matrix[point, :, (point + neighbour) % n_points] += basis[:, share]
    return matrix.reshape(-1, n_points)
