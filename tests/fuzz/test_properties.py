"""What holds for every value, tried on many by hypothesis."""

import itertools
import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vortex_lp.errors import SettingsError, TimelineError, VortexError
from vortex_lp.motion.formats import read_motion, write_motion
from vortex_lp.motion.timeline import parse_timeline
from vortex_lp.motion.track import make_track
from vortex_lp.settings import load_settings, parse_settings
from vortex_lp.speech.spans import fill_gaps
from vortex_lp.speech.visemes import make_mouth
from vortex_lp.timebase import (
    SPEECH_RATE_HZ,
    exact_fps,
    frame_at,
    frame_count,
    frame_start,
    frame_time_s,
)
from vortex_lp.values import (
    N_BLENDSHAPES,
    SILENCE,
    Clip,
    MotionTrack,
    PhoneSpan,
    Recognition,
    Speech,
)

SETTINGS = load_settings()
QUICK = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
RATES = {
    "23.976": Fraction(24000, 1001),
    "24": Fraction(24),
    "25": Fraction(25),
    "29.97": Fraction(30000, 1001),
    "30": Fraction(30),
    "60": Fraction(60),
}
rates = st.sampled_from(sorted(RATES.values())) | st.fractions(1, 120, max_denominator=1001)


@pytest.mark.parametrize("name", RATES)
def test_no_frame_of_an_hour_drifts(name: str) -> None:
    """Every single frame, against arithmetic that knows no rounding."""
    rate = exact_fps(float(name))
    assert rate == RATES[name]
    n_frames = math.floor(3600 * rate)
    # Sample k·R/rate rounded up, by integers alone.
    numbers = np.arange(n_frames, dtype=object)
    step = Fraction(SPEECH_RATE_HZ) / rate
    exact = -((-numbers * step.numerator) // step.denominator)
    for number in range(0, n_frames, 97):
        assert frame_start(number, rate_hz=SPEECH_RATE_HZ, fps=rate) == exact[number]
    assert frame_start(n_frames - 1, rate_hz=SPEECH_RATE_HZ, fps=rate) == exact[-1]
    last = Fraction(n_frames - 1) / rate
    assert frame_time_s(n_frames - 1, fps=rate) == float(last)
    assert abs(Fraction(exact[-1], SPEECH_RATE_HZ) - last) < Fraction(1, SPEECH_RATE_HZ)


@QUICK
@given(rate=rates, number=st.integers(0, 10_000_000))
def test_a_frame_begins_at_its_own_first_sample(rate: Fraction, number: int) -> None:
    start = frame_start(number, rate_hz=SPEECH_RATE_HZ, fps=rate)
    assert frame_at(start, rate_hz=SPEECH_RATE_HZ, fps=rate) == number
    if number:
        assert frame_at(start - 1, rate_hz=SPEECH_RATE_HZ, fps=rate) == number - 1


@QUICK
@given(rate=rates, n_samples=st.integers(0, SPEECH_RATE_HZ * 14_400))
def test_frames_cover_every_sample_and_not_one_too_many(rate: Fraction, n_samples: int) -> None:
    n_frames = frame_count(n_samples, rate_hz=SPEECH_RATE_HZ, fps=rate)
    assert Fraction(n_frames) / rate >= Fraction(n_samples, SPEECH_RATE_HZ)
    if n_frames:
        assert Fraction(n_frames - 1) / rate < Fraction(n_samples, SPEECH_RATE_HZ)


@QUICK
@given(value=st.floats() | st.integers() | st.text(max_size=5) | st.none())
def test_any_frame_rate_is_taken_exactly_or_refused(value: object) -> None:
    try:
        rate = exact_fps(value)  # type: ignore[arg-type]
    except SettingsError:
        return
    assert 1 <= rate <= 120
    assert abs(rate - Fraction(value)) <= Fraction(1, 200)  # type: ignore[arg-type]


numbers = st.floats(0, 100) | st.integers(0, 100)
good_clips = st.builds(
    lambda start, length, preset, intensity, ease: {
        "start_s": start,
        "stop_s": start + length,
        "preset": preset,
        "intensity": intensity,
        "ease_s": ease,
    },
    st.floats(0, 50),
    st.floats(0.01, 20),
    st.sampled_from(sorted(SETTINGS.presets)),
    st.none() | st.floats(0, 1),
    st.none() | st.floats(0, 5),
)
anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)
odd_clips = st.dictionaries(
    st.sampled_from(("start_s", "stop_s", "preset", "intensity", "ease_s", "path")),
    anything | numbers | st.sampled_from(sorted(SETTINGS.presets)),
)


@QUICK
@given(entries=st.lists(good_clips, max_size=8))
def test_good_timelines_are_read_as_they_are(entries: list[dict]) -> None:
    clips = parse_timeline(json.dumps(entries), settings=SETTINGS)
    assert sorted((clip.start_s, clip.stop_s, clip.preset) for clip in clips) == sorted(
        (entry["start_s"], entry["stop_s"], entry["preset"]) for entry in entries
    )
    assert [clip.start_s for clip in clips] == sorted(clip.start_s for clip in clips)


@settings(QUICK, max_examples=200)
@given(value=anything | st.lists(odd_clips, max_size=3))
def test_any_other_timeline_is_refused_with_a_sentence(value: object) -> None:
    try:
        clips = parse_timeline(value, settings=SETTINGS)
    except TimelineError as error:
        said = str(error)
    else:
        assert all(0 <= clip.start_s < clip.stop_s for clip in clips)
        return
    assert 10 < len(said) < 1_000


@QUICK
@given(
    table=hnp.arrays(np.float32, (5, N_BLENDSHAPES), elements=st.floats(0, 1, width=32)),
    head=hnp.arrays(np.float32, (5, 3), elements=st.floats(-40, 40, width=32)),
    rate=st.sampled_from(sorted(RATES.values())),
    ending=st.sampled_from(("json", "csv")),
)
def test_motion_survives_a_file(
    tmp_path: Path, table: np.ndarray, head: np.ndarray, rate: Fraction, ending: str
) -> None:
    track = MotionTrack(fps=rate, weights=table, head_deg=head)
    file = tmp_path / f"track.{ending}"
    write_motion(track, file, full_deg=SETTINGS.motion.gaze.full_deg)
    again = read_motion(file, fps=rate)
    assert again.fps == rate
    np.testing.assert_allclose(again.weights, table, atol=1e-5)
    np.testing.assert_allclose(again.head_deg, head, atol=1e-3)


@QUICK
@given(text=st.text(max_size=300) | st.from_regex(r"(\d+:\d+:\d+:\d+,[\d.,-]{0,80}\n){1,4}"))
def test_any_text_is_motion_or_refused(tmp_path: Path, text: str) -> None:
    for ending in ("csv", "json"):
        file = tmp_path / f"track.{ending}"
        file.write_text(text, "utf-8", newline="")
        with pytest.raises(VortexError):
            read_motion(file, fps=24)


phones = st.lists(
    st.tuples(
        st.sampled_from(sorted(SETTINGS.phones)), st.integers(0, 90_000), st.integers(1, 30_000)
    ),
    max_size=20,
)


@QUICK
@given(drawn=phones, n_samples=st.integers(1, 96_000), rate=rates, seed=st.integers(0, 99))
def test_any_phones_make_a_mouth_and_a_face_within_their_ranges(
    drawn: list[tuple[str, int, int]], n_samples: int, rate: Fraction, seed: int
) -> None:
    spans = fill_gaps(
        [PhoneSpan(name, start, start + length) for name, start, length in drawn],
        n_samples=n_samples,
    )
    assert spans[0].start == 0
    assert spans[-1].stop == n_samples
    assert all(a.stop == b.start for a, b in itertools.pairwise(spans))
    tone = (0.2 * np.sin(np.arange(n_samples) / 9)).astype(np.float32)
    n_frames = frame_count(n_samples, rate_hz=SPEECH_RATE_HZ, fps=rate)
    mouth = make_mouth(
        Recognition(spans=tuple(spans), recognizer="drawn"),
        Speech(samples=tone),
        fps=rate,
        n_frames=n_frames,
        settings=SETTINGS,
    )
    assert mouth.weights.shape == (n_frames, N_BLENDSHAPES)
    for table in (mouth.visemes, mouth.weights, mouth.closure, mouth.tuck):
        assert np.isfinite(table).all()
        assert table.min(initial=0) >= 0
        assert table.max(initial=0) <= 1
    if {span.phone for span in spans} == {SILENCE}:
        assert mouth.visemes[:, 0].max(initial=0) < 0.01
    track = make_track(
        mouth,
        clips=(Clip(0.0, 1.0, "happy"),),
        base="neutral",
        seed=seed,
        settings=SETTINGS,
        options=None,
    )
    assert track.weights.shape == (n_frames, N_BLENDSHAPES)
    assert np.isfinite(track.weights).all()
    assert track.weights.min(initial=0) >= 0
    assert track.weights.max(initial=0) <= 1
    assert np.abs(track.head_deg).max(initial=0) <= 90


@settings(QUICK, max_examples=40)
@given(text=st.text(max_size=200) | anything.map(lambda value: json.dumps(value, default=str)))
def test_any_text_is_settings_or_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        parse_settings(text)
