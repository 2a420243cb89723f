"""The face rig: how each ARKit weight moves each landmark of the canonical face."""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vortex_lp.errors import WeightsError
from vortex_lp.render.mesh.landmarks import INNER_LOWER_LIP, INNER_UPPER_LIP
from vortex_lp.values import N_BLENDSHAPES, N_LANDMARKS, FloatArray

RIG_FILE = Path(__file__).with_name("face_rig.npz")


@dataclass(frozen=True, slots=True, eq=False)
class FaceRig:
    """Fitted from footage by ``scripts/fit_face_rig.py``."""

    shapes: FloatArray
    """(K, L, 3) displacement [cm] of each landmark at weight 1; x to the person's left, y up."""

    neutral: FloatArray
    """(L, 3) [cm] the face at weight 0 of everything."""

    lip_gaps: FloatArray
    """(K, 11) how far [cm] each weight parts the inner edges of the lips, column by column."""

    def displacement(self, moved: FloatArray) -> FloatArray:
        """Return (T, L, 3) [cm] for weight differences (T, K)."""
        flat = moved @ self.shapes.reshape(N_BLENDSHAPES, -1)
        return np.asarray(flat.reshape(-1, N_LANDMARKS, 3), np.float32)

    def lip_gap(self, weights: FloatArray) -> FloatArray:
        """Return (T, 11) [cm], at least 0: how far the lips part for absolute weights (T, K)."""
        return np.asarray(np.maximum(weights @ self.lip_gaps, 0.0), np.float32)


@functools.lru_cache(maxsize=1)
def load_rig() -> FaceRig:
    """Return the rig that comes with the package.

    Raises:
        WeightsError: The file is missing or damaged.
    """
    try:
        with np.load(RIG_FILE, allow_pickle=False) as arrays:
            shapes = arrays["rig"].astype(np.float32)
            neutral = arrays["neutral"].astype(np.float32)
    except (OSError, ValueError, KeyError) as error:
        raise WeightsError(
            f"the face rig {RIG_FILE} is damaged; install vortex_lp again"
        ) from error
    gaps = shapes[:, INNER_UPPER_LIP, 1] - shapes[:, INNER_LOWER_LIP, 1]
    return FaceRig(shapes=shapes, neutral=neutral, lip_gaps=gaps)
