from pathlib import Path

import numpy as np
import pytest

from vortex_lp.errors import ReportError
from vortex_lp.settings import load_settings
from vortex_lp.values import Speech
from vortex_lp.video.encoder import write_video
from vortex_lp.video.probe import iter_frames, probe, read_sound


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    frames = (np.full((48, 64, 3), 10 * i, np.uint8) for i in range(20))
    speech = Speech(samples=np.zeros(48_000, np.float32))
    return write_video(
        frames,
        speech,
        tmp_path_factory.mktemp("video") / "v.mp4",
        fps=25,
        size=(64, 48),
        n_frames=20,
        settings=load_settings().video,
    )


def test_facts_are_those_of_the_file(video: Path) -> None:
    facts = probe(video)
    assert facts.size == (64, 48)
    assert facts.fps == 25
    assert facts.n_frames == 20
    assert facts.duration_s == pytest.approx(0.8)
    assert facts.audio_rate_hz == 48_000


def test_frames_come_one_by_one_and_may_be_left(video: Path) -> None:
    frames = iter_frames(video)
    assert next(frames).shape == (48, 64, 3)
    assert next(frames).mean() == pytest.approx(10, abs=2)
    frames.close()
    assert sum(1 for _ in iter_frames(video)) == 20


@pytest.mark.parametrize("rubbish", [b"", b"not a video", b"\0" * 4096])
def test_a_file_that_is_no_video_is_a_sentence(tmp_path: Path, rubbish: bytes) -> None:
    file = tmp_path / "rubbish.mp4"
    file.write_bytes(rubbish)
    for read in (probe, lambda f: list(iter_frames(f)), lambda f: read_sound(f, rate_hz=16_000)):
        with pytest.raises(ReportError, match="cannot be read"):
            read(file)


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="cannot be read"):
        probe(tmp_path / "none.mp4")


def test_a_playlist_opens_nothing(tmp_path: Path, video: Path) -> None:
    playlist = tmp_path / "list.mp4"
    playlist.write_text(
        f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:1/{video.name}\n"
    )
    with pytest.raises(ReportError, match="cannot be read"):
        probe(playlist)
