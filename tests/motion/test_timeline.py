import json
import re

import numpy as np
import pytest

from tests.motion.mouths import SETTINGS
from vortex_lp.errors import TimelineError
from vortex_lp.motion.expressions import blend
from vortex_lp.motion.timeline import parse_timeline, sequence_clips
from vortex_lp.values import Clip

GOOD = {"start_s": 1, "stop_s": 2.5, "preset": "happy", "intensity": 0.4, "ease_s": 0.2}


def test_a_timeline_is_read_from_a_list_and_from_text() -> None:
    expected = (Clip(1.0, 2.5, "happy", 0.4, 0.2),)
    assert parse_timeline([GOOD], settings=SETTINGS) == expected
    assert parse_timeline(json.dumps([GOOD]), settings=SETTINGS) == expected


def test_what_is_left_out_is_as_the_settings_say() -> None:
    (clip,) = parse_timeline([{"start_s": 0, "stop_s": 1, "preset": "Sad"}], settings=SETTINGS)
    assert clip == Clip(0.0, 1.0, "sad", None, SETTINGS.motion.ease_s)


def test_clips_come_out_by_start() -> None:
    late = {**GOOD, "start_s": 2}
    assert [clip.start_s for clip in parse_timeline([late, GOOD], settings=SETTINGS)] == [1, 2]


def test_an_empty_timeline_has_no_clips() -> None:
    assert parse_timeline("[]", settings=SETTINGS) == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start_s": "1"}, "entry 2: 'start_s' must be a number, not '1'"),
        ({"start_s": True}, "entry 2: 'start_s' must be a number, not true or false"),
        ({"start_s": -1}, "entry 2: 'start_s' is -1; give 0 to 14400"),
        ({"start_s": float("nan")}, "entry 2: 'start_s' is nan"),
        ({"stop_s": float("inf")}, "entry 2: 'stop_s' is inf"),
        ({"stop_s": 10**400}, "entry 2: 'stop_s' is 1000"),
        ({"stop_s": 1}, "entry 2: 'stop_s' 1 must be after 'start_s' 1"),
        ({"stop_s": None}, "entry 2: 'stop_s' must be a number, not null"),
        ({"preset": "hapy"}, "entry 2: 'preset' 'hapy' is unknown, did you mean 'happy'; use"),
        ({"preset": 7}, "entry 2: 'preset' must be a name, not 7"),
        ({"intensity": 1.5}, "entry 2: 'intensity' is 1.5; give 0 to 1"),
        ({"ease_s": []}, "entry 2: 'ease_s' must be a number, not a list"),
        ({"eas_s": 1}, "entry 2: unknown field 'eas_s'; the nearest is 'ease_s'"),
    ],
)
def test_a_wrong_entry_is_named_with_its_field(change: dict[str, object], message: str) -> None:
    with pytest.raises(TimelineError, match=re.escape(message)):
        parse_timeline([GOOD, {**GOOD, **change}], settings=SETTINGS)


@pytest.mark.parametrize("field", ["start_s", "stop_s", "preset"])
def test_a_missing_field_is_named(field: str) -> None:
    entry = {key: value for key, value in GOOD.items() if key != field}
    with pytest.raises(TimelineError, match=f"timeline entry 1: '{field}' is missing"):
        parse_timeline([entry], settings=SETTINGS)


@pytest.mark.parametrize(
    ("timeline", "message"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ({"clips": []}, "must be a list of entries, not an object"),
        (None, "must be a list of entries, not null"),
        ([3], "entry 1 must be an object, not 3"),
        ([[]], "entry 1 must be an object, not a list"),
        ([GOOD] * 2001, "has 2001 entries; at most 2000"),
    ],
)
def test_what_is_no_timeline_is_refused(timeline: object, message: str) -> None:
    with pytest.raises(TimelineError, match=message):
        parse_timeline(timeline, settings=SETTINGS)


def test_a_sequence_spreads_evenly_with_smooth_transitions() -> None:
    names = ["neutral", "happy", "sad", "angry"]
    clips = sequence_clips(names, duration_s=8.0, settings=SETTINGS)
    times_s = np.arange(0, 8, 0.01)
    shown = blend(clips, times_s=times_s, base="calm", base_intensity=None, settings=SETTINGS)
    order = list(SETTINGS.presets)
    happy = shown.presets[:, order.index("happy")]
    ease_s = SETTINGS.motion.ease_s
    x = np.clip((times_s - 2.0) / ease_s + 0.5, 0, 1)
    comes = 3 * x**2 - 2 * x**3
    y = np.clip((times_s - 4.0) / ease_s + 0.5, 0, 1)
    np.testing.assert_allclose(happy, comes * (1 - (3 * y**2 - 2 * y**3)), atol=1e-5)
    assert shown.presets[:, order.index("calm")].max() < 1e-6
    for number, name in enumerate(names):
        middle = np.abs(times_s - (2 * number + 1)).argmin()
        assert shown.presets[middle, order.index(name)] == pytest.approx(1.0)
    assert shown.presets[0, order.index("neutral")] == pytest.approx(1.0)
    assert shown.presets[-1, order.index("angry")] == pytest.approx(1.0)


def test_a_sequence_of_many_in_no_time_still_covers_it() -> None:
    clips = sequence_clips(["happy", "sad"] * 50, duration_s=1.0, settings=SETTINGS)
    times_s = np.arange(0, 1, 0.002)
    shown = blend(clips, times_s=times_s, base="calm", base_intensity=None, settings=SETTINGS)
    assert shown.presets[:, list(SETTINGS.presets).index("calm")].max() < 1e-4


@pytest.mark.parametrize(
    ("names", "duration_s", "message"),
    [
        ([], 5.0, "at least one"),
        ("happy", 5.0, "must be a list"),
        (["happy", "hapy"], 5.0, "sequence entry 2: 'preset' 'hapy' is unknown, did you mean"),
        (["happy"], 0.0, "cannot fill 0.0 s"),
        (["happy"], float("nan"), "cannot fill nan s"),
    ],
)
def test_a_wrong_sequence_is_refused(names: list[str], duration_s: float, message: str) -> None:
    with pytest.raises(TimelineError, match=message):
        sequence_clips(names, duration_s=duration_s, settings=SETTINGS)
