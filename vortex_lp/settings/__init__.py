"""Settings, read once from YAML into frozen models; an unknown key is an error.

Every default stands in ``configs/liveportrait_fp16.yaml`` and nowhere else. The models below
have none on purpose: they say what a value means, its unit and its range, and the file says what
it is.
"""

import functools
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from vortex_lp.errors import SettingsError
from vortex_lp.resources import resource_folder
from vortex_lp.settings.base import Strict as Strict
from vortex_lp.settings.base import nearest
from vortex_lp.settings.doors import (
    RequestSettings as RequestSettings,
)
from vortex_lp.settings.doors import (
    UiSettings as UiSettings,
)
from vortex_lp.settings.files import (
    OTHER_RENDERER as OTHER_RENDERER,
)
from vortex_lp.settings.files import (
    LimitSettings as LimitSettings,
)
from vortex_lp.settings.files import (
    ProvenanceSettings as ProvenanceSettings,
)
from vortex_lp.settings.files import (
    VideoSettings as VideoSettings,
)
from vortex_lp.settings.motion import (
    BlinkSettings as BlinkSettings,
)
from vortex_lp.settings.motion import (
    GazeSettings as GazeSettings,
)
from vortex_lp.settings.motion import (
    HeadSettings as HeadSettings,
)
from vortex_lp.settings.motion import (
    LidSettings as LidSettings,
)
from vortex_lp.settings.motion import (
    MotionSettings as MotionSettings,
)
from vortex_lp.settings.motion import (
    MouthMotionSettings as MouthMotionSettings,
)
from vortex_lp.settings.motion import (
    PresetSettings as PresetSettings,
)
from vortex_lp.settings.renderers import (
    LivePortraitSettings as LivePortraitSettings,
)
from vortex_lp.settings.report import (
    BandSettings as BandSettings,
)
from vortex_lp.settings.report import (
    MouthBandSettings as MouthBandSettings,
)
from vortex_lp.settings.report import (
    ReportSettings as ReportSettings,
)
from vortex_lp.settings.speech import (
    ContactSettings as ContactSettings,
)
from vortex_lp.settings.speech import (
    KindSettings as KindSettings,
)
from vortex_lp.settings.speech import (
    PhoneSettings as PhoneSettings,
)
from vortex_lp.settings.speech import (
    ReachSettings as ReachSettings,
)
from vortex_lp.settings.speech import (
    SpeechSettings as SpeechSettings,
)

DEFAULT_CONFIG = "liveportrait_fp16.yaml"


class Settings(Strict):
    """Everything that can be set."""

    limits: LimitSettings
    request: RequestSettings
    video: VideoSettings
    phones: dict[str, PhoneSettings]
    speech: SpeechSettings
    presets: dict[str, PresetSettings]
    motion: MotionSettings
    liveportrait: LivePortraitSettings
    provenance: ProvenanceSettings
    ui: UiSettings
    report: ReportSettings


def load_settings(path: Path | None = None) -> Settings:
    """Return the settings of the file `path`, or of the one that comes with the package.

    Raises:
        SettingsError: The file cannot be read, is no YAML mapping, has an unknown or missing key,
        or a value out of
            range; the message names the key and, for an unknown one, the nearest known one.
    """
    return _load(path or resource_folder("configs") / DEFAULT_CONFIG)


@functools.lru_cache(maxsize=8)
def _load(path: Path) -> Settings:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"the settings file {path} cannot be read ({error}); give another one"
        ) from error
    return parse_settings(text, name=path.name)


def parse_settings(text: str, *, name: str = "settings") -> Settings:
    """Return the settings that the YAML `text` holds; `name` is what to call it in messages.

    Raises:
        SettingsError: As `load_settings`.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        data = yaml.load(text, Loader=loader)
    except yaml.YAMLError as error:
        raise SettingsError(f"{name} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict):
        raise SettingsError(f"{name} must be a mapping of settings, not {type(data).__name__}")
    try:
        return Settings.model_validate(data)
    except ValidationError as error:
        raise SettingsError(_explain(error, name)) from error


def _explain(error: ValidationError, name: str) -> str:
    """Turn the first complaint into one sentence."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = _known_keys(first["loc"][:-1])
        return f"{name}: unknown key {where!r}{nearest(str(first['loc'][-1]), known)}"
    if first["type"] == "missing":
        return f"{name}: the key {where!r} is missing; copy it from configs/{DEFAULT_CONFIG}"
    return f"{name}: {where} = {first['input']!r} is wrong: {first['msg']}"


def _known_keys(path: tuple[Any, ...]) -> list[str]:
    """Return the keys that the group at `path` may have."""
    model: Any = Settings
    for part in path:
        field = model.model_fields.get(part) if hasattr(model, "model_fields") else None
        model = field.annotation if field else _value_type(model)
        if not hasattr(model, "model_fields"):
            model = _value_type(model) or model
    return list(getattr(model, "model_fields", {}))


def _value_type(annotation: Any) -> Any:
    arguments = getattr(annotation, "__args__", ())
    return arguments[-1] if arguments else annotation
