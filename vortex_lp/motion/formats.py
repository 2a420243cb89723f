"""Motion tracks as files: our own JSON, and the CSV of Epic's Live Link Face.

Both are read strictly: a file says what it means or is refused with the row and the column.

**JSON** is one object: ``format`` ("vortex_lp.motion"), ``version`` (1), ``fps`` (a text such as
"24" or "30000/1001"), ``names`` (the 51 ARKit names in their order), ``weights`` (a row of 51
numbers per frame), ``head_deg`` (pitch, yaw, roll per frame) and ``closure`` (a number per frame,
or null).

**Live Link Face** is one row per frame: ``Timecode`` (HH:MM:SS:FF.mmm), ``BlendShapeCount`` (61),
Apple's 52 shapes with a capital first letter (51 of ours, and TongueOut, which is 0), then yaw,
pitch and roll of the head and of both eyes. The angles are radians, as importers of the app's
files take them; their signs are ours (see `vortex_lp.values.MotionTrack`), because the app's are
documented nowhere.
"""

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vortex_lp.errors import MotionError, SettingsError
from vortex_lp.motion.eyes import gaze_of
from vortex_lp.timebase import exact_fps
from vortex_lp.uploads import open_upload
from vortex_lp.values import ARKIT_INDEX, ARKIT_NAMES, N_BLENDSHAPES, MotionTrack

FORMAT, VERSION = "vortex_lp.motion", 1
MAX_BYTES = 512 * 1024 * 1024
"""Larger files are refused unread: an hour at 30 frames a second is 60 MB of CSV."""

MAX_FRAMES = 120 * 3600 * 4
"""More frames are refused: four hours at 120 a second."""

_RATE = re.compile(r"[0-9]{1,6}(/[0-9]{1,6})?")
_LEFT_RIGHT = ("Left", "Right")


def _both(*stems: str) -> tuple[str, ...]:
    return tuple(stem + side for stem in stems for side in _LEFT_RIGHT)


_EYE = ("Blink", "LookDown", "LookIn", "LookOut", "LookUp", "Squint", "Wide")
LIVE_LINK_SHAPES: tuple[str, ...] = (
    *(f"Eye{what}Left" for what in _EYE),
    *(f"Eye{what}Right" for what in _EYE),
    *("JawForward", "JawRight", "JawLeft", "JawOpen"),
    *("MouthClose", "MouthFunnel", "MouthPucker", "MouthRight", "MouthLeft"),
    *_both("MouthSmile", "MouthFrown", "MouthDimple", "MouthStretch"),
    *("MouthRollLower", "MouthRollUpper", "MouthShrugLower", "MouthShrugUpper"),
    *_both("MouthPress", "MouthLowerDown", "MouthUpperUp", "BrowDown"),
    *("BrowInnerUp", "BrowOuterUpLeft", "BrowOuterUpRight", "CheekPuff"),
    *_both("CheekSquint", "NoseSneer"),
    "TongueOut",
)
"""The 52 shapes in the app's order."""

LIVE_LINK_ANGLES: tuple[str, ...] = tuple(
    part + angle for part in ("Head", "LeftEye", "RightEye") for angle in ("Yaw", "Pitch", "Roll")
)
LIVE_LINK_HEADER = ("Timecode", "BlendShapeCount", *LIVE_LINK_SHAPES, *LIVE_LINK_ANGLES)
_N_VALUES = len(LIVE_LINK_HEADER) - 2
_HEAD = ("HeadPitch", "HeadYaw", "HeadRoll")


def write_motion(track: MotionTrack, file: Path, *, full_deg: float) -> None:
    """Write `track` to `file`: CSV where its name ends in .csv, else JSON.

    Args:
        track: What to write.
        file: Where to.
        full_deg: The angle that an eyeLook weight of 1 means [deg], for the eyes' angles.

    Raises:
        MotionError: The file cannot be written.
    """
    is_csv = file.suffix.lower() == ".csv"
    lines = live_link_lines(track, full_deg=full_deg) if is_csv else motion_json_lines(track)
    try:
        with file.open("w", encoding="utf-8", newline="") as stream:
            stream.writelines(lines)
    except OSError as error:
        raise MotionError(
            f"the motion file {file} cannot be written ({error.strerror or error})"
        ) from error


def read_motion(file: Path, *, fps: float | Fraction | None = None) -> MotionTrack:
    """Return the track that `file` holds: CSV where its name ends in .csv, else JSON.

    Args:
        file: The file.
        fps: The frame rate of a CSV whose timecodes do not tell it; see `parse_live_link`.

    Raises:
        MotionError: It cannot be read or is malformed; the message names row and column.
    """
    with open_upload(
        file,
        what="motion file",
        advice="give a .json or .csv file",
        max_bytes=MAX_BYTES,
        error=MotionError,
    ) as source:
        try:
            text = source.read().decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise MotionError(f"the motion file {file} cannot be read ({error})") from error
    if file.suffix.lower() == ".csv":
        return parse_live_link(text, fps=fps)
    return parse_motion_json(text)


def motion_json_lines(track: MotionTrack) -> Iterator[str]:
    """Yield the JSON of `track`, a line per frame, six digits after the point."""
    head = {"format": FORMAT, "version": VERSION, "fps": str(track.fps), "names": ARKIT_NAMES}
    yield json.dumps(head)[:-1]
    tables = {"weights": track.weights, "head_deg": track.head_deg, "closure": track.closure}
    for name, table in tables.items():
        if table is None:
            yield f', "{name}": null'
            continue
        yield f', "{name}": [\n'
        last = len(table) - 1
        for number, row in enumerate(table.astype(np.float64).round(6).tolist()):
            yield json.dumps(row) + ("\n" if number == last else ",\n")
        yield "]"
    yield "}\n"


def parse_motion_json(text: str) -> MotionTrack:
    """Return the track of the JSON that `motion_json_lines` writes.

    Raises:
        MotionError: It is malformed; the message names the key, and the row and column counted
            from 1.
    """
    try:
        data = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise MotionError(f"the motion file is not JSON: {error}") from error
    keys = ("format", "version", "fps", "names", "weights", "head_deg", "closure")
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise MotionError(f'this is no motion file: it must be an object with "format": "{FORMAT}"')
    for key in (*keys, *data):
        if key not in data or key not in keys:
            what = "is missing" if key not in data else "is unknown"
            raise MotionError(f"the motion file's key {key!r} {what}; it has {', '.join(keys)}")
    if data["version"] != VERSION:
        raise MotionError(f"motion version {data['version']!r:.20} is not known, only {VERSION}")
    if data["names"] != list(ARKIT_NAMES):
        raise MotionError("the motion file's 'names' must be the 51 ARKit names in their order")
    weights = _table(data["weights"], key="weights", width=N_BLENDSHAPES, low=0.0, high=1.0)
    head_deg = _table(data["head_deg"], key="head_deg", width=3, low=-180.0, high=180.0)
    closure = None
    if data["closure"] is not None:
        rows = [[value] for value in data["closure"]] if isinstance(data["closure"], list) else 0
        closure = _table(rows, key="closure", width=1, low=0.0, high=1.0)[:, 0]
    if len(head_deg) != len(weights) or (closure is not None and len(closure) != len(weights)):
        raise MotionError("the motion file's weights, head_deg and closure differ in length")
    return MotionTrack(_fps(data["fps"]), weights, head_deg, closure)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _fps(fps: Any) -> Fraction:
    # A pattern first: Fraction would spend hours on a number such as "1e999999999".
    if not isinstance(fps, str) or not _RATE.fullmatch(fps):
        raise MotionError(f"the motion file's 'fps' is {fps!r:.40}; it must be like \"24\"")
    try:
        return exact_fps(Fraction(fps))
    except (ZeroDivisionError, SettingsError) as error:
        raise MotionError(f"the motion file's 'fps' {fps!r} is no frame rate: {error}") from error


def _table(rows: Any, *, key: str, width: int, low: float, high: float) -> npt.NDArray[np.float32]:
    if not isinstance(rows, list) or not 0 < len(rows) <= MAX_FRAMES:
        raise MotionError(f"the motion file's {key!r} must be a list of 1 to {MAX_FRAMES} rows")
    table = np.empty((len(rows), width), np.float32)
    for number, row in enumerate(rows, 1):
        if not isinstance(row, list) or len(row) != width:
            raise MotionError(f"{key} row {number} must have {width} numbers")
        for column, value in enumerate(row, 1):
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not is_number or not low <= value <= high:
                raise MotionError(
                    f"{key} row {number}, column {column} is {value!r:.40}; "
                    f"it must be a number from {low:g} to {high:g}"
                )
        table[number - 1] = row
    return table


def live_link_lines(track: MotionTrack, *, full_deg: float) -> Iterator[str]:
    """Yield the lines of `track` as Live Link Face CSV, the header first.

    `full_deg` is the angle that an eyeLook weight of 1 means. Timecodes count frames at the next
    whole rate without dropping any, as the app does.
    """
    yield ",".join(LIVE_LINK_HEADER) + "\n"
    rate = math.ceil(track.fps)
    order = [ARKIT_INDEX[_camel(name)] for name in LIVE_LINK_SHAPES[:-1]]
    for number in range(track.n_frames):
        weights = track.weights[number]
        pitch, yaw, roll = np.radians(track.head_deg[number].astype(np.float64))
        values = [*weights[order].astype(np.float64), 0.0, yaw, pitch, roll]
        for side in _LEFT_RIGHT:
            right, up = gaze_of(weights, side=side)
            values += [math.radians(right * full_deg), math.radians(-up * full_deg), 0.0]
        whole_s, frame = divmod(number, rate)
        clock = f"{whole_s // 3600:02}:{whole_s // 60 % 60:02}:{whole_s % 60:02}:{frame:02}.000"
        yield f"{clock},{_N_VALUES}," + ",".join(f"{value:.8f}" for value in values) + "\n"


def _camel(name: str) -> str:
    return name[0].lower() + name[1:]


def parse_live_link(text: str, *, fps: float | Fraction | None = None) -> MotionTrack:
    """Return the track of a Live Link Face CSV.

    Rows without a face (``BlendShapeCount`` 0) and frames that are missing are filled in evenly
    from their neighbours. Eye angles are left out, because the eyeLook shapes say the same.

    Args:
        text: The file.
        fps: The rate at which it was recorded; None takes one more than the highest frame number
            of its timecodes, for which it must be longer than a second.

    Raises:
        MotionError: It is malformed; the message names the row, counted from 1 below the header,
            and the column.
    """
    try:
        rows = [row for row in csv.reader(io.StringIO(text)) if row]
    except csv.Error as error:
        raise MotionError(f"the motion file is not CSV: {error}") from error
    columns = _live_link_columns(rows[0] if rows else [])
    body = rows[1:]
    if not 0 < len(body) <= MAX_FRAMES:
        raise MotionError(f"the motion file must have 1 to {MAX_FRAMES} rows, not {len(body)}")
    times = np.array([_timecode(row, columns, number) for number, row in enumerate(body, 1)])
    rate = exact_fps(fps) if fps is not None else _rate(times)
    at = times[:, 0] * math.ceil(rate) + times[:, 1]
    if (np.diff(at) <= 0).any():
        late = int(np.flatnonzero(np.diff(at) <= 0)[0]) + 2
        raise MotionError(f"row {late}: its Timecode is not after that of the row before")
    seen, values = [], []
    for number, row in enumerate(body, 1):
        if _count(row, columns, number):
            seen.append(at[number - 1] - at[0])
            values.append(_live_link_row(row, columns, number))
    if not seen:
        raise MotionError("no row of the motion file has a face (BlendShapeCount is 0)")
    return _even(np.array(seen), np.array(values), n_frames=round(at[-1] - at[0]) + 1, fps=rate)


def _even(
    at: npt.NDArray[np.float64], values: npt.NDArray[np.float64], *, n_frames: int, fps: Fraction
) -> MotionTrack:
    """Return a track on whole frames of rows that lie at `at` (in frames)."""
    if n_frames > MAX_FRAMES:
        raise MotionError(f"the Timecodes span {n_frames} frames, more than {MAX_FRAMES}")
    frames = np.arange(n_frames)
    even = np.stack([np.interp(frames, at, column) for column in values.T], axis=1)
    weights = even[:, :N_BLENDSHAPES].astype(np.float32)
    return MotionTrack(fps, weights, np.degrees(even[:, N_BLENDSHAPES:]).astype(np.float32))


def _live_link_columns(header: list[str]) -> Mapping[str, int]:
    """Return where each known column stands; capitals do not count, nor the order."""
    known = {name.lower(): name for name in LIVE_LINK_HEADER}
    columns: dict[str, int] = {}
    for at, name in enumerate(header):
        plain = known.get(name.strip().lower())
        if plain is None or plain in columns:
            what = "unknown" if plain is None else "there twice"
            raise MotionError(f"header, column {at + 1}: {name!r:.40} is {what}")
        columns[plain] = at
    needed = (*LIVE_LINK_HEADER[:2], *LIVE_LINK_SHAPES[:-1], *_HEAD)
    for name in needed:
        if name not in columns:
            raise MotionError(f"the column {name!r} is missing; is this a Live Link Face CSV?")
    return columns


def _timecode(row: list[str], columns: Mapping[str, int], number: int) -> tuple[float, float]:
    """Return the whole seconds and the frames of a row's timecode."""
    text = _cell(row, columns, "Timecode", number)
    parts = text.split(":")
    try:
        hours, minutes, whole_s = (int(part) for part in parts[:-1])
        frame = float(parts[-1])
    except ValueError as error:
        raise MotionError(f"row {number}: Timecode {text!r:.40} is not HH:MM:SS:FF") from error
    if not (0 <= hours < 100 and 0 <= minutes < 60 and 0 <= whole_s < 60 and 0 <= frame < 240):
        raise MotionError(f"row {number}: Timecode {text!r:.40} is out of range")
    return float(hours * 3600 + minutes * 60 + whole_s), frame


def _rate(times: npt.NDArray[np.float64]) -> Fraction:
    if times[-1, 0] <= times[0, 0]:
        raise MotionError(
            "the motion is too short for its Timecodes to tell the frame rate; give it"
        )
    return exact_fps(int(times[:, 1].max()) + 1)


def _count(row: list[str], columns: Mapping[str, int], number: int) -> int:
    text = _cell(row, columns, "BlendShapeCount", number).strip()
    if text not in ("0", str(len(LIVE_LINK_SHAPES)), str(_N_VALUES)):
        raise MotionError(f"row {number}: BlendShapeCount is {text!r:.40}, not {_N_VALUES} or 0")
    return int(text)


def _live_link_row(row: list[str], columns: Mapping[str, int], number: int) -> list[float]:
    """Return the weights of a row in our order, then pitch, yaw, roll [rad]."""
    shapes = (name[0].upper() + name[1:] for name in ARKIT_NAMES)
    weights = [_value(row, columns, name, number, low=0.0, high=1.0) for name in shapes]
    angles = [_value(row, columns, name, number, low=-math.pi, high=math.pi) for name in _HEAD]
    return [*weights, *angles]


def _value(
    row: list[str], columns: Mapping[str, int], name: str, number: int, *, low: float, high: float
) -> float:
    text = _cell(row, columns, name, number)
    try:
        value = float(text)
    except ValueError as error:
        raise MotionError(f"row {number}, column {name}: {text!r:.40} is no number") from error
    if not low <= value <= high:
        raise MotionError(
            f"row {number}, column {name} is {value:g}; it must be {low:.4g} to {high:.4g}"
        )
    return value


def _cell(row: list[str], columns: Mapping[str, int], name: str, number: int) -> str:
    if columns[name] >= len(row):
        raise MotionError(f"row {number}: the column {name} is missing")
    return row[columns[name]]
