"""ARKit weights and head angles → what LivePortrait's 21 keypoints do.

The table ``motion_rig.npz`` is fitted by ``scripts/fit_liveportrait_rig.py`` from published motion
beside the ARKit weights that MediaPipe measures on the very videos it came from.

**Head.** Our camera space has y up and z towards the viewer, keypoint space has y down and z away
from the viewer, so a rotation H becomes S·H·S with S = diag(1, -1, -1); keypoints are rows, so it
is transposed. Measured on the published videos, MediaPipe's angles against the published rotations
so converted: pitch +0.86 (d8), yaw +0.92 (d8) and roll +0.94 (d8) correlation, where the head
moves by more than a degree; the fitting script prints them all.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vortex_lp.face.landmarker import head_rotation
from vortex_lp.render.liveportrait.sizes import N_KEYPOINTS
from vortex_lp.values import ARKIT_INDEX, N_BLENDSHAPES, FloatArray

_TABLE = Path(__file__).with_name("motion_rig.npz")
_FLIP = np.diag((1.0, -1.0, -1.0))

LIP_OPENING = tuple(
    ARKIT_INDEX[name]
    for name in (
        "jawOpen",
        "mouthClose",
        "mouthFunnel",
        "mouthLowerDownLeft",
        "mouthLowerDownRight",
        "mouthUpperUpLeft",
        "mouthUpperUpRight",
    )
)
"""The weights that part the lips; a mouth that the lip head has shut shows none of them."""


@dataclass(frozen=True, slots=True, eq=False)
class MotionRig:
    """How keypoints follow ARKit weights and head angles."""

    offsets: FloatArray
    """(51, 21, 3) what each ARKit weight adds to the expression δ, per unit."""

    limits: FloatArray
    """(21, 3) the largest change of δ that published motion shows, with a margin; 0 where the rig
    moves nothing."""

    shift_per_deg: FloatArray
    """(3, 2) how the head's place follows its turn, because it turns about the neck: x and y per
    degree of pitch, yaw, roll, in units of the portrait's scale s."""

    def expression(self, weights: FloatArray) -> FloatArray:
        """Return the change of δ (T, 21, 3) for changes of the weights (T, 51), within `limits`."""
        raw = np.tensordot(np.asarray(weights, np.float64), self.offsets.astype(np.float64), 1)
        return soft_limit(raw, self.limits).astype(np.float32)

    def shift(self, head_deg: FloatArray) -> FloatArray:
        """Return how far the head moves (T, 3) for head angles (T, 3) [deg]; z is 0."""
        moved = np.asarray(head_deg, np.float64) @ self.shift_per_deg.astype(np.float64)
        return np.pad(moved, ((0, 0), (0, 1))).astype(np.float32)


def soft_limit(
    values: npt.NDArray[np.floating], limits: npt.NDArray[np.floating] | float
) -> npt.NDArray[np.float64]:
    """Return `values` unchanged up to 0.7 of their limit, bending smoothly so as never to pass it.

    The bend has no corner: the slope is 1 where it begins, and every value keeps its order.
    """
    knee = 0.7
    bound = np.broadcast_to(np.asarray(limits, np.float64), np.shape(values))
    room = (1 - knee) * bound
    size = np.abs(values)
    over = np.maximum(size - knee * bound, 0)
    # Where nothing may move there is no room to divide by.
    bent = knee * bound + room * np.tanh(over / np.where(room > 0, room, 1))
    return np.asarray(np.sign(values) * np.where(over > 0, bent, size))


def keypoint_rotation(head_deg: FloatArray) -> FloatArray:
    """Return head angles (T, 3) [deg] as rotations (T, 3, 3) for rows of keypoints: x_c @ R."""
    turned = _FLIP @ head_rotation(head_deg).astype(np.float64) @ _FLIP
    return np.swapaxes(turned, -1, -2).astype(np.float32)


@functools.lru_cache(maxsize=1)
def load_rig() -> MotionRig:
    """Return the fitted table that comes with the package."""
    with np.load(_TABLE, allow_pickle=False) as arrays:
        rig = MotionRig(
            offsets=arrays["offsets"].astype(np.float32),
            limits=arrays["limits"].astype(np.float32),
            shift_per_deg=arrays["shift_per_deg"].astype(np.float32),
        )
    assert rig.offsets.shape == (N_BLENDSHAPES, N_KEYPOINTS, 3)
    return rig
