"""The values that the stages hand to each other: frozen, checked when made, then trusted.

Axis letters, here and in every docstring:
    N samples · T frames · H, W pixels · C colour channels (always RGB)
    K = 51 blendshapes · L = 478 landmarks

Arrays inside a value are made read-only; whoever wants to change one makes a copy.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from vortex_lp.timebase import exact_fps

FloatArray: TypeAlias = npt.NDArray[np.float32]
Frame: TypeAlias = npt.NDArray[np.uint8]
"""A picture: (H, W, 3) uint8, RGB."""

ARKIT_NAMES: tuple[str, ...] = (
    "browDownLeft",
    "browDownRight",
    "browInnerUp",
    "browOuterUpLeft",
    "browOuterUpRight",
    "cheekPuff",
    "cheekSquintLeft",
    "cheekSquintRight",
    "eyeBlinkLeft",
    "eyeBlinkRight",
    "eyeLookDownLeft",
    "eyeLookDownRight",
    "eyeLookInLeft",
    "eyeLookInRight",
    "eyeLookOutLeft",
    "eyeLookOutRight",
    "eyeLookUpLeft",
    "eyeLookUpRight",
    "eyeSquintLeft",
    "eyeSquintRight",
    "eyeWideLeft",
    "eyeWideRight",
    "jawForward",
    "jawLeft",
    "jawOpen",
    "jawRight",
    "mouthClose",
    "mouthDimpleLeft",
    "mouthDimpleRight",
    "mouthFrownLeft",
    "mouthFrownRight",
    "mouthFunnel",
    "mouthLeft",
    "mouthLowerDownLeft",
    "mouthLowerDownRight",
    "mouthPressLeft",
    "mouthPressRight",
    "mouthPucker",
    "mouthRight",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthShrugUpper",
    "mouthSmileLeft",
    "mouthSmileRight",
    "mouthStretchLeft",
    "mouthStretchRight",
    "mouthUpperUpLeft",
    "mouthUpperUpRight",
    "noseSneerLeft",
    "noseSneerRight",
)
"""The blendshapes, in MediaPipe's names and order without ``_neutral``; left and right are the
person's own."""

ARKIT_INDEX: dict[str, int] = {name: index for index, name in enumerate(ARKIT_NAMES)}
N_BLENDSHAPES = len(ARKIT_NAMES)
N_LANDMARKS = 478
VISEME_CHANNELS = ("jaw_open", "lip_width", "lip_rounding")
"""The three values of a public viseme row, each in [0, 1]; lip_width rests at 0.5 of its range in
a neutral mouth."""

SILENCE = "SIL"
"""The phone symbol of silence."""


def _freeze(array: npt.NDArray[Any], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    frozen = np.asarray(array, dtype=dtype)
    if frozen.flags.writeable:
        frozen = frozen.view()
        frozen.flags.writeable = False
    return frozen


@dataclass(frozen=True, slots=True, eq=False)
class Speech:
    """A decoded recording."""

    samples: FloatArray
    """(N,) float32 in [-1, 1], mono, at `SPEECH_RATE_HZ`; may be a memory map, so that an hour
    needs no memory."""

    note: str | None = None
    """One sentence about what was odd in the recording (cut short, clipped, silent), or None."""

    def __post_init__(self) -> None:
        """Check the shape once."""
        if self.samples.ndim != 1 or len(self.samples) == 0:
            raise ValueError(
                f"speech must be a non-empty row of samples, not shape {self.samples.shape}"
            )
        object.__setattr__(self, "samples", _freeze(self.samples, np.float32))

    @property
    def n_samples(self) -> int:
        """How many samples there are."""
        return len(self.samples)


@dataclass(frozen=True, slots=True)
class PhoneSpan:
    """One phone and the stretch of speech that it covers."""

    phone: str
    """ARPAbet symbol without stress, such as ``"AH"``; ``"SIL"`` is silence."""

    start: int
    """First sample, counted at `SPEECH_RATE_HZ`."""

    stop: int
    """One past the last sample; greater than `start`."""

    word: str | None = None
    """The word that it belongs to, where the recogniser knows."""

    def __post_init__(self) -> None:
        """Check the range once."""
        if not 0 <= self.start < self.stop:
            raise ValueError(
                f"phone {self.phone!r} has an empty or negative span [{self.start}, {self.stop})"
            )


@dataclass(frozen=True, slots=True)
class Recognition:
    """What was heard, in order and without gaps."""

    spans: tuple[PhoneSpan, ...]
    """Phones and silences that cover the recording from its first sample to its last, each
    starting where the one
    before it stops."""

    recognizer: str
    """The recogniser that was used, such as ``"words"``; never ``"auto"``."""

    note: str | None = None
    """One sentence for the user where something was left out or done otherwise than asked, or
    None."""


@dataclass(frozen=True, slots=True, eq=False)
class MouthTrack:
    """What the mouth does to make the sound, frame by frame; no expression yet."""

    fps: Fraction
    """Frames a second."""

    visemes: FloatArray
    """(T, 3) in [0, 1]: jaw_open, lip_width, lip_rounding."""

    weights: FloatArray
    """(T, K) ARKit weights in [0, 1]; only jaw and mouth shapes are non-zero."""

    closure: FloatArray
    """(T,) in [0, 1]: how surely the lips must meet (P, B, M at 1); an expression may not open
    them there."""

    tuck: FloatArray
    """(T,) in [0, 1]: how surely the lower lip must touch the upper teeth (F, V at 1)."""

    loudness: FloatArray
    """(T,) in [0, 1]: how loud the speech is, 0 in silence and 1 at the loud syllables of this
    recording."""

    spans: tuple[PhoneSpan, ...]
    """The phones that it was made from."""

    def __post_init__(self) -> None:
        """Check shapes once."""
        n_frames = len(self.visemes)
        shapes = {"visemes": 3, "weights": N_BLENDSHAPES}
        for name, width in shapes.items():
            if getattr(self, name).shape != (n_frames, width):
                raise ValueError(
                    f"{name} must be ({n_frames}, {width}), not {getattr(self, name).shape}"
                )
        for name in ("closure", "tuck", "loudness"):
            if getattr(self, name).shape != (n_frames,):
                raise ValueError(f"{name} must be ({n_frames},), not {getattr(self, name).shape}")
        for name in ("visemes", "weights", "closure", "tuck", "loudness"):
            object.__setattr__(self, name, _freeze(getattr(self, name), np.float32))

    @property
    def n_frames(self) -> int:
        """How many frames there are."""
        return len(self.visemes)


@dataclass(frozen=True, slots=True)
class Clip:
    """One expression on the timeline."""

    start_s: float
    """When it begins to show [s]."""

    stop_s: float
    """When it is gone [s]; greater than `start_s`."""

    preset: str
    """The name of a preset in the settings, such as ``"happy"``."""

    intensity: float | None = None
    """0 to 1, or None for the preset's own."""

    ease_s: float = 0.4
    """How long it takes to come and to go [s], inside the clip; at most half of its length
    counts."""


@dataclass(frozen=True, slots=True, eq=False)
class MotionTrack:
    """What the portrait is asked to do, frame by frame: what renderers understand."""

    fps: Fraction
    """Frames a second."""

    weights: FloatArray
    """(T, K) absolute ARKit weights in [0, 1]; a renderer moves by these minus what the portrait
    already shows."""

    head_deg: FloatArray
    """(T, 3) pitch, yaw, roll [deg] relative to the portrait's own pose. Positive pitch looks
    down, positive yaw turns
    the face towards the viewer's right, positive roll tips the head clockwise as the viewer sees
    it."""

    closure: FloatArray | None = None
    """(T,) in [0, 1]: how surely the lips must meet; None where unknown (an imported motion)."""

    def __post_init__(self) -> None:
        """Check shapes and range once."""
        object.__setattr__(self, "fps", exact_fps(self.fps))
        n_frames = len(self.weights)
        if n_frames == 0 or self.weights.shape != (n_frames, N_BLENDSHAPES):
            raise ValueError(
                f"weights must be (T, {N_BLENDSHAPES}) with T > 0, not {self.weights.shape}"
            )
        if self.head_deg.shape != (n_frames, 3):
            raise ValueError(f"head_deg must be ({n_frames}, 3), not {self.head_deg.shape}")
        if not (np.isfinite(self.weights).all() and np.isfinite(self.head_deg).all()):
            raise ValueError("a motion track may hold finite numbers only")
        for name in ("weights", "head_deg"):
            object.__setattr__(self, name, _freeze(getattr(self, name), np.float32))
        if self.closure is not None:
            object.__setattr__(self, "closure", _freeze(self.closure, np.float32))

    @property
    def n_frames(self) -> int:
        """How many frames there are."""
        return len(self.weights)


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """A decoded picture of somebody."""

    image: Frame
    """(H, W, 3) uint8 RGB, upright, without alpha."""

    name: str
    """What to call it in messages: a file name, or ``"the picture"``."""

    def __post_init__(self) -> None:
        """Check the shape once."""
        if self.image.ndim != 3 or self.image.shape[2] != 3 or self.image.dtype != np.uint8:
            raise ValueError(
                f"a portrait must be (H, W, 3) uint8, not {self.image.shape} {self.image.dtype}"
            )
        object.__setattr__(self, "image", _freeze(self.image, np.uint8))


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face as MediaPipe measures it on a picture."""

    landmarks: FloatArray
    """(L, 3): x right and y down [pixels of that picture], z towards the back [same scale as x]."""

    weights: FloatArray
    """(K,) ARKit weights in [0, 1] that the face shows."""

    head_deg: FloatArray
    """(3,) pitch, yaw, roll [deg] of the head in the picture, signs as in `MotionTrack`; zeros
    face the camera."""

    pose: FloatArray
    """(4, 4) MediaPipe's facial transformation matrix: canonical face [cm, y up] to camera
    space."""

    def __post_init__(self) -> None:
        """Check shapes once."""
        if self.landmarks.shape != (N_LANDMARKS, 3) or self.weights.shape != (N_BLENDSHAPES,):
            raise ValueError(
                f"face arrays have shapes {self.landmarks.shape} and {self.weights.shape}"
            )
        for name in ("landmarks", "weights", "head_deg", "pose"):
            object.__setattr__(self, name, _freeze(getattr(self, name), np.float32))

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of the landmarks [px]."""
        low, high = self.landmarks[:, :2].min(axis=0), self.landmarks[:, :2].max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])
