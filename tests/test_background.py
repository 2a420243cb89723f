"""Work beside the caller's own: its result, its errors, its end."""

import threading
import time
from collections.abc import Callable

import pytest

from vortex_lp.background import Background
from vortex_lp.errors import AudioError


def test_the_result_comes_with_progress_in_the_callers_thread() -> None:
    heard: list[tuple[float, threading.Thread]] = []

    def work(report: Callable[[float], None]) -> str:
        report(0.5)
        time.sleep(0.35)
        return "done"

    with Background(work) as beside:
        result = beside.result(
            on_share=lambda share: heard.append((share, threading.current_thread()))
        )
    assert result == "done"
    assert heard
    assert set(heard) == {(0.5, threading.main_thread())}
    assert beside.is_done


def test_an_error_is_raised_where_the_result_is_wanted() -> None:
    def work(report: Callable[[float], None]) -> None:
        raise AudioError("no sound")

    with Background(work) as beside, pytest.raises(AudioError, match="no sound"):
        beside.result(on_share=lambda share: None)


def test_work_that_nobody_waits_for_ends_at_its_next_report() -> None:
    n_reports = 0
    has_begun, was_cleaned = threading.Event(), threading.Event()

    def work(report: Callable[[float], None]) -> None:
        nonlocal n_reports
        try:
            for number in range(1000):
                report(number / 1000)
                n_reports += 1
                has_begun.set()
                time.sleep(0.01)
        finally:
            was_cleaned.set()

    def caller() -> None:
        with Background(work):
            assert has_begun.wait(20)
            raise AudioError("other trouble")

    with pytest.raises(AudioError, match="other trouble"):
        caller()
    assert was_cleaned.is_set()
    assert 1 <= n_reports < 1000
    assert "background" not in {thread.name for thread in threading.enumerate()}
