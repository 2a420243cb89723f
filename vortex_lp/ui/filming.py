"""What happens on the result side: a video that plays while it is made, and what is left of it."""

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from vortex_lp.errors import VortexError
from vortex_lp.pipeline import LIVE_FILE, LiveStep, Prepared, film_live, make_motion
from vortex_lp.settings import Settings
from vortex_lp.ui.engine import Engine
from vortex_lp.ui.exports import EXPORTS, Take, write_export
from vortex_lp.ui.form import Form
from vortex_lp.ui.handlers import TICK_S, length_text, shown, until_done
from vortex_lp.ui.sessions import Job, Session, Sessions, StoppedError
from vortex_lp.ui.status_line import StatusValue, sentence, status
from vortex_lp.ui.viseme_plot import plot_value
from vortex_lp.values import MotionTrack, Speech


@dataclass(frozen=True, slots=True)
class Screen:
    """What changes on the result side; None leaves a part as it is.

    Gradio's page may drop an update when the next answer comes at once, so what shows and hides
    is said in every answer, and a value that must arrive stands in the last one. During a run
    Generate is off and Cancel is on; `Filming.after_run` turns them back.
    """

    status: StatusValue
    """How things stand."""

    is_live: bool = False
    """Whether the live video is in the place of the finished one."""

    live: Any = None
    """The next piece of the live video."""

    final: Any = None
    """The finished video."""

    plot: Any = None
    """The viseme plot."""

    exports: Any = None
    """The menu of exports."""

    def row(self) -> list[Any]:
        """Return the changes in the order of `Page.screen`."""
        return [
            self.status,
            gr.update(visible=self.is_live),
            gr.update(visible=not self.is_live),
            gr.update(interactive=False),
            gr.update(interactive=True),
            *(
                gr.skip() if value is None else value
                for value in (self.live, self.final, self.plot, self.exports)
            ),
        ]


class Filming:
    """The events around one engine and everybody's sessions."""

    def __init__(self, settings: Settings, *, engine: Engine, sessions: Sessions) -> None:
        """Use `engine` for the work and `sessions` for what belongs to a visitor."""
        self.settings = settings
        self.engine = engine
        self.sessions = sessions

    def generate(self, request: gr.Request, *values: Any) -> Iterator[list[Any]]:
        """Make the video, playing it while it is made."""
        form = Form.of(values)
        session = self.sessions.of(request.session_hash)
        session.is_running = True
        problem = _missing(form)
        if problem is None:
            try:
                yield from self._film(session, form)
                session.is_running = False
                return
            except (StoppedError, CancelledError):
                problem = "Stopped: something else was chosen meanwhile. Press Generate again."
            except VortexError as error:
                problem = sentence(str(error))
        session.is_running = False
        yield Screen(status=status(problem, tone="error")).row()

    def after_run(self, request: gr.Request) -> list[Any]:
        """Let the next run begin; say that this one was cancelled where it did not end by itself.

        The page calls this once it is done with a run, however that ended. Before that it would
        ignore another click on Generate.
        """
        session = self.sessions.of(request.session_hash)
        stopped, session.is_running = session.is_running, False
        line = status("Cancelled.") if stopped else gr.skip()
        boxes = [gr.update(visible=False), gr.update(visible=True)] if stopped else [gr.skip()] * 2
        return [line, *boxes, gr.update(interactive=True), gr.update(interactive=False)]

    def export(self, kind: str, request: gr.Request) -> list[Any]:
        """Write the last video in another form: the file to download, and a word about it."""
        session = self.sessions.of(request.session_hash)
        take = session.last
        if not isinstance(take, Take):
            return [
                gr.update(visible=False),
                shown(status("Generate a video first.", tone="error")),
            ]
        if EXPORTS[kind].needs_sound and take.analysis is None:
            text = "This video came from a motion file, so there are no visemes to export."
            return [gr.update(visible=False), shown(status(text, tone="error"))]
        try:
            file = write_export(take, kind, session.new_folder(), settings=self.settings)
        except VortexError as error:
            return [gr.update(visible=False), shown(status(sentence(str(error)), tone="error"))]
        size_mb = file.stat().st_size / 1e6
        label = f"Download {file.name} ({size_mb:.1f} MB)"
        return [gr.update(value=str(file), label=label, visible=True), gr.update(visible=False)]

    def _film(self, session: Session, form: Form) -> Iterator[list[Any]]:
        """Yield screens from the click to the finished file."""
        start = time.perf_counter()
        performance = form.performance()
        assert form.portrait_file is not None
        ready_job = self.engine.prepared(
            session, form.portrait_file, renderer=form.renderer, framing=form.framing
        )
        script_job = self.engine.script(
            session, performance, audio=form.audio_file, motion=form.motion_file
        )
        yield Screen(status("Starting…", tone="busy", share=0.0)).row()
        yield from _waiting(ready_job, "Preparing the portrait")
        yield from _waiting(script_job, "Finding the sounds in the recording")
        ready, script = ready_job.future.result(), script_job.future.result()
        track = script.track or make_motion(
            script.analysis.mouth, performance, settings=self.settings
        )
        analysed_s = time.perf_counter() - start
        with contextlib.ExitStack() as held:
            while not self.engine.render_lock.acquire(timeout=TICK_S):
                yield Screen(status("Waiting for the renderer…", tone="busy")).row()
            held.callback(self.engine.render_lock.release)
            folder = session.new_folder()
            loaded = self.engine.renderer(form.renderer)
            yield from self._stream(
                ready, track, script.speech, folder, renderer=loaded.renderer.name
            )
        total_s = time.perf_counter() - start
        said = (*(script.analysis.notes if script.analysis else ()), ready.note)
        take = Take(
            video=folder / LIVE_FILE,
            form=form,
            analysis=script.analysis,
            track=track,
            renderer=loaded.renderer.name,
            badge=loaded.renderer.badge,
            size=ready.size,
            notes=tuple(note for note in said if note),
            timings_s={"before rendering": analysed_s, "total": total_s},
        )
        session.last = take
        yield Screen(
            _done(take, total_s),
            final=str(take.video),
            plot=plot_value(script.analysis.mouth) if script.analysis else {},
            exports=gr.update(visible=True),
        ).row()

    def _stream(
        self, ready: Prepared, track: MotionTrack, speech: Speech, folder: Path, *, renderer: str
    ) -> Iterator[list[Any]]:
        """Yield each playable piece, and how far the work is."""
        start = time.perf_counter()
        steps = film_live(
            ready,
            track,
            speech,
            folder,
            renderer=renderer,
            settings=self.settings,
            segment_s=self.settings.ui.segment_s,
        )
        with contextlib.closing(steps):  # type: ignore[type-var]
            for step in steps:
                line = _progress(step, time.perf_counter() - start, fps=float(track.fps))
                for segment in step.segments:
                    yield Screen(line, is_live=True, live=segment).row()
                if not step.segments:
                    yield Screen(line, is_live=True).row()


def _waiting(job: Job, text: str) -> Iterator[list[Any]]:
    for share in until_done(job):
        yield Screen(status(f"{text}…", tone="busy", share=share)).row()


def _missing(form: Form) -> str | None:
    if form.portrait_file is None:
        return "Add a portrait first: upload one, take a picture, or choose a sample."
    if form.audio_file is None and form.motion_file is None:
        return "Add a recording first: upload one, speak, or choose a sample."
    return None


def _progress(step: LiveStep, spent_s: float, *, fps: float) -> StatusValue:
    speed = step.n_done / max(spent_s, 1e-6)
    left_s = (step.n_frames - step.n_done) / max(speed, 1e-6)
    detail = (
        f"{step.n_done:,} of {step.n_frames:,} frames · {speed:.0f} frames/s"
        f" ({speed / fps:.1f}× real time) · {length_text(left_s)} left"
    )
    share = step.n_done / step.n_frames
    return status("Rendering", tone="busy", detail=detail, share=share)


def _done(take: Take, total_s: float) -> StatusValue:
    duration_s = take.track.n_frames / float(take.track.fps)
    notes = " ".join(map(sentence, take.notes))
    made = f"{length_text(duration_s)} of video in {length_text(total_s)}, {take.badge}."
    detail = f"{made} {notes}".strip()
    return status("Finished", tone="warn" if notes else "ok", detail=detail)
