"""Timelines: which expression shows when, from JSON or from a list of names."""

import difflib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from vortex_lp.errors import TimelineError
from vortex_lp.motion.expressions import nearest, resolve_preset
from vortex_lp.settings import Settings
from vortex_lp.values import Clip

FIELDS = ("start_s", "stop_s", "preset", "intensity", "ease_s")
"""What an entry may have; the first three it must have."""

_REQUIRED = FIELDS[:3]


def parse_timeline(timeline: Any, *, settings: Settings) -> tuple[Clip, ...]:
    """Return the clips of a timeline, by start.

    Args:
        timeline: A list of objects with the `FIELDS`, as JSON text or as JSON read already.
        settings: Knows the presets, the usual `ease_s` and the limits.

    Raises:
        TimelineError: It is no such list; the message names the entry, counted from 1, and the
            field.
    """
    if isinstance(timeline, str | bytes | bytearray):
        timeline = _read(timeline)
    if not isinstance(timeline, Sequence):
        raise TimelineError(
            f"a timeline must be a list of entries, not {_kind(timeline)}; "
            'give [{"start_s": 0, "stop_s": 2, "preset": "happy"}, …]'
        )
    if len(timeline) > settings.limits.max_clips:
        raise TimelineError(
            f"the timeline has {len(timeline)} entries; at most {settings.limits.max_clips} fit"
        )
    clips = [
        _clip(entry, number=number, settings=settings) for number, entry in enumerate(timeline, 1)
    ]
    return tuple(sorted(clips, key=lambda clip: (clip.start_s, clip.stop_s)))


def sequence_clips(
    names: Sequence[str], *, duration_s: float, settings: Settings
) -> tuple[Clip, ...]:
    """Return clips that show the presets `names` one after the other, evenly over `duration_s`.

    Each passes into the next along a cubic smoothstep, around the moment where they meet. The
    first is there from the beginning and the last stays to the end.

    Raises:
        TimelineError: There are no names, a name is unknown (the message gives its number), or
            the duration is not positive.
    """
    if isinstance(names, str) or not names:
        raise TimelineError("a sequence must be a list of at least one expression")
    if not (math.isfinite(duration_s) and duration_s > 0):
        raise TimelineError(f"a sequence cannot fill {duration_s} s; give a positive duration")
    each_s = duration_s / len(names)
    half_s = min(settings.motion.ease_s, each_s) / 2
    clips = []
    for number, name in enumerate(names):
        where = f"sequence entry {number + 1}"
        start_s, stop_s = number * each_s - half_s, (number + 1) * each_s + half_s
        if number == 0:
            start_s = -2 * half_s
        if number == len(names) - 1:
            stop_s = duration_s + 2 * half_s
        preset = _preset(name, where=where, settings=settings)
        clips.append(Clip(start_s, stop_s, preset, intensity=None, ease_s=2 * half_s))
    return tuple(clips)


def _read(text: str | bytes | bytearray) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TimelineError(f"the timeline is not JSON: {error}") from error


def _clip(entry: Any, *, number: int, settings: Settings) -> Clip:
    where = f"timeline entry {number}"
    if not isinstance(entry, Mapping):
        raise TimelineError(f"{where} must be an object, not {_kind(entry)}")
    for field in entry:
        if field not in FIELDS:
            close = difflib.get_close_matches(str(field), FIELDS, n=1, cutoff=0.0)[0]
            raise TimelineError(f"{where}: unknown field {field!r:.40}; the nearest is {close!r}")
    for field in _REQUIRED:
        if field not in entry:
            raise TimelineError(f"{where}: {field!r} is missing")
    longest_s = settings.limits.max_audio_s
    start_s = _number(entry, "start_s", where=where, low=0.0, high=longest_s)
    stop_s = _number(entry, "stop_s", where=where, low=0.0, high=longest_s)
    if stop_s <= start_s:
        raise TimelineError(f"{where}: 'stop_s' {stop_s:g} must be after 'start_s' {start_s:g}")
    intensity = ease_s = None
    if entry.get("intensity") is not None:
        intensity = _number(entry, "intensity", where=where, low=0.0, high=1.0)
    if entry.get("ease_s") is not None:
        ease_s = _number(entry, "ease_s", where=where, low=0.0, high=longest_s)
    return Clip(
        start_s=start_s,
        stop_s=stop_s,
        preset=_preset(entry["preset"], where=where, settings=settings),
        intensity=intensity,
        ease_s=settings.motion.ease_s if ease_s is None else ease_s,
    )


def _number(entry: Mapping[str, Any], field: str, *, where: str, low: float, high: float) -> float:
    value = entry[field]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TimelineError(f"{where}: {field!r} must be a number, not {_kind(value)}")
    if not low <= value <= high:  # NaN fails here, too.
        raise TimelineError(f"{where}: {field!r} is {value!r:.40}; give {low:g} to {high:g}")
    return float(value)


def _preset(name: Any, *, where: str, settings: Settings) -> str:
    if not isinstance(name, str):
        raise TimelineError(f"{where}: 'preset' must be a name, not {_kind(name)}")
    if name.strip().lower() not in settings.presets:
        raise TimelineError(
            f"{where}: 'preset' {name!r:.40} is unknown{nearest(name.lower(), settings=settings)}; "
            f"use one of {', '.join(settings.presets)}"
        )
    return resolve_preset(name, settings=settings)


def _kind(value: Any) -> str:
    """Return what JSON calls `value`, with the value where it is short."""
    kinds = {dict: "an object", list: "a list", type(None): "null", bool: "true or false"}
    if type(value) in kinds:
        return kinds[type(value)]
    return f"{value!r:.40}"
