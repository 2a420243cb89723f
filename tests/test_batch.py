"""Many videos from one list: nothing is made twice, and nothing stops the rest."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.reading import facts_of
from vortex_lp.batch.journal import Journal
from vortex_lp.batch.rows import BadRow, Task, read_manifest, request_of, settings_of
from vortex_lp.batch.run import FAILED, KEPT, MADE, Processes, run_batch
from vortex_lp.batch.worker import Order
from vortex_lp.errors import SettingsError
from vortex_lp.settings import load_settings

SETTINGS = load_settings()
QUICK: dict[str, Any] = {
    "portrait": "anna.jpg",
    "audio": "hello.wav",
    "renderer": "mesh",
    "recognizer": "energy",
    "fps": 6,
    "duration": 0.5,
}


@pytest.fixture
def home(assets: Path, short_speech_file: Path, tmp_path: Path) -> Path:
    """A folder with what rows may name."""
    shutil.copy(assets / "astronaut.jpg", tmp_path / "anna.jpg")
    shutil.copy(assets / "grace_hopper.jpg", tmp_path / "ben.jpg")
    shutil.copy(short_speech_file, tmp_path / "hello.wav")
    return tmp_path


def write_list(home: Path, *rows: dict[str, Any] | str) -> Path:
    file = home / "list.jsonl"
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return file


def journal_of(folder: Path) -> list[dict[str, Any]]:
    file = folder / ".vortex-batch" / "journal.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


# --- the list -----------------------------------------------------------------------------------


def test_paths_are_relative_to_the_list_and_outputs_to_the_folder(home: Path) -> None:
    (home / "calm.json").write_text('[{"start_s": 0, "stop_s": 1, "expression": "calm"}]')
    file = write_list(
        home,
        {**QUICK, "output": "a/one.mp4", "seed": 7, "frame": "full", "sequence": ["happy", "sad"]},
        "",
        {"portrait": str(home / "ben.jpg"), "audio": "hello.wav", "output": "two.mp4"},
    )
    one, two = read_manifest(file, home / "out", settings=SETTINGS)
    assert isinstance(one, Task)
    assert isinstance(two, Task)
    assert (one.line, two.line) == (1, 3)
    assert one.output == home.resolve() / "out" / "a" / "one.mp4"
    request = request_of(one.row, one.output, settings=SETTINGS)
    assert request.portrait == home.resolve() / "anna.jpg"
    assert (request.renderer, request.framing) == ("mesh", "full")
    wish = request.performance
    assert (wish.fps, wish.duration_s, wish.seed) == (6, 0.5, 7)
    assert wish.sequence == ("happy", "sad")
    assert request_of(two.row, two.output, settings=SETTINGS).portrait == home / "ben.jpg"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("nonsense", "row 1 is no JSON"),
        ("[1, 2]", "row 1 is no JSON object"),
        ({"fsp": 6}, "row 1, field fsp: there is no such field; the nearest known one is fps"),
        ({"output": None}, "row 1, field output: None is wrong"),
        ({"fps": "6"}, "row 1, field fps: '6' is wrong; input should be a valid number"),
        ({"seed": True}, "row 1, field seed: True is wrong"),
        ({"frame": "square"}, "row 1, field frame: 'square' is wrong"),
        ({"portrait": "gone.jpg"}, "row 1, field portrait: there is no .*gone.jpg"),
        ({"timeline": "gone.json"}, "row 1, field timeline: there is no .*gone.json"),
        ({"output": "../v.mp4"}, "row 1, field output: '../v.mp4' leaves the folder"),
        ({"output": "/tmp/v.mp4"}, "row 1, field output: '/tmp/v.mp4' leaves the folder"),
        ({"output": "v.webm"}, "row 1, field output: 'v.webm' must end in .mp4"),
        ({"expression": "grumpy"}, "row 1: there is no expression 'grumpy'"),
        ({"fps": 500}, "row 1: frame rate 500.0 is outside 1 to 120"),
        ({"timeline": [{"start_s": 0}]}, "row 1: "),
        ({"transcript": "@gone.txt"}, "row 1, field transcript: .*gone.txt cannot be read"),
        ({"label": "x" * 500}, "row 1: the label has 500 characters"),
    ],
)
def test_a_bad_row_names_its_line_and_its_field(home: Path, row: Any, reason: str) -> None:
    line = row if isinstance(row, str) else {**QUICK, "output": "v.mp4", **row}
    (found,) = read_manifest(write_list(home, line), home, settings=SETTINGS)
    assert isinstance(found, BadRow)
    assert found.reason.startswith("row 1")
    assert re.match(reason, found.reason), found.reason


def test_a_transcript_may_be_a_file_and_a_label_is_a_setting(home: Path) -> None:
    (home / "said.txt").write_text("Hello there.", "utf-8")
    row = {**QUICK, "output": "v.mp4", "transcript": "@said.txt", "label": "made by machine"}
    (task,) = read_manifest(write_list(home, row), home, settings=SETTINGS)
    assert isinstance(task, Task)
    assert task.row.transcript == "Hello there."
    assert settings_of(task.row, settings=SETTINGS).provenance.label == "made by machine"
    before = task.key
    (home / "said.txt").write_text("Good bye.", "utf-8")
    (task,) = read_manifest(write_list(home, row), home, settings=SETTINGS)
    assert isinstance(task, Task)
    assert task.key != before


def test_two_rows_may_not_write_one_file(home: Path) -> None:
    row = {**QUICK, "output": "v.mp4"}
    first, second = read_manifest(
        write_list(home, row, {**row, "seed": 1}), home, settings=SETTINGS
    )
    assert isinstance(first, Task)
    assert isinstance(second, BadRow)
    assert second.reason == "row 2, field output: row 1 writes it already"


def test_a_missing_field_is_named(home: Path) -> None:
    (found,) = read_manifest(
        write_list(home, {"portrait": "anna.jpg", "audio": "hello.wav"}), home, settings=SETTINGS
    )
    assert isinstance(found, BadRow)
    assert found.reason.startswith("row 1, field output: it is missing")


def test_the_key_follows_contents_options_and_settings(home: Path) -> None:
    def key(row: dict[str, Any], settings: Any = SETTINGS) -> str:
        (task,) = read_manifest(write_list(home, row), home, settings=settings)
        assert isinstance(task, Task)
        return task.key

    row = {**QUICK, "output": "v.mp4"}
    first = key(row)
    assert key(row) == first
    assert key({**row, "seed": 5}) != first
    coarse = SETTINGS.model_copy(update={"video": SETTINGS.video.model_copy(update={"crf": 40})})
    assert key(row, coarse) != first
    with (home / "hello.wav").open("ab") as sound:
        sound.write(b"\0\0")
    assert key(row) != first


def test_an_empty_or_unreadable_list_is_a_mistake(home: Path) -> None:
    with pytest.raises(SettingsError, match="holds no rows"):
        run_batch(write_list(home, "", "  "), home / "out")
    with pytest.raises(SettingsError, match="cannot be read"):
        run_batch(home / "gone.jsonl", home / "out")
    with pytest.raises(SettingsError, match="0 jobs"):
        run_batch(write_list(home, QUICK), home / "out", n_jobs=0)


# --- the journal --------------------------------------------------------------------------------


def test_a_kill_between_making_noting_and_moving_loses_nothing(tmp_path: Path) -> None:
    output = tmp_path / "v.mp4"
    with Journal(tmp_path) as journal:
        journal.place_for("k").write_bytes(b"video")
    # Killed before the note: the video is there, under the name of its request.
    with Journal(tmp_path) as journal:
        assert journal.made("other", output) is None
        assert journal.made("k", output) == {}
    assert output.read_bytes() == b"video"
    # Killed after the note, before the move.
    with Journal(tmp_path) as journal:
        output.rename(journal.place_for("k"))
        assert journal.made("k", output) == {}
        assert output.read_bytes() == b"video"
    assert len(journal_of(tmp_path)) == 1, "noted twice"
    # Killed in the middle of a note.
    with (tmp_path / ".vortex-batch" / "journal.jsonl").open("a") as sink:
        sink.write('{"output": "w.mp4", "ke')
    with Journal(tmp_path) as journal:
        assert journal.made("k", output) == {}
        journal.place_for("l").write_bytes(b"other")
        journal.keep("l", tmp_path / "w.mp4", {"n_frames": 3})
    with Journal(tmp_path) as journal:
        assert journal.made("l", tmp_path / "w.mp4") == {"n_frames": 3}


def test_a_video_that_was_changed_is_made_again(tmp_path: Path) -> None:
    output = tmp_path / "v.mp4"
    with Journal(tmp_path) as journal:
        journal.place_for("k").write_bytes(b"video")
        journal.keep("k", output, {})
        output.write_bytes(b"cut")
        assert journal.made("k", output) is None
        output.unlink()
        assert journal.made("k", output) is None


def test_one_batch_at_a_time_works_in_a_folder(tmp_path: Path) -> None:
    with Journal(tmp_path), pytest.raises(SettingsError, match="another batch is at work"):
        Journal(tmp_path)
    Journal(tmp_path).__exit__()


# --- the whole of it ----------------------------------------------------------------------------


def twenty_rows() -> list[dict[str, Any] | str]:
    """Seventeen that can be made, in folders and of both people, and three that cannot."""
    rows: list[dict[str, Any] | str] = [
        {**QUICK, "output": f"{number % 3}/{number}.mp4", "seed": number} for number in range(17)
    ]
    for number in (1, 8, 15):
        rows[number] = {**QUICK, "portrait": "ben.jpg", "output": f"ben-{number}.mp4"}
    rows.insert(2, {**QUICK, "output": "x.mp4", "expresion": "happy"})
    rows.insert(9, {**QUICK, "audio": "anna.jpg", "output": "y.mp4"})
    rows.insert(17, {**QUICK, "portrait": "gone.jpg", "output": "z.mp4"})
    return rows


@pytest.mark.parametrize("where", ["processes", "ray"])
def test_a_killed_batch_goes_on_where_it_stopped(home: Path, where: str) -> None:
    """Twenty rows, three of them bad, killed half-way without warning and run again."""
    if where == "ray":
        pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    manifest, folder = write_list(home, *twenty_rows()), home / "out"
    scratch = home / "scratch"
    scratch.mkdir()
    command = [sys.executable, "-m", "vortex_lp", "batch", str(manifest), "-o", str(folder)]
    command += ["--jobs", "2", *(["--ray", "local"] if where == "ray" else [])]
    environment = {**os.environ, "TMPDIR": str(scratch)}
    # Ray puts sockets there, whose paths may have 107 characters at most.
    environment["RAY_TMPDIR"] = os.environ.get("TMPDIR", "/tmp")
    first = subprocess.Popen(command, cwd=ROOT, env=environment)
    deadline = time.monotonic() + 150
    while len(journal_of(folder)) < 8 and time.monotonic() < deadline and first.poll() is None:
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    first.wait()
    n_before = len(journal_of(folder))
    assert 8 <= n_before < 17
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("[!.]*.mp4")}
    wait_for_silence(folder)

    again = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert again.returncode == 2, again.stderr
    videos = {path for path in folder.rglob("*.mp4") if ".vortex-batch" not in path.parts}
    assert len(videos) == 17
    assert {facts_of(video).n_frames for video in sorted(videos)[::6]} == {3}
    noted = Counter(note["output"] for note in journal_of(folder))
    assert len(noted) == 17
    assert set(noted.values()) == {1}, "something was made twice"
    assert all(file.stat().st_mtime_ns == stamp for file, stamp in before.items() if file in videos)

    results = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    assert [result["row"] for result in results] == list(range(1, 21))
    status = Counter(result["status"] for result in results)
    assert status[FAILED] == 3
    assert status[KEPT] >= n_before
    assert status[MADE] + status[KEPT] == 17
    reasons = [result["reason"] for result in results if result["status"] == FAILED]
    assert "nearest known one is expression" in reasons[0]
    assert "has no sound" in reasons[1] or "recording" in reasons[1]
    assert "there is no" in reasons[2]
    assert all(reason in again.stdout for reason in reasons)
    assert f"{status[MADE]} made, {status[KEPT]} kept, 3 failed" in again.stdout


def wait_for_silence(folder: Path) -> None:
    """Wait until the processes of a killed batch have noticed and let go of their files."""
    deadline = time.monotonic() + 30
    while list((folder / ".vortex-batch").glob("*.part")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not list((folder / ".vortex-batch").glob("*.part")), "a process goes on without us"


def long_order(home: Path, place: Path) -> Order:
    row = {**QUICK, "output": "v.mp4", "duration": 3000.0}
    (task,) = read_manifest(write_list(home, row), home, settings=SETTINGS)
    assert isinstance(task, Task)
    return Order(row=task.row.model_dump(mode="json"), place=str(place), config=None)


def test_a_process_that_dies_fails_its_own_row_only(home: Path) -> None:
    place = home / "place.mp4"
    short = long_order(home, place)
    short["row"]["duration"] = 0.2
    with Processes(1) as processes:
        answers = processes.work([(1, long_order(home, place)), (2, short)])
        deadline = time.monotonic() + 60

        def kill() -> None:
            while not list(home.glob(".vortex-*.part")) and time.monotonic() < deadline:
                time.sleep(0.05)
            (process,) = processes._alive
            process._process.kill()

        killer = threading.Thread(target=kill)
        killer.start()
        first = next(answers)
        killer.join()
        assert first[0] == 1
        assert "died (signal 9)" in (first[1]["reason"] or "")
        assert next(answers)[1]["told"]["n_frames"] == 2
    assert facts_of(place).n_frames == 2
