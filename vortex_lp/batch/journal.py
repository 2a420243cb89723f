"""What a batch has done already: kept so that it can be killed at any moment and run again.

A video is made under a name that says which request it answers, then noted, then moved to where it
belongs. Wherever a batch is killed between these, the next run finishes the rest and makes nothing
twice.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from vortex_lp.errors import SettingsError

STATE = ".vortex-batch"
"""The folder beside the videos that holds the journal and what is in the making."""

RESULTS = "results.jsonl"
_JOURNAL = "journal.jsonl"
_LOCK = "lock"


class Journal:
    """The memory of one batch folder; a context manager, for one batch at a time."""

    def __init__(self, folder: Path) -> None:
        """Use `folder`, which is made if it is not there.

        Raises:
            SettingsError: It cannot be written to, or another batch is at work in it.
        """
        self.folder = folder
        self._state = folder / STATE
        try:
            self._state.mkdir(parents=True, exist_ok=True)
            self._lock = (self._state / _LOCK).open("a")
        except OSError as error:
            raise SettingsError(
                f"the folder {folder} cannot be written to ({error.strerror}); choose another"
            ) from error
        _lock(self._lock, folder)
        self._made = self._read()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *trouble: object) -> None:
        self._lock.close()

    def place_for(self, key: str) -> Path:
        """Return where the video of the request `key` is to be made."""
        return self._state / f"{key}.mp4"

    def made(self, key: str, output: Path) -> dict[str, Any] | None:
        """Return what is known about the whole video `output` of the request `key`, or None.

        One that an earlier run made but could not move any more is moved now.
        """
        note = self._made.get(self._name(output), {})
        if self.place_for(key).exists():
            if note.get("key") == key:
                self._move(key, output)
            else:
                self.keep(key, output, {})
                note = self._made[self._name(output)]
        if note.get("key") != key or not output.is_file():
            return None
        if output.stat().st_size != note["n_bytes"]:
            return None
        told: dict[str, Any] = note["told"]
        return told

    def keep(self, key: str, output: Path, told: dict[str, Any]) -> None:
        """Note the finished video of the request `key`, with what is `told` of it, and move it."""
        name = self._name(output)
        n_bytes = self.place_for(key).stat().st_size
        note = {"output": name, "key": key, "n_bytes": n_bytes, "told": told}
        with (self._state / _JOURNAL).open("a", encoding="utf-8") as sink:
            # The line break in front ends a line that a kill may have cut off.
            sink.write(f"\n{json.dumps(note)}\n")
            sink.flush()
            os.fsync(sink.fileno())
        self._made[name] = note
        self._move(key, output)

    def _move(self, key: str, output: Path) -> None:
        output.parent.mkdir(parents=True, exist_ok=True)
        self.place_for(key).replace(output)

    def write_results(self, rows: list[dict[str, Any]]) -> Path:
        """Write one line of JSON for each row, all at once, and return the file."""
        file = self.folder / RESULTS
        part = self._state / RESULTS
        part.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        part.replace(file)
        return file

    def sweep(self) -> None:
        """Delete what a batch that was killed has left half made."""
        for part in self._state.glob(".vortex-*.part"):
            with contextlib.suppress(OSError):
                part.unlink()

    def _name(self, output: Path) -> str:
        return output.relative_to(self.folder.resolve()).as_posix()

    def _read(self) -> dict[str, dict[str, Any]]:
        made: dict[str, dict[str, Any]] = {}
        for note in _notes(self._state / _JOURNAL):
            made[note["output"]] = note
        return made


def _notes(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the notes in `file`; a last line that was cut off by a kill is no note."""
    with contextlib.suppress(FileNotFoundError):
        for line in file.read_text("utf-8", "replace").splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                note = json.loads(line)
                if isinstance(note, dict) and {"output", "key", "n_bytes", "told"} <= note.keys():
                    yield note


def _lock(file: IO[str], folder: Path) -> None:
    """Hold `file` for this process; the system lets go of it when the process ends, however."""
    try:
        import fcntl
    except ImportError:  # Windows has none; there, nobody stops two batches from doing the same.
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise SettingsError(
            f"another batch is at work in {folder}; wait for it, or choose another folder"
        ) from error
