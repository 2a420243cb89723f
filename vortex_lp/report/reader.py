"""Reading a finished video with ffmpeg alone: its clock, its pictures and how loud it is.

The stages do not import each other, so this reader is the report's own and does only what a
measurement needs: times of single frames and the exact moment at which the sound begins.
"""

import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from vortex_lp.errors import ReportError
from vortex_lp.timebase import exact_fps
from vortex_lp.values import FloatArray, Frame

LOUDNESS_HZ = 100
"""How often loudness is measured [1/s]: 10 ms, a quarter of a frame."""

_SOUND_HZ = 16_000
_FENCE = ["-nostdin", "-protocol_whitelist", "file,pipe"]
"""Options before an input: a playlist that poses as a video must not open anything else."""

_DISCARDED = 0x4
"""The flag of a packet that is decoded but never shown (ffmpeg's AV_PKT_FLAG_DISCARD)."""

_SQUARE_PIXELS = "scale=trunc(iw*sar/2+0.5)*2:ih,setsar=1"


@dataclass(frozen=True, slots=True, eq=False)
class Container:
    """What the file says about its streams."""

    fps: Fraction
    """Frames a second: the usual distance between frames, so that a gap does not change it."""

    frame_times_s: npt.NDArray[np.float64]
    """(T,) when each frame appears [s], rising."""

    video_stop_s: float
    """When the last frame goes away [s]."""

    audio_start_s: float | None
    """When the first sample of sound is heard [s], None without sound."""

    audio_stop_s: float | None
    """When the last one ends [s], None without sound."""

    @property
    def video_start_s(self) -> float:
        """When the first frame appears [s]."""
        return float(self.frame_times_s[0])


def read_container(file: Path) -> Container:
    """Return the times of the streams of `file`, from its packets; the sound is decoded for it.

    Raises:
        ReportError: It cannot be read or holds no picture.
    """
    picture = _listing(file, stream="v", options=["-c", "copy"])
    if picture is None:
        raise ReportError(f"{file} holds no picture; give a video")
    times, stop_s = picture
    # Decoding drops the encoder's run-up, which the packets' own times include.
    sound = _listing(file, stream="a", options=[])
    steps = np.diff(times)
    step_s = float(np.median(steps)) if len(steps) else stop_s - float(times[0])
    return Container(
        fps=exact_fps(1 / step_s) if step_s > 0 else Fraction(1),
        frame_times_s=times,
        video_stop_s=stop_s,
        audio_start_s=float(sound[0][0]) if sound else None,
        audio_stop_s=sound[1] if sound else None,
    )


def iter_frames(file: Path) -> Iterator[Frame]:
    """Yield every frame of `file`, (H, W, 3) uint8 RGB with square pixels, none doubled or dropped.

    Raises:
        ReportError: It cannot be read to its end.
    """
    command = [*_input(file), "-map", "0:v:0", "-vf", _SQUARE_PIXELS, "-fps_mode", "passthrough"]
    command += ["-f", "image2pipe", "-c:v", "ppm", "-pix_fmt", "rgb24", "-"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
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


def read_loudness(file: Path) -> FloatArray:
    """Return the root-mean-square level (N,) of the sound of `file`, `LOUDNESS_HZ` times a second.

    The first value covers the first 10 ms of sound, whenever the sound begins.

    Raises:
        ReportError: It cannot be read or holds no sound.
    """
    command = [*_input(file), "-map", "0:a:0", "-ac", "1", "-ar", str(_SOUND_HZ)]
    command += ["-f", "f32le", "-"]
    hop = _SOUND_HZ // LOUDNESS_HZ
    levels: list[FloatArray] = []
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        assert process.stdout is not None
        try:
            # A second at a time, so that an hour of sound needs no memory.
            while block := process.stdout.read(_SOUND_HZ * 4):
                samples = np.frombuffer(block[: len(block) // 4 * 4], "<f4")
                whole = samples[: len(samples) // hop * hop].reshape(-1, hop)
                levels.append(np.sqrt(np.mean(np.square(whole), axis=1)))
            if process.wait() != 0:
                log.seek(0)
                raise _unreadable(file, log.read())
        finally:
            process.kill()
            process.stdout.close()
            process.wait()
    return np.concatenate([np.zeros(0, np.float32), *levels]).astype(np.float32)


def _input(file: Path) -> list[str]:
    import imageio_ffmpeg

    try:
        program = imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise ReportError(
            "no ffmpeg was found; install imageio-ffmpeg again, which carries one"
        ) from error
    return [str(program), "-v", "error", *_FENCE, "-i", f"file:{file}"]


def _listing(
    file: Path, *, stream: str, options: list[str]
) -> tuple[npt.NDArray[np.float64], float] | None:
    """Return when each packet of a stream appears and when the last one ends [s]; None without."""
    # Where the wished stream is missing ffmpeg would choose another kind by itself.
    only = {"v": ["-an", "-sn", "-dn"], "a": ["-vn", "-sn", "-dn"]}[stream]
    command = [*_input(file), "-map", f"0:{stream}:0?", *only, *options, "-copyts"]
    done = subprocess.run([*command, "-f", "framecrc", "-"], capture_output=True, check=False)
    if b"does not contain any stream" in done.stderr:
        return None
    text = done.stdout.decode("ascii", "replace")
    unit = re.search(r"^#tb 0: (\d+/\d+)", text, re.MULTILINE)
    if done.returncode != 0:
        raise _unreadable(file, done.stderr)
    shown, stops = [], []
    for line in text.splitlines():
        fields = line.split(",")
        if line.startswith("#") or len(fields) < 6 or _is_discarded(fields):
            continue
        # stream, decoding time, showing time, duration, size, checksum, flags
        shown.append(int(fields[2]))
        stops.append(int(fields[2]) + int(fields[3]))
    if unit is None or not shown:
        return None
    unit_s = float(Fraction(unit[1]))
    return np.sort(np.array(shown, np.float64)) * unit_s, max(stops) * unit_s


def _is_discarded(fields: list[str]) -> bool:
    flags = [field.strip()[2:] for field in fields[6:] if field.strip().startswith("F=")]
    return bool(flags and int(flags[0], 16) & _DISCARDED)


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


def _unreadable(file: Path, said: bytes) -> ReportError:
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return ReportError(f"{file} cannot be read: {lines[-1] if lines else 'ffmpeg gave no reason'}")
