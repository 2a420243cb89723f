"""Where LivePortrait's weights are and which files they are; nothing here imports torch.

Two layouts are understood, in this order: ``.safetensors`` beside each other (the mirror on the
Hugging Face hub), and the official ``.pth`` files in their official folders or beside each other.
"""

from collections.abc import Iterator
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


def _find_file(folder: Path, stem: str) -> Path | None:
    return next((path for path in _candidates(folder, stem) if path.is_file()), None)


def _candidates(folder: Path, stem: str) -> Iterator[Path]:
    yield folder / f"{stem}.safetensors"
    for root in (folder, folder / "liveportrait"):
        for below in OFFICIAL_FOLDERS:
            yield root / below / f"{stem}.pth"
