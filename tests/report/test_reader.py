import subprocess
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from vortex_lp.errors import ReportError
from vortex_lp.report.measure import measure_video
from vortex_lp.report.reader import LOUDNESS_HZ, iter_frames, read_container, read_loudness


def make(out_file: Path, *options: str) -> Path:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *options, str(out_file)]
    subprocess.run(command, check=True)
    return out_file


PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=30000/1001:duration=1.001")
TONE = ("-f", "lavfi", "-i", "sine=frequency=300:sample_rate=48000:duration=1.2")


def test_streams_are_timed_to_the_sample(tmp_path: Path) -> None:
    video = make(tmp_path / "a.mp4", *PICTURE, *TONE, "-c:a", "aac")
    container = read_container(video)
    assert container.fps == Fraction(30000, 1001)
    assert len(container.frame_times_s) == 30
    assert container.video_start_s == pytest.approx(0)
    assert container.video_stop_s == pytest.approx(1.001, abs=1e-3)
    assert container.audio_start_s == pytest.approx(0)
    assert container.audio_stop_s == pytest.approx(1.2, abs=0.022)  # one AAC frame of padding


def test_every_frame_comes_once_with_square_pixels(tmp_path: Path) -> None:
    video = make(tmp_path / "a.mp4", *PICTURE, "-vf", "setsar=2/1")
    frames = list(iter_frames(video))
    assert len(frames) == 30
    assert {frame.shape for frame in frames} == {(48, 128, 3)}


def test_loudness_is_the_root_mean_square(tmp_path: Path) -> None:
    video = make(tmp_path / "a.mkv", *PICTURE, *TONE, "-c:a", "pcm_s16le")
    loudness = read_loudness(video)
    assert len(loudness) == pytest.approx(1.2 * LOUDNESS_HZ, abs=1)
    # ffmpeg's sine has an amplitude of 1/8.
    np.testing.assert_allclose(loudness[2:-2], 0.125 / np.sqrt(2), rtol=0.02)


def test_a_film_without_sound_says_so(tmp_path: Path) -> None:
    container = read_container(make(tmp_path / "a.mp4", *PICTURE))
    assert container.audio_start_s is None
    assert container.audio_stop_s is None


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="holds no picture"):
        read_container(make(tmp_path / "a.wav", *TONE))


def test_what_is_no_video_or_not_there_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "a.mp4"
    text.write_text("no video")
    with pytest.raises(ReportError, match=r"a\.mp4 cannot be read"):
        measure_video(text)
    with pytest.raises(ReportError, match="cannot be read"):
        measure_video(tmp_path / "missing.mp4")


def test_a_video_without_any_face_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="no face was found in any frame"):
        measure_video(make(tmp_path / "a.mp4", *PICTURE, "-frames:v", "3"))
