"""One ffmpeg that encodes frames and a recording: how it is told, fed, watched and ended."""

import contextlib
import subprocess
import tempfile
from collections.abc import Generator, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import IO

import numpy as np

from vortex_lp.errors import EncodeError
from vortex_lp.settings import VideoSettings
from vortex_lp.timebase import SPEECH_RATE_HZ
from vortex_lp.values import Frame, Speech
from vortex_lp.video.provenance import Origin
from vortex_lp.watchdog import Watchdog

_FILE_TOO_LARGE = 25
"""SIGXFSZ: what the system ends a program with that writes more than its user may."""

_BLOCK = SPEECH_RATE_HZ
"""Samples of sound that are converted at a time."""

# ffmpeg would convert RGB by the rules of BT.601 and leave the file unmarked, so that players show
# other colours than were drawn; the matrix, the tags and the range are all said outright.
_TO_BT709 = (
    "scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int,"
    "format=yuv420p,"
    "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
)


def ffmpeg_program() -> str:
    """Return the path of the ffmpeg that came with imageio-ffmpeg, or the one the user prefers.

    Raises:
        EncodeError: There is none.
    """
    import imageio_ffmpeg

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise EncodeError(
            "no ffmpeg was found; install imageio-ffmpeg again, which carries one"
        ) from error


@contextlib.contextmanager
def disk_trouble(file: Path) -> Iterator[None]:
    """Turn what the file system says about `file` into a sentence."""
    try:
        yield
    except OSError as error:
        raise EncodeError(
            f"{file} could not be written ({error.strerror or error}); free some space or choose "
            "another folder"
        ) from error


def write_sound(speech: Speech, file: Path, *, n_samples: int) -> None:
    """Write `n_samples` of 16-bit sound, block by block."""
    with file.open("wb") as sink:
        for start in range(0, n_samples, _BLOCK):
            stop = min(start + _BLOCK, n_samples)
            block = np.zeros(stop - start, np.float32)
            heard = speech.samples[start:stop]
            block[: len(heard)] = heard
            sink.write(np.rint(np.clip(block, -1.0, 1.0) * 32767).astype("<i2").tobytes())


def encoding(
    sound: Path,
    *,
    rate: Fraction,
    size: tuple[int, int],
    settings: VideoSettings,
    origin: Origin | None,
) -> list[str]:
    """Return the command that encodes frames from its standard input with the file `sound`.

    Where the result goes is for the caller to add.
    """
    width, height = size
    picture = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", f"{width}x{height}"]
    picture += ["-framerate", f"{rate.numerator}/{rate.denominator}", "-i", "pipe:0"]
    voice = ["-f", "s16le", "-ar", str(SPEECH_RATE_HZ), "-ac", "1", "-i", str(sound)]
    h264 = ["-vf", _TO_BT709, "-c:v", "libx264", "-preset", settings.preset]
    h264 += ["-crf", str(settings.crf), "-g", str(max(1, round(rate * settings.keyframe_s)))]
    aac = ["-c:a", "aac", "-b:a", f"{settings.audio_kbps}k"]
    if origin is not None:
        aac += ["-metadata", f"comment={origin.comment}"]
    start = [ffmpeg_program(), "-hide_banner", "-loglevel", "error"]
    return [*start, *picture, *voice, "-map", "0:v", "-map", "1:a", *h264, *aac]


def feed(
    frames: Iterable[Frame],
    command: list[str],
    *,
    size: tuple[int, int],
    n_frames: int,
    stall_s: float,
    folder: Path | None = None,
) -> Generator[int, None, None]:
    """Feed `frames` to one ffmpeg, yielding how many it has taken, frame by frame.

    ffmpeg runs in `folder`, and is gone when this ends or is closed, however that comes about.

    Raises:
        EncodeError: ffmpeg failed or takes nothing more, or the frames are not what was announced.
    """
    n_done = 0
    with (
        tempfile.TemporaryFile() as log,
        _running(command, log=log, folder=folder) as process,
        Watchdog(process.kill, stall_s=stall_s) as dog,
    ):
        assert process.stdin is not None
        try:
            for frame in frames:
                if frame.shape != (size[1], size[0], 3) or frame.dtype != np.uint8:
                    raise EncodeError(
                        f"frame {n_done} is {frame.shape} {frame.dtype}, not "
                        f"{(size[1], size[0], 3)} uint8; the renderer broke its promise"
                    )
                dog.beat()
                process.stdin.write(np.ascontiguousarray(frame).data)
                dog.rest()
                n_done += 1
                yield n_done
            dog.beat()
            process.stdin.close()
        except BrokenPipeError as error:
            process.wait()
            raise EncodeError(f"ffmpeg stopped early: {_why(dog, process, log)}") from error
        if process.wait() != 0:
            raise EncodeError(f"ffmpeg failed: {_why(dog, process, log)}")
    if n_done != n_frames:
        raise EncodeError(f"{n_done} frames came, not the {n_frames} that were announced")


@contextlib.contextmanager
def closed_after(frames: Iterable[Frame]) -> Iterator[None]:
    """Close `frames` at the end where they can be, so that a renderer lets go of its work."""
    try:
        yield
    finally:
        close = getattr(frames, "close", None)
        if close is not None:
            close()


@contextlib.contextmanager
def _running(
    command: list[str], *, log: IO[bytes], folder: Path | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run `command` in `folder` with a pipe to its standard input, and never leave it behind.

    It has a session of its own, so that Ctrl-C reaches only us and it ends when we say so.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=log,
        cwd=folder,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        # Closing flushes what is left into a pipe that nobody reads any more.
        with contextlib.suppress(OSError):
            if process.stdin is not None:
                process.stdin.close()
        process.wait()


def _why(dog: Watchdog, process: "subprocess.Popen[bytes]", log: IO[bytes]) -> str:
    """Return why ffmpeg ended: our own doing, somebody else's, or the last thing that it said."""
    if dog.has_bitten:
        return "it took nothing more and was stopped; see whether the disk or the machine is stuck"
    log.seek(0)
    lines = log.read().decode("utf-8", "replace").strip().splitlines()
    full = next((line for line in lines if "No space left" in line), None)
    if full is not None or process.returncode == -_FILE_TOO_LARGE:
        return "there is no room left for the video; free some space or choose another folder"
    if lines:
        return lines[-1]
    if process.returncode < 0:
        return (
            f"it was killed (signal {-process.returncode}), perhaps for lack of memory; try again"
        )
    return "it gave no reason"
