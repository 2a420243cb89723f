"""One portrait and one recording in, one talking-head video out.

    from vortex_lp import Request, animate

    result = animate(Request(portrait=Path("me.jpg"), audio=Path("hello.wav"),
                             output=Path("hello.mp4")))

Importing this package is quick: each name is fetched from its module when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vortex_lp.errors import (
        AudioError,
        EncodeError,
        MotionError,
        NoFaceError,
        PortraitError,
        RenderError,
        ReportError,
        SettingsError,
        TimelineError,
        VortexError,
        VortexInitializationError,
        WeightsError,
    )
    from vortex_lp.model import LivePortraitModel, load_liveportrait
    from vortex_lp.pipeline import animate, check_portrait, load_renderer, read_timeline
    from vortex_lp.progress import Progress
    from vortex_lp.request import AnimateResult, Performance, RendererOptions, Request
    from vortex_lp.settings import Settings, load_settings
    from vortex_lp.tensors import (
        audio_to_visemes,
        interpolate_visemes,
        measure_lipsync_accuracy,
        phoneme_to_viseme,
        smooth_viseme_sequence,
        validate_viseme_sequence,
    )
    from vortex_lp.values import Clip

__version__ = "0.1.0"

__all__ = [
    "AnimateResult",
    "AudioError",
    "Clip",
    "EncodeError",
    "LivePortraitModel",
    "MotionError",
    "NoFaceError",
    "Performance",
    "PortraitError",
    "Progress",
    "RenderError",
    "RendererOptions",
    "ReportError",
    "Request",
    "Settings",
    "SettingsError",
    "TimelineError",
    "VortexError",
    "VortexInitializationError",
    "WeightsError",
    "__version__",
    "animate",
    "audio_to_visemes",
    "check_portrait",
    "interpolate_visemes",
    "load_liveportrait",
    "load_renderer",
    "load_settings",
    "measure_lipsync_accuracy",
    "phoneme_to_viseme",
    "read_timeline",
    "smooth_viseme_sequence",
    "validate_viseme_sequence",
]

_HOMES = {
    "errors": [name for name in __all__ if name.endswith("Error")],
    "model": ["LivePortraitModel", "load_liveportrait"],
    "pipeline": ["animate", "check_portrait", "load_renderer", "read_timeline"],
    "progress": ["Progress"],
    "request": ["AnimateResult", "Performance", "RendererOptions", "Request"],
    "settings": ["Settings", "load_settings"],
    "tensors": [name for name in __all__ if name.endswith(("visemes", "viseme", "_sequence"))]
    + ["measure_lipsync_accuracy"],
    "values": ["Clip"],
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Fetch a public name from its module (PEP 562)."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'vortex_lp' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"vortex_lp.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
