import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vortex_lp.cli import app
from vortex_lp.errors import ReportError, SettingsError
from vortex_lp.video.provenance import pem_of_test_root

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def film(
    tmp_path_factory: pytest.TempPathFactory, portrait_file: Path, short_speech_file: Path
) -> Path:
    """A labelled video with its manifest beside it."""
    folder = tmp_path_factory.mktemp("film")
    done = RUNNER.invoke(
        app,
        [
            *("animate", str(portrait_file), str(short_speech_file)),
            *("-o", str(folder / "v.mp4"), "--renderer", "mesh", "--recognizer", "energy"),
            *("--label", "AI animation", "--seed", "3"),
            *("--save-manifest", str(folder / "v.json")),
        ],
        catch_exceptions=False,
    )
    assert done.exit_code == 0, done.output
    return folder / "v.mp4"


def test_verify_shows_what_a_video_says(film: Path) -> None:
    done = RUNNER.invoke(app, ["verify", str(film)], catch_exceptions=False)
    assert done.exit_code == 0
    assert "Content Credentials are valid" in done.output
    assert "compositeSynthetic" in done.output
    assert "vortex_lp TEST certificate" in done.output
    assert "does not show who made the video" in done.output


def test_verify_notices_a_changed_byte(film: Path, tmp_path: Path) -> None:
    data = bytearray(film.read_bytes())
    data[-1000] ^= 1
    (tmp_path / "changed.mp4").write_bytes(data)
    done = RUNNER.invoke(app, ["verify", str(tmp_path / "changed.mp4")], catch_exceptions=False)
    assert done.exit_code == 1
    assert "BROKEN" in done.output
    assert "assertion.bmffHash.mismatch" in done.output


def test_verify_speaks_json_and_takes_anchors(film: Path, tmp_path: Path) -> None:
    (tmp_path / "root.pem").write_text(pem_of_test_root(), "utf-8")
    arguments = ["verify", str(film), "--json", "--trust", str(tmp_path / "root.pem")]
    said = json.loads(RUNNER.invoke(app, arguments, catch_exceptions=False).output)
    assert said["state"] == "valid"
    assert said["is_trusted"] is True
    with pytest.raises(SettingsError, match="cannot be read"):
        RUNNER.invoke(app, [*arguments[:-1], str(tmp_path / "none.pem")], catch_exceptions=False)


def test_verify_refuses_what_is_no_video(portrait_file: Path) -> None:
    with pytest.raises(ReportError, match="not an MP4"):
        RUNNER.invoke(app, ["verify", str(portrait_file)], catch_exceptions=False)


def test_a_manifest_makes_the_video_once_more(film: Path, tmp_path: Path) -> None:
    arguments = ["animate", "--manifest", str(film.with_suffix(".json"))]
    again = tmp_path / "again.mp4"
    done = RUNNER.invoke(app, [*arguments, "-o", str(again)], catch_exceptions=False)
    assert done.exit_code == 0
    assert "byte for byte" in done.output
    assert again.is_file()


def test_animate_without_inputs_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="PORTRAIT and an AUDIO"):
        RUNNER.invoke(app, ["animate", "-o", str(tmp_path / "v.mp4")], catch_exceptions=False)


def test_a_label_of_a_whole_page_is_refused(film: Path, portrait_file: Path) -> None:
    arguments = ["animate", str(portrait_file), "x.wav", "-o", "v.mp4", "--label", "x" * 200]
    with pytest.raises(SettingsError, match="shorten it"):
        RUNNER.invoke(app, arguments, catch_exceptions=False)


def test_licenses_prints_a_table() -> None:
    done = RUNNER.invoke(app, ["licenses"], catch_exceptions=False)
    assert done.exit_code == 0
    for word in ("LivePortrait", "Apache-2.0", "ffmpeg", "GPL-3.0-or-later", "any use"):
        assert word in done.output
