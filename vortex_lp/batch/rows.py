"""The list of a batch: one JSON object a line, checked strictly, each field named when it is wrong.

    {"portrait": "anna.jpg", "audio": "hello.wav", "output": "anna/hello.mp4"}
    {"portrait": "ben.png", "audio": "hello.wav", "output": "ben.mp4", "fps": 30, "seed": 7}

``portrait``, ``audio``, ``timeline``, ``weights`` and a transcript's ``@FILE`` are relative to the
list's own folder, ``output`` to the folder of the batch. The rest are options of ``vortex-lp
animate``, under the same names.
"""

import difflib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from vortex_lp import __version__
from vortex_lp.errors import SettingsError, VortexError
from vortex_lp.pipeline import check_performance, parse_timeline, read_timeline
from vortex_lp.request import Framing, Performance, RendererOptions, Request
from vortex_lp.settings import ProvenanceSettings, Settings
from vortex_lp.values import Clip

_BLOCK = 1 << 20


class Row(BaseModel):
    """One line of the list."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    portrait: str
    """A picture of somebody."""

    audio: str
    """What they shall say."""

    output: str
    """The video to be written, inside the folder of the batch; ends in ``.mp4``."""

    renderer: str | None = None
    """``"auto"``, ``"mesh"`` or ``"liveportrait"``."""

    expression: str | None = None
    """The base expression."""

    intensity: float | None = None
    """How much of it shows, 0 to 1."""

    sequence: list[str] | None = None
    """Expressions one after the other."""

    timeline: str | list[dict[str, Any]] | None = None
    """Expressions with their times, or a JSON file of them."""

    recognizer: str | None = None
    """Who finds the phones."""

    transcript: str | None = None
    """What is said, or ``@`` and a text file that says it."""

    fps: float | None = None
    """Frames a second, 1 to 120."""

    duration: float | None = None
    """Length of the video [s]."""

    frame: Framing | None = None
    """``"crop"`` or ``"full"``."""

    seed: int | None = None
    """Decides blinks, gaze and head."""

    weights: str | None = None
    """Folder of LivePortrait's weights."""

    device: str | None = None
    """Where LivePortrait computes."""

    label: str | None = None
    """Words in a corner of the picture."""


@dataclass(frozen=True, slots=True)
class Task:
    """One video that can be made."""

    line: int
    """Line of the list, from 1."""

    row: Row
    """What stands there, its inputs as absolute paths."""

    output: Path
    """Where the video goes."""

    key: str
    """Tells one request from another: inputs and outputs, their contents, options, settings,
    version."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """One line of the list that cannot be done."""

    line: int
    """Line of the list, from 1."""

    output: str | None
    """The output that stands there, if that much can be read."""

    reason: str
    """What is wrong, naming the line and the field."""


def read_manifest(file: Path, folder: Path, *, settings: Settings) -> list[Task | BadRow]:
    """Return what stands in the list `file`, line by line; empty lines do not count.

    Args:
        file: A JSONL file.
        folder: Where outputs go.
        settings: Everything that can be set.

    Raises:
        SettingsError: The file cannot be read, or holds no rows.
    """
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"the list {file} cannot be read ({error}); give a JSONL file in UTF-8"
        ) from error
    context = _Context(
        home=file.resolve().parent,
        folder=folder.resolve(),
        settings=settings,
        settings_json=settings.model_dump_json(),
    )
    rows = [
        context.read(number, line) for number, line in enumerate(lines, start=1) if line.strip()
    ]
    if not rows:
        raise SettingsError(f"the list {file} holds no rows; write one JSON object a line")
    return list(_without_twins(rows))


def settings_of(row: Row, *, settings: Settings) -> Settings:
    """Return `settings` with what `row` says otherwise.

    Raises:
        SettingsError: The label is longer than fits on a picture.
    """
    if row.label is None:
        return settings
    wish = {**settings.provenance.model_dump(), "label": row.label}
    try:
        provenance = ProvenanceSettings.model_validate(wish)
    except ValidationError as error:
        raise SettingsError(
            f"the label has {len(row.label)} characters, more than fit on a picture; shorten it"
        ) from error
    return settings.model_copy(update={"provenance": provenance})


def request_of(row: Row, output: Path, *, settings: Settings) -> Request:
    """Return what `row` asks for, written to `output`.

    Raises:
        VortexError: The timeline is wrong.
    """
    performance = Performance(
        recognizer=row.recognizer,
        transcript=row.transcript,
        expression=row.expression,
        intensity=row.intensity,
        sequence=tuple(row.sequence or ()),
        timeline=_clips(row, settings=settings),
        fps=row.fps,
        duration_s=row.duration,
        seed=row.seed,
    )
    weights = Path(row.weights) if row.weights else None
    return Request(
        portrait=Path(row.portrait),
        audio=Path(row.audio),
        output=output,
        performance=performance,
        renderer=row.renderer,
        options=RendererOptions(weights=weights, device=row.device),
        framing=row.frame,
    )


@dataclass(frozen=True, slots=True)
class _Context:
    """What all lines of one list share."""

    home: Path
    folder: Path
    settings: Settings
    settings_json: str

    def read(self, number: int, line: str) -> Task | BadRow:
        """Return what stands in line `number`."""
        try:
            row = Row.model_validate_json(line)
        except ValidationError as error:
            return BadRow(number, _output_in(line), f"row {number}{_sentence(error)}")
        try:
            row = self._with_paths(row, number)
            output = self._output(row, number)
            request = request_of(row, output, settings=self.settings)
            check_performance(
                request.performance, settings=settings_of(row, settings=self.settings)
            )
            return Task(number, row, output, self._key(row, number))
        except _FieldError as error:
            return BadRow(number, row.output, str(error))
        except VortexError as error:
            return BadRow(number, row.output, f"row {number}: {error}")

    def _with_paths(self, row: Row, number: int) -> Row:
        found = {}
        for field in ("portrait", "audio", "timeline", "weights"):
            value = getattr(row, field)
            if isinstance(value, str):
                path = self.home / Path(value).expanduser()
                if not path.exists():
                    raise _FieldError(number, field, f"there is no {path}; check the path")
                found[field] = str(path)
        if row.transcript is not None and row.transcript.startswith("@"):
            found["transcript"] = self._text(row.transcript[1:], number)
        return row.model_copy(update=found)

    def _text(self, name: str, number: int) -> str:
        file = self.home / Path(name).expanduser()
        try:
            return file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise _FieldError(
                number, "transcript", f"{file} cannot be read ({error}); give a text file in UTF-8"
            ) from error

    def _output(self, row: Row, number: int) -> Path:
        wish = PurePosixPath(row.output)
        if wish.is_absolute() or Path(row.output).is_absolute() or ".." in wish.parts:
            raise _FieldError(
                number, "output", f"{row.output!r} leaves the folder of the batch; name it inside"
            )
        if wish.suffix.lower() != ".mp4":
            raise _FieldError(number, "output", f"{row.output!r} must end in .mp4; rename it")
        return self.folder / wish

    def _key(self, row: Row, number: int) -> str:
        digest = hashlib.sha256(f"{__version__}\n{self.settings_json}\n".encode())
        digest.update(row.model_dump_json().encode())
        for field in ("portrait", "audio", "timeline"):
            value = getattr(row, field)
            if isinstance(value, str):
                digest.update(_file_digest(Path(value), number=number, field=field))
        return digest.hexdigest()


class _FieldError(Exception):
    def __init__(self, number: int, field: str, reason: str) -> None:
        super().__init__(f"row {number}, field {field}: {reason}")


def _clips(row: Row, *, settings: Settings) -> tuple[Clip, ...]:
    if row.timeline is None:
        return ()
    if isinstance(row.timeline, str):
        return read_timeline(Path(row.timeline), settings=settings)
    return parse_timeline(row.timeline, settings=settings)


def _file_digest(file: Path, *, number: int, field: str) -> bytes:
    digest = hashlib.sha256()
    try:
        with file.open("rb") as source:
            while block := source.read(_BLOCK):
                digest.update(block)
    except OSError as error:
        raise _FieldError(
            number, field, f"{file} cannot be read ({error.strerror or error}); check it"
        ) from error
    return digest.digest()


def _sentence(error: ValidationError) -> str:
    """Say what is wrong with a line, first things first, to follow on its number."""
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return f" is no JSON ({first['ctx']['error']}); write one object a line"
    if not first["loc"]:
        return " is no JSON object; write one object a line"
    field = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        nearest = difflib.get_close_matches(field, Row.model_fields, n=1, cutoff=0.0)[0]
        return f", field {field}: there is no such field; the nearest known one is {nearest}"
    if first["type"] == "missing":
        return f", field {field}: it is missing; every row needs portrait, audio and output"
    return f", field {field}: {first['input']!r} is wrong; {first['msg'].lower()}"


def _output_in(line: str) -> str | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    output = value.get("output") if isinstance(value, dict) else None
    return output if isinstance(output, str) else None


def _without_twins(rows: list[Task | BadRow]) -> Iterator[Task | BadRow]:
    """Yield `rows`; the second of two that would write the same file is bad."""
    first: dict[Path, int] = {}
    for row in rows:
        if isinstance(row, Task) and row.output in first:
            reason = f"row {row.line}, field output: row {first[row.output]} writes it already"
            yield BadRow(row.line, row.row.output, reason)
            continue
        if isinstance(row, Task):
            first[row.output] = row.line
        yield row
