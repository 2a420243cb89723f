import csv
import io
import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.motion.mouths import SETTINGS, phrases
from vortex_lp.errors import MotionError
from vortex_lp.motion.formats import (
    LIVE_LINK_HEADER,
    live_link_lines,
    motion_json_lines,
    parse_live_link,
    parse_motion_json,
    read_motion,
    write_motion,
)
from vortex_lp.motion.track import make_track
from vortex_lp.values import ARKIT_INDEX, N_BLENDSHAPES, MotionTrack

FULL_DEG = SETTINGS.motion.gaze.full_deg


@pytest.fixture(scope="module")
def track() -> MotionTrack:
    return make_track(phrases(1), clips=(), base="happy", seed=3, settings=SETTINGS)


@pytest.fixture(scope="module")
def live_link(track: MotionTrack) -> str:
    return "".join(live_link_lines(track, full_deg=FULL_DEG))


@pytest.fixture(scope="module")
def motion_json(track: MotionTrack) -> str:
    return "".join(motion_json_lines(track))


def one_frame(**weights: float) -> MotionTrack:
    row = np.zeros((1, N_BLENDSHAPES), np.float32)
    for name, weight in weights.items():
        row[0, ARKIT_INDEX[name]] = weight
    return MotionTrack(Fraction(24), row, np.array([[10.0, -20.0, 5.0]], np.float32))


@pytest.mark.parametrize("name", ["motion.json", "motion.csv", "MOTION.CSV"])
def test_a_file_gives_back_what_was_written(tmp_path: Path, track: MotionTrack, name: str) -> None:
    write_motion(track, tmp_path / name, full_deg=FULL_DEG)
    again = read_motion(tmp_path / name)
    assert again.fps == track.fps
    np.testing.assert_allclose(again.weights, track.weights, atol=1e-6)
    np.testing.assert_allclose(again.head_deg, track.head_deg, atol=1e-5)


def test_json_keeps_the_closure_and_an_exact_rate(track: MotionTrack, motion_json: str) -> None:
    again = parse_motion_json(motion_json)
    assert again.closure is not None
    assert track.closure is not None
    np.testing.assert_allclose(again.closure, track.closure, atol=1e-6)
    ntsc = MotionTrack(Fraction(30000, 1001), track.weights, track.head_deg)
    again = parse_motion_json("".join(motion_json_lines(ntsc)))
    assert again.fps == Fraction(30000, 1001)
    assert again.closure is None


def test_the_csv_is_what_live_link_face_writes() -> None:
    (row,) = csv.DictReader(
        io.StringIO("".join(live_link_lines(one_frame(jawOpen=0.25), full_deg=FULL_DEG)))
    )
    assert len(row) == 63
    assert row["Timecode"] == "00:00:00:00.000"
    assert row["BlendShapeCount"] == "61"
    assert float(row["JawOpen"]) == 0.25
    assert float(row["TongueOut"]) == 0.0
    assert float(row["HeadPitch"]) == pytest.approx(math.radians(10.0), abs=1e-7)
    assert float(row["HeadYaw"]) == pytest.approx(math.radians(-20.0), abs=1e-7)
    assert float(row["HeadRoll"]) == pytest.approx(math.radians(5.0), abs=1e-7)


def test_the_header_has_apples_52_shapes_and_9_angles() -> None:
    assert len(set(LIVE_LINK_HEADER)) == len(LIVE_LINK_HEADER) == 2 + 52 + 9
    assert LIVE_LINK_HEADER[2] == "EyeBlinkLeft"
    assert LIVE_LINK_HEADER[16:20] == ("JawForward", "JawRight", "JawLeft", "JawOpen")
    assert LIVE_LINK_HEADER[53:57] == ("TongueOut", "HeadYaw", "HeadPitch", "HeadRoll")
    ours = {name.lower() for name in ARKIT_INDEX}
    assert {name.lower() for name in LIVE_LINK_HEADER[2:53]} == ours


def test_eye_angles_say_the_same_as_the_look_shapes() -> None:
    looking = one_frame(eyeLookOutLeft=0.5, eyeLookInRight=0.5, eyeLookDownLeft=0.2)
    (row,) = csv.DictReader(io.StringIO("".join(live_link_lines(looking, full_deg=30.0))))
    assert float(row["LeftEyeYaw"]) == pytest.approx(math.radians(15.0), abs=1e-7)
    assert float(row["RightEyeYaw"]) == pytest.approx(math.radians(15.0), abs=1e-7)
    assert float(row["LeftEyePitch"]) == pytest.approx(math.radians(6.0), abs=1e-7)


def test_timecodes_roll_over_at_the_second() -> None:
    long = MotionTrack(
        Fraction(24), np.zeros((24 * 61 + 3, N_BLENDSHAPES)), np.zeros((24 * 61 + 3, 3))
    )
    last = list(live_link_lines(long, full_deg=FULL_DEG))[-1]
    assert last.startswith("00:01:01:02.000,61,")


def edited(text: str, row: int, column: str, value: str) -> str:
    rows = list(csv.reader(io.StringIO(text)))
    rows[row][rows[0].index(column)] = value
    return "\n".join(",".join(cells) for cells in rows)


def test_columns_may_stand_in_any_order_and_eye_angles_may_be_left_out(live_link: str) -> None:
    rows = [row[:-6][::-1] for row in csv.reader(io.StringIO(live_link))]
    again = parse_live_link("\n".join(",".join(row) for row in rows))
    np.testing.assert_array_equal(again.weights, parse_live_link(live_link).weights)


def test_a_row_without_a_face_is_filled_in_from_its_neighbours(live_link: str) -> None:
    rows = live_link.splitlines()
    rows[10] = ",".join([*rows[10].split(",")[:1], "0"])
    again, whole = parse_live_link("\n".join(rows)), parse_live_link(live_link)
    expected = (whole.weights[8] + whole.weights[10]) / 2
    np.testing.assert_allclose(again.weights[9], expected, atol=1e-6)


def test_missing_frames_are_filled_in(live_link: str) -> None:
    rows = live_link.splitlines()
    again, whole = parse_live_link("\n".join(rows[:20] + rows[22:])), parse_live_link(live_link)
    assert again.n_frames == whole.n_frames
    np.testing.assert_array_equal(again.weights[22:], whole.weights[22:])


def test_a_short_csv_needs_its_rate(live_link: str) -> None:
    short = "\n".join(live_link.splitlines()[:11])
    with pytest.raises(MotionError, match="too short for its Timecodes to tell the frame rate"):
        parse_live_link(short)
    assert parse_live_link(short, fps=24).n_frames == 10


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("JawOpen", "1.5", "row 5, column JawOpen is 1.5; it must be 0 to 1"),
        ("JawOpen", "nan", "row 5, column JawOpen is nan"),
        ("JawOpen", "=1+1", "row 5, column JawOpen: '=1\\+1' is no number"),
        ("JawOpen", "", "row 5, column JawOpen: '' is no number"),
        ("HeadYaw", "90", "row 5, column HeadYaw is 90; it must be -3.142 to 3.142"),
        ("BlendShapeCount", "7", "row 5: BlendShapeCount is '7', not 61 or 0"),
        ("Timecode", "soon", "row 5: Timecode 'soon' is not HH:MM:SS:FF"),
        ("Timecode", "00:00:99:00", "row 5: Timecode '00:00:99:00' is out of range"),
        ("Timecode", "00:00:00:00", "row 5: its Timecode is not after that of the row before"),
    ],
)
def test_a_wrong_cell_is_named_with_row_and_column(
    live_link: str, column: str, value: str, message: str
) -> None:
    with pytest.raises(MotionError, match=message):
        parse_live_link(edited(live_link, 5, column, value))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the column 'Timecode' is missing; is this a Live Link Face CSV"),
        ("Timecode,Jaw\n", "header, column 2: 'Jaw' is unknown"),
        ("Timecode,Timecode\n", "header, column 2: 'Timecode' is there twice"),
        (",".join(LIVE_LINK_HEADER), "must have 1 to"),
        (",".join(LIVE_LINK_HEADER) + "\n00:00:00:00\n00:00:01:00", "BlendShapeCount is missing"),
    ],
)
def test_what_is_no_live_link_csv_is_refused(text: str, message: str) -> None:
    with pytest.raises(MotionError, match=message):
        parse_live_link(text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "no motion file"),
        ({"version": 2}, "version 2 is not known"),
        ({"fps": 24}, "'fps' is 24"),
        ({"fps": "1e999999999"}, "'fps' is '1e999999999'"),
        ({"fps": "1/0"}, "'1/0' is no frame rate"),
        ({"names": ["jawOpen"]}, "51 ARKit names"),
        ({"weights": []}, "'weights' must be a list of 1 to"),
        ({"weights": [[0.0] * 50]}, "weights row 1 must have 51 numbers"),
        ({"weights": [[0.0] * 50 + [2]]}, "weights row 1, column 51 is 2; it must be"),
        ({"weights": [[True] * 51]}, "weights row 1, column 1 is True"),
        ({"head_deg": [[0, 0, 0]]}, "differ in length"),
        ({"closure": 3}, "'closure' must be a list"),
        ({"extra": 1}, "key 'extra' is unknown"),
    ],
)
def test_wrong_json_is_refused_with_its_place(
    motion_json: str, change: dict[str, object], message: str
) -> None:
    with pytest.raises(MotionError, match=message):
        parse_motion_json(json.dumps({**json.loads(motion_json), **change}))


@pytest.mark.parametrize("text", ["", "[]", "[" * 100_000, '{"format": NaN}', "null"])
def test_what_is_no_motion_json_is_refused(text: str) -> None:
    with pytest.raises(MotionError):
        parse_motion_json(text)


def test_a_missing_key_is_named(motion_json: str) -> None:
    data = json.loads(motion_json)
    del data["head_deg"]
    with pytest.raises(MotionError, match="key 'head_deg' is missing"):
        parse_motion_json(json.dumps(data))


def test_files_that_cannot_be_read_or_written_are_said_so(
    tmp_path: Path, track: MotionTrack
) -> None:
    with pytest.raises(MotionError, match="there is no motion file"):
        read_motion(tmp_path / "nowhere.json")
    (tmp_path / "binary.csv").write_bytes(bytes(range(256)))
    with pytest.raises(MotionError, match="cannot be read"):
        read_motion(tmp_path / "binary.csv")
    with pytest.raises(MotionError, match="cannot be written"):
        write_motion(track, tmp_path / "no" / "folder.json", full_deg=FULL_DEG)
