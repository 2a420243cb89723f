"""A finished MP4 in other forms: WebM, GIF, and a zip of PNG pictures."""

import subprocess
import tempfile
import zipfile
from pathlib import Path

from vortex_lp.errors import EncodeError
from vortex_lp.video.ffmpeg import ffmpeg_program

GIF_FPS = 12
GIF_WIDTH_PX = 360
"""A GIF has 256 colours and no compression between frames to speak of; larger ones are unwieldy."""

# Each text stands between the input and the output. VP9 in its quick mode takes about as long as
# the video plays on two cores; its slow one takes ten times that.
_OPTIONS: dict[str, str] = {
    "webm": "-c:v libvpx-vp9 -deadline realtime -cpu-used 6 -row-mt 1 -crf 32 -b:v 0 "
    "-c:a libopus -b:a 96k",
    "gif": f"-vf fps={GIF_FPS},scale={GIF_WIDTH_PX}:-2:flags=lanczos,split[a][b];"
    "[a]palettegen=stats_mode=diff[p];[b][p]paletteuse=dither=bayer:bayer_scale=4",
    "png": "-fps_mode passthrough -compression_level 1",
}
CONVERSIONS = tuple(_OPTIONS)
"""The kinds that `convert_video` knows."""


def convert_video(video: Path, out_file: Path, *, kind: str) -> Path:
    """Write `video` to `out_file` as one of `CONVERSIONS` and return its path.

    ``"png"`` is a zip of ``frame_00001.png`` and on, one for each frame.

    Raises:
        EncodeError: ffmpeg failed; its last line is in the message.
    """
    if kind != "png":
        _run(video, _OPTIONS[kind], out_file)
        return out_file
    with tempfile.TemporaryDirectory(prefix="vortex-lp-", dir=out_file.parent) as folder:
        _run(video, _OPTIONS[kind], Path(folder) / "frame_%05d.png")
        # PNG is compressed already, so the zip only holds the files together.
        with zipfile.ZipFile(out_file, "w", zipfile.ZIP_STORED) as archive:
            for picture in sorted(Path(folder).glob("*.png")):
                archive.write(picture, picture.name)
                picture.unlink()
    return out_file


def _run(video: Path, options: str, target: Path) -> None:
    start = [ffmpeg_program(), "-hide_banner", "-loglevel", "error", "-nostdin"]
    command = [*start, "-i", f"file:{video}", *options.split(), "-y", f"file:{target}"]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise EncodeError(f"ffmpeg could not convert the video: {(lines or ['no reason'])[-1]}")
