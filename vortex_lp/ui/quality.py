"""What the finished video really does: measured, held against what was asked, packed for a bug."""

import json
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from vortex_lp.errors import VortexError
from vortex_lp.exports import report_video
from vortex_lp.report.reader import iter_frames
from vortex_lp.report.sync import SyncReport
from vortex_lp.settings import Settings
from vortex_lp.ui.exports import Take, manifest
from vortex_lp.ui.handlers import until_done
from vortex_lp.ui.sessions import Job, Sessions, StoppedError
from vortex_lp.ui.status_line import Tone, sentence, status
from vortex_lp.ui.viseme_plot import plot_value

SHEET_COLUMNS, SHEET_ROWS, SHEET_PX = 6, 2, 160
_WORDS = {"pass": "good", "warn": "fair", "fail": "poor", "could not measure": "not measured"}
_TONES: dict[str, Tone] = {"pass": "ok", "warn": "warn", "fail": "error"}


class Quality:
    """The events of the quality part."""

    def __init__(self, settings: Settings, *, sessions: Sessions) -> None:
        """Look at what is in `sessions`."""
        self.settings = settings
        self.sessions = sessions
        self._lock = threading.Lock()

    def check(self, request: gr.Request) -> Iterator[list[Any]]:
        """Measure the last video: a word, the findings, frames of it, the plot, a zip."""
        session = self.sessions.of(request.session_hash)
        take, nothing = session.last, [gr.skip()] * 4
        if not isinstance(take, Take):
            yield [status("Generate a video first.", tone="error"), *nothing]
            return
        job = session.once("report", take.video, lambda job: self._measure(take, job))
        try:
            for share in until_done(job):
                yield [status("Measuring the video…", tone="busy", share=share), *nothing]
            report = job.future.result()
            sheet = contact_sheet(take)
            packed = _pack(take, report, sheet, session.new_folder())
        except (StoppedError, CancelledError):
            return
        except VortexError as error:
            yield [status(sentence(str(error)), tone="error"), *nothing]
            return
        said = f"Overall: {_WORDS[report.status]}"
        detail = f"held against {report.held_against}, {report.n_frames} frames"
        yield [
            status(said, tone=_TONES.get(report.status, "idle"), detail=detail),
            findings_table(report),
            sheet,
            _with_measured(take, report),
            gr.update(value=str(packed), visible=True),
        ]

    def _measure(self, take: Take, job: Job) -> SyncReport:
        mouth = take.analysis.mouth if take.analysis else None
        # One at a time: it uses a whole core.
        with self._lock:
            return report_video(
                take.video,
                settings=self.settings,
                track=take.track,
                mouth=mouth,
                on_frame=lambda n_done, n_frames: job.report(n_done / max(n_frames, 1)),
            )


def findings_table(report: SyncReport) -> str:
    """Return the findings as a Markdown table; they hold no text of a visitor."""
    lines = ["| Finding | Verdict | Measured | Why |", "|---|---|---|---|"]
    for metric in report.metrics:
        value = "–" if metric.value is None else f"{metric.value:.3g}"
        name = metric.name.replace("_", " ")
        lines.append(f"| {name} | {_WORDS[metric.status]} | {value} | {metric.why} |")
    return "\n".join(lines)


def contact_sheet(take: Take) -> Any:
    """Return evenly spaced frames of the video on one picture, (H, W, 3) uint8 RGB."""
    wanted = np.linspace(0, take.track.n_frames - 1, SHEET_COLUMNS * SHEET_ROWS).round().astype(int)
    sheet = Image.new("RGB", (SHEET_COLUMNS * SHEET_PX, SHEET_ROWS * SHEET_PX))
    places = {int(number): place for place, number in enumerate(wanted)}
    for number, frame in enumerate(iter_frames(take.video)):
        if number in places:
            picture = Image.fromarray(frame)
            picture.thumbnail((SHEET_PX, SHEET_PX))
            row, column = divmod(places[number], SHEET_COLUMNS)
            sheet.paste(picture, (column * SHEET_PX, row * SHEET_PX))
    return np.asarray(sheet)


def _with_measured(take: Take, report: SyncReport) -> Any:
    """Return the plot with the lips as measured, on the scale of the lips that were wanted."""
    if take.analysis is None or report.curves is None:
        return gr.skip()
    top = float(np.nanmax(report.curves.wanted, initial=0.0))
    measured = np.clip(report.curves.measured / top, 0, 1) if top > 0 else None
    wanted = np.clip(report.curves.wanted / top, 0, 1) if top > 0 else None
    return plot_value(take.analysis.mouth, measured=measured, wanted=wanted)


def _pack(take: Take, report: SyncReport, sheet: Any, folder: Path) -> Path:
    """Return a zip with everything that a report of a fault should have; no voice, no portrait."""
    file = folder / f"{take.name}_quality.zip"
    picture = folder / "frames.jpg"
    Image.fromarray(sheet).save(picture, quality=88)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("report.json", report.to_json())
        archive.writestr("report.txt", report.summary() + "\n")
        archive.writestr("settings.json", json.dumps(manifest(take), indent=2, ensure_ascii=False))
        archive.write(picture, "frames.jpg")
    return file
