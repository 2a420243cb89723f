"""A run as a file: everything that decided the bytes of a video, so that it can be made again.

It holds the settings, the seed, the versions of what computed, and hashes of what went in and came
out. Paths in it are relative to its own folder; nothing else about the machine or its user is kept.
"""

import hashlib
import json
import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from importlib import metadata
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import BaseModel, ConfigDict, ValidationError

from vortex_lp import __version__
from vortex_lp.errors import ReportError, SettingsError, VortexError
from vortex_lp.motion.timeline import parse_timeline
from vortex_lp.render.liveportrait.files import find_weights
from vortex_lp.render.registry import weights_folder
from vortex_lp.request import (
    AnimateResult,
    Framing,
    MotionOptions,
    Performance,
    RendererOptions,
    Request,
)
from vortex_lp.settings import Settings, parse_settings
from vortex_lp.timebase import exact_fps
from vortex_lp.uploads import open_upload

FORMAT = 1
_PACKAGES = ("numpy", "scipy", "mediapipe", "opencv-contrib-python", "numba", "pocketsphinx")
_PACKAGES_OF = {"liveportrait": ("torch",)}
"""What computes besides ourselves."""

_BLOCK_BYTES = 1 << 20
_MAX_BYTES = 1 << 40
_MAX_MANIFEST_BYTES = 10_000_000


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Input(_Part):
    path: str
    sha256: str


class _Output(_Part):
    n_frames: int
    size: tuple[int, int]
    content_sha256: str


class _Manifest(_Part):
    format: int
    versions: dict[str, str]
    portrait: _Input
    audio: _Input
    weights: dict[str, str]
    renderer: str
    device: str | None
    precision: str
    framing: Framing
    performance: dict[str, Any]
    settings: dict[str, Any]
    output: _Output
    timings_s: dict[str, float]
    notes: list[str]


@dataclass(frozen=True, slots=True)
class Run:
    """What a manifest asks to be made again."""

    request: Request
    """The same request, but for the output."""

    settings: Settings
    """The same settings."""

    content_sha256: str
    """What `content_sha256` said of the video then."""

    notes: tuple[str, ...]
    """Sentences for the user: what is other here than it was then, so that bytes may differ."""


def write_manifest(
    file: Path, request: Request, result: AnimateResult, *, settings: Settings
) -> None:
    """Write down how `result` was made from `request`.

    Raises:
        SettingsError: `file` cannot be written.
        ReportError: An input is gone.
        WeightsError: The weights are gone.
    """
    wish = request.performance
    asked = asdict(wish)
    asked["fps"] = str(exact_fps(wish.fps or settings.video.fps))
    asked["seed"] = settings.request.seed if wish.seed is None else wish.seed
    manifest = _Manifest(
        format=FORMAT,
        versions=_versions(result.renderer),
        portrait=_input(request.portrait, beside=file),
        audio=_input(request.audio, beside=file),
        weights=_weights(result.renderer, request.options),
        renderer=result.renderer,
        device=request.options.device,
        precision=request.options.precision,
        framing=request.framing or settings.request.framing,
        performance=asked,
        settings=settings.model_dump(mode="json"),
        output=_Output(
            n_frames=result.track.n_frames,
            size=result.size,
            content_sha256=content_sha256(result.path),
        ),
        timings_s={stage: round(spent_s, 3) for stage, spent_s in result.timings_s.items()},
        notes=list(result.notes),
    )
    try:
        file.write_text(manifest.model_dump_json(indent=1) + "\n", "utf-8")
    except OSError as error:
        raise SettingsError(
            f"{file} cannot be written ({error.strerror or error}); choose another file"
        ) from error


def read_manifest(
    file: Path,
    output: Path,
    *,
    portrait: Path | None = None,
    audio: Path | None = None,
    weights: Path | None = None,
) -> Run:
    """Return what the manifest `file` asks for, its inputs being the very same.

    Args:
        file: What `write_manifest` wrote.
        output: Where the video shall go this time.
        portrait: Where the picture is now, or None for where it was.
        audio: Where the recording is now, or None for where it was.
        weights: Where LivePortrait's weights are now, or None for the usual places.

    Raises:
        SettingsError: It is no such file, or an input or the weights are not the same any more.
    """
    manifest = _parse(file)
    options = RendererOptions(weights=weights, device=manifest.device, precision=manifest.precision)
    settings = parse_settings(json.dumps(manifest.settings), name=f"settings in {file.name}")
    request = Request(
        portrait=_same(manifest.portrait, portrait, beside=file, what="portrait"),
        audio=_same(manifest.audio, audio, beside=file, what="recording"),
        output=output,
        performance=_performance(manifest.performance, settings=settings, name=file.name),
        renderer=manifest.renderer,
        options=options,
        framing=manifest.framing,
    )
    if manifest.weights != _weights(manifest.renderer, options):
        raise SettingsError(
            f"the weights here are not those of {file.name}; give their folder with --weights"
        )
    return Run(
        request=request,
        settings=settings,
        content_sha256=manifest.output.content_sha256,
        notes=tuple(_differences(manifest)),
    )


def content_sha256(video: Path) -> str:
    """Return a hash of the picture and sound in an MP4.

    Its header and its Content Credentials do not count, so that another host's certificate makes no
    difference.

    Raises:
        ReportError: There is no such file, or it is no MP4.
    """
    total = hashlib.sha256()
    with _opened(video) as source:
        for name, n_bytes in _boxes(source, name=video.name):
            if name == b"mdat":
                _feed(total, source, n_bytes)
            else:
                source.seek(n_bytes, 1)
    return total.hexdigest()


def _boxes(source: BinaryIO, *, name: str) -> Iterator[tuple[bytes, int]]:
    """Yield the name of each outermost box and the length of what it holds; stand before that."""
    n_left = source.seek(0, 2)
    source.seek(0)
    while n_left:
        head = source.read(8)
        n_bytes, n_head = int.from_bytes(head[:4], "big"), 8
        if n_bytes == 1:
            n_bytes, n_head = int.from_bytes(source.read(8), "big"), 16
        elif n_bytes == 0:
            n_bytes = n_left
        if len(head) < 8 or not n_head <= n_bytes <= n_left:
            raise ReportError(f"{name} is not an MP4 that can be read; give the video itself")
        n_left -= n_bytes
        yield head[4:], n_bytes - n_head


def _opened(file: Path) -> BinaryIO:
    return open_upload(
        file, what="file", advice="check the path", max_bytes=_MAX_BYTES, error=ReportError
    )


def _feed(total: "hashlib._Hash", source: BinaryIO, n_bytes: int) -> None:
    while n_bytes:
        block = source.read(min(n_bytes, _BLOCK_BYTES))
        if not block:
            return
        total.update(block)
        n_bytes -= len(block)


def _file_sha256(file: Path) -> str:
    total = hashlib.sha256()
    with _opened(file) as source:
        _feed(total, source, _MAX_BYTES)
    return total.hexdigest()


def _input(file: Path, *, beside: Path) -> _Input:
    relative = os.path.relpath(file.absolute(), beside.absolute().parent)
    return _Input(path=Path(relative).as_posix(), sha256=_file_sha256(file))


def _weights(renderer: str, options: RendererOptions) -> dict[str, str]:
    if renderer != "liveportrait":
        return {}
    files = find_weights(weights_folder(options.weights))
    return {path.name: _file_sha256(path.resolve()) for path in files.by_stem.values()}


def _versions(renderer: str) -> dict[str, str]:
    found = {"vortex-lp": __version__, "python": platform.python_version()}
    found["machine"] = f"{platform.system()} {platform.machine()}"
    for name in (*_PACKAGES, *_PACKAGES_OF.get(renderer, ())):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _parse(file: Path) -> _Manifest:
    with open_upload(
        file,
        what="manifest",
        advice="give what --save-manifest wrote",
        max_bytes=_MAX_MANIFEST_BYTES,
        error=SettingsError,
    ) as source:
        text = source.read()
    try:
        manifest = _Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SettingsError(
            f"{file.name} is no manifest of a video: {where} {first['msg']}; give what "
            "--save-manifest wrote"
        ) from error
    if manifest.format != FORMAT:
        raise SettingsError(
            f"{file.name} is of format {manifest.format}, and this version reads {FORMAT}; use "
            f"vortex-lp {manifest.versions.get('vortex-lp', 'of then')}"
        )
    return manifest


def _same(then: _Input, now: Path | None, *, beside: Path, what: str) -> Path:
    file = now or beside.parent / then.path
    try:
        is_same = _file_sha256(file) == then.sha256
    except VortexError as error:
        raise SettingsError(f"the {what} of {beside.name} is missing: {error}") from error
    if not is_same:
        raise SettingsError(
            f"{file} is not the {what} that {beside.name} was written for; give the same file"
        )
    return file


def _performance(asked: Mapping[str, Any], *, settings: Settings, name: str) -> Performance:
    try:
        values = dict(asked)
        fps = Fraction(str(values.pop("fps")))
        motion = values.pop("motion")
        clips = parse_timeline(values.pop("timeline"), settings=settings)
        sequence = tuple(str(preset) for preset in values.pop("sequence"))
        if motion is not None:
            motion = MotionOptions(**{**motion, "gaze": tuple(motion["gaze"])})
        wish = Performance(timeline=clips, sequence=sequence, fps=fps, motion=motion)
        return replace(wish, **values)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise SettingsError(
            f"{name} holds a performance that cannot be used ({error}); give what "
            "--save-manifest wrote"
        ) from error


def _differences(manifest: _Manifest) -> Iterator[str]:
    here = _versions(manifest.renderer)
    for name, then in manifest.versions.items():
        if here.get(name) != then:
            yield (
                f"made then with {name} {then}, here is {here.get(name, 'none')}; bytes may differ"
            )
