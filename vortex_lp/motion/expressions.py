"""Expressions: presets by name, and how much of each shows at every moment."""

import difflib
from dataclasses import dataclass

import numpy as np

from vortex_lp.errors import SettingsError
from vortex_lp.motion.curves import Curve, smoothstep
from vortex_lp.settings import Settings
from vortex_lp.values import ARKIT_INDEX, N_BLENDSHAPES, Clip, FloatArray

REST_OPENNESS = 0.5
"""The `eye_openness` that leaves the lids where they are."""

_MOST_OPENNESS_SHARE = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """What the timeline makes of the presets, frame by frame."""

    presets: FloatArray
    """(T, P) in [0, 1]: the share of each preset, in the order of the settings; a row sums to 1."""

    shape: FloatArray
    """(T, K) ARKit weights in [0, 1] of the expression, without speech."""

    eye_openness: Curve
    """(T,) in [0, 1]; `REST_OPENNESS` leaves the lids where they are."""

    mouth_scale: Curve
    """(T,) factor on the size of speech movements."""

    head_motion: Curve
    """(T,) in [0, 1]: how much the head moves."""


def resolve_preset(name: str, *, settings: Settings) -> str:
    """Return the name of the preset that `name` means: capitals and spaces around do not count.

    Raises:
        SettingsError: There is none; the message names the nearest and all others.
    """
    plain = name.strip().lower()
    if plain in settings.presets:
        return plain
    raise SettingsError(
        f"there is no expression {name!r}{nearest(plain, settings=settings)}; "
        f"use one of {', '.join(settings.presets)}"
    )


def nearest(name: str, *, settings: Settings) -> str:
    """Return words that suggest the preset with the nearest name, or none."""
    close = difflib.get_close_matches(name, list(settings.presets), n=1)
    return f", did you mean {close[0]!r}" if close else ""


def blend(
    clips: tuple[Clip, ...],
    *,
    times_s: Curve,
    base: str,
    base_intensity: float | None,
    settings: Settings,
) -> Expression:
    """Return the expression at `times_s` (T,).

    A clip comes and goes along a cubic smoothstep. Where clips overlap they share the face in
    proportion; what they leave is the base preset's.

    Raises:
        SettingsError: A preset is unknown, or an intensity is outside 0 to 1.
    """
    names = list(settings.presets)
    envelopes = [(clip, *_envelope(clip, times_s)) for clip in clips]
    total = np.zeros(len(times_s))
    for _, part, envelope in envelopes:
        total[part] += envelope
    crowd = np.maximum(total, 1.0)

    presets = np.zeros((len(times_s), len(names)), np.float32)
    amounts = np.zeros_like(presets)
    for clip, part, envelope in envelopes:
        column = names.index(resolve_preset(clip.preset, settings=settings))
        share = envelope / crowd[part]
        presets[part, column] += share
        amounts[part, column] += share * _amount(names[column], clip.intensity, settings=settings)
    column = names.index(resolve_preset(base, settings=settings))
    share = 1.0 - np.minimum(total, 1.0)
    presets[:, column] += share
    amounts[:, column] += share * _amount(names[column], base_intensity, settings=settings)
    return _express(presets, amounts, settings=settings)


def _envelope(clip: Clip, times_s: Curve) -> tuple[slice, Curve]:
    """Return the frames that `clip` touches and how much of it shows there."""
    first, last = np.searchsorted(times_s, (clip.start_s, clip.stop_s))
    inside = times_s[first:last]
    ease_s = min(clip.ease_s, (clip.stop_s - clip.start_s) / 2)
    if ease_s <= 0:
        return slice(first, last), np.ones_like(inside)
    comes = smoothstep((inside - clip.start_s) / ease_s)
    goes = smoothstep((clip.stop_s - inside) / ease_s)
    return slice(first, last), np.minimum(comes, goes)


def _amount(name: str, intensity: float | None, *, settings: Settings) -> float:
    if intensity is None:
        return settings.presets[name].intensity
    if not 0.0 <= intensity <= 1.0:
        raise SettingsError(f"the intensity of {name!r} is {intensity}; give 0 to 1")
    return intensity


def _express(presets: FloatArray, amounts: FloatArray, *, settings: Settings) -> Expression:
    every = settings.presets.values()
    shapes = np.zeros((len(settings.presets), N_BLENDSHAPES), np.float32)
    for row, preset in enumerate(every):
        for shape_name, weight in preset.shape.items():
            shapes[row, ARKIT_INDEX[shape_name]] = weight
    # The lids go with the intensity; how somebody speaks and moves is their manner and stays.
    lids = np.array(
        [
            (preset.eye_openness - REST_OPENNESS) / preset.intensity if preset.intensity else 0.0
            for preset in every
        ]
    )
    own = np.array([preset.intensity for preset in every])
    limited = np.minimum(amounts, _MOST_OPENNESS_SHARE * own * presets)
    openness = REST_OPENNESS + limited.astype(np.float64) @ lids
    return Expression(
        presets=presets,
        shape=np.clip(amounts @ shapes, 0.0, 1.0),
        eye_openness=np.clip(openness, 0.0, 1.0),
        mouth_scale=presets.astype(np.float64) @ np.array([p.mouth_scale for p in every]),
        head_motion=presets.astype(np.float64) @ np.array([p.head_motion for p in every]),
    )
