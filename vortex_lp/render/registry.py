"""The renderers by name; the module of one is imported when it is chosen, and not before."""

import difflib
import importlib
import logging
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vortex_lp.errors import SettingsError, VortexInitializationError, WeightsError
from vortex_lp.render.base import Renderer
from vortex_lp.render.liveportrait.files import default_weights_folder, find_weights
from vortex_lp.settings import Settings

RENDERERS = {
    "mesh": "vortex_lp.render.mesh.renderer:MeshRenderer",
    "liveportrait": "vortex_lp.render.liveportrait.renderer:LivePortraitRenderer",
}
AUTO = "auto"
WEIGHTS_VARIABLE = "VORTEX_LP_WEIGHTS"
"""Names the folder of LivePortrait's weights where nobody says another."""

_NVIDIA_TRACES = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg")
_NO_GPU = "this machine has no NVIDIA GPU; use one that has, such as a GPU Space"
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RendererOptions:
    """What a renderer may be told when it is loaded."""

    weights: Path | None = None
    """Folder of LivePortrait's weights, or None for the one of `weights_folder`."""

    device: str | None = None
    """Where LivePortrait computes, such as ``"cuda:0"`` or ``"cpu"``; None takes the first GPU, or
    the CPU where there is none."""

    precision: str = "fp16"
    """``"fp16"`` or ``"fp32"``: LivePortrait's arithmetic on a GPU; on a CPU it is always fp32."""


@dataclass(frozen=True, slots=True)
class RendererChoice:
    """Which renderer a name stands for on this machine."""

    name: str
    """A key of `RENDERERS`."""

    reason: str | None = None
    """Why ``"auto"`` did not take LivePortrait, and what to do; None where it did, or where the
    renderer was named outright."""


@dataclass(frozen=True, slots=True, eq=False)
class LoadedRenderer:
    """A renderer that is ready, and why it is this one."""

    renderer: Renderer
    """What animates."""

    reason: str | None
    """As in `RendererChoice`."""

    @property
    def note(self) -> str | None:
        """Say in one sentence for the user that this is not LivePortrait and why, or None."""
        return self.reason and f"mesh is used instead of LivePortrait: {self.reason}"


def choose_renderer(name: str, *, options: RendererOptions | None = None) -> RendererChoice:
    """Return which renderer `name` stands for here; ``"auto"`` is LivePortrait where it can run.

    Nothing is loaded; torch is imported only where weights and a GPU are there to be used.

    Raises:
        SettingsError: There is no renderer of that name.
    """
    if name in RENDERERS:
        return RendererChoice(name)
    if name != AUTO:
        known = [AUTO, *RENDERERS]
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
        raise SettingsError(
            f"there is no renderer {name!r}; use {', '.join(known)} (did you mean {nearest!r}?)"
        )
    reason = _why_not_liveportrait(options or RendererOptions())
    return RendererChoice("liveportrait") if reason is None else RendererChoice("mesh", reason)


def load_renderer(
    name: str, *, settings: Settings, options: RendererOptions | None = None
) -> LoadedRenderer:
    """Return the renderer `name`, ready to use.

    ``"auto"`` falls back to mesh with one warning in the log; a renderer that is named outright
    never does.

    Raises:
        SettingsError: There is no renderer of that name.
        VortexInitializationError: It cannot be set up here; the message holds the remedy.
    """
    options = options or RendererOptions()
    choice = choose_renderer(name, options=options)
    if choice.reason is not None:
        _LOGGER.warning("mesh is used instead of LivePortrait: %s", choice.reason)
    if choice.name == "mesh":
        return LoadedRenderer(_class_of("mesh")(settings), choice.reason)
    return LoadedRenderer(_load_liveportrait(settings, options), None)


def weights_folder(asked: Path | None = None) -> Path:
    """Return where LivePortrait's weights should be; it need not exist.

    That is `asked`, else what `WEIGHTS_VARIABLE` names, else the user's cache. A folder that was
    named is never silently replaced by another.
    """
    if asked is not None:
        return asked
    named = os.environ.get(WEIGHTS_VARIABLE)
    return Path(named).expanduser() if named else default_weights_folder()


def has_nvidia_driver() -> bool:
    """Return whether this machine shows a trace of an NVIDIA GPU; nothing is imported for it."""
    # A ZeroGPU Space lends its GPU only while it is used, so there is no trace in between.
    if os.environ.get("SPACES_ZERO_GPU"):
        return True
    return any(Path(trace).exists() for trace in _NVIDIA_TRACES) or bool(shutil.which("nvidia-smi"))


def _why_not_liveportrait(options: RendererOptions) -> str | None:
    if options.device is not None and not options.device.startswith("cuda"):
        return (
            f"it was to run on {options.device}, where a frame takes it seconds; give a CUDA "
            "device, or name renderer='liveportrait' to wait for it"
        )
    # The cheap look first: whether PyTorch can use the GPU is asked last, since that imports it.
    if not has_nvidia_driver():
        return _NO_GPU
    try:
        find_weights(weights_folder(options.weights))
    except WeightsError as error:
        return str(error)
    return _cuda_problem(options.device or "cuda:0")


def _cuda_problem(device: str) -> str | None:
    """Return why PyTorch cannot use `device`, or None; torch is imported where a GPU is there."""
    if not has_nvidia_driver():
        return _NO_GPU
    torch = importlib.import_module("torch")
    if not torch.cuda.is_available():
        return (
            f"PyTorch {torch.__version__} cannot use this machine's GPU; install a CUDA build of "
            "it and a matching driver"
        )
    try:
        number = torch.device(device).index or 0
    except RuntimeError:
        return f"there is no device {device!r}; use 'cuda:0'"
    if number >= torch.cuda.device_count():
        return (
            f"there is no {device}, only {torch.cuda.device_count()} CUDA device(s); use "
            "device='cuda:0'"
        )
    return None


def _load_liveportrait(settings: Settings, options: RendererOptions) -> Renderer:
    device = options.device
    if device is None:
        device = "cpu" if _cuda_problem("cuda:0") else "cuda:0"
    elif device.startswith("cuda") and (problem := _cuda_problem(device)):
        raise VortexInitializationError(
            f"LivePortrait cannot run on {device}: {problem}, or take the mesh renderer"
        )
    try:
        files = find_weights(weights_folder(options.weights))
        renderer: Renderer = _class_of("liveportrait")(
            settings, files=files, device=device, precision=options.precision
        )
    except WeightsError as error:
        raise VortexInitializationError(f"{error}, or take the mesh renderer") from error
    return renderer


def _class_of(name: str) -> Any:
    """Import the module of the renderer `name` and return its class."""
    module, _, attribute = RENDERERS[name].partition(":")
    return getattr(importlib.import_module(module), attribute)
