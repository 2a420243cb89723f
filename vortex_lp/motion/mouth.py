"""The mouth: speech first, the expression bends it.

Speech and expression both ask for mouth shapes. They are laid over each other like slides,
``1 - (1 - speech)(1 - expression)``, which never leaves [0, 1]; before that, each gives way where
the other must be understood:

- At a closure (P B M) whatever opens the lips goes to nothing and what shuts them stands; at a tuck
  (F V) whatever pulls the lower lip off the teeth goes to nothing.
- In a pause the lips are shut: opening shapes go to nothing and the closure rises to 1.
- Where speech opens the mouth, the expression's pressed lips let it.
- Where speech rounds the lips, a smile gives way in part, so that OO stays round in a smile.
"""

import numpy as np

from vortex_lp.motion.curves import Curve, Talk, smoothstep
from vortex_lp.motion.expressions import Expression
from vortex_lp.settings import MouthMotionSettings
from vortex_lp.values import ARKIT_NAMES, FloatArray, MouthTrack


def _columns(*beginnings: str) -> list[int]:
    return [index for index, name in enumerate(ARKIT_NAMES) if name.startswith(beginnings)]


MOUTH = _columns("jaw", "mouth")
OPENING = _columns("jawOpen", "mouthFunnel", "mouthLowerDown", "mouthUpperUp")
"""What parts the lips."""

CLOSING = _columns("mouthClose", "mouthPress", "mouthRoll")
"""What brings them together."""

OFF_THE_TEETH = _columns("jawOpen", "mouthFunnel", "mouthLowerDown", "mouthShrugLower")
"""What takes the lower lip from the upper teeth."""

WIDENING = _columns("mouthSmile", "mouthStretch", "mouthDimple", "mouthFrown")
"""What an unrounded mouth does and a rounded one cannot."""

ROUNDING = _columns("mouthPucker", "mouthFunnel")
_JAW_OPEN = ARKIT_NAMES.index("jawOpen")


def mix_mouth(
    mouth: MouthTrack,
    expression: Expression,
    *,
    talk: Talk,
    times_s: Curve,
    strength: float,
    settings: MouthMotionSettings,
) -> tuple[FloatArray, FloatArray]:
    """Return the jaw and mouth weights (T, len(MOUTH)) and how surely the lips must meet (T,).

    Args:
        mouth: What speech asks for.
        expression: What the expression asks for, and how large speech movements are.
        talk: When somebody talks.
        times_s: The moments that the frames show.
        strength: Factor on the size of speech movements.
        settings: How they give way to each other.
    """
    present = talk.presence(times_s, leave_s=settings.shut_s, come_s=settings.part_s)
    closure = np.maximum(mouth.closure, 1.0 - present).astype(np.float32)[:, None]
    tuck = mouth.tuck[:, None]
    scale = (expression.mouth_scale * strength).astype(np.float32)[:, None]

    speech = _scaled_speech(mouth, scale, contact=np.maximum(closure, tuck))
    speech[:, OPENING] *= 1.0 - closure
    feeling = expression.shape.copy()
    feeling[:, OPENING] *= 1.0 - closure
    feeling[:, OFF_THE_TEETH] *= 1.0 - tuck
    opened = speech[:, _JAW_OPEN, None] / np.float32(settings.open_at)
    feeling[:, CLOSING] *= 1.0 - np.clip(opened, 0.0, 1.0)
    rounded = smoothstep(speech[:, ROUNDING].sum(axis=1, dtype=np.float64))[:, None]
    feeling[:, WIDENING] *= 1.0 - settings.smile_yields * rounded

    mixed = 1.0 - (1.0 - speech[:, MOUTH]) * (1.0 - feeling[:, MOUTH])
    return np.asarray(mixed, np.float32), closure[:, 0]


def _scaled_speech(mouth: MouthTrack, scale: FloatArray, *, contact: FloatArray) -> FloatArray:
    """Return speech's weights times `scale`, but contacts of the lips at their own size."""
    full = contact + (1.0 - contact) * scale
    speech = mouth.weights * scale
    speech[:, CLOSING] = mouth.weights[:, CLOSING] * full
    return np.asarray(np.clip(speech, 0.0, 1.0), np.float32)
