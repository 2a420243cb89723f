"""Where LivePortrait's weights are and which files they are; nothing here imports torch.

Two layouts are understood, in this order: ``.safetensors`` beside each other (the mirror on the
Hugging Face hub), and the official ``.pth`` files in their official folders or beside each other.
"""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from vortex_lp.errors import WeightsError
from vortex_lp.face.model import cache_folder

SIZES_NAME = "sizes.json"
"""A file of this name beside the weights says that they are of other sizes than the published."""

STEMS = (
    "appearance_feature_extractor",
    "motion_extractor",
    "warping_module",
    "spade_generator",
    "stitching_retargeting_module",
)
"""The five weight files, without their ending."""

RECORD_NAME = "weights.json"
"""The record beside downloaded weights: what was accepted, with its sha256."""

OFFICIAL_FOLDERS = ("", "base_models", "retargeting_models")
"""Where the official repository keeps its files, below its folder ``liveportrait``."""


@dataclass(frozen=True, slots=True)
class WeightFiles:
    """A complete set of weight files."""

    folder: Path
    """The folder that they were looked for in."""

    by_stem: dict[str, Path]
    """One file for each of `STEMS`."""

    sizes_file: Path | None
    """The file that says their sizes, or None for the published sizes."""


def default_weights_folder() -> Path:
    """Return the folder that weights are downloaded to; it need not exist."""
    return cache_folder() / "liveportrait"


def find_weights(folder: Path) -> WeightFiles:
    """Return the complete set of weights in `folder`.

    Raises:
        WeightsError: It is not there, or not complete; the message names the folder, the first
            missing file and the remedy.
    """
    if not folder.is_dir():
        raise WeightsError(
            f"there is no folder {folder} of LivePortrait weights; run `vortex-lp download` or "
            "give another folder"
        )
    by_stem: dict[str, Path] = {}
    for stem in STEMS:
        file = _find_file(folder, stem)
        if file is None:
            raise WeightsError(
                f"the LivePortrait weights in {folder} lack {stem}.safetensors (or .pth); "
                "run `vortex-lp download` or give a complete folder"
            )
        by_stem[stem] = file
    sizes_file = folder / SIZES_NAME
    return WeightFiles(
        folder=folder, by_stem=by_stem, sizes_file=sizes_file if sizes_file.is_file() else None
    )


def check_record(files: WeightFiles) -> None:
    """Check that downloaded weights are still the bytes that were accepted; others have no record.

    Raises:
        WeightsError: A file has changed since.
    """
    try:
        data = json.loads((files.folder / RECORD_NAME).read_text("utf-8"))
        known = {str(entry["name"]): str(entry["sha256"]) for entry in data["files"]}
    except FileNotFoundError:
        return
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise WeightsError(
            f"the record {files.folder / RECORD_NAME} cannot be read ({error}); run `vortex-lp "
            "download --force`"
        ) from error
    paths = list(files.by_stem.values())
    # Hashing lets other threads run, so that five files take little longer than the largest.
    with ThreadPoolExecutor(len(paths)) as threads:
        for path, digest in zip(paths, threads.map(_sha256, paths), strict=True):
            name = path.relative_to(files.folder).as_posix()
            if known.get(name, digest) != digest:
                raise WeightsError(
                    f"{path} has changed since it was fetched (sha256 {digest[:12]}…, not "
                    f"{known[name][:12]}…); run `vortex-lp download --force`"
                )


def _sha256(path: Path) -> str:
    total = hashlib.sha256()
    try:
        with path.open("rb") as source:
            while block := source.read(1 << 20):
                total.update(block)
    except OSError as error:
        raise WeightsError(
            f"{path.name} cannot be read ({error}); run `vortex-lp download --force`"
        ) from error
    return total.hexdigest()


def _find_file(folder: Path, stem: str) -> Path | None:
    return next((path for path in _candidates(folder, stem) if path.is_file()), None)


def _candidates(folder: Path, stem: str) -> Iterator[Path]:
    yield folder / f"{stem}.safetensors"
    for root in (folder, folder / "liveportrait"):
        for below in OFFICIAL_FOLDERS:
            yield root / below / f"{stem}.pth"
