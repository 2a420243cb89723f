"""Every portrait says every recording, and the finished videos are measured: does each lip meet?

    python -m benchmarks.portrait_matrix [--portraits FILE…] [--recordings FILE…] [--seconds 8]
        [--renderer mesh] [--keep FOLDER] [--output FILE]

Without arguments these are the team's reference portraits and three of its recordings where they
lie beside the checkout, else the samples in assets/. Each video goes through the whole pipeline and
through H.264; MediaPipe then measures the file, as ``vortex-lp report`` does.
"""

import argparse
import json
import platform
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vortex_lp.errors import VortexError
from vortex_lp.pipeline import animate
from vortex_lp.render.registry import LoadedRenderer, load_renderer
from vortex_lp.report.measure import measure_video
from vortex_lp.report.sync import SyncReport, make_report
from vortex_lp.request import Performance, Request
from vortex_lp.settings import load_settings

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "portrait_matrix.json"
SHARED = ROOT.parent / "shared"
RECORDINGS = ("RD_Radio31_000.wav", "RD_Radio34_002.wav", "joyvasa_001.wav")
NOBODY = ("dog_no_human_face",)
"""Reference pictures of nobody."""

HARD = ("einstein", "glasses_moustache", "terracotta_statue")
"""A moustache hides the upper lip and a statue has none of its own colour: less is asked there."""

WANTED_CORRELATION, WANTED_CORRELATION_HARD = 0.93, 0.85
GOALS = {"closure_recall": 0.9, "phones_on_time": 0.95, "blinks_seen": 1.0, "silence_shut": 0.95}
WANTED_LAG = 0.5
COLUMNS = (
    ("lag_frames", "lag", "+.2f"),
    ("correlation", "corr", ".3f"),
    ("phones_on_time", "on time", ".0%"),
    ("closure_recall", "PBM shut", ".0%"),
    ("tuck_recall", "FV tuck", ".0%"),
    ("silence_shut", "silence", ".0%"),
    ("blinks_seen", "blinks", ".0%"),
    ("mouth_range", "opens", ".0%"),
    ("head_jitter_deg", "jitter°", ".2f"),
    ("face_shake_share", "shake", ".2%"),
    ("still_psnr_db", "still dB", ".1f"),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One portrait with one recording."""

    portrait: str
    """The portrait's name."""

    recording: str
    """The recording's name."""

    report: SyncReport | None
    """What was measured; None where no video came out."""

    error: str | None
    """Why none came out."""

    seconds: tuple[float, float]
    """How long making the video and measuring it took [s]."""

    @property
    def wanted_correlation(self) -> float:
        """What the lips' correlation should reach on this face."""
        return WANTED_CORRELATION_HARD if self.portrait in HARD else WANTED_CORRELATION

    def misses(self) -> list[str]:
        """Return what falls short of the goals, a phrase each."""
        if self.report is None:
            return [self.error or "no video"]
        missed = []
        lag = self.report.metric("lag_frames").value
        if lag is None or abs(lag) > WANTED_LAG:
            missed.append(f"lag {lag}")
        likeness = self.report.metric("correlation").value or 0.0
        if likeness < self.wanted_correlation:
            missed.append(f"correlation {likeness:.3f} < {self.wanted_correlation}")
        for name, goal in GOALS.items():
            names = {metric.name: metric for metric in self.report.metrics}
            value = names[name].value if name in names else None
            if value is not None and value < goal:
                missed.append(f"{name}: {names[name].why}")
        return missed


def main() -> None:
    """Make and measure every video, print the table and keep the figures."""
    options = _arguments()
    settings = load_settings()
    renderer = load_renderer(options.renderer, settings=settings)
    cells: list[Cell] = []
    _print_head(renderer.renderer.badge, options.seconds)
    with tempfile.TemporaryDirectory(prefix="vortex-lp-matrix-") as folder:
        for portrait in options.portraits:
            for recording in options.recordings:
                name = f"{portrait.stem}-{recording.stem}.mp4"
                cell = _film_and_measure(
                    portrait,
                    recording,
                    output=(options.keep or Path(folder)) / name,
                    seconds=options.seconds,
                    renderer=renderer,
                )
                cells.append(cell)
                _print_row(cell)
    _print_end(cells)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    figures = _figures(cells, badge=renderer.renderer.badge, seconds=options.seconds)
    options.output.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"\nkept in {options.output}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--portraits", nargs="+", type=Path, default=_portraits())
    parser.add_argument("--recordings", nargs="+", type=Path, default=_recordings())
    parser.add_argument("--seconds", type=float, default=8.0, help="of each recording")
    parser.add_argument("--renderer", default="mesh")
    parser.add_argument("--keep", type=Path, help="a folder for the videos")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    return options


def _portraits() -> list[Path]:
    folder = SHARED / "portraits" if SHARED.is_dir() else ROOT / "assets"
    pictures = sorted(file for file in folder.iterdir() if file.suffix in (".jpg", ".png"))
    return [picture for picture in pictures if picture.stem not in NOBODY]


def _recordings() -> list[Path]:
    if SHARED.is_dir():
        return [SHARED / "speech" / name for name in RECORDINGS]
    return sorted((ROOT / "assets").glob("*.wav"))


def _film_and_measure(
    portrait: Path, recording: Path, *, output: Path, seconds: float, renderer: LoadedRenderer
) -> Cell:
    start = time.perf_counter()
    settings = load_settings()
    request = Request(
        portrait=portrait,
        audio=recording,
        output=output,
        performance=Performance(duration_s=seconds),
    )
    try:
        made = animate(request, settings=settings, renderer=renderer)
        filmed = time.perf_counter()
        measured = measure_video(made.path)
        report = make_report(measured, track=made.track, mouth=made.mouth, settings=settings.report)
    except VortexError as error:
        spent = (time.perf_counter() - start, 0.0)
        return Cell(portrait.stem, recording.stem, report=None, error=str(error), seconds=spent)
    spent = (filmed - start, time.perf_counter() - filmed)
    return Cell(portrait.stem, recording.stem, report=report, error=None, seconds=spent)


def _print_head(badge: str, seconds: float) -> None:
    print(f"{badge}, {seconds:g} s of each recording, measured through H.264")
    labels = " ".join(f"{label:>8}" for _, label, _ in COLUMNS)
    print(f"{'portrait':28}{'recording':16}{labels}  report  goals")


def _print_row(cell: Cell) -> None:
    if cell.report is None:
        print(f"{cell.portrait:28}{cell.recording:16}{cell.error}", flush=True)
        return
    found = {metric.name: metric.value for metric in cell.report.metrics}
    values = [
        f"{'-' if found.get(name) is None else format(found[name], form):>8}"
        for name, _, form in COLUMNS
    ]
    verdict = f"  {cell.report.status:6}  {'met' if not cell.misses() else 'MISSED'}"
    print(f"{cell.portrait:28}{cell.recording:16}{' '.join(values)}{verdict}", flush=True)


def _print_end(cells: list[Cell]) -> None:
    met = sum(not cell.misses() for cell in cells)
    print(f"\n{met} of {len(cells)} videos meet every goal: lag within {WANTED_LAG} frame, ")
    print(f"correlation {WANTED_CORRELATION} ({WANTED_CORRELATION_HARD} on {', '.join(HARD)}),")
    print(", ".join(f"{name} {goal:.0%}" for name, goal in GOALS.items()))
    for cell in cells:
        for missed in cell.misses():
            print(f"  {cell.portrait} with {cell.recording}: {missed}")
    faults = [
        (cell, metric)
        for cell in cells
        if cell.report is not None
        for metric in cell.report.faults()
    ]
    print("\nwhat the reports fail or warn about:" if faults else "\nno report warns")
    for cell, metric in faults:
        print(f"  {cell.portrait} with {cell.recording}: {metric.status}: {metric.why}")


def _figures(cells: list[Cell], *, badge: str, seconds: float) -> dict[str, Any]:
    done = [cell for cell in cells if cell.report is not None]
    return {
        "machine": f"{platform.machine()}, {platform.python_implementation()} "
        f"{platform.python_version()}",
        "commit": _commit(),
        "renderer": badge,
        "seconds": seconds,
        "goals": {
            "lag_frames": WANTED_LAG,
            "correlation": WANTED_CORRELATION,
            "correlation_hard": WANTED_CORRELATION_HARD,
            **GOALS,
        },
        "median": {
            name: statistics.median(values)
            for name, _, _ in COLUMNS
            if (values := [v for c in done if (v := _value(c, name)) is not None])
        },
        "videos": [
            {
                "portrait": cell.portrait,
                "recording": cell.recording,
                "misses": cell.misses(),
                "made_s": round(cell.seconds[0], 2),
                "measured_s": round(cell.seconds[1], 2),
                "metrics": _metrics(cell),
            }
            for cell in cells
        ],
    }


def _metrics(cell: Cell) -> dict[str, Any]:
    """Return the cell's findings: a value where it passes, and what was said where it does not."""
    if cell.report is None:
        return {}
    return {
        metric.name: round(metric.value or 0.0, 4)
        if metric.status == "pass"
        else f"{metric.status}: {metric.why}"
        for metric in cell.report.metrics
    }


def _value(cell: Cell, name: str) -> float | None:
    metrics = cell.report.metrics if cell.report else ()
    return next((metric.value for metric in metrics if metric.name == name), None)


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    main()
