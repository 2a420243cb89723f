"""What is in a finished video: read with ffmpeg alone, since a user has no ffprobe."""

import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO

import numpy as np

from vortex_lp.errors import ReportError
from vortex_lp.timebase import exact_fps
from vortex_lp.values import FloatArray, Frame
from vortex_lp.video.encoder import ffmpeg_program

_FENCE = ["-nostdin", "-protocol_whitelist", "file,pipe"]
"""Options before an input: a playlist that poses as a video must not open anything else."""


@dataclass(frozen=True, slots=True)
class StreamTimes:
    """When a stream of a file starts and stops, by its packets' own clock."""

    start_s: float
    """When its first packet is shown or heard [s]."""

    stop_s: float
    """When its last packet ends [s]."""

    n_packets: int
    """How many packets there are; one per frame in a video stream."""


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What a video file holds, measured packet by packet."""

    size: tuple[int, int]
    """Width and height [px]."""

    fps: Fraction
    """Frames a second: frames divided by the time they fill."""

    video: StreamTimes
    """The picture."""

    audio: StreamTimes | None
    """The sound, or None where there is none."""

    audio_rate_hz: int | None
    """Samples of sound a second, or None."""

    video_codec: str
    """``"h264"``."""

    audio_codec: str | None
    """``"aac"``, or None."""

    @property
    def n_frames(self) -> int:
        """How many frames there are."""
        return self.video.n_packets

    @property
    def duration_s(self) -> float:
        """How long the picture lasts [s]."""
        return self.video.stop_s - self.video.start_s


def probe(file: Path) -> VideoFacts:
    """Return what the video `file` holds; nothing is decoded, so it is quick.

    Raises:
        ReportError: It cannot be read or holds no picture.
    """
    command = [ffmpeg_program(), "-v", "error", *_FENCE, "-i", f"file:{file}"]
    command += ["-map", "0:v:0", "-map", "0:a:0?", "-c", "copy", "-copyts", "-f", "framecrc", "-"]
    done = subprocess.run(command, capture_output=True, check=False, start_new_session=True)
    if done.returncode != 0:
        raise _unreadable(file, done.stderr)
    header, times = _packets(done.stdout.decode("ascii", "replace"))
    size = re.search(r"#dimensions 0: (\d+)x(\d+)", header)
    if size is None or 0 not in times:
        raise ReportError(f"{file} holds no picture; give a video")
    codecs = dict(re.findall(r"#codec_id (\d): (\S+)", header))
    rate = re.search(r"#sample_rate 1: (\d+)", header)
    video = times[0]
    return VideoFacts(
        size=(int(size[1]), int(size[2])),
        fps=exact_fps(video.n_packets / max(video.stop_s - video.start_s, 1e-9)),
        video=video,
        audio=times.get(1),
        audio_rate_hz=int(rate[1]) if rate else None,
        video_codec=codecs["0"],
        audio_codec=codecs.get("1"),
    )


def iter_frames(file: Path) -> Iterator[Frame]:
    """Yield every frame of `file`, (H, W, 3) uint8 RGB, none doubled and none dropped.

    Raises:
        ReportError: It cannot be read to its end.
    """
    command = [ffmpeg_program(), "-v", "error", *_FENCE, "-i", f"file:{file}", "-map", "0:v:0"]
    command += ["-fps_mode", "passthrough", "-f", "image2pipe", "-c:v", "ppm", "-pix_fmt", "rgb24"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [*command, "-"], stdout=subprocess.PIPE, stderr=log, start_new_session=True
        )
        assert process.stdout is not None
        try:
            while (frame := _read_ppm(process.stdout)) is not None:
                yield frame
            if process.wait() != 0:
                log.seek(0)
                raise _unreadable(file, log.read())
        finally:
            process.kill()
            process.stdout.close()
            process.wait()


def _read_ppm(pipe: IO[bytes]) -> Frame | None:
    """Return the next picture of `pipe`, or None at its end or where it breaks off.

    Each picture brings its own size, which is thus right for video that was filmed sideways too.
    """
    if pipe.readline() != b"P6\n":
        return None
    width, height = (int(number) for number in pipe.readline().split())
    pipe.readline()
    data = pipe.read(width * height * 3)
    if len(data) < width * height * 3:
        return None
    return np.frombuffer(data, np.uint8).reshape(height, width, 3)


def read_sound(file: Path, *, rate_hz: int) -> FloatArray:
    """Return the sound of `file`, (N,) float32 in [-1, 1], mono at `rate_hz`.

    Raises:
        ReportError: It cannot be read or holds no sound.
    """
    command = [ffmpeg_program(), "-v", "error", *_FENCE, "-i", f"file:{file}", "-map", "0:a:0"]
    command += ["-ac", "1", "-ar", str(rate_hz), "-f", "f32le", "-"]
    done = subprocess.run(command, capture_output=True, check=False, start_new_session=True)
    if done.returncode != 0:
        raise _unreadable(file, done.stderr)
    return np.frombuffer(done.stdout, "<f4").astype(np.float32)


def _packets(listing: str) -> tuple[str, dict[int, StreamTimes]]:
    """Split ffmpeg's framecrc listing into its header and the times of each stream."""
    lines = listing.splitlines()
    header = "\n".join(line for line in lines if line.startswith("#"))
    units = {int(n): Fraction(tb) for n, tb in re.findall(r"#tb (\d): (\S+)", header)}
    starts: dict[int, int] = {}
    stops: dict[int, int] = {}
    counts: dict[int, int] = {}
    for line in lines:
        if line.startswith("#") or not line.strip():
            continue
        # stream, decoding time, showing time, duration, size, checksum
        stream, _, shown, duration = (int(field) for field in line.split(",")[:4])
        # The encoder's run-up before time 0 is in the file but is never heard.
        starts[stream] = max(0, min(starts.get(stream, shown), shown))
        stops[stream] = max(stops.get(stream, 0), shown + duration)
        counts[stream] = counts.get(stream, 0) + 1
    return header, {
        stream: StreamTimes(
            start_s=float(starts[stream] * units[stream]),
            stop_s=float(stops[stream] * units[stream]),
            n_packets=counts[stream],
        )
        for stream in starts
    }


def _unreadable(file: Path, said: bytes) -> ReportError:
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return ReportError(f"{file} cannot be read: {lines[-1] if lines else 'ffmpeg gave no reason'}")
