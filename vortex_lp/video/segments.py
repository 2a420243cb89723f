"""The finished MP4 and, while it grows, short MPEG-TS pieces of it that a browser can play already.

One ffmpeg encodes once and writes both, so that what was seen live is what the file holds.
"""

import contextlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vortex_lp.settings import VideoSettings
from vortex_lp.timebase import SPEECH_RATE_HZ, exact_fps, frame_start
from vortex_lp.values import Frame, Speech
from vortex_lp.video.ffmpeg import closed_after, disk_trouble, encoding, feed, write_sound
from vortex_lp.video.provenance import Origin

LIVE_FILE = "video.mp4"
_LIST = "segments.csv"
_UNFINISHED = "unfinished.mp4"
# x264 looks ahead before it lets go of a frame. With its own values for "veryfast" the first half
# second is out when frame 32 goes in, with these at frame 26; files stay within 2 % (measured).
_PROMPT = ["-bf", "2", "-x264-params", "rc-lookahead=8:sync-lookahead=0"]
_TICK_S = 0.2
"""How often the caller gets control at least [s], so that cancelling is quick."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One finished piece of the video."""

    path: Path
    """An MPEG-TS file that begins with a key frame and has sound."""

    duration_s: float
    """How long it plays [s]."""


@dataclass(frozen=True, slots=True)
class LiveStep:
    """How far the video has come."""

    n_done: int
    """Frames that the encoder has taken."""

    n_frames: int
    """Frames there will be."""

    segments: tuple[Segment, ...]
    """Pieces that became ready since the step before, in order; often none."""


def write_live(
    frames: Iterable[Frame],
    speech: Speech,
    folder: Path,
    *,
    fps: float | Fraction,
    size: tuple[int, int],
    n_frames: int,
    settings: VideoSettings,
    segment_s: float,
    origin: Origin | None = None,
) -> Iterator[LiveStep]:
    """Encode `frames` and `speech` into `folder` and tell of each piece once it can be played.

    When the iterator ends, ``folder / LIVE_FILE`` is the whole video; when it is closed before,
    ffmpeg is gone at once and there is no such file.

    Args:
        frames: (H, W, 3) uint8 RGB each; taken one by one, and closed at the end where they can be.
        speech: What is heard, from the first frame on; cut or continued in silence like the file.
        folder: An empty folder for the pieces and the file.
        fps: Frames a second, kept exactly.
        size: Width and height of every frame [px], both even.
        n_frames: How many frames there will be.
        settings: Quality and speed of the encoder.
        segment_s: How long a piece is [s].
        origin: What the whole file says about how it was made; None for nothing. The pieces are
            not signed.

    Raises:
        EncodeError: ffmpeg failed, or the frames are not what was announced.
    """
    rate = exact_fps(fps)
    sound, part = folder / "sound.s16", folder / _UNFINISHED
    n_samples = frame_start(n_frames, rate_hz=SPEECH_RATE_HZ, fps=rate)
    with contextlib.ExitStack() as cleanup:
        cleanup.enter_context(closed_after(frames))
        cleanup.callback(part.unlink, missing_ok=True)
        cleanup.callback(sound.unlink, missing_ok=True)
        with disk_trouble(sound):
            write_sound(speech, sound, n_samples=n_samples)
        command = encoding(sound, rate=rate, size=size, settings=settings, origin=origin)
        feeding = feed(
            frames,
            [*command, *_two_outputs(segment_s)],
            size=size,
            n_frames=n_frames,
            stall_s=settings.stall_s,
            folder=folder,
        )
        with contextlib.closing(feeding):
            yield from _news(feeding, folder, n_frames=n_frames)
        if origin is not None:
            origin.sign(part)
        with disk_trouble(folder / LIVE_FILE):
            part.replace(folder / LIVE_FILE)


def _two_outputs(segment_s: float) -> list[str]:
    """Return ffmpeg's options for one encoding that goes into the pieces and into the file.

    Every key frame begins a piece, because none comes sooner than the segment time; the first piece
    is half as long as the others, so that it is ready sooner.
    The names are relative to the folder that ffmpeg runs in, because ffmpeg's tee would need the
    odd characters of a full path escaped three times over.
    """
    pieces = {
        "f": "segment",
        "segment_format": "mpegts",
        "segment_time": f"{segment_s / 4:g}",
        "segment_list": _LIST,
        "segment_list_type": "csv",
        "segment_list_flags": "live",
        # The MP4 keeps the decoder's set-up in its header, so each piece needs it added in front.
        "bsfs/v": "dump_extra=freq=keyframe",
    }
    first = ":".join(f"{key}={value}" for key, value in pieces.items())
    tee = f"[{first}]s%05d.ts|[f=mp4:movflags=+faststart]{_UNFINISHED}"
    moments = f"expr:gte(t,{segment_s:g}*(n_forced-gt(n_forced,0)/2))"
    keys = ["-force_key_frames", moments, "-sc_threshold", "0"]
    return [*keys, *_PROMPT, "-flags", "+global_header", "-f", "tee", "-y", tee]


def _news(feeding: Iterable[int], folder: Path, *, n_frames: int) -> Iterator[LiveStep]:
    """Yield whenever a frame is taken and `_TICK_S` have passed, and once more at the end."""
    n_done = n_told = 0
    due = time.monotonic() + _TICK_S
    for n_done in feeding:
        if time.monotonic() >= due:
            fresh = _finished(folder)[n_told:]
            n_told += len(fresh)
            yield LiveStep(n_done=n_done, n_frames=n_frames, segments=fresh)
            due = time.monotonic() + _TICK_S
    yield LiveStep(n_done=n_done, n_frames=n_frames, segments=_finished(folder)[n_told:])


def _finished(folder: Path) -> tuple[Segment, ...]:
    """Return the pieces that ffmpeg has closed; a row that it is still writing does not count."""
    try:
        text = (folder / _LIST).read_text("utf-8")
    except FileNotFoundError:
        return ()
    rows = [row.split(",") for row in text.split("\n")[:-1]]
    return tuple(
        Segment(path=folder / name, duration_s=float(stop) - float(start))
        for name, start, stop in rows
    )
