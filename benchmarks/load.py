"""Many visitors at once: ``python -m benchmarks.load [--visitors 20] [--requests 3]``.

Starts a studio of its own and lets simultaneous `gradio_client` visitors on the loopback ask for
videos, ask for visemes, change their mind in the middle, and send rubbish. Each visitor's recording
has a length of its own, so that an answer that belongs to somebody else shows. Reported are
latencies, wrong answers, the server's memory before and after, and what it leaves on the disk.
"""

import argparse
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

from vortex_lp.resources import resource_folder

KINDS = ("render", "visemes", "cancel", "rubbish")
SHARES = (0.45, 0.2, 0.15, 0.2)
FPS = 24
BUSY = "queue is full"
LOG = "server.log"


@dataclass(frozen=True)
class Reply:
    """How one request ended."""

    kind: str
    outcome: str
    spent_s: float


def recording(folder: Path, number: int) -> tuple[Path, int]:
    """Write a recording whose length only visitor `number` has; return it and its frames."""
    n_frames = 10 + number
    file = folder / f"voice{number}.wav"
    with wave.open(str(resource_folder("assets") / "welcome_slt.wav")) as whole:
        rate = whole.getframerate()
        with wave.open(str(file), "wb") as part:
            part.setparams(whole.getparams())
            part.writeframes(whole.readframes(int(n_frames * rate / FPS)))
    return file, n_frames


def visit(url: str, number: int, folder: Path, *, n_requests: int, replies: list[Reply]) -> None:
    """Be one visitor."""
    from gradio_client import Client

    chance = random.Random(number)
    voice, n_frames = recording(folder, number)
    client = Client(
        url,
        verbose=False,
        analytics_enabled=False,
        download_files=str(folder),
        httpx_kwargs={"timeout": 120},
        # Limits are for each address; visitors come from addresses of their own.
        headers={"x-forwarded-for": f"10.0.0.{number}"},
    )
    try:
        for _ in range(n_requests):
            kind = chance.choices(KINDS, SHARES)[0]
            start = time.perf_counter()
            outcome = ask(client, kind, voice, n_frames=n_frames, chance=chance)
            replies.append(Reply(kind, outcome, time.perf_counter() - start))
    finally:
        client.close()


def ask(client: Any, kind: str, voice: Path, *, n_frames: int, chance: random.Random) -> str:
    """Ask for one thing; return ``"right"``, ``"told to come back"``, or what was wrong."""
    from gradio_client import handle_file
    from gradio_client.exceptions import AppError
    from gradio_client.utils import QueueError

    portrait = handle_file(resource_folder("assets") / "astronaut.jpg")
    sound = handle_file(voice)
    wishes: dict[str, Any] = {"renderer": "mesh", "recognizer": "energy", "fps": FPS}
    try:
        if kind == "visemes":
            rows = client.predict(sound, fps=FPS, recognizer="energy", api_name="/visemes")
            got = len(rows["frames"])
            return "right" if got == n_frames else f"wrong: {got} frames, not {n_frames}"
        if kind == "rubbish":
            client.predict(*rubbish(portrait, sound, voice, chance), **wishes, api_name="/animate")
            return "wrong: rubbish was taken"
        job = client.submit(portrait, sound, **wishes, api_name="/animate")
        if kind == "cancel":
            time.sleep(chance.uniform(0.0, 1.0))
            job.cancel()
            return "right"
        video, report = job.result(timeout=300)
    except QueueError:
        return "told to come back"
    except (AppError, ValueError) as error:
        if BUSY in str(error).lower():
            return "told to come back"
        return "right" if kind == "rubbish" else f"wrong: {str(error)[:80]}"
    got = report["n_frames"]
    data = Path(video).read_bytes()
    if got != n_frames or b"ftyp" not in data[:16] or b"c2pa" not in data[:4_000]:
        return f"wrong: {got} frames, not {n_frames}"
    return "right"


def rubbish(portrait: Any, sound: Any, voice: Path, chance: random.Random) -> tuple[Any, Any]:
    """Return two inputs that cannot become a video."""
    from gradio_client import handle_file

    noise = voice.with_suffix(".noise")
    noise.write_bytes(chance.randbytes(5_000))
    text = voice.with_suffix(".m3u8")
    text.write_text("#EXTM3U\n#EXTINF:7,\nfile:///etc/passwd\n", "utf-8")
    return chance.choice(
        (
            (sound, sound),
            (handle_file(noise), sound),
            (portrait, handle_file(noise)),
            (portrait, handle_file(text)),
            (portrait, portrait),
        )
    )


def memory_mb(process: int) -> float:
    """Return how much memory `process` holds [MB]."""
    for line in Path(f"/proc/{process}/status").read_text("utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1000
    raise ProcessLookupError(process)


def health(url: str) -> dict[str, Any]:
    """Return what the studio says of itself."""
    with urllib.request.urlopen(f"{url}healthz", timeout=10) as reply:
        said: dict[str, Any] = json.loads(reply.read())
    return said


def start_studio(folder: Path) -> tuple["subprocess.Popen[bytes]", str]:
    """Start a studio whose files all lie in `folder`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "GRADIO_TEMP_DIR": str(folder), "TMPDIR": str(folder)}
    environment["VORTEX_LP_BEHIND_PROXY"] = "1"
    with (folder / LOG).open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-m", "vortex_lp", "app", "--port", str(port)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
    url = f"http://127.0.0.1:{port}/"
    for _ in range(600):
        time.sleep(0.1)
        try:
            health(url)
        except OSError:
            if process.poll() is not None:
                raise SystemExit((folder / LOG).read_text("utf-8", "replace")) from None
            continue
        return process, url
    process.kill()
    raise SystemExit("the studio did not start within a minute")


def show(replies: list[Reply], *, spent_s: float) -> int:
    """Print the table; return how many answers were wrong."""
    print("| request | asked | right | told to come back | wrong | median | 95 % | longest |")
    print("|---|---|---|---|---|---|---|---|")
    for kind in KINDS:
        mine = [reply for reply in replies if reply.kind == kind]
        times = sorted(reply.spent_s for reply in mine if reply.outcome == "right")
        if not times:
            continue
        right, busy = (
            sum(reply.outcome == what for reply in mine) for what in ("right", "told to come back")
        )
        tail = times[min(len(times) - 1, int(0.95 * len(times)))]
        print(
            f"| {kind} | {len(mine)} | {right} | {busy} | {len(mine) - right - busy} | "
            f"{statistics.median(times):.2f} s | {tail:.2f} s | {times[-1]:.2f} s |"
        )
    wrong = [reply for reply in replies if reply.outcome.startswith("wrong")]
    for reply in wrong:
        print(f"{reply.kind}: {reply.outcome}")
    print(f"\n{len(replies)} requests in {spent_s:.1f} s, {len(wrong)} wrong")
    return len(wrong)


def storm(url: str, folder: Path, *, n_visitors: int, n_requests: int) -> list[Reply]:
    """Let all visitors come at once, and wait until the last has left."""
    replies: list[Reply] = []
    threads = []
    for number in range(n_visitors):
        own = folder / f"{number}"
        own.mkdir(exist_ok=True)
        thread = threading.Thread(
            target=visit,
            args=(url, number, own),
            kwargs={"n_requests": n_requests, "replies": replies},
        )
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join()
    return replies


def main() -> int:
    """Run it all; return 1 where an answer was wrong or missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--requests", type=int, default=3, help="of each visitor")
    wishes = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        files, clients = Path(root) / "server", Path(root) / "clients"
        files.mkdir()
        clients.mkdir()
        process, url = start_studio(files)
        try:
            # The first videos load models and compile; what is held after them is the base.
            storm(url, clients, n_visitors=4, n_requests=2)
            first = memory_mb(process.pid)
            storm(url, clients, n_visitors=wishes.visitors, n_requests=1)
            before = memory_mb(process.pid)
            start = time.perf_counter()
            replies = storm(url, clients, n_visitors=wishes.visitors, n_requests=wishes.requests)
            spent_s = time.perf_counter() - start
            n_wrong = show(replies, spent_s=spent_s)
            time.sleep(5)
            after, said = memory_mb(process.pid), health(url)
            print(f"memory: {first:.0f} MB warm, {before:.0f} MB after a storm before this one,")
            print(f"{after:.0f} MB after this one")
            print(f"health: {said['status']}, {said['n_waiting']} waiting")
        except ProcessLookupError:
            print(f"THE SERVER DIED with {process.wait()}")
            print((files / LOG).read_text("utf-8", "replace")[-6_000:])
            return 1
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                code = process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                code = "killed, it did not end"
        left = [str(file.relative_to(files)) for file in files.rglob("visitor-*")]
        print(f"ended with {code}; {len(left)} visitors' folders left")
    missing = wishes.visitors * wishes.requests - len(replies)
    if missing:
        print(f"{missing} requests got no answer")
    return int(n_wrong > 0 or missing > 0)


if __name__ == "__main__":
    raise SystemExit(main())
