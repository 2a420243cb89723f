"""What the browser sends as a timeline may be anything; what handlers get is a timeline."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vortex_lp.errors import TimelineError
from vortex_lp.ui.timeline import (
    clean_timeline,
    empty_timeline,
    timeline_clips,
    timeline_entries,
)
from vortex_lp.values import Clip

PRESETS = ("neutral", "happy", "sad")


def clip(**changes: Any) -> dict[str, Any]:
    whole = {"id": "a", "start_s": 1, "stop_s": 2, "preset": "happy", "intensity": 0.5}
    return {**whole, "ease_s": 0.3, **changes}


def clean(*clips: Any, duration_s: float = 4.0, **more: Any) -> dict[str, Any]:
    payload = {"duration_s": duration_s, "clips": list(clips), **more}
    return clean_timeline(payload, presets=PRESETS)


def test_a_clip_becomes_the_value_that_the_pipeline_takes() -> None:
    assert timeline_clips(clean(clip())) == (
        Clip(start_s=1.0, stop_s=2.0, preset="happy", intensity=0.5, ease_s=0.3),
    )


def test_nothing_is_an_empty_timeline() -> None:
    assert clean_timeline(None, presets=PRESETS) == empty_timeline()


def test_missing_ease_and_intensity_are_the_defaults() -> None:
    (only,) = timeline_clips(clean({"start_s": 0, "stop_s": 1, "preset": "sad"}))
    assert only == Clip(start_s=0.0, stop_s=1.0, preset="sad")


def test_clips_are_cut_where_the_recording_ends_and_dropped_beyond_it() -> None:
    value = clean(clip(id="a", stop_s=9), clip(id="b", start_s=5, stop_s=6))
    assert [(c["id"], c["stop_s"]) for c in value["clips"]] == [("a", 4.0)]


def test_the_choice_survives_only_with_its_clip() -> None:
    assert clean(clip(), selected="a")["selected"] == "a"
    assert clean(clip(), selected="gone")["selected"] is None


def test_the_public_list_has_no_ids() -> None:
    assert timeline_entries(clean(clip())) == [
        {"start_s": 1.0, "stop_s": 2.0, "preset": "happy", "intensity": 0.5, "ease_s": 0.3}
    ]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (clip(start_s="x"), "clip 1: start_s must be a number, not 'x'"),
        (clip(start_s=-1), "clip 1: start_s -1 must not be negative"),
        (clip(start_s=3), "clip 1: stop_s 2 must be later than start_s 3"),
        (clip(stop_s=float("nan")), "clip 1: stop_s must be a number"),
        (clip(preset="joyous"), "clip 1: preset 'joyous' is unknown; use one of happy, neutral"),
        (clip(preset=None), "clip 1: preset None is unknown"),
        (clip(intensity=1.5), "clip 1: intensity 1.5 must be from 0 to 1"),
        (clip(ease_s=True), "clip 1: ease_s must be a number, not True"),
        ("no clip", "clip 1 must be an object, not str"),
    ],
)
def test_what_is_no_clip_is_named(bad: Any, said: str) -> None:
    with pytest.raises(TimelineError) as caught:
        clean(bad)
    assert str(caught.value).startswith(said)


def test_two_clips_may_not_share_an_id() -> None:
    with pytest.raises(TimelineError, match="same id"):
        clean(clip(), clip(start_s=2, stop_s=3))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["duration_s", "clips", "selected", "start_s", "stop_s", "preset"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_cleaned_or_refused_with_a_sentence(payload: Any) -> None:
    try:
        value = clean_timeline(payload, presets=PRESETS)
    except TimelineError:
        return
    assert clean_timeline(value, presets=PRESETS) == value
