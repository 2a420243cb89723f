"""How quickly the doors open, and what must not come in through them."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT

UNWANTED = {"torch", "gradio", "librosa", "transformers", "ray"}
HELP_CPU_S = 0.45
"""``--help`` takes 0.2 s of CPU time where nobody else needs the machine; CPU time grows by half
where its caches are shared with other work."""

FIRST_VIDEO_CPU_S = 6.0
"""A video of one second takes 3.4 s of CPU time, recogniser and encoder included (measured with
other work on the machine)."""


def cpu_s() -> float:
    """Return the CPU time of the child processes that have ended so far [s]."""
    times = os.times()
    return times.children_user + times.children_system


@dataclass(frozen=True)
class FirstVideo:
    """What making a video of one second in a fresh process took."""

    imported: set[str]
    cpu_s: float
    n_bytes: int


@pytest.fixture(scope="module")
def first_video(
    portrait_file: Path, short_speech_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> FirstVideo:
    """Through the command line, words recognised."""
    code = (
        "import sys\n"
        "from vortex_lp.cli import app\n"
        "try:\n"
        "    app(sys.argv[1:])\n"
        "except SystemExit as end:\n"
        "    print('IMPORTED', *(name for name in sys.modules if '.' not in name))\n"
        "    raise\n"
    )
    video = tmp_path_factory.mktemp("video") / "v.mp4"
    arguments = ["animate", str(portrait_file), str(short_speech_file), "-o", str(video)]
    before = cpu_s()
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments, "--renderer", "mesh", "--recognizer", "words"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    spent_s = cpu_s() - before
    assert done.returncode == 0, done.stderr
    mark, *imported = done.stdout.splitlines()[-1].split()
    assert mark == "IMPORTED"
    return FirstVideo(set(imported), spent_s, video.stat().st_size)


def test_the_mesh_path_never_imports_torch_nor_a_web_page(first_video: FirstVideo) -> None:
    assert first_video.n_bytes > 10_000
    assert {"cv2", "numpy", "mediapipe"} <= first_video.imported, "that is not what was imported"
    assert first_video.imported & UNWANTED == set()


def test_a_video_of_one_second_costs_little(first_video: FirstVideo) -> None:
    """Both cores work at once, so this is about twice the wall time on an idle machine."""
    assert first_video.cpu_s < FIRST_VIDEO_CPU_S


def test_help_is_quick() -> None:
    """The best of three, in CPU time, so that other work on the machine does not count."""
    spent_s = []
    for _ in range(3):
        before = cpu_s()
        done = subprocess.run(
            [sys.executable, "-m", "vortex_lp", "--help"], cwd=ROOT, capture_output=True, text=True
        )
        spent_s.append(cpu_s() - before)
        assert "animate" in done.stdout
    assert min(spent_s) < HELP_CPU_S
