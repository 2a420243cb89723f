"""Finished videos read back with ffmpeg alone, independently of what the package itself reads."""

import re
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from vortex_lp.timebase import exact_fps
from vortex_lp.values import FloatArray, Frame
from vortex_lp.video.ffmpeg import ffmpeg_program


@dataclass(frozen=True)
class Stream:
    """When a stream starts and stops [s] by its packets' own clock, and how many packets it has."""

    start_s: float
    stop_s: float
    n_packets: int


@dataclass(frozen=True)
class Facts:
    """What a video file holds, packet by packet."""

    size: tuple[int, int]
    fps: Fraction
    video: Stream
    audio: Stream
    codecs: dict[str, str]

    @property
    def n_frames(self) -> int:
        return self.video.n_packets


def ffmpeg(file: Path, *options: str) -> bytes:
    command = [ffmpeg_program(), "-v", "error", "-nostdin", "-i", f"file:{file}", *options, "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def facts_of(file: Path) -> Facts:
    """Read sizes, codecs and times off ffmpeg's packet listing; nothing is decoded."""
    listing = ffmpeg(file, "-map", "0", "-c", "copy", "-copyts", "-f", "framecrc").decode("ascii")
    width, height = re.findall(r"#dimensions 0: (\d+)x(\d+)", listing)[0]
    units = [Fraction(unit) for _, unit in sorted(re.findall(r"#tb (\d): (\S+)", listing))]
    rows = [line.split(",")[:4] for line in listing.splitlines() if line and line[0] != "#"]
    # stream, decoding time, showing time, duration
    packets = np.array([[int(field) for field in row] for row in rows])
    streams = []
    for number, unit in enumerate(units):
        shown, lasting = packets[packets[:, 0] == number][:, 2:].T
        # The sound encoder's run-up before time 0 is in the file but is never heard.
        start, stop = max(0, shown.min()), (shown + lasting).max()
        streams.append(Stream(float(start * unit), float(stop * unit), len(shown)))
    video, audio = streams
    return Facts(
        size=(int(width), int(height)),
        fps=exact_fps(video.n_packets / (video.stop_s - video.start_s)),
        video=video,
        audio=audio,
        codecs=dict(re.findall(r"#media_type \d: (\S+)\n#codec_id \d: (\S+)", listing)),
    )


def frames_of(file: Path) -> list[Frame]:
    width, height = facts_of(file).size
    raw = ffmpeg(file, "-map", "0:v", "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt",
                 "rgb24")  # fmt: skip
    return list(np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3))


def sound_of(file: Path, *, rate_hz: int) -> FloatArray:
    raw = ffmpeg(file, "-map", "0:a", "-ac", "1", "-ar", str(rate_hz), "-f", "f32le")
    return np.frombuffer(raw, "<f4").astype(np.float32)
