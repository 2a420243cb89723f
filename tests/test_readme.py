"""What the README shows is run as it stands there."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.reading import facts_of
from vortex_lp.motion.timeline import parse_timeline
from vortex_lp.settings import load_settings

README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(
    tmp_path: Path, portrait_file: Path, short_speech_file: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The folder of a user who has a portrait and a recording."""
    shutil.copy(portrait_file, tmp_path / "me.jpg")
    shutil.copy(short_speech_file, tmp_path / "hello.wav")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_python_code_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    found = blocks("python")
    assert len(found) == 3
    for block in found:
        exec(compile(block, "README.md", "exec"), names)
    assert facts_of(folder / "hello.mp4").fps == 25
    assert "hello.mp4" in capsys.readouterr().out


def test_the_commands_run(folder: Path) -> None:
    (commands,) = blocks("console")
    lines = commands.strip().splitlines()
    assert len(lines) == 6
    for line in lines:
        program, *arguments = shlex.split(line)
        assert program == "vortex-lp"
        done = subprocess.run(
            [sys.executable, "-m", "vortex_lp", *arguments], capture_output=True, text=True
        )
        assert done.returncode == 0, (line, done.stderr)
    for name in ("hello", "warm", "arc"):
        assert facts_of(folder / f"{name}.mp4").n_frames == 24
    assert len(json.loads((folder / "hello.json").read_text())["frames"]) == 24


def test_the_timeline_is_one() -> None:
    (timeline,) = blocks("json")
    assert len(parse_timeline(timeline, settings=load_settings())) == 2


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)", README):
        if "://" not in target:
            assert (ROOT / target).exists(), target


def test_every_make_target_that_it_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in re.findall(r"\bmake (\w+)\b", README):
        if target in ("app", "demo", "test"):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
