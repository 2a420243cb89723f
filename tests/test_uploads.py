"""Attacks with files: each is refused with a sentence, and opens nothing else."""

import io
import os
import socket
import struct
import subprocess
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from tests.conftest import write_wav
from vortex_lp.errors import (
    AudioError,
    MotionError,
    PortraitError,
    TimelineError,
    VortexError,
)
from vortex_lp.motion.formats import read_motion
from vortex_lp.motion.timeline import parse_timeline
from vortex_lp.pipeline import read_timeline
from vortex_lp.render.portrait import read_portrait
from vortex_lp.resources import resource_folder
from vortex_lp.settings import load_settings
from vortex_lp.speech.audio import decode_speech
from vortex_lp.speech.containers import CONTAINERS, container_of

SETTINGS = load_settings()
LIMITS = SETTINGS.limits
VOICE = resource_folder("assets") / "movie_rms.wav"
PORTRAIT = resource_folder("assets") / "astronaut.jpg"

READERS = [
    pytest.param(decode_speech, VOICE, AudioError, id="recording"),
    pytest.param(read_portrait, PORTRAIT, PortraitError, id="portrait"),
]
Reader = Callable[..., object]


@pytest.mark.parametrize(("read", "good", "error"), READERS)
def test_a_fifo_is_refused_without_waiting_for_it(
    tmp_path: Path, read: Reader, good: Path, error: type[VortexError]
) -> None:
    os.mkfifo(tmp_path / good.name)
    start = time.monotonic()
    with pytest.raises(error, match="no plain file"):
        read(tmp_path / good.name, limits=LIMITS)
    assert time.monotonic() - start < 2.0


@pytest.mark.parametrize(("read", "good", "error"), READERS)
def test_a_link_is_refused_even_to_a_good_file(
    tmp_path: Path, read: Reader, good: Path, error: type[VortexError]
) -> None:
    (tmp_path / good.name).symlink_to(good)
    with pytest.raises(error, match="link to another file"):
        read(tmp_path / good.name, limits=LIMITS)


@pytest.mark.parametrize(("read", "good", "error"), READERS)
def test_devices_and_sockets_are_refused(
    tmp_path: Path, read: Reader, good: Path, error: type[VortexError]
) -> None:
    with pytest.raises(error, match="no plain file"):
        read(Path("/dev/zero"), limits=LIMITS)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s.wav"))
        with pytest.raises(error, match="cannot be opened"):
            read(tmp_path / "s.wav", limits=LIMITS)


@pytest.mark.parametrize(("read", "good", "error"), READERS)
def test_a_file_beyond_the_limit_of_bytes_is_refused_unread(
    tmp_path: Path, read: Reader, good: Path, error: type[VortexError]
) -> None:
    n_bytes = good.stat().st_size
    exact = LIMITS.model_copy(update={"max_audio_bytes": n_bytes, "max_picture_bytes": n_bytes})
    read(good, limits=exact)
    fewer = {"max_audio_bytes": n_bytes - 1, "max_picture_bytes": n_bytes - 1}
    with pytest.raises(error, match="more than the limit"):
        read(good, limits=LIMITS.model_copy(update=fewer))


@pytest.mark.parametrize(("read", "good", "error"), READERS)
@pytest.mark.parametrize("name", ["a\0b.wav", "no/such/../file", "x" * 300 + ".wav"])
def test_odd_names_are_refused_with_a_sentence(
    tmp_path: Path, read: Reader, good: Path, error: type[VortexError], name: str
) -> None:
    with pytest.raises(error):
        read(tmp_path / name, limits=LIMITS)


@pytest.mark.parametrize("name", ["$(touch pwned).x", "; touch pwned;.x", "-i pwned", "%s\n.x"])
def test_names_are_never_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(VOICE.read_bytes())
    assert decode_speech(Path(name), limits=LIMITS).n_samples > 0
    (tmp_path / name).write_bytes(PORTRAIT.read_bytes())
    assert read_portrait(Path(name), limits=LIMITS).image.size > 0
    assert [path.name for path in tmp_path.iterdir()] == [name]


def playlists(secret: Path) -> dict[str, bytes]:
    """Text files that make a trusting ffmpeg open `secret`."""
    return {
        "hls": f"#EXTM3U\n#EXTINF:7,\nfile://{secret}\n#EXT-X-ENDLIST\n".encode(),
        "concat": f"ffconcat version 1.0\nfile '{secret}'\n".encode(),
        "dash": f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period>'
        f"<AdaptationSet><Representation><BaseURL>{secret}</BaseURL></Representation>"
        f"</AdaptationSet></Period></MPD>".encode(),
        "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
        "svg": f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{secret}"/></svg>'.encode(),
        "image list": str(secret).encode() + b"\n",
        "ffmetadata": b";FFMETADATA1\ntitle=x\n",
        "html": b"<!doctype html><script>alert(1)</script>",
        "script": b"#!/bin/sh\ntouch pwned\n",
        "zip": b"PK\x03\x04" + bytes(60),
        "pickle": b"\x80\x04cposix\nsystem\n(S'touch pwned'\ntR.",
    }


@pytest.mark.parametrize("kind", sorted(playlists(VOICE)))
@pytest.mark.parametrize("extension", ["wav", "mp3", "m3u8", "jpg"])
def test_a_list_or_a_program_posing_as_a_recording_or_picture_is_refused(
    tmp_path: Path, kind: str, extension: str
) -> None:
    file = tmp_path / f"upload.{extension}"
    file.write_bytes(playlists(VOICE)[kind])
    with pytest.raises(AudioError, match="not a recording"):
        decode_speech(file, limits=LIMITS)
    with pytest.raises(PortraitError):
        read_portrait(file, limits=LIMITS)


@pytest.mark.parametrize("front", ["ID3", "RIFF", "ftyp", "mp3"])
def test_a_polyglot_of_sound_and_playlist_is_read_as_sound_alone(
    tmp_path: Path, front: str
) -> None:
    """The list follows a front that only one demuxer is told to read; nothing else is opened."""
    heads = {
        "ID3": b"ID3\x04\x00\x00\x00\x00\x00\x00",
        "RIFF": b"RIFF\x24\x00\x00\x00WAVE",
        "ftyp": b"\x00\x00\x00\x18ftypM4A \x00\x00\x00\x00M4A mp42",
        "mp3": b"\xff\xfb\x90\x00",
    }
    file = tmp_path / "poly.wav"
    file.write_bytes(heads[front] + playlists(VOICE)["hls"] * 20)
    with pytest.raises(AudioError):
        decode_speech(file, limits=LIMITS)


def test_the_tail_of_a_recording_is_not_read_as_a_list(tmp_path: Path) -> None:
    file = tmp_path / "tail.wav"
    file.write_bytes(VOICE.read_bytes() + playlists(VOICE)["hls"])
    whole = decode_speech(VOICE, limits=LIMITS)
    both = decode_speech(file, limits=LIMITS)
    assert both.n_samples - whole.n_samples < 48_000 * 0.05


def test_a_movie_that_refers_to_another_file_does_not_get_it(tmp_path: Path) -> None:
    """QuickTime may keep its sound elsewhere: the data reference is made to name another file."""
    secret = write_wav(tmp_path / "secret.wav", 0.5 * np.sin(np.arange(16_000) / 7))
    file = tmp_path / "refers.mov"
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(secret), str(file)], check=True
    )
    data = file.read_bytes()
    own = struct.pack(">I4sI", 12, b"url ", 1)
    assert own in data or struct.pack(">I4sI", 12, b"alis", 1) in data
    kept_elsewhere = struct.pack(">I4sI", 12, b"alis", 0)
    data = data.replace(own, kept_elsewhere).replace(
        struct.pack(">I4sI", 12, b"alis", 1), kept_elsewhere
    )
    start = data.index(b"mdat") + 4
    stop = start + 16_000
    file.write_bytes(data[:start] + bytes(stop - start) + data[stop:])
    try:
        heard = decode_speech(file, limits=LIMITS).samples
    except AudioError:
        return
    assert np.abs(heard[:8_000]).max() < 1e-3


def test_sound_is_still_taken_from_a_video(tmp_path: Path) -> None:
    file = tmp_path / "clip.bin"
    pictures = ["-f", "lavfi", "-i", "testsrc=size=64x64:rate=10"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *pictures, "-i", str(VOICE)]
    for container in ("mp4", "matroska", "avi", "mpegts", "mov"):
        subprocess.run([*command, "-shortest", "-f", container, "-y", str(file)], check=True)
        speech = decode_speech(file, limits=LIMITS)
        assert 5.0 < speech.n_samples / 48_000 < 9.0, container


KINDS = ["wav", "mp3", "m4a", "flac", "ogg", "opus", "webm", "aac", "aiff", "caf", "au", "mka"]


@pytest.mark.parametrize("kind", [*KINDS, "wma", "avi", "ts", "ac3", "mp2"])
def test_every_container_is_known_by_its_beginning(tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"x.{kind}"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(VOICE), "-t", "0.5"]
    subprocess.run([*command, str(file)], check=True)
    head = file.read_bytes()[:4096]
    assert container_of(head) in {name for name, _ in CONTAINERS}
    assert container_of(b"ID3\x04\0\0\0\0\0\x02ab" + head) == container_of(head)
    assert decode_speech(file, limits=LIMITS).n_samples > 48_000 * 0.4


def png(width: int, height: int, *, rows: bytes) -> bytes:
    """Return a PNG whose header says one thing and whose data may say another."""

    def chunk(name: bytes, data: bytes) -> bytes:
        end = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + end

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("side", [10_000, 60_000, 2**31 - 1])
def test_a_decompression_bomb_is_refused_before_a_pixel_is_decoded(
    tmp_path: Path, side: int
) -> None:
    file = tmp_path / "bomb.png"
    file.write_bytes(png(side, side, rows=bytes(1_000_000)))
    start = time.monotonic()
    with pytest.raises(PortraitError):
        read_portrait(file, limits=LIMITS)
    assert time.monotonic() - start < 2.0


def test_a_bomb_in_the_data_of_a_small_picture_grows_no_further(tmp_path: Path) -> None:
    file = tmp_path / "bomb.png"
    file.write_bytes(png(100, 100, rows=bytes(200_000_000)))
    try:
        portrait = read_portrait(file, limits=LIMITS)
    except PortraitError:
        return
    assert portrait.image.shape == (100, 100, 3)


def test_a_bomb_of_text_in_a_picture_is_refused(tmp_path: Path) -> None:
    picture = png(100, 100, rows=bytes(100 * 301))
    text = b"Comment\0\0" + zlib.compress(bytes(100_000_000), 9)
    end = struct.pack(">I", zlib.crc32(b"zTXt" + text))
    bomb = struct.pack(">I", len(text)) + b"zTXt" + text + end
    file = tmp_path / "bomb.png"
    file.write_bytes(picture[:33] + bomb + picture[33:])
    with pytest.raises(PortraitError, match=r"bomb\.png"):
        read_portrait(file, limits=LIMITS)


def test_a_picture_that_is_also_a_web_page_comes_out_as_pixels_alone(tmp_path: Path) -> None:
    script = b"<script>alert(1)</script>"
    file = tmp_path / "page.html"
    held = io.BytesIO()
    Image.new("RGB", (80, 80), "red").save(held, "GIF", comment=script)
    file.write_bytes(held.getvalue() + script)
    portrait = read_portrait(file, limits=LIMITS)
    assert portrait.image.shape == (80, 80, 3)
    assert script not in portrait.image.tobytes()


@pytest.mark.parametrize("field", ["path", "file", "url", "__class__", "meta"])
def test_a_path_in_a_timeline_is_refused(field: str) -> None:
    clip = f'{{"preset": "happy", "start_s": 0, "stop_s": 1, "{field}": "/etc/passwd"}}'
    with pytest.raises(TimelineError, match=field):
        parse_timeline(f"[{clip}]", settings=SETTINGS)
    with pytest.raises(TimelineError):
        parse_timeline('{"path": "/etc/passwd"}', settings=SETTINGS)


@pytest.mark.parametrize("kind", ["fifo", "link", "device"])
def test_timelines_and_motion_come_from_plain_files_only(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "upload.json"
    if kind == "fifo":
        os.mkfifo(file)
    elif kind == "link":
        file.symlink_to("/etc/hostname")
    else:
        file = Path("/dev/zero")
    with pytest.raises(TimelineError):
        read_timeline(file, settings=SETTINGS)
    with pytest.raises(MotionError):
        read_motion(file, fps=24)


def test_a_timeline_of_a_gigabyte_is_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "long.json"
    with file.open("wb") as sink:
        sink.truncate(1 << 30)
    start = time.monotonic()
    with pytest.raises(TimelineError, match="more than the limit"):
        read_timeline(file, settings=SETTINGS)
    assert time.monotonic() - start < 2.0


def test_a_decoder_that_hangs_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "ffmpeg"
    slow.write_text("#!/bin/sh\nexec sleep 60\n", "utf-8")
    slow.chmod(0o755)
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda: str(slow))
    start = time.monotonic()
    with pytest.raises(AudioError, match="kept the decoder busy"):
        decode_speech(VOICE, limits=LIMITS.model_copy(update={"decode_stall_s": 0.3}))
    assert time.monotonic() - start < 5.0
