"""A short video made for the tests: a real portrait, a made-up sentence, all of it known."""

import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from vortex_lp.render.mesh.renderer import MeshRenderer
from vortex_lp.render.portrait import read_portrait
from vortex_lp.resources import resource_folder
from vortex_lp.settings import load_settings
from vortex_lp.timebase import SPEECH_RATE_HZ, frame_start
from vortex_lp.values import (
    ARKIT_INDEX,
    N_BLENDSHAPES,
    MotionTrack,
    MouthTrack,
    PhoneSpan,
    Speech,
)
from vortex_lp.video.encoder import write_video

FPS = Fraction(24)
PORTRAIT = resource_folder("assets") / "astronaut.jpg"
MOUTH = slice(ARKIT_INDEX["jawForward"], ARKIT_INDEX["noseSneerLeft"])
BLINKS = (ARKIT_INDEX["eyeBlinkLeft"], ARKIT_INDEX["eyeBlinkRight"])

# (phone, frames): uneven on purpose, so that only one lag fits. 6.5 s at 24 frames a second.
SENTENCE = (
    ("SIL", 7), ("M", 3), ("AA", 6), ("P", 3), ("IY", 4), ("B", 3), ("AE", 8), ("F", 4), ("OW", 5),
    ("T", 3), ("EH", 4), ("M", 3), ("AO", 5), ("SIL", 14), ("V", 4), ("AA", 5), ("S", 3), ("B", 3),
    ("IY", 7), ("P", 3), ("AE", 4), ("N", 3), ("AA", 7), ("F", 3), ("EH", 3), ("M", 4), ("UW", 6),
    ("T", 3), ("AA", 4), ("B", 3), ("OW", 6), ("SIL", 15),
)  # fmt: skip
CLOSED, TUCKED, QUIET = ("P", "B", "M"), ("F", "V"), ("SIL",)
BLINK_FRAMES = (22, 70, 128)


def make_mouth() -> MouthTrack:
    """Return the made-up sentence as a mouth, phone to phone in straight lines."""
    settings = load_settings()
    starts = np.cumsum([0, *(frames for _, frames in SENTENCE)])
    n_frames = int(starts[-1])
    middles = (starts[:-1] + starts[1:] - 1) / 2
    shapes = np.zeros((len(SENTENCE), N_BLENDSHAPES), np.float32)
    for row, (phone, _) in enumerate(SENTENCE):
        for name, weight in settings.phones[phone].arkit.items():
            shapes[row, ARKIT_INDEX[name]] = weight
    frames = np.arange(n_frames)
    weights = np.stack([np.interp(frames, middles, column) for column in shapes.T], axis=1)
    rows = np.repeat(np.arange(len(SENTENCE)), np.diff(starts))
    phones = [SENTENCE[row][0] for row in rows]
    for row, phone in enumerate(phones):
        if phone in (*CLOSED, *TUCKED, *QUIET):
            weights[row] = shapes[rows[row]]
    louder = {**dict.fromkeys(CLOSED, 0.3), **dict.fromkeys(TUCKED, 0.4), "SIL": 0.0}
    return MouthTrack(
        fps=FPS,
        visemes=np.zeros((n_frames, 3), np.float32),
        weights=weights.astype(np.float32),
        closure=np.array([phone in CLOSED for phone in phones], np.float32),
        tuck=np.array([phone in TUCKED for phone in phones], np.float32),
        loudness=np.array([louder.get(phone, 0.9) for phone in phones], np.float32),
        spans=tuple(
            PhoneSpan(
                phone=phone,
                start=frame_start(int(start), rate_hz=SPEECH_RATE_HZ, fps=FPS),
                stop=frame_start(int(start) + frames, rate_hz=SPEECH_RATE_HZ, fps=FPS),
            )
            for (phone, frames), start in zip(SENTENCE, starts[:-1], strict=True)
        ),
    )


def make_track(mouth: MouthTrack) -> MotionTrack:
    """Return the mouth with blinks and a slow sway of the head."""
    weights = mouth.weights.copy()
    frames = np.arange(mouth.n_frames)
    for frame in BLINK_FRAMES:
        lids = np.clip(1.4 - np.abs(frames - frame) / 2.5, 0, 1)
        for eye in BLINKS:
            weights[:, eye] = np.maximum(weights[:, eye], lids)
    time_s = frames / float(FPS)
    sway = np.stack([np.sin(1.3 * time_s), 3 * np.sin(0.9 * time_s), np.sin(0.7 * time_s)], axis=1)
    return MotionTrack(fps=FPS, weights=weights, head_deg=sway, closure=mouth.closure)


def make_speech(mouth: MouthTrack) -> Speech:
    """Return noise as loud as the mouth's loudness says."""
    noise = np.random.default_rng(0).standard_normal(
        frame_start(mouth.n_frames, rate_hz=SPEECH_RATE_HZ, fps=FPS)
    )
    levels = np.repeat(mouth.loudness**3, len(noise) // mouth.n_frames)
    return Speech(samples=(0.1 * noise * levels).astype(np.float32))


def film(track: MotionTrack, speech: Speech, out_file: Path) -> Path:
    """Render and encode `track` and `speech`."""
    settings = load_settings()
    portrait = read_portrait(PORTRAIT, limits=settings.limits)
    prepared = MeshRenderer(settings).prepare(portrait, framing="crop")
    return write_video(
        prepared.render(track),
        speech,
        out_file,
        fps=FPS,
        size=prepared.size,
        n_frames=track.n_frames,
        settings=settings.video,
    )


def without(track: MotionTrack, *, mouth_from: int | None = None, blinks: bool) -> MotionTrack:
    """Return `track` with a mouth that stands still from a frame on, or without its blinks."""
    weights = track.weights.copy()
    closure = None
    if mouth_from is not None:
        weights[mouth_from:, MOUTH] = weights[mouth_from, MOUTH]
        closure = np.zeros(track.n_frames, np.float32)
    if blinks:
        weights[:, BLINKS] = 0
    return replace(track, weights=weights, closure=track.closure if closure is None else closure)


def ffmpeg(source: Path, out_file: Path, *options: str, second: Path | None = None) -> Path:
    """Run ffmpeg from one file, or two, into another."""
    inputs = ["-i", str(source)] if second is None else ["-i", str(source), "-i", str(second)]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *inputs, *options]
    subprocess.run([*command, str(out_file)], check=True)
    return out_file
