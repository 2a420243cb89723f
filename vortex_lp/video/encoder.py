"""Frames and a recording into one MP4, streamed: no more than one frame is ever held here."""

import contextlib
import secrets
import tempfile
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

from vortex_lp.errors import EncodeError
from vortex_lp.settings import VideoSettings
from vortex_lp.timebase import SPEECH_RATE_HZ, exact_fps, frame_start
from vortex_lp.values import Frame, Speech
from vortex_lp.video.ffmpeg import closed_after, disk_trouble, encoding, feed, write_sound
from vortex_lp.video.provenance import Origin


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
            with disk_trouble(sound):
                write_sound(
                    speech, sound, n_samples=frame_start(n_frames, rate_hz=SPEECH_RATE_HZ, fps=rate)
                )
            command = encoding(sound, rate=rate, size=size, settings=settings, origin=origin)
            # A bare file name would be read as a protocol if it held a colon, hence the prefix.
            command += ["-movflags", "+faststart", "-f", "mp4", "-y", f"file:{part}"]
            feeding = feed(frames, command, size=size, n_frames=n_frames, stall_s=settings.stall_s)
            with closed_after(frames), contextlib.closing(feeding):
                for n_done in feeding:
                    if on_frame is not None:
                        on_frame(n_done, n_frames)
        if origin is not None:
            origin.sign(part)
        with disk_trouble(out_file):
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
