"""Videos are read back with ffmpeg and compared with what went in."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.reading import facts_of, frames_of, sound_of
from vortex_lp.errors import EncodeError, RenderError
from vortex_lp.settings import load_settings
from vortex_lp.timebase import SPEECH_RATE_HZ
from vortex_lp.values import Frame, Speech
from vortex_lp.video.encoder import check_output, write_video
from vortex_lp.video.ffmpeg import ffmpeg_program

SETTINGS = load_settings().video


def plain(rgb: tuple[int, int, int], n_frames: int, side: int = 64) -> Iterator[Frame]:
    for _ in range(n_frames):
        yield np.full((side, side, 3), rgb, np.uint8)


def tone(duration_s: float, hz: float = 440.0) -> Speech:
    t = np.arange(round(duration_s * SPEECH_RATE_HZ)) / SPEECH_RATE_HZ
    return Speech(samples=(0.4 * np.sin(2 * np.pi * hz * t)).astype(np.float32))


def write(out: Path, *, n_frames: int = 12, fps: float = 24, sound_s: float = 0.5) -> Path:
    frames = plain((90, 120, 60), n_frames)
    return write_video(
        frames, tone(sound_s), out, fps=fps, size=(64, 64), n_frames=n_frames, settings=SETTINGS
    )


@pytest.mark.parametrize("rgb", [(255, 0, 0), (20, 200, 40), (30, 40, 220), (225, 172, 150)])
def test_colours_survive_the_encoder(tmp_path: Path, rgb: tuple[int, int, int]) -> None:
    out = write_video(
        plain(rgb, 3),
        tone(0.2),
        tmp_path / "colour.mp4",
        fps=24,
        size=(64, 64),
        n_frames=3,
        settings=SETTINGS,
    )
    for frame in frames_of(out):
        assert np.abs(frame.astype(int) - rgb).max() <= 2


@pytest.mark.parametrize("fps", [Fraction(24000, 1001), 24, 25, Fraction(30000, 1001), 30, 60])
@pytest.mark.parametrize("sound_s", [0.3, 1.7])
def test_sound_and_picture_end_together_at_every_rate(
    tmp_path: Path, fps: Fraction, sound_s: float
) -> None:
    facts = facts_of(write(tmp_path / "v.mp4", n_frames=37, fps=fps, sound_s=sound_s))
    assert facts.n_frames == 37
    assert facts.fps == fps
    assert facts.size == (64, 64)
    assert facts.codecs == {"video": "h264", "audio": "aac"}
    assert facts.video.start_s == facts.audio.start_s == 0.0
    assert facts.video.stop_s == pytest.approx(float(37 / Fraction(fps)), abs=1e-3)
    assert abs(facts.audio.stop_s - facts.video.stop_s) < float(1 / Fraction(fps))


def test_short_sound_ends_in_silence_and_stays_in_time(tmp_path: Path) -> None:
    sound = sound_of(write(tmp_path / "v.mp4", n_frames=24, sound_s=0.5), rate_hz=48_000)
    assert len(sound) == pytest.approx(48_000, abs=1024)
    heard = np.flatnonzero(np.abs(sound) > 0.1)
    assert heard[0] < 480
    assert heard[-1] == pytest.approx(24_000, abs=480)
    assert np.abs(sound[28_000:]).max() < 0.01


def test_the_sound_is_the_sound_that_was_given(tmp_path: Path) -> None:
    sound = sound_of(write(tmp_path / "v.mp4", n_frames=24, sound_s=1.0), rate_hz=48_000)
    middle = sound[12_000:36_000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert np.argmax(spectrum) * 48_000 / len(middle) == pytest.approx(440, abs=2)
    assert np.abs(middle).max() == pytest.approx(0.4, abs=0.05)


def test_the_file_streams_and_says_its_colours(tmp_path: Path) -> None:
    out = write(tmp_path / "v.mp4")
    data = out.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "not +faststart"
    said = subprocess.run(
        [ffmpeg_program(), "-i", str(out)], capture_output=True, text=True, check=False
    ).stderr
    assert "yuv420p(tv, bt709, progressive)" in said


def test_frames_keep_their_order(tmp_path: Path) -> None:
    levels = range(20, 240, 20)
    frames = (np.full((64, 64, 3), level, np.uint8) for level in levels)
    out = write_video(
        frames,
        tone(1),
        tmp_path / "v.mp4",
        fps=24,
        size=(64, 64),
        n_frames=len(levels),
        settings=SETTINGS,
    )
    seen = [frame.mean() for frame in frames_of(out)]
    assert seen == pytest.approx(list(levels), abs=2)


def test_progress_counts_every_frame(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    write_video(
        plain((1, 2, 3), 5),
        tone(1),
        tmp_path / "v.mp4",
        fps=24,
        size=(64, 64),
        n_frames=5,
        settings=SETTINGS,
        on_frame=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(i, 5) for i in range(1, 6)]


def children() -> set[str]:
    """Return the names of this process's running children."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, fields = stat.read_text().split("(", 1)[1].rsplit(")", 1)
        except OSError:
            continue
        if int(fields.split()[1]) == os.getpid():
            found.add(name)
    return found


@pytest.mark.parametrize("trouble", [RenderError("the renderer broke"), KeyboardInterrupt()])
def test_whatever_stops_a_render_leaves_nothing_behind(
    tmp_path: Path, trouble: BaseException
) -> None:
    closed: list[bool] = []

    def frames() -> Iterator[Frame]:
        try:
            yield from plain((1, 2, 3), 3)
            raise trouble
        finally:
            closed.append(True)

    out = tmp_path / "v.mp4"
    out.write_bytes(b"the older video")
    with pytest.raises(type(trouble)):
        write_video(frames(), tone(1), out, fps=24, size=(64, 64), n_frames=9, settings=SETTINGS)
    assert closed == [True]
    assert [file.name for file in tmp_path.iterdir()] == ["v.mp4"]
    assert out.read_bytes() == b"the older video"
    assert not any(name.startswith("ffmpeg") for name in children())


def test_a_killed_encoder_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    def frames() -> Iterator[Frame]:
        yield from plain((1, 2, 3), 3, side=512)
        for stat in Path("/proc").glob("[0-9]*/stat"):
            name, fields = stat.read_text().split("(", 1)[1].rsplit(")", 1)
            if name.startswith("ffmpeg") and int(fields.split()[1]) == os.getpid():
                os.kill(int(stat.parent.name), signal.SIGKILL)
        time.sleep(0.1)
        yield from plain((1, 2, 3), 3, side=512)

    with pytest.raises(EncodeError, match="ffmpeg"):
        write_video(
            frames(),
            tone(1),
            tmp_path / "v.mp4",
            fps=24,
            size=(512, 512),
            n_frames=6,
            settings=SETTINGS,
        )
    assert list(tmp_path.iterdir()) == []


def test_ffmpegs_own_words_reach_the_user(tmp_path: Path) -> None:
    odd = (np.zeros((63, 63, 3), np.uint8) for _ in range(3))
    with pytest.raises(EncodeError, match=r"ffmpeg .*: .+"):
        write_video(
            odd, tone(1), tmp_path / "v.mp4", fps=24, size=(63, 63), n_frames=3, settings=SETTINGS
        )
    assert list(tmp_path.iterdir()) == []


def test_a_frame_of_another_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncodeError, match=r"frame 0 is \(64, 64, 3\)"):
        write_video(
            plain((0, 0, 0), 1),
            tone(1),
            tmp_path / "v.mp4",
            fps=24,
            size=(32, 32),
            n_frames=1,
            settings=SETTINGS,
        )


def test_missing_frames_are_no_video(tmp_path: Path) -> None:
    with pytest.raises(EncodeError, match="2 frames came, not the 3"):
        write_video(
            plain((0, 0, 0), 2),
            tone(1),
            tmp_path / "v.mp4",
            fps=24,
            size=(64, 64),
            n_frames=3,
            settings=SETTINGS,
        )
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_looks_like_a_protocol_is_a_name(tmp_path: Path) -> None:
    out = write(tmp_path / "pipe:1 'quoted' $HOME ü.mp4")
    assert facts_of(out).n_frames == 12


def test_outputs_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    with pytest.raises(EncodeError, match=r"must end in \.mp4"):
        check_output(tmp_path / "v.avi")
    with pytest.raises(EncodeError, match=r"the folder .*nowhere does not exist"):
        check_output(tmp_path / "nowhere" / "v.mp4")
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(EncodeError, match=r"folder\.mp4 is a folder"):
        check_output(tmp_path / "folder.mp4")
    with pytest.raises(EncodeError, match="cannot be written to"):
        check_output(Path("/proc/v.mp4"))
    check_output(tmp_path / "v.mp4")
    assert [file.name for file in tmp_path.iterdir()] == ["folder.mp4"]


def test_an_input_is_never_overwritten(tmp_path: Path) -> None:
    talk = write(tmp_path / "talk.mp4")
    (tmp_path / "link.mp4").symlink_to(talk)
    with pytest.raises(EncodeError, match="is an input of this very video"):
        check_output(tmp_path / "link.mp4", inputs=[talk])
