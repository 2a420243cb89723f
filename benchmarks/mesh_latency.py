"""How fast the mesh renderer makes a video on this machine, stage by stage, and in how much memory.

    python -m benchmarks.mesh_latency [--duration 45] [--long 600] [--repeats 3] [--output FILE]

Each video is made in a process of its own, as ``vortex-lp animate`` does, at 512 x 512 and 24 fps
from a sample portrait and sample speech repeated to the length. Times are the medians of
the repeats. Memory is that of the process, not of ffmpeg:

    peak        VmHWM, the most that was resident; it counts mapped files too, such as the decoded
                recording, which the system drops when it needs the room
    own peak    the most of RssAnon, seen every 20 ms: what only this process can give back. This is
                what must not grow with the length of the recording
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import wave
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "mesh_latency.json"
SAMPLES = ("welcome_slt.wav", "movie_rms.wav")
SHORT_S = 10.0
"""The recording that the long one's memory is compared with."""

FPS = 24


def main() -> None:
    """Measure, print the tables and keep the figures."""
    options = _arguments()
    if options.child:
        print(json.dumps(_measure_here(Path(options.child), duration_s=options.duration)))
        return
    with tempfile.TemporaryDirectory(prefix="vortex-lp-bench-") as folder:
        speech = _repeat_samples(Path(folder) / "speech.wav", max(options.duration, options.long))
        runs = [_in_a_process(speech, options.duration) for _ in range(options.repeats)]
        short = _in_a_process(speech, SHORT_S)
        long = _in_a_process(speech, options.long) if options.long else None
    figures = {
        "machine": _machine(),
        "commit": _commit(),
        "duration_s": options.duration,
        "runs": runs,
        "median": _medians(runs),
        "memory": [run for run in (short, runs[0], long) if run],
    }
    _print_speed(figures)
    _print_memory(figures)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    print(f"\nkept in {options.output}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--duration", type=float, default=45.0, help="seconds of video")
    parser.add_argument("--long", type=float, default=600.0, help="of the memory test; 0: none")
    parser.add_argument("--repeats", type=int, default=3, help="videos whose median is taken")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where the figures go")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


def _repeat_samples(file: Path, duration_s: float) -> Path:
    """Write the sample recordings, one after the other, until `duration_s` is full."""
    with wave.open(str(file), "wb") as sink:
        n_left = None
        while n_left is None or n_left > 0:
            for name in SAMPLES:
                with wave.open(str(ROOT / "assets" / name)) as sample:
                    if n_left is None:
                        sink.setparams(sample.getparams())
                        n_left = round(duration_s * sample.getframerate())
                    sink.writeframes(sample.readframes(n_left))
                    n_left -= sample.getnframes()
    return file


def _in_a_process(speech: Path, duration_s: float) -> dict[str, Any]:
    """Make one video in a fresh process; its wall time includes starting Python."""
    command = [sys.executable, "-m", "benchmarks.mesh_latency", "--child", str(speech)]
    start = time.perf_counter()
    done = subprocess.run(
        [*command, "--duration", str(duration_s)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
        text=True,
    )
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {"duration_s": duration_s, "wall_s": time.perf_counter() - start, **figures}


def _measure_here(speech: Path, *, duration_s: float) -> dict[str, Any]:
    """Make one video and return its times and its memory."""
    from vortex_lp import Performance, Request, animate

    own_peak = _PeakOfRssAnon()
    start = time.perf_counter()
    first_frame_s = []

    def look(progress: Any) -> None:
        if progress.n_done == FPS and not first_frame_s:
            first_frame_s.append(time.perf_counter() - start)

    with tempfile.TemporaryDirectory() as folder, own_peak:
        result = animate(
            Request(
                portrait=ROOT / "assets" / "astronaut.jpg",
                audio=speech,
                output=Path(folder) / "video.mp4",
                performance=Performance(duration_s=duration_s, fps=FPS),
                renderer="mesh",
            ),
            on_progress=look,
        )
    return {
        "n_frames": result.track.n_frames,
        "cpu_s": sum(os.times()[:4]),
        "first_second_s": first_frame_s[0],
        "stages_s": dict(result.timings_s),
        "recognizer": result.recognition.recognizer,
        "peak_mb": _status_kb("VmHWM") / 1000,
        "own_peak_mb": own_peak.peak_kb / 1000,
    }


class _PeakOfRssAnon:
    """Watches this process's anonymous memory from a thread."""

    def __init__(self) -> None:
        self.peak_kb = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            self.peak_kb = max(self.peak_kb, _status_kb("RssAnon"))

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *trouble: object) -> None:
        self._stop.set()
        self._thread.join()


def _status_kb(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise SystemExit(f"this system does not report {field}; run on Linux")


def _medians(runs: list[dict[str, Any]]) -> dict[str, Any]:
    def middle(pick: Any) -> float:
        return statistics.median(pick(run) for run in runs)

    return {
        "wall_s": middle(lambda run: run["wall_s"]),
        "cpu_s": middle(lambda run: run["cpu_s"]),
        "first_second_s": middle(lambda run: run["first_second_s"]),
        "stages_s": {
            name: middle(lambda run, name=name: run["stages_s"][name])
            for name in runs[0]["stages_s"]
        },
    }


def _print_speed(figures: dict[str, Any]) -> None:
    median, run = figures["median"], figures["runs"][0]
    duration_s, n_frames = figures["duration_s"], run["n_frames"]
    machine = figures["machine"]
    print(f"{machine['cpu']}, {machine['n_cores']} cores, Python {machine['python']}")
    print(f"{duration_s:g} s of video: {n_frames} frames of 512 x 512, mesh, {run['recognizer']}\n")
    print("| stage | time [s] | share | frames/s |")
    print("|---|---:|---:|---:|")
    for name, spent_s in median["stages_s"].items():
        rate = f"{n_frames / spent_s:.0f}" if spent_s > 0 and name in ("render", "encode") else ""
        print(f"| {name} | {spent_s:.2f} | {100 * spent_s / median['wall_s']:.0f} % | {rate} |")
    rest_s = median["wall_s"] - sum(median["stages_s"].values())
    print(f"| start and end | {rest_s:.2f} | {100 * rest_s / median['wall_s']:.0f} % | |")
    print(f"| **all** | **{median['wall_s']:.2f}** | | **{n_frames / median['wall_s']:.0f}** |")
    print(
        f"\n{duration_s / median['wall_s']:.1f} x real time end to end, start included; the first "
        f"second of video is encoded {median['first_second_s']:.2f} s after the start"
    )
    busy = median["cpu_s"] / (machine["n_cores"] * median["wall_s"])
    print(
        f"{median['cpu_s']:.1f} CPU-seconds, ffmpeg's included: {100 * busy:.0f} % of all cores "
        f"(load average {os.getloadavg()[0]:.1f})"
    )


def _print_memory(figures: dict[str, Any]) -> None:
    print("\n| recording [s] | peak [MB] | own peak [MB] |")
    print("|---:|---:|---:|")
    for run in figures["memory"]:
        print(f"| {run['duration_s']:g} | {run['peak_mb']:.0f} | {run['own_peak_mb']:.0f} |")


def _machine() -> dict[str, Any]:
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "cpu": names[0] if names else platform.processor(),
        "n_cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    main()
