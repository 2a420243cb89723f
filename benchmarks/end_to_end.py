"""From a portrait and a recording to the finished file, beside what people would use instead.

    python -m benchmarks.end_to_end [--durations 5,45,600] [--framings crop,full] [--peers]
        [--memory 10,600,3600] [--note TEXT] [--page docs/performance.md] [--dry]

Every video is made in a process of its own with the mesh renderer, from a sample portrait (for
``full`` set into a picture of 1920 x 1080) and the sample recordings repeated to the length.
Columns: wall time of each stage and of all, from the call to the closed file; how many times
faster than it plays; the moments at which the first frame and the first second were handed to the
encoder; processor time of everything (recogniser and encoder included), which other work on the
machine changes less than wall time; and memory that only this process holds (RssAnon).

``--peers`` runs side by side with it, in the same minutes: the textbook mesh loop of OpenCV (a
triangulation of the same 478 landmarks, one ``warpAffine`` and one mask a triangle and frame), and
the plain published LivePortrait graph on the CPU with untrained weights of the released sizes.

``--memory`` runs everything but drawing and encoding on long recordings: what grows with length.

Results go to ``benchmarks/results/end_to_end.json``, newer ones over older ones, and as tables
into the page, between its marks. ``--dry`` only writes the page anew.
"""

import argparse
import contextlib
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "end_to_end.json"
PAGE = ROOT / "docs" / "performance.md"
SAMPLES = ("welcome_slt.wav", "movie_rms.wav")
FPS = 24
STAGES = ("listen", "prepare", "recognise", "move", "render", "encode")
N_NAIVE_FRAMES = 48
N_PLAIN_FRAMES = 2

Row = dict[str, Any]


def main() -> None:
    """Measure what is asked for and write the page."""
    options = _arguments()
    if options.child:
        print(json.dumps(CHILDREN[options.child](*options.values)))
        return
    results: Row = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if not options.dry:
        results["machine"] = _machine(options.note)
        with tempfile.TemporaryDirectory(prefix="vortex-lp-bench-") as folder:
            _measure(results, options, folder=Path(folder))
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    _write_page(options.page, results)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--durations", default="5,45", help="seconds of speech")
    parser.add_argument("--framings", default="crop", help="crop, full")
    parser.add_argument("--peers", action="store_true", help="the side by side, too")
    parser.add_argument("--memory", default="", help="seconds of speech for the memory table")
    parser.add_argument("--note", default="", help="about the machine, such as other load on it")
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--dry", action="store_true", help="write the page from older results")
    parser.add_argument("--child", choices=[*CHILDREN], help=argparse.SUPPRESS)
    parser.add_argument("values", nargs="*", help=argparse.SUPPRESS)
    return parser.parse_args()


def _measure(results: Row, options: argparse.Namespace, *, folder: Path) -> None:
    for framing in _listed(options.framings):
        portrait = _portrait(folder, framing=framing)
        for duration in _listed(options.durations):
            speech = _speech(folder, duration_s=float(duration))
            row = _in_a_process("video", portrait, speech, framing)
            results.setdefault("videos", {})[f"{framing} {duration}"] = row
            print(framing, duration, row, flush=True)
    for duration in _listed(options.memory):
        speech = _speech(folder, duration_s=float(duration))
        row = _in_a_process("memory", speech)
        results.setdefault("memory", {})[duration] = row
        print("memory", duration, row, flush=True)
    if options.peers:
        speech = _speech(folder, duration_s=5.0)
        results["peers"] = {
            "mesh": _in_a_process("drawing", speech),
            "naive": _in_a_process("naive"),
            "plain": _in_a_process("plain"),
        }
        print("peers", results["peers"], flush=True)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _in_a_process(child: str, *values: object) -> Row:
    command = [sys.executable, "-m", "benchmarks.end_to_end", "--child", child, *map(str, values)]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, text=True
    )
    row: Row = json.loads(done.stdout.splitlines()[-1])
    return row


# --- what is measured, each in a process of its own ---------------------------------------------


def _video(portrait: str, speech: str, framing: str) -> Row:
    """Make one video."""
    start = time.perf_counter()
    from vortex_lp import Performance, Request, animate

    moments: dict[int, float] = {}

    def look(progress: Any) -> None:
        if progress.n_done in (1, FPS):
            moments.setdefault(progress.n_done, time.perf_counter() - start)

    with tempfile.TemporaryDirectory() as folder, _Peak() as peak:
        result = animate(
            Request(
                portrait=Path(portrait),
                audio=Path(speech),
                output=Path(folder) / "video.mp4",
                performance=Performance(fps=FPS),
                renderer="mesh",
                framing="full" if framing == "full" else "crop",
            ),
            on_progress=look,
        )
    wall_s = time.perf_counter() - start
    duration_s = result.track.n_frames / FPS
    return {
        "duration_s": duration_s,
        "size": list(result.size),
        "recognizer": result.recognition.recognizer,
        "stages_s": {name: round(result.timings_s[name], 2) for name in STAGES},
        "wall_s": round(wall_s, 2),
        "cpu_s": round(_cpu_s(), 2),
        "x_real_time": round(duration_s / wall_s, 2),
        "first_frame_s": round(moments[1], 2),
        "first_second_s": round(moments[FPS], 2),
        "peak_mb": round(peak.mb),
    }


def _memory(speech: str) -> Row:
    """Do everything but draw and encode, with words recognised by loudness, which is quickest."""
    from vortex_lp.pipeline import analyse, listen, make_motion
    from vortex_lp.request import Performance
    from vortex_lp.settings import load_settings

    settings = load_settings()
    performance = Performance(fps=FPS, recognizer="energy")
    with _Peak() as peak:
        heard = listen(Path(speech), settings=settings)
        analysis = analyse(heard, performance, settings=settings)
        track = make_motion(analysis.mouth, performance, settings=settings)
    return {"n_frames": track.n_frames, "peak_mb": round(peak.mb), "cpu_s": round(_cpu_s(), 1)}


def _drawing(speech: str) -> Row:
    """Draw the frames of a recording with the mesh renderer, and encode nothing."""
    from vortex_lp.pipeline import analyse, listen, load_renderer, make_motion, prepare
    from vortex_lp.request import Performance
    from vortex_lp.settings import load_settings

    settings = load_settings()
    performance = Performance(fps=FPS)
    loaded = load_renderer("mesh", settings=settings)
    prepared = prepare(_astronaut(), loaded=loaded, framing="crop", settings=settings)
    heard = listen(Path(speech), settings=settings)
    track = make_motion(
        analyse(heard, performance, settings=settings).mouth, performance, settings=settings
    )
    next(prepared.render(track))
    return _per_frame(prepared.render(track))


def _naive() -> Row:
    """Draw as the textbooks do: every triangle by itself, with a mask of its own."""
    import cv2
    import numpy as np

    from vortex_lp.pipeline import load_renderer, prepare
    from vortex_lp.settings import load_settings

    settings = load_settings()
    loaded = load_renderer("mesh", settings=settings)
    prepared = prepare(_astronaut(), loaded=loaded, framing="crop", settings=settings)
    still = cv2.resize(cv2.imread(str(_astronaut())), prepared.size)
    width, height = prepared.size
    edge = [(x, y) for x in (0, width // 2, width - 1) for y in (0, height // 2, height - 1)]
    inside = prepared.face.landmarks[:, :2].clip(1, width - 2)
    points = np.vstack([inside, [point for point in edge if point != (width // 2, height // 2)]])
    points = np.unique(points.round().astype(np.float32), axis=0)
    division = cv2.Subdiv2D((0, 0, width, height))
    for point in points:
        division.insert((float(point[0]), float(point[1])))
    index = {tuple(point): number for number, point in enumerate(points)}
    corners = division.getTriangleList().reshape(-1, 3, 2).astype(np.float32)
    triangles = [
        [index[tuple(corner)] for corner in triangle]
        for triangle in corners
        if all(tuple(corner) in index for corner in triangle)
    ]

    def frames() -> Iterator[Any]:
        for number in range(N_NAIVE_FRAMES):
            moved = points.copy()
            lower = points[:, 1] > 0.6 * height
            moved[lower, 1] += 6 * np.sin(number / 3)
            frame = still.copy()
            for triangle in triangles:
                _warp_triangle(cv2, still, frame, points[triangle], moved[triangle])
            yield frame

    return _per_frame(frames()) | {"n_triangles": len(triangles)}


def _warp_triangle(cv2: Any, still: Any, frame: Any, source: Any, target: Any) -> None:
    import numpy as np

    left, top, width, height = cv2.boundingRect(source)
    x, y, wide, high = cv2.boundingRect(target)
    x, y = max(x, 0), max(y, 0)
    wide, high = min(wide, frame.shape[1] - x), min(high, frame.shape[0] - y)
    if min(wide, high, width, height) <= 0:
        return
    corner, place = np.float32([left, top]), np.float32([x, y])
    matrix = cv2.getAffineTransform(source - corner, target - place)
    piece = still[top : top + height, left : left + width]
    warped = cv2.warpAffine(
        piece, matrix, (wide, high), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    mask = np.zeros((high, wide, 3), np.float32)
    cv2.fillConvexPoly(mask, np.int32(target - place), (1.0, 1.0, 1.0), cv2.LINE_AA)
    part = frame[y : y + high, x : x + wide]
    frame[y : y + high, x : x + wide] = part * (1 - mask) + warped * mask


def _plain() -> Row:
    """Draw with the published graph as it is published, on the CPU, in float32."""
    import torch

    from benchmarks.liveportrait_latency import make_networks
    from vortex_lp.render.liveportrait.sizes import RELEASED

    networks = make_networks(RELEASED)
    px = RELEASED.picture_px
    random = torch.Generator().manual_seed(1)
    with torch.inference_mode():
        volume = networks.appearance(torch.rand(1, 3, px // 2, px // 2, generator=random))
        source = 0.2 * torch.randn(1, 21, 3, generator=random)

        def frames() -> Iterator[Any]:
            for _ in range(N_PLAIN_FRAMES):
                driven = source + 0.02 * torch.randn(1, 21, 3, generator=random)
                warped = networks.warping(volume, driven=driven, source=source)
                yield networks.generator(warped.features)

        return _per_frame(frames()) | {"n_threads": torch.get_num_threads()}


CHILDREN: dict[str, Callable[..., Row]] = {
    "video": _video,
    "memory": _memory,
    "drawing": _drawing,
    "naive": _naive,
    "plain": _plain,
}


def _per_frame(frames: Iterator[Any]) -> Row:
    start, cpu = time.perf_counter(), time.process_time()
    n_frames = sum(1 for _ in frames)
    wall_s, cpu_s = time.perf_counter() - start, time.process_time() - cpu
    return {
        "n_frames": n_frames,
        "frame_wall_ms": round(1000 * wall_s / n_frames, 2),
        "frame_cpu_ms": round(1000 * cpu_s / n_frames, 2),
    }


def _cpu_s() -> float:
    """Return the processor time of this process and of those it has waited for [s]."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


class _Peak:
    """The most anonymous memory of this process, looked at every 20 ms."""

    mb = 0.0

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            status = Path("/proc/self/status").read_text()
            line = next(row for row in status.splitlines() if row.startswith("RssAnon"))
            self.mb = max(self.mb, int(line.split()[1]) / 1000)

    def __enter__(self) -> "_Peak":
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *trouble: object) -> None:
        self._over.set()
        self._thread.join()


# --- what goes in -------------------------------------------------------------------------------


def _astronaut() -> Path:
    return ROOT / "assets" / "astronaut.jpg"


def _portrait(folder: Path, *, framing: str) -> Path:
    """Return a portrait, for ``"full"`` in a picture of 1920 x 1080."""
    from PIL import Image, ImageFilter

    if framing != "full":
        return _astronaut()
    file = folder / "wide.png"
    with Image.open(_astronaut()) as picture:
        sharp = picture.convert("RGB").resize((1080, 1080), Image.Resampling.LANCZOS)
    wide = sharp.resize((1920, 1080)).filter(ImageFilter.GaussianBlur(24))
    wide.paste(sharp, (420, 0))
    wide.save(file)
    return file


def _speech(folder: Path, *, duration_s: float) -> Path:
    """Return the sample recordings, one after the other, until `duration_s` is full."""
    import wave

    file = folder / f"{duration_s:g}.wav"
    n_left = None
    with wave.open(str(file), "wb") as sink:
        while n_left is None or n_left > 0:
            for name in SAMPLES:
                with wave.open(str(ROOT / "assets" / name)) as sample:
                    if n_left is None:
                        sink.setparams(sample.getparams())
                        n_left = round(duration_s * sample.getframerate())
                    sink.writeframes(sample.readframes(max(n_left, 0)))
                    n_left -= sample.getnframes()
    return file


def _machine(note: str) -> Row:
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    command = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return {
        "cpu": names[0] if names else platform.processor(),
        "n_cores": os.cpu_count(),
        "python": platform.python_version(),
        "commit": done.stdout.strip() or "unknown",
        "load": [round(load, 1) for load in os.getloadavg()],
        "note": note,
    }


# --- the page -----------------------------------------------------------------------------------


def _write_page(page: Path, results: Row) -> None:
    """Put the tables between the page's marks."""
    tables = {
        "machine": _machine_line(results),
        "videos": _video_table(results.get("videos", {})),
        "peers": _peer_table(results.get("peers", {})),
        "memory": _memory_table(results),
    }
    text = page.read_text("utf-8")
    for name, table in tables.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        with contextlib.suppress(ValueError):
            before, after = text.index(begin) + len(begin), text.index(end)
            text = f"{text[:before]}\n{table}\n{text[after:]}"
    page.write_text(text, "utf-8")
    print(f"wrote {page}")


def _machine_line(results: Row) -> str:
    machine = results["machine"]
    load = machine["load"][0]
    note = f" {machine['note']}" if machine["note"] else ""
    return (
        f"{machine['cpu']}, {machine['n_cores']} cores, Python {machine['python']}, commit "
        f"{machine['commit']}; load when the measurement began: {load}.{note}"
    )


def _video_table(videos: Row) -> str:
    head = ["video", *STAGES, "all [s]", "× real time", "first frame", "first second", "CPU [s]"]
    lines = [_line([*head, "peak [MB]"]), _line(["---", *["---:"] * (len(head))])]
    for framing in ("crop", "full"):
        for duration in (5, 45, 600):
            row = videos.get(f"{framing} {duration}")
            size = "512 × 512" if framing == "crop" else "1920 × 1080"
            name = f"{duration} s, {size}"
            if row is None:
                lines.append(_line([name, *["not measured"] * len(head)]))
                continue
            stages = [f"{row['stages_s'][stage]:.2f}" for stage in STAGES]
            rest = ("wall_s", "x_real_time", "first_frame_s", "first_second_s", "cpu_s", "peak_mb")
            lines.append(_line([name, *stages, *(str(row[key]) for key in rest)]))
    lines.append(_line(["any, LivePortrait on a GPU", *["not measured"] * len(head)]))
    return "\n".join(lines)


def _peer_table(peers: Row) -> str:
    if not peers:
        return "not measured"
    names = {
        "mesh": "mesh renderer",
        "naive": "textbook OpenCV mesh loop",
        "plain": "published LivePortrait graph, CPU, float32",
    }
    ours = peers["mesh"]["frame_cpu_ms"]
    lines = [_line(["512 × 512, drawing only", "CPU ms a frame", "frames/s a core", "ratio"])]
    lines.append(_line(["---", "---:", "---:", "---:"]))
    for key, name in names.items():
        cost = peers[key]["frame_cpu_ms"]
        rate = 1000 / cost
        lines.append(
            _line([name, f"{cost:.1f}", f"{rate:.{0 if rate > 10 else 2}f}", f"{cost / ours:.1f}"])
        )
    return "\n".join(lines)


def _memory_table(results: Row) -> str:
    lines = [_line(["recording", "whole, peak [MB]", "without drawing and encoding, peak [MB]"])]
    lines.append(_line(["---", "---:", "---:"]))
    for duration in (5, 10, 45, 600, 3600):
        whole = results.get("videos", {}).get(f"crop {duration}")
        part = results.get("memory", {}).get(str(duration))
        if whole or part:
            cells = [str(row["peak_mb"]) if row else "not measured" for row in (whole, part)]
            lines.append(_line([f"{duration} s", *cells]))
    return "\n".join(lines)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
