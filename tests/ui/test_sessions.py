"""Work is shared by those who ask for the same, and stopped when nobody wants it."""

import os
import threading
import time
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from vortex_lp.ui.sessions import Job, Sessions, StoppedError


@pytest.fixture
def sessions(tmp_path: Path):
    made = Sessions(tmp_path / "root", n_threads=2, idle_s=1000.0)
    yield made
    made.close_all()


def endless(job: Job) -> None:
    while True:
        job.report(0.5)
        time.sleep(0.005)


def test_the_same_key_is_worked_out_once(sessions: Sessions) -> None:
    session, calls = sessions.of("a"), []
    jobs = [session.once("sum", 7, lambda job: calls.append(1) or 7) for _ in range(3)]
    assert [job.future.result(5) for job in jobs] == [7, 7, 7]
    assert len(calls) == 1


def test_another_key_stops_the_work_in_progress(sessions: Sessions) -> None:
    session = sessions.of("a")
    old = session.once("sum", 1, endless)
    new = session.once("sum", 2, lambda job: "done")
    assert new.future.result(5) == "done"
    with pytest.raises((StoppedError, CancelledError)):
        old.future.result(5)


def test_failed_work_is_tried_again(sessions: Sessions) -> None:
    session = sessions.of("a")

    def fail(job: Job) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        session.once("sum", 1, fail).future.result(5)
    assert session.once("sum", 1, lambda job: "yes").future.result(5) == "yes"


def test_visitors_share_nothing(sessions: Sessions) -> None:
    one, two = sessions.of("a"), sessions.of("b")
    assert one is sessions.of("a")
    assert one.folder != two.folder
    assert one.once("sum", 1, lambda job: "a").future.result(5) == "a"
    assert two.once("sum", 1, lambda job: "b").future.result(5) == "b"


def test_leaving_stops_work_and_deletes_files(sessions: Sessions) -> None:
    session = sessions.of("a")
    file = session.new_folder() / "video.mp4"
    file.write_bytes(b"x")
    job = session.once("sum", 1, endless)
    sessions.close("a")
    assert not session.folder.exists()
    with pytest.raises((StoppedError, CancelledError)):
        job.future.result(5)
    assert len(sessions) == 0


def test_silent_visitors_are_forgotten(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path, n_threads=1, idle_s=0.01)
    folder = sessions.of("a").folder
    time.sleep(0.05)
    sessions.of("b")
    assert not folder.exists()
    sessions.close_all()


def test_what_a_killed_server_left_is_deleted_when_it_is_old(tmp_path: Path) -> None:
    old, young = tmp_path / "visitor-old", tmp_path / "visitor-young"
    for folder in (old, young):
        (folder / "0001").mkdir(parents=True)
    os.utime(old, (0, 0))
    Sessions(tmp_path, n_threads=1, idle_s=1000.0).close_all()
    assert [old.exists(), young.exists()] == [False, True]


def test_progress_is_seen_from_outside(sessions: Sessions) -> None:
    go_on = threading.Event()

    def work(job: Job) -> None:
        job.report(0.25)
        go_on.wait(5)

    job = sessions.of("a").once("sum", 1, work)
    while job.share == 0.0:
        time.sleep(0.002)
    assert job.share == 0.25
    go_on.set()
