"""How soon the studio shows the first frame after the click on Generate, and whether it stalls.

    python -m benchmarks.studio_latency [--duration 45] [--repeats 5] [--recognizer auto]

A real Chromium opens the studio, which runs in a process of its own, sends a sample portrait and
sample speech repeated to the length, and presses Generate: once when the sounds were found (as
they are a while after the upload, before anybody presses anything), and once at the very moment
when the recording has arrived. Times are medians over new tabs. Needs chromium and the extra
``test``.

    first frame   from the click until the browser has put a frame on the screen
    analysis      of that, until rendering began: recognising speech, preparing the portrait
    stalled       how long the player had to wait for more after it had begun
"""

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
ASSETS = ROOT / "assets"
SAMPLES = ("welcome_slt.wav", "movie_rms.wav")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
START_S = 90.0
LONG_MS = 600_000

# Notes when things happen, in milliseconds since the click.
WATCH = """() => {
    const log = window.studio = {stalled: 0};
    const since = () => performance.now() - log.click;
    const clicked = () => { log.click = performance.now(); };
    document.querySelector('#go').addEventListener('click', clicked, true);
    const look = () => {
        const text = document.querySelector('#status .st-text')?.textContent;
        if (log.click && !log.rendering && text === 'Rendering') log.rendering = since();
        if (log.click && !log.finished && text === 'Finished') log.finished = since();
        const video = document.querySelector('#live-box video');
        if (video && video !== log.video) {
            log.video = video;
            video.requestVideoFrameCallback(() => { log.frame = since(); });
            let waiting = 0;
            video.addEventListener('waiting', () => {
                if (log.frame) waiting = performance.now();
            });
            video.addEventListener('playing', () => {
                if (waiting) { log.stalled += performance.now() - waiting; waiting = 0; }
            });
        }
    };
    setInterval(look, 5);
}"""


def main() -> None:
    """Measure and print the table."""
    options = _arguments()
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        sys.exit("this benchmark needs chromium; install Debian's package of that name")
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="vortex-lp-bench-") as folder, _studio() as url:
        speech = _repeat_samples(Path(folder) / "speech.wav", options.duration)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
            print(f"{options.duration:g} s of speech, {options.repeats} tabs each, medians\n")
            print("clicked         first frame   analysis (share)   stalled   whole video")
            for name, waits in (("sounds found", True), ("just uploaded", False)):
                runs = [
                    _run(browser, url, speech, waits=waits, recognizer=options.recognizer)
                    for _ in range(options.repeats)
                ]
                _print_row(name, runs)
            browser.close()


def _run(browser: Any, url: str, speech: Path, *, waits: bool, recognizer: str) -> dict[str, float]:
    """Return the times of one tab [s]."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(url, wait_until="domcontentloaded")
    page.locator("#timeline .tl-empty").wait_for()
    if recognizer != "auto":
        page.locator("#advanced button").first.click()
        page.locator("#recognizer input").click()
        page.locator(f"[role=option][data-value={recognizer}]").click()
    page.locator("#go").wait_for()
    page.evaluate(WATCH)
    page.locator("#portrait input[type=file]").set_input_files(ASSETS / "grace_hopper.jpg")
    page.locator("#portrait-status .st-text").filter(has_text="Face found").wait_for()
    page.locator("#audio input[type=file]").set_input_files(speech)
    page.locator("#timeline .tl-track").wait_for(timeout=LONG_MS)
    if waits:
        found = page.locator("#voice-status .st-text").filter(has_text="sounds found")
        found.wait_for(timeout=LONG_MS)
        page.locator("#status .st-text").filter(has_text="Ready").wait_for(timeout=LONG_MS)
    page.locator("#go").click()
    page.wait_for_function("window.studio.finished > 0", timeout=LONG_MS)
    times = page.evaluate("({...window.studio, video: null})")
    context.close()
    return {key: times[key] / 1000 for key in ("frame", "rendering", "stalled", "finished")}


def _print_row(name: str, runs: list[dict[str, float]]) -> None:
    middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    share = middle["rendering"] / middle["frame"]
    print(
        f"{name:<15} {middle['frame']:>8.2f} s   {middle['rendering']:>6.2f} s ({share:>4.0%})"
        f"   {middle['stalled']:>7.2f} s   {middle['finished']:>8.2f} s"
        f"     each: {', '.join(format(run['frame'], '.2f') for run in runs)}"
    )


@contextmanager
def _studio() -> Iterator[str]:
    """Run the studio in a process of its own and yield its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/"
    environment = {**os.environ, "GRADIO_SERVER_PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        _wait_for(url)
        yield url
    finally:
        process.terminate()
        process.wait()


def _wait_for(url: str) -> None:
    give_up = time.monotonic() + START_S
    while time.monotonic() < give_up:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
    sys.exit(f"the studio did not answer within {START_S:g} s")


def _repeat_samples(file: Path, duration_s: float) -> Path:
    """Write the sample recordings, again and again, until `duration_s` is full."""
    with wave.open(str(file), "wb") as sink:
        parts = []
        for name in SAMPLES:
            with wave.open(str(ASSETS / name)) as source:
                if not parts:
                    sink.setparams(source.getparams())
                parts.append(source.readframes(source.getnframes()))
                n_bytes = int(duration_s * source.getframerate()) * source.getsampwidth()
        whole = b"".join(parts)
        sink.writeframes((whole * (n_bytes // len(whole) + 1))[:n_bytes])
    return file


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--duration", type=float, default=45.0)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--recognizer", default="auto")
    return parser.parse_args()


if __name__ == "__main__":
    main()
