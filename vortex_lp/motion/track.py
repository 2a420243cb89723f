"""From what the mouth says to everything the portrait does."""

import math
from dataclasses import dataclass, fields, replace

import numpy as np

from vortex_lp.errors import SettingsError
from vortex_lp.motion.curves import Talk, middles_s, starts_s
from vortex_lp.motion.expressions import Expression, blend
from vortex_lp.motion.eyes import apply_eyes, blink_curve, plan_blinks, plan_gaze
from vortex_lp.motion.head import accent_curve, plan_accents, plan_head
from vortex_lp.motion.mouth import MOUTH, mix_mouth
from vortex_lp.settings import Settings
from vortex_lp.values import ARKIT_INDEX, N_BLENDSHAPES, Clip, MotionTrack, MouthTrack

MOST = 3.0
"""The largest factor of `MotionOptions`."""

_BROWS = [ARKIT_INDEX[name] for name in ("browInnerUp", "browOuterUpLeft", "browOuterUpRight")]
_BLOCK_FRAMES = 1440


@dataclass(frozen=True, slots=True)
class MotionOptions:
    """Wishes of one clip on top of presets and settings; every factor is from 0 to `MOST`."""

    head_motion: float = 1.0
    """Factor on the size of head movement; 0 holds the head still."""

    blink_rate: float = 1.0
    """Factor on how often the eyes blink; 0 is never."""

    gaze: tuple[float, float] = (0.0, 0.0)
    """What the eyes rest on: to the viewer's right and up, each in [-1, 1]; (0, 0) is where the
    portrait looks."""

    eye_motion: float = 1.0
    """Factor on how far the eyes wander; 0 fixes the gaze."""

    mouth_strength: float = 1.0
    """Factor on the size of speech movements; 0 keeps the mouth shut."""

    accents: float = 1.0
    """Factor on the nods and raised brows of stressed syllables."""

    def __post_init__(self) -> None:
        """Check the ranges once.

        Raises:
            SettingsError: A value is outside its range; the message names it.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "gaze":
                if len(value) != 2 or not all(_within(part, -1.0, 1.0) for part in value):
                    raise SettingsError(f"gaze is {value!r}; give two numbers from -1 to 1")
            elif not _within(value, 0.0, MOST):
                raise SettingsError(f"{field.name} is {value!r}; give 0 to {MOST:g}")


def _within(value: float, low: float, high: float) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and low <= value <= high


def make_track(
    mouth: MouthTrack,
    *,
    clips: tuple[Clip, ...],
    base: str,
    seed: int,
    settings: Settings,
    options: MotionOptions | None = None,
    base_intensity: float | None = None,
) -> MotionTrack:
    """Return what the portrait does while it says `mouth`.

    The same arguments give the same bits. A frame does not depend on what comes much later, nor
    on how long the clip is.

    Args:
        mouth: What the mouth does to make the sound.
        clips: Expressions and when they show.
        base: The preset that shows where no clip does.
        seed: Decides blinks, gaze and head movement, a whole number from 0 on.
        settings: Presets and motion settings.
        options: Wishes of this clip.
        base_intensity: How much of `base` shows, 0 to 1; None for the preset's own.

    Raises:
        SettingsError: A preset is unknown, or the seed or an intensity is out of range.
    """
    options = options or MotionOptions()
    motion = settings.motion
    n_frames, fps = mouth.n_frames, mouth.fps
    shown_s, begins_s = middles_s(n_frames, fps=fps), starts_s(n_frames, fps=fps)
    talk = Talk(mouth, pause_s=motion.pause_s)
    # Block by block, so that an hour needs no more memory than what comes out of it.
    blocks = [slice(start, start + _BLOCK_FRAMES) for start in range(0, n_frames, _BLOCK_FRAMES)]

    def expression(block: slice) -> Expression:
        return blend(
            clips,
            times_s=shown_s[block],
            base=base,
            base_intensity=base_intensity,
            settings=settings,
        )

    accents = plan_accents(
        mouth,
        times_s=begins_s,
        seed=seed,
        strength=options.accents,
        settings=motion.head,
    )
    head_deg = options.head_motion * plan_head(
        accents,
        talk=talk,
        times_s=begins_s,
        amount=np.concatenate([expression(block).head_motion for block in blocks]),
        seed=seed,
        settings=motion.head,
    )
    blinks = plan_blinks(
        talk, n_frames=n_frames, fps=fps, seed=seed, rate=options.blink_rate, settings=motion.blink
    )
    gaze_deg = plan_gaze(
        shown_s,
        head_deg,
        seed=seed,
        target=options.gaze,
        liveliness=options.eye_motion,
        settings=motion.gaze,
    )

    blink = blink_curve(blinks, shown_s)
    raised = motion.head.brow * accent_curve(accents, shown_s, motion.head)
    weights = np.empty((n_frames, N_BLENDSHAPES), np.float32)
    closure = np.empty(n_frames, np.float32)
    for block in blocks:
        face = expression(block)
        shapes = apply_eyes(
            face.shape,
            face,
            blink=blink[block],
            gaze_deg=gaze_deg[block],
            lids=motion.lids,
            full_deg=motion.gaze.full_deg,
        )
        brows = shapes[:, _BROWS] + raised[block].astype(np.float32)[:, None]
        shapes[:, _BROWS] = np.clip(brows, 0.0, 1.0)
        shapes[:, MOUTH], closure[block] = mix_mouth(
            _part(mouth, block),
            face,
            talk=talk,
            times_s=shown_s[block],
            strength=options.mouth_strength,
            settings=motion.mouth,
        )
        weights[block] = shapes
    return MotionTrack(
        fps=fps, weights=weights, head_deg=head_deg.astype(np.float32), closure=closure
    )


def _part(mouth: MouthTrack, block: slice) -> MouthTrack:
    """Return the frames `block` of `mouth`; its spans stay those of the whole."""
    return replace(
        mouth,
        visemes=mouth.visemes[block],
        weights=mouth.weights[block],
        closure=mouth.closure[block],
        tuck=mouth.tuck[block],
        loudness=mouth.loudness[block],
    )
