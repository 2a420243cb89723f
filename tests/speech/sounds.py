"""Recordings that the tests make themselves, and the sample speech with its exact phone times."""

import json
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt

from vortex_lp.settings import load_settings
from vortex_lp.speech.audio import decode_speech
from vortex_lp.values import PhoneSpan, Speech

REPOSITORY = Path(__file__).resolve().parents[2]
ASSETS = REPOSITORY / "assets"
SAMPLES = ("welcome_slt.wav", "movie_rms.wav")
LIMITS = load_settings().limits


def sample(name: str) -> Speech:
    return decode_speech(ASSETS / name, limits=LIMITS)


def sample_spans(name: str) -> list[PhoneSpan]:
    times = json.loads((REPOSITORY / "tests/data/sample_speech_phones.json").read_text("utf-8"))
    return [
        PhoneSpan(phone, round(start * 48_000), round(stop * 48_000))
        for phone, start, stop in times[name]["phones"]
    ]


def tone(
    duration_s: float, *, rate_hz: int = 48_000, hertz: float = 440.0
) -> npt.NDArray[np.float32]:
    time = np.arange(round(duration_s * rate_hz)) / rate_hz
    return (0.5 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def ffmpeg(*arguments: str) -> None:
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", *arguments], check=True)
