"""A studio that is told to end while it renders."""

import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from benchmarks.load import FPS, start_studio
from tests.test_faults import children_with
from vortex_lp.resources import resource_folder


def ask_for_a_long_video(url: str) -> None:
    from gradio_client import Client, handle_file

    client = Client(url, verbose=False, analytics_enabled=False, httpx_kwargs={"timeout": 60})
    assets = resource_folder("assets")
    client.submit(
        handle_file(assets / "astronaut.jpg"),
        handle_file(assets / "welcome_slt.wav"),
        fps=5 * FPS,
        framing="full",
        renderer="mesh",
        recognizer="energy",
        api_name="/animate",
    )


def test_a_studio_that_is_told_to_end_ends_and_leaves_nothing(tmp_path: Path) -> None:
    process, url = start_studio(tmp_path)
    try:
        asking = threading.Thread(target=ask_for_a_long_video, args=(url,), daemon=True)
        asking.start()
        deadline = time.monotonic() + 60
        while not children_with(f"{tmp_path}/studio"):
            assert time.monotonic() < deadline, "no render began"
            assert process.poll() is None
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        code = process.wait(20)
    except subprocess.TimeoutExpired:
        pytest.fail("the studio did not end within 20 s")
    finally:
        if process.poll() is None:
            process.kill()
    assert code == 128 + signal.SIGTERM
    for _ in range(50):
        if not children_with(str(tmp_path)):
            break
        time.sleep(0.1)
    assert children_with(str(tmp_path)) == []
    assert not list(tmp_path.rglob("visitor-*"))
    assert not [file for file in tmp_path.rglob("*") if file.suffix in (".part", ".mp4")]
