"""Expressions, and how a face moves beside its mouth."""

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from vortex_lp.settings.base import Positive, Range, Share, Strict, known_shapes, rising


class PresetSettings(Strict):
    """One expression."""

    intensity: Share
    """How much of `shape` shows."""

    eye_openness: Share
    """0.5 leaves the eyes as they are; more widens them, less lets the lids sink."""

    mouth_scale: Annotated[float, Field(ge=0.0, le=2.0)]
    """Factor on the size of speech movements."""

    head_motion: Share
    """How much the head moves, 1 being the most."""

    shape: dict[str, Share]
    """ARKit weights of the expression at full intensity."""

    _check_names = model_validator(mode="after")(lambda self: (known_shapes(self.shape), self)[1])


class BlinkSettings(Strict):
    """When people blink, and how; where the numbers come from stands in `vortex_lp.motion.eyes`."""

    first_s: Range
    """When the first blink comes [s]."""

    gap_s: Range
    """Time from a blink to the next [s], where no phrase ends before."""

    phrase_share: Share
    """How many phrase ends make somebody blink."""

    phrase_gap_s: Positive
    """A phrase end sooner after a blink makes nobody blink again [s]."""

    min_gap_s: Positive
    """No two blinks come within this [s], however high the rate."""

    close_s: Range
    """How long the lids fall [s]."""

    hold_s: Range
    """How long they stay shut [s]; at least one frame."""

    open_s: Range
    """How long they rise [s]."""


class GazeSettings(Strict):
    """Where eyes look."""

    full_deg: Positive
    """The angle that an eyeLook weight of 1 means [deg]; our own estimate."""

    target_deg: Positive
    """How far the eyes turn towards a gaze target of 1 [deg]."""

    fixation_s: Range
    """The shortest and the longest rest of the eyes on one spot [s]."""

    fixation_spread_s: Positive
    """How much longer than the shortest they rest on average [s]."""

    small_deg: tuple[float, float]
    """Spread of the small saccades, sideways and up [deg]."""

    away_share: Share
    """How many rests look aside."""

    away_deg: Range
    """How far aside [deg]."""

    away_s: Range
    """How long [s]."""

    drift_deg: Annotated[float, Field(ge=0.0)]
    """Slow drift, root mean square [deg]."""

    follow: Share
    """How much of a turn of the head the eyes make up for, to stay on the viewer."""


class LidSettings(Strict):
    """How lids follow mood and gaze."""

    wide: Share
    """eyeWide at the most `eye_openness`."""

    sink: Share
    """eyeBlink at the least `eye_openness`."""

    follow_up: Share
    """eyeWide for a full look up."""

    follow_down: Share
    """eyeBlink for a full look down."""

    most_sunk: Share
    """eyeBlink never stands higher than this between blinks."""


class HeadSettings(Strict):
    """How the head moves at a `head_motion` of 1."""

    limit_deg: Positive
    """No angle goes beyond this [deg]."""

    sway_deg: tuple[float, float, float]
    """Root mean square of the sway in pitch, yaw and roll [deg]."""

    sway_hz: Annotated[tuple[Positive, Positive], AfterValidator(rising)]
    """The band of the sway [Hz]."""

    onset_s: Positive
    """How long the head takes from the portrait's own pose into its movement [s]."""

    idle: Share
    """The share of the sway that is left in a long pause."""

    rest_after_s: Positive
    """How long a pause is before the head begins to settle [s]."""

    rest_s: Positive
    """How long it takes to settle [s]."""

    wake_s: Positive
    """How long before speech it begins to move again [s]."""

    nod_deg: Range
    """Size of a nod on a stressed syllable [deg]."""

    nod_fall_s: Positive
    """How long a nod falls [s]."""

    nod_rise_s: Positive
    """How long it rises [s]."""

    accent_gap_s: Positive
    """A syllable is stressed when none within this is louder [s]."""

    accent_loudness: Share
    """Syllables softer than this are never stressed."""

    accent_share: Share
    """How many stressed syllables are marked."""

    brow: Share
    """How much the brows rise with the strongest nod."""


class MouthMotionSettings(Strict):
    """How speech and expression share the mouth."""

    shut_s: Positive
    """How soon after a phrase the lips are shut [s]."""

    part_s: Positive
    """How long before the next phrase they may begin to part [s]."""

    open_at: Positive
    """The jawOpen of speech at which an expression's pressed lips have let go."""

    smile_yields: Share
    """How much of a smile is gone where speech rounds the lips fully."""


class MotionSettings(Strict):
    """How a portrait moves; where the numbers come from stands in `vortex_lp.motion`."""

    ease_s: Positive
    """How long an expression takes to come and to go where a timeline does not say [s]."""

    pause_s: Positive
    """Silences shorter than this do not end a phrase [s]."""

    blink: BlinkSettings
    gaze: GazeSettings
    lids: LidSettings
    head: HeadSettings
    mouth: MouthMotionSettings
