"""From what is asked and what the portrait shows to how far a face must move.

Both renderers move by *target - source*. Taken literally that would wipe a person's own look away:
MediaPipe reads a squint or a raised brow into the build of many faces, and a neutral target would
undo it. So the differences are taken with these rules, the same for both renderers:

- More than the portrait shows: the full difference.
- Less than the portrait shows: the full difference for the jaw, which has to shut; a share of it
  elsewhere (`KEEP`), so that a smiling person stays friendly and a heavy brow stays heavy. A smile
  goes whole, though, where a frown or a sneer is asked for: nobody is sad with a grin.
- Gaze: the asked gaze is an offset from the portrait's own, who may be looking at the viewer out of
  a turned head.
- A frame that asks exactly for what the portrait shows does not move at all.
"""

import numpy as np

from vortex_lp.values import ARKIT_NAMES, FloatArray

KEEP = {"brow": 0.25, "cheek": 0.25, "eye": 0.25, "nose": 0.25, "mouth": 0.4, "jaw": 1.0}
"""How much of a difference to *less* is followed, by the first letters of a blendshape's name; our
own judgement from looking at twelve portraits."""

_KEEP = np.array(
    [
        next(share for start, share in KEEP.items() if name.startswith(start))
        for name in ARKIT_NAMES
    ],
    np.float32,
)
_IS_GAZE = np.array([name.startswith("eyeLook") for name in ARKIT_NAMES])
_IS_SMILE = np.array([name.startswith(("mouthSmile", "mouthDimple")) for name in ARKIT_NAMES])
_AGAINST_SMILE = np.array([name.startswith(("mouthFrown", "noseSneer")) for name in ARKIT_NAMES])
OPPOSITION = 2.5
"""A frown of 1 / 2.5 takes a smile away whole."""

_SAME = 1e-4


def relative_weights(weights: FloatArray, source: FloatArray) -> FloatArray:
    """Return how far to move each blendshape: (T, K) in [-1, 1] for targets (T, K), source (K,)."""
    difference = weights - source
    moved = np.where(difference < 0, _KEEP * difference, difference)
    against = OPPOSITION * weights[:, _AGAINST_SMILE].max(axis=1, keepdims=True)
    gone = np.minimum(difference, 0.0) * np.clip(against, KEEP["mouth"], 1.0)
    moved[:, _IS_SMILE] = (np.maximum(difference, 0.0) + gone)[:, _IS_SMILE]
    moved[:, _IS_GAZE] = weights[:, _IS_GAZE]
    moved[np.abs(difference).max(axis=1) < _SAME] = 0.0
    return moved.astype(np.float32)
