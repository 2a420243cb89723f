"""The expression timeline: coloured clips over the waveform of the recording."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import gradio as gr

from vortex_lp.errors import TimelineError
from vortex_lp.ui.widget import Json, Widget, no_stub_file
from vortex_lp.values import Clip

TimelineValue: TypeAlias = dict[str, Any]
"""``{"duration_s": float, "clips": [{"id", "start_s", "stop_s", "preset", "intensity", "ease_s"}],
"selected": id or None}``, as `clean_timeline` leaves it."""

MAX_CLIPS = 500
MIN_CLIP_S = 0.05
_DEFAULT_EASE_S = Clip(start_s=0.0, stop_s=1.0, preset="").ease_s
_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")


def empty_timeline(duration_s: float = 0.0) -> TimelineValue:
    """Return a timeline without clips over `duration_s` [s]."""
    return {"duration_s": duration_s, "clips": [], "selected": None}


def clean_timeline(payload: Any, *, presets: Iterable[str]) -> TimelineValue:
    """Return `payload`, which may be any JSON, as a timeline that can be trusted.

    Clips that reach past the recording are cut there, and dropped where nothing is left of them.

    Raises:
        TimelineError: Something in it is no timeline; the message names the clip and the field.
    """
    if payload is None:
        return empty_timeline()
    if not isinstance(payload, Mapping):
        raise TimelineError(f"the timeline must be an object, not {type(payload).__name__}")
    duration_s = _number(payload.get("duration_s", 0.0), field="duration_s", where="the timeline")
    entries = payload.get("clips", [])
    if not isinstance(entries, Sequence) or isinstance(entries, str) or len(entries) > MAX_CLIPS:
        raise TimelineError(f"the timeline's clips must be a list of at most {MAX_CLIPS} objects")
    names = set(presets)
    clips = [
        _clean_clip(entry, number=number, names=names) for number, entry in enumerate(entries, 1)
    ]
    if duration_s > 0:
        clips = [_cut(clip, duration_s) for clip in clips if clip["start_s"] < duration_s]
        clips = [clip for clip in clips if clip["stop_s"] - clip["start_s"] >= MIN_CLIP_S]
    if len({clip["id"] for clip in clips}) < len(clips):
        raise TimelineError("two clips of the timeline have the same id; give each its own")
    selected = payload.get("selected")
    known = any(clip["id"] == selected for clip in clips)
    return {"duration_s": duration_s, "clips": clips, "selected": selected if known else None}


def _clean_clip(entry: Any, *, number: int, names: set[str]) -> dict[str, Any]:
    where = f"clip {number}"
    if not isinstance(entry, Mapping):
        raise TimelineError(f"{where} must be an object, not {type(entry).__name__}")
    start_s = _number(entry.get("start_s"), field="start_s", where=where)
    stop_s = _number(entry.get("stop_s"), field="stop_s", where=where)
    if stop_s <= start_s:
        raise TimelineError(f"{where}: stop_s {stop_s:g} must be later than start_s {start_s:g}")
    preset = entry.get("preset")
    if preset not in names:
        raise TimelineError(
            f"{where}: preset {preset!r} is unknown; use one of {', '.join(sorted(names))}"
        )
    intensity = entry.get("intensity")
    if intensity is not None:
        intensity = _number(intensity, field="intensity", where=where)
        if intensity > 1:
            raise TimelineError(f"{where}: intensity {intensity:g} must be from 0 to 1")
    given = entry.get("id")
    return {
        "id": given if isinstance(given, str) and _ID.fullmatch(given) else f"clip-{number}",
        "start_s": start_s,
        "stop_s": stop_s,
        "preset": preset,
        "intensity": intensity,
        "ease_s": _number(entry.get("ease_s", _DEFAULT_EASE_S), field="ease_s", where=where),
    }


def _number(value: Any, *, field: str, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TimelineError(f"{where}: {field} must be a number, not {value!r}")
    if value < 0:
        raise TimelineError(f"{where}: {field} {value:g} must not be negative")
    return float(value)


def _cut(clip: dict[str, Any], duration_s: float) -> dict[str, Any]:
    return {**clip, "stop_s": min(clip["stop_s"], duration_s)}


def timeline_clips(value: TimelineValue) -> tuple[Clip, ...]:
    """Return the clips of a cleaned timeline as the values that the pipeline takes."""
    return tuple(
        Clip(
            start_s=clip["start_s"],
            stop_s=clip["stop_s"],
            preset=clip["preset"],
            intensity=clip["intensity"],
            ease_s=clip["ease_s"],
        )
        for clip in value["clips"]
    )


def timeline_entries(value: TimelineValue) -> list[dict[str, Any]]:
    """Return the clips as the public JSON list, which has no ids."""
    return [{key: clip[key] for key in clip if key != "id"} for clip in value["clips"]]


with no_stub_file():

    class ExpressionTimeline(Widget):
        """Clips with an expression each, edited by mouse, touch, keyboard or in a table."""

        def __init__(
            self,
            value: TimelineValue | None = None,
            *,
            presets: Sequence[Mapping[str, Any]] = (),
            first_preset: str | None = None,
            peaks: Sequence[float] = (),
            phones: Sequence[Any] = (),
            pauses: Sequence[Any] = (),
            video_id: str = "",
            label: str = "Expression timeline",
            **kwargs: Any,  # Gradio passes its own keywords (render, key, …) through subclasses.
        ) -> None:
            """Lay out the timeline; every keyword can be sent again later as an update."""
            super().__init__(
                value or empty_timeline(),
                page="timeline",
                scripts=("player_link.js", "timeline.js"),
                presets=list(presets),
                first_preset=first_preset,
                peaks=list(peaks),
                phones=list(phones),
                pauses=list(pauses),
                video_id=video_id,
                label=label,
                **kwargs,
            )

        def preprocess(self, payload: Any) -> Any:
            """Check what the browser, or anybody, sent."""
            names = [preset["name"] for preset in self.props["presets"]]
            value = payload.root if isinstance(payload, Json) else payload
            try:
                return clean_timeline(value, presets=names)
            except TimelineError as error:
                raise gr.Error(str(error), print_exception=False) from error

        def example_payload(self) -> Any:
            """Return a value that `preprocess` takes."""
            return empty_timeline(4.0)

        def example_value(self) -> Any:
            """Return a value that `postprocess` takes."""
            return empty_timeline(4.0)
