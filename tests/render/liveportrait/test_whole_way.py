"""From the command line to a video with sound, on weights that anybody can make."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.reading import facts_of
from tests.render.liveportrait.recipe import TOY
from tests.render.liveportrait.weights_folder import (
    write_official_folder,
    write_safetensors_folder,
)
from vortex_lp.cli import app
from vortex_lp.render.registry import RendererOptions, load_renderer
from vortex_lp.settings import load_settings


@pytest.mark.parametrize("write", [write_safetensors_folder, write_official_folder])
def test_animate_makes_a_video_with_sound(
    tmp_path: Path, portrait_file: Path, short_speech_file: Path, write: object
) -> None:
    assert callable(write)
    weights, video = write(tmp_path / "weights", TOY), tmp_path / "video.mp4"
    asked = [
        "animate",
        str(portrait_file),
        str(short_speech_file),
        *("--renderer", "liveportrait", "--device", "cpu", "--weights", str(weights)),
        *("--recognizer", "energy", "--duration", "0.25", "--quiet", "--output", str(video)),
    ]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    facts = facts_of(video)
    assert facts.n_frames == 6
    assert facts.size == (512, 512)
    assert facts.audio.stop_s - facts.audio.start_s == pytest.approx(0.25, abs=1 / 24)


def test_weights_are_found_in_the_environment_and_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, options = load_settings(), RendererOptions(device="cpu")
    monkeypatch.setenv("VORTEX_LP_CACHE", str(tmp_path / "cache"))
    write_safetensors_folder(tmp_path / "cache" / "vortex_lp" / "liveportrait", TOY)
    monkeypatch.delenv("VORTEX_LP_WEIGHTS", raising=False)
    assert load_renderer("liveportrait", settings=settings, options=options).renderer.name
    named = write_safetensors_folder(tmp_path / "named", TOY)
    for file in (tmp_path / "cache" / "vortex_lp" / "liveportrait").iterdir():
        file.unlink()
    monkeypatch.setenv("VORTEX_LP_WEIGHTS", str(named))
    assert load_renderer("liveportrait", settings=settings, options=options).renderer.name
