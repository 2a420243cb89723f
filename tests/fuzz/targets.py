"""What damaged files are given to, and whole ones to damage."""

import io
import json
import subprocess
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from PIL import Image

from vortex_lp.motion.formats import read_motion, write_motion
from vortex_lp.pipeline import read_timeline
from vortex_lp.render.portrait import read_portrait
from vortex_lp.settings import load_settings, parse_settings
from vortex_lp.speech.audio import decode_speech
from vortex_lp.timebase import exact_fps
from vortex_lp.values import N_BLENDSHAPES, MotionTrack, Speech
from vortex_lp.video.encoder import write_video
from vortex_lp.video.provenance import Origin, read_statement

SETTINGS = load_settings()


@dataclass(frozen=True)
class Target:
    """One way in."""

    name: str
    ending: str
    read: Callable[[Path], object]
    seeds: Callable[[Path], dict[str, bytes]]
    n_cases: int
    """How many in CI; what is slow gets fewer."""


def pictures(folder: Path) -> dict[str, bytes]:
    """Small pictures of every format and of the odd kinds of each."""
    chance = np.random.default_rng(0)
    colour = Image.fromarray(chance.integers(0, 255, (70, 80, 3), np.uint8)).resize((96, 80))
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "described"
    wishes = {
        "jpg": (colour, "JPEG", {"quality": 80}),
        "progressive.jpg": (colour, "JPEG", {"progressive": True, "exif": exif}),
        "cmyk.jpg": (colour.convert("CMYK"), "JPEG", {}),
        "png": (colour, "PNG", {"exif": exif}),
        "palette.png": (colour.quantize(16), "PNG", {"transparency": 3}),
        "alpha.png": (colour.convert("RGBA"), "PNG", {}),
        "wide.png": (Image.fromarray(np.full((64, 64), 40_000, np.uint16)), "PNG", {}),
        "webp": (colour, "WEBP", {}),
        "lossless.webp": (colour, "WEBP", {"lossless": True}),
        "bmp": (colour, "BMP", {}),
        "gif": (colour, "GIF", {"save_all": True, "append_images": [colour.rotate(90)]}),
        "lzw.tiff": (colour, "TIFF", {"compression": "tiff_lzw"}),
        "deflate.tiff": (colour, "TIFF", {"compression": "tiff_adobe_deflate"}),
        "plain.tiff": (colour.convert("L"), "TIFF", {}),
    }
    held = {}
    for name, (picture, kind, options) in wishes.items():
        sink = io.BytesIO()
        picture.save(sink, kind, **options)
        held[name] = sink.getvalue()
    return held


def recordings(folder: Path) -> dict[str, bytes]:
    """A fifth of a second in every common container."""
    source = folder / "tone.wav"
    with wave.open(str(source), "wb") as sink:
        sink.setparams((1, 2, 16_000, 0, "NONE", ""))
        tone = np.sin(np.arange(3_200) / 6) * 12_000
        sink.writeframes(tone.astype("<i2").tobytes())
    held = {"wav": source.read_bytes()}
    for kind in ("mp3", "m4a", "flac", "ogg", "webm", "aac", "aiff", "caf", "au", "avi", "ts"):
        file = folder / f"tone.{kind}"
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-i", str(source)]
        subprocess.run([*command, str(file)], check=True)
        held[kind] = file.read_bytes()
        file.unlink()
    source.unlink()
    return held


def checkpoints(folder: Path) -> dict[str, bytes]:
    """A tiny network in both layouts."""
    import torch
    from safetensors.torch import save

    tensors = {"a.weight": torch.arange(12.0).reshape(3, 4), "b": torch.ones(2, dtype=torch.half)}
    sink = io.BytesIO()
    torch.save(tensors, sink)
    return {"safetensors": save(tensors), "pth": sink.getvalue()}


def timelines(folder: Path) -> dict[str, bytes]:
    clips = [
        {"start_s": 0, "stop_s": 1.5, "preset": "happy", "intensity": 0.5, "ease_s": 0.2},
        {"start_s": 1.5, "stop_s": 3, "preset": "sad"},
    ]
    return {"json": json.dumps(clips).encode(), "indented": json.dumps(clips, indent=1).encode()}


def motions(folder: Path) -> dict[str, bytes]:
    chance = np.random.default_rng(1)
    track = MotionTrack(
        fps=exact_fps(24),
        weights=chance.random((4, N_BLENDSHAPES), np.float32),
        head_deg=chance.normal(size=(4, 3)).astype(np.float32),
    )
    held = {}
    for ending in ("csv", "json"):
        file = folder / f"track.{ending}"
        write_motion(track, file, full_deg=SETTINGS.motion.gaze.full_deg)
        held[ending] = file.read_bytes()
        file.unlink()
    return held


def settings_files(folder: Path) -> dict[str, bytes]:
    text = SETTINGS.model_dump_json(indent=0)
    return {"json": text.encode()}


def videos(folder: Path) -> dict[str, bytes]:
    """A signed video and a plain one."""
    held = {}
    for name, origin in (("signed", Origin("mesh", SETTINGS.provenance)), ("plain", None)):
        file = write_video(
            iter(np.zeros((12, 32, 32, 3), np.uint8)),
            Speech(samples=np.zeros(24_000, np.float32)),
            folder / f"{name}.mp4",
            fps=24,
            size=(32, 32),
            n_frames=12,
            settings=SETTINGS.video,
            origin=origin,
        )
        held[name] = file.read_bytes()
        file.unlink()
    return held


def _read_checkpoint(file: Path) -> object:
    from vortex_lp.render.liveportrait.weights import read_tensors

    # A suffix chooses the reader, as `find_weights` has it.
    first = file.read_bytes()[:1]
    named = file.with_suffix(".pth" if first == b"P" else ".safetensors")
    file.rename(named)
    try:
        return read_tensors(named, stem="spade_generator")
    finally:
        named.rename(file)


def _read_either_motion(file: Path) -> object:
    named = file.with_suffix(".json" if b'"format"' in file.read_bytes()[:200] else ".csv")
    file.rename(named)
    try:
        return read_motion(named, fps=24)
    finally:
        named.rename(file)


def _read_settings(file: Path) -> object:
    return parse_settings(file.read_text("utf-8", "replace"), name="fuzz")


TARGETS = (
    Target("portrait", "bin", lambda f: read_portrait(f, limits=SETTINGS.limits), pictures, 1_500),
    Target("recording", "bin", lambda f: decode_speech(f, limits=SETTINGS.limits), recordings, 240),
    Target("checkpoint", "bin", _read_checkpoint, checkpoints, 1_000),
    Target("timeline", "json", lambda f: read_timeline(f, settings=SETTINGS), timelines, 600),
    Target("motion", "bin", _read_either_motion, motions, 400),
    Target("settings", "yaml", _read_settings, settings_files, 40),
    Target("video", "mp4", read_statement, videos, 60),
)


def seeds_of(target: Target, folder: Path) -> dict[str, bytes]:
    """Return whole files for `target`, with a few of no kind at all."""
    held = target.seeds(folder)
    return {**held, "nothing": b"\0", "text": b"hello, world\n" * 20}
