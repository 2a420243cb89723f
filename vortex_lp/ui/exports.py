"""Everything that a finished video can be taken home as."""

import json
import platform
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from vortex_lp.exports import LAYOUTS
from vortex_lp.pipeline import convert_video, save_motion
from vortex_lp.request import Analysis
from vortex_lp.settings import Settings
from vortex_lp.ui.form import Form
from vortex_lp.ui.timeline import timeline_entries
from vortex_lp.values import MotionTrack

_PACKAGES = ("vortex-lp", "gradio", "mediapipe", "numpy", "torch", "pocketsphinx")
_UNSAFE = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True)
class Take:
    """One finished video and everything that can be exported with it."""

    video: Path
    """The MP4."""

    form: Form
    """What was asked for."""

    analysis: Analysis | None
    """What was heard; None where a motion file drove the portrait."""

    track: MotionTrack
    """What the portrait did."""

    renderer: str
    """``"mesh"`` or ``"liveportrait"``."""

    badge: str
    """What ran where."""

    size: tuple[int, int]
    """Width and height [px]."""

    notes: tuple[str, ...]
    """Sentences for the user."""

    timings_s: dict[str, float]
    """Wall time from the click [s]."""

    @property
    def name(self) -> str:
        """Return the start of every file name, from the portrait's own."""
        stem = Path(self.form.portrait or "video").stem
        return _UNSAFE.sub("_", stem)[:40] or "video"


@dataclass(frozen=True, slots=True)
class Export:
    """One line of the menu."""

    label: str
    """What people read."""

    ending: str
    """The end of the file's name."""

    write: Callable[[Take, Path, Settings], Path]
    """Writes the file and returns its path."""

    needs_sound: bool = False
    """Whether it is about what was heard, which a motion file does not tell."""


def write_export(take: Take, kind: str, folder: Path, *, settings: Settings) -> Path:
    """Write `take` as `kind`, a key of `EXPORTS`, into `folder` and return the file.

    Raises:
        VortexError: The file cannot be made.
        KeyError: There is no such kind.
    """
    export = EXPORTS[kind]
    return export.write(take, folder / f"{take.name}{export.ending}", settings)


def manifest(take: Take) -> dict[str, Any]:
    """Return what is needed to make the same video again, as JSON values; no file paths."""
    asked = asdict(take.form)
    asked["timeline"] = timeline_entries(take.form.timeline)
    for key in ("portrait", "audio", "motion"):
        asked[key] = Path(asked[key]).name if asked[key] else None
    heard = take.analysis
    return {
        "asked": asked,
        "renderer": take.renderer,
        "ran_on": take.badge,
        "recognizer": heard.recognition.recognizer if heard else None,
        "n_frames": take.track.n_frames,
        "fps": str(take.track.fps),
        "size": list(take.size),
        "notes": list(take.notes),
        "timings_s": {key: round(value, 3) for key, value in take.timings_s.items()},
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Return the versions that matter in a report of a fault."""
    found = {"python": platform.python_version(), "system": platform.platform()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _video(take: Take, file: Path, settings: Settings) -> Path:
    file.write_bytes(take.video.read_bytes())
    return file


def _converted(kind: str) -> Callable[[Take, Path, Settings], Path]:
    return lambda take, file, _: convert_video(take.video, file, kind=kind)


def _visemes(layout: str) -> Callable[[Take, Path, Settings], Path]:
    def write(take: Take, file: Path, settings: Settings) -> Path:
        assert take.analysis is not None
        file.write_text(LAYOUTS[layout](take.analysis.mouth), "utf-8")
        return file

    return write


def _motion(take: Take, file: Path, settings: Settings) -> Path:
    return save_motion(take.track, file, settings=settings)


def _timeline(take: Take, file: Path, settings: Settings) -> Path:
    return _json(timeline_entries(take.form.timeline), file)


def _manifest(take: Take, file: Path, settings: Settings) -> Path:
    return _json(manifest(take), file)


def _json(value: Any, file: Path) -> Path:
    file.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return file


EXPORTS: dict[str, Export] = {
    "mp4": Export("Video, MP4", ".mp4", _video),
    "webm": Export("Video, WebM", ".webm", _converted("webm")),
    "gif": Export("Animated GIF, no sound", ".gif", _converted("gif")),
    "png": Export("Pictures, PNG in a zip", "_frames.zip", _converted("png")),
    "visemes_json": Export("Visemes, JSON", "_visemes.json", _visemes("json"), needs_sound=True),
    "visemes_csv": Export("Visemes, CSV", "_visemes.csv", _visemes("csv"), needs_sound=True),
    "rhubarb": Export(
        "Visemes, Rhubarb TSV", "_visemes.tsv", _visemes("rhubarb"), needs_sound=True
    ),
    "arkit": Export("Face motion, ARKit CSV (Live Link Face)", "_arkit.csv", _motion),
    "motion": Export("Face motion, JSON", "_motion.json", _motion),
    "timeline": Export("Expression timeline, JSON", "_timeline.json", _timeline),
    "manifest": Export("Settings and timings, JSON", "_settings.json", _manifest),
}
"""The menu, in its order."""
