"""Frames and a recording into one MP4, streamed: no more than one frame is ever held here."""

import contextlib
import secrets
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import IO

import numpy as np

from vortex_lp.errors import EncodeError
from vortex_lp.settings import VideoSettings
from vortex_lp.timebase import SPEECH_RATE_HZ, exact_fps, frame_start
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


def write_video(
    frames: Iterable[Frame],
    speech: Speech,
    out_file: Path,
    *,
    fps: float | Fraction,
    size: tuple[int, int],
    n_frames: int,
    settings: VideoSettings,
    origin: Origin | None = None,
    on_frame: Callable[[int, int], None] | None = None,
) -> Path:
    """Write `frames` and `speech` as H.264 and AAC in an MP4 and return its path.

    The file appears under its name only when it is whole; until then it lies beside it under a
    hidden name. Sound longer than the picture is cut, shorter sound ends in silence, so that both
    stop together.

    Args:
        frames: (H, W, 3) uint8 RGB each; taken one by one, and closed at the end where they can be.
        speech: What is heard, from the first frame on.
        out_file: Ends in ``.mp4``; replaced if it exists.
        fps: Frames a second, kept exactly.
        size: Width and height of every frame [px], both even.
        n_frames: How many frames there will be.
        settings: Quality and speed of the encoder.
        origin: What the file says about how it was made; None for nothing.
        on_frame: Called after each frame with how many are done and how many there will be.

    Raises:
        EncodeError: The file cannot be written, ffmpeg failed (its last line is in the message) or
            takes nothing more, or the frames are not what was announced.
    """
    check_output(out_file)
    part = out_file.with_name(f".vortex-{secrets.token_hex(6)}.part")
    rate = exact_fps(fps)
    try:
        with tempfile.TemporaryDirectory(prefix="vortex-lp-") as folder:
            sound = Path(folder) / "sound.s16"
            with _disk_trouble(sound):
                _write_sound(
                    speech, sound, n_samples=frame_start(n_frames, rate_hz=SPEECH_RATE_HZ, fps=rate)
                )
            command = _command(sound, part, rate=rate, size=size, settings=settings, origin=origin)
            _encode(
                frames,
                command,
                size=size,
                n_frames=n_frames,
                stall_s=settings.stall_s,
                on_frame=on_frame,
            )
        if origin is not None:
            origin.sign(part)
        with _disk_trouble(out_file):
            part.replace(out_file)
    except EncodeError as error:
        if out_file.parent.is_dir():
            raise
        raise EncodeError(
            f"the folder {out_file.parent} was removed while the video was made; make it again and "
            "start once more"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return out_file


def check_output(out_file: Path, *, inputs: Iterable[Path] = ()) -> None:
    """Make sure, before any work is done, that `out_file` can be written.

    Args:
        out_file: Where the video shall go.
        inputs: Files that must not be overwritten.

    Raises:
        EncodeError: Its folder is missing or closed to us, it is a folder itself, its name does not
            end in ``.mp4``, or it is one of `inputs`.
    """
    if out_file.suffix.lower() != ".mp4":
        raise EncodeError(f"the video's name {out_file.name!r} must end in .mp4; rename the output")
    folder = out_file.parent
    if out_file.is_dir():
        raise EncodeError(f"{out_file} is a folder; give the name of a file in it")
    if not folder.is_dir():
        raise EncodeError(f"the folder {folder} does not exist; make it or choose another output")
    for file in inputs:
        if out_file.exists() and file.exists() and out_file.samefile(file):
            raise EncodeError(f"{out_file} is an input of this very video; choose another output")
    try:
        tempfile.TemporaryFile(dir=folder, prefix=".vortex-").close()
    except OSError as error:
        raise EncodeError(
            f"the folder {folder} cannot be written to ({error.strerror}); choose another output"
        ) from error


@contextlib.contextmanager
def _disk_trouble(file: Path) -> Iterator[None]:
    """Turn what the file system says about `file` into a sentence."""
    try:
        yield
    except OSError as error:
        raise EncodeError(
            f"{file} could not be written ({error.strerror or error}); free some space or choose "
            "another folder"
        ) from error


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


def _write_sound(speech: Speech, file: Path, *, n_samples: int) -> None:
    """Write `n_samples` of 16-bit sound, block by block."""
    with file.open("wb") as sink:
        for start in range(0, n_samples, _BLOCK):
            stop = min(start + _BLOCK, n_samples)
            block = np.zeros(stop - start, np.float32)
            heard = speech.samples[start:stop]
            block[: len(heard)] = heard
            sink.write(np.rint(np.clip(block, -1.0, 1.0) * 32767).astype("<i2").tobytes())


def _command(
    sound: Path,
    part: Path,
    *,
    rate: Fraction,
    size: tuple[int, int],
    settings: VideoSettings,
    origin: Origin | None,
) -> list[str]:
    """Return the command that reads frames from its standard input and writes `part`."""
    width, height = size
    picture = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", f"{width}x{height}"]
    picture += ["-framerate", f"{rate.numerator}/{rate.denominator}", "-i", "pipe:0"]
    voice = ["-f", "s16le", "-ar", str(SPEECH_RATE_HZ), "-ac", "1", "-i", str(sound)]
    h264 = ["-vf", _TO_BT709, "-c:v", "libx264", "-preset", settings.preset]
    h264 += ["-crf", str(settings.crf), "-g", str(max(1, round(rate * settings.keyframe_s)))]
    aac = ["-c:a", "aac", "-b:a", f"{settings.audio_kbps}k"]
    if origin is not None:
        aac += ["-metadata", f"comment={origin.comment}"]
    # The bare file name would be read as a protocol if it held a colon, hence the prefix.
    target = ["-movflags", "+faststart", "-f", "mp4", "-y", f"file:{part}"]
    start = [ffmpeg_program(), "-hide_banner", "-loglevel", "error"]
    return [*start, *picture, *voice, "-map", "0:v", "-map", "1:a", *h264, *aac, *target]


def _encode(
    frames: Iterable[Frame],
    command: list[str],
    *,
    size: tuple[int, int],
    n_frames: int,
    stall_s: float,
    on_frame: Callable[[int, int], None] | None,
) -> None:
    """Feed `frames` to one ffmpeg, which is gone when this returns, however it returns."""
    n_done = 0
    with tempfile.TemporaryFile() as log, contextlib.ExitStack() as cleanup:
        close = getattr(frames, "close", None)
        if close is not None:
            cleanup.callback(close)
        process = cleanup.enter_context(_running(command, log=log))
        dog = cleanup.enter_context(Watchdog(process.kill, stall_s=stall_s))
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
                if on_frame is not None:
                    on_frame(n_done, n_frames)
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
