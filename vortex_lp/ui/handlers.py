"""What happens on the page: plain functions, each called by one event.

Only here and in ``cli.py`` are `VortexError`s caught: their message is the sentence that is shown.
"""

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from vortex_lp.errors import VortexError
from vortex_lp.pipeline import LIVE_FILE, LiveStep, Prepared, film_live, make_motion
from vortex_lp.request import Analysis, Performance
from vortex_lp.settings import Settings
from vortex_lp.timebase import seconds
from vortex_lp.ui.engine import Engine, Voice, pauses, waveform
from vortex_lp.ui.form import Form, bands
from vortex_lp.ui.sessions import Job, Session, Sessions, StoppedError
from vortex_lp.ui.status_line import StatusValue, Tone, status
from vortex_lp.ui.timeline import TimelineValue, clean_timeline, empty_timeline, timeline_clips
from vortex_lp.ui.viseme_plot import phone_labels, plot_value
from vortex_lp.values import SILENCE, MotionTrack

TICK_S = 0.2
"""How often a handler gives Gradio the chance to stop it [s]."""

NO_PORTRAIT = status("Add a portrait: a photograph, a painting or a drawing of one face.")
NO_VOICE = status("Add a recording, or speak into the microphone.")
FINDING = "Finding the sounds in it…"
READY = status("Add a portrait and a recording, then press Generate.")


@dataclass(frozen=True, slots=True)
class Take:
    """One finished video and everything that can be exported with it."""

    video: Path
    """The MP4."""

    form: Form
    """What was asked for."""

    analysis: Analysis
    """What was heard."""

    track: MotionTrack
    """What the portrait did."""

    renderer: str
    """``"mesh"`` or ``"liveportrait"``."""

    badge: str
    """What ran where."""

    size: tuple[int, int]
    """Width and height [px]."""

    notes: tuple[str, ...]
    """Sentences for the user."""

    timings_s: dict[str, float]
    """Wall time from the click [s]: waiting for the analysis, until the first piece, in all."""


@dataclass(frozen=True, slots=True)
class Screen:
    """What changes on the result side; None leaves a part as it is.

    Gradio's page may drop an update when the next answer comes at once, so what shows and hides
    is said in every answer, and a value that must arrive stands in the last one.
    """

    status: StatusValue
    """How things stand."""

    is_busy: bool = True
    """Whether a video is being made, so that it can be cancelled but not started again."""

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
            gr.update(interactive=not self.is_busy),
            gr.update(interactive=self.is_busy),
            *(
                gr.skip() if value is None else value
                for value in (self.live, self.final, self.plot, self.exports)
            ),
        ]


class Handlers:
    """The events of the page, around one engine and everybody's sessions."""

    def __init__(self, settings: Settings, *, engine: Engine, sessions: Sessions) -> None:
        """Use `engine` for the work and `sessions` for what belongs to a visitor."""
        self.settings = settings
        self.engine = engine
        self.sessions = sessions

    def badge(self, renderer: str) -> StatusValue:
        """Say what `renderer` means on this machine, why, and what would be better."""
        try:
            loaded = self.engine.renderer(renderer)
        except VortexError as error:
            return status("This renderer is not available here", tone="error", detail=str(error))
        if loaded.renderer.name == "mesh":
            why = f"LivePortrait is not used: {loaded.reason}." if loaded.reason else ""
            return status(f"{loaded.renderer.badge}, preview quality", detail=why)
        return status(loaded.renderer.badge, tone="ok")

    def check_portrait(self, portrait: str | None, request: gr.Request) -> Iterator[StatusValue]:
        """Say at once whether the picture can be used, and what would be better."""
        if not portrait:
            yield NO_PORTRAIT
            return
        session = self.sessions.of(request.session_hash)
        job = self.engine.check(session, Path(portrait))
        yield status("Looking for the face…", tone="busy")
        try:
            yield from (gr.skip() for _ in until_done(job))
            found = job.future.result()
        except (StoppedError, CancelledError):
            return
        except VortexError as error:
            yield status(sentence(error), tone="error")
            return
        first, *rest = [text[:1].upper() + text[1:] for text in found.sentences]
        tone: Tone = "ok" if found.is_usable else "error"
        yield status(first, tone=tone, detail=". ".join(rest))

    def listen(self, audio: str | None, timeline: TimelineValue, request: gr.Request) -> list[Any]:
        """Show the waveform: voice status, timeline, plot."""
        if not audio:
            return [NO_VOICE, _no_recording(), {}]
        job = self.engine.speech(self.sessions.of(request.session_hash), Path(audio))
        try:
            speech = job.future.result()
        except (StoppedError, CancelledError):
            return [gr.skip()] * 3
        except VortexError as error:
            return [status(sentence(error), tone="error"), _no_recording(), {}]
        duration_s = seconds(speech.n_samples)
        looks = self.settings.ui
        fitted = clean_timeline(
            {**timeline, "duration_s": duration_s}, presets=self.settings.presets
        )
        peaks = waveform(speech, peaks_hz=looks.peaks_hz, max_peaks=looks.max_peaks)
        return [
            status(f"{_length(duration_s)}. {FINDING}", tone="busy"),
            gr.update(value=fitted, peaks=peaks, phones=[], pauses=[]),
            {},
        ]

    def recognise(
        self,
        audio: str | None,
        transcript: str | None,
        recognizer: str,
        fps: float,
        request: gr.Request,
    ) -> Iterator[list[Any]]:
        """Show the sounds in the recording: voice status, timeline, plot.

        Gradio's page may drop what is not in the last of several answers that arrive together, so
        everything but the status comes with the last one.
        """
        if not audio:
            return
        session = self.sessions.of(request.session_hash)
        wish = Performance(
            recognizer=recognizer, transcript=(transcript or "").strip() or None, fps=fps
        )
        job = self.engine.analysis(session, Voice(Path(audio), wish))
        try:
            for share in until_done(job):
                yield [status(FINDING, tone="busy", share=share), gr.skip(), gr.skip()]
            analysis = job.future.result()
        except (StoppedError, CancelledError):
            return
        except VortexError as error:
            yield [status(sentence(error), tone="error"), gr.skip(), gr.skip()]
            return
        yield [
            _heard(analysis),
            gr.update(phones=phone_labels(analysis.mouth.spans), pauses=pauses(analysis)),
            plot_value(analysis.mouth),
        ]

    def show_clips(self, timeline: TimelineValue) -> Any:
        """Draw the clips behind the curves of the plot."""
        return gr.update(bands=bands(timeline_clips(timeline), settings=self.settings))

    def preview(self, request: gr.Request, *values: Any) -> Iterator[Any]:
        """Render one frame: the chosen clip at its middle, or else the base expression."""
        form = Form.of(values)
        if form.portrait_file is None:
            yield None
            return
        session = self.sessions.of(request.session_hash)
        job = self.engine.prepared(
            session, form.portrait_file, renderer=form.renderer, framing=form.framing
        )
        try:
            yield from (gr.skip() for _ in until_done(job))
            moment, wish = _preview_moment(form)
            yield self.engine.still(job.future.result(), wish, time_s=moment)
        except (StoppedError, CancelledError):
            return
        except VortexError:
            # The line under the portrait says what is wrong with it.
            yield None

    def estimate(self, request: gr.Request, *values: Any) -> Any:
        """Say how long the video will take, from the speed that was measured on this machine."""
        form = Form.of(values)
        session = self.sessions.of(request.session_hash)
        if form.portrait_file is None or form.audio_file is None:
            return READY
        job = self.engine.prepared(
            session, form.portrait_file, renderer=form.renderer, framing=form.framing
        )
        heard = self.engine.speech(session, form.audio_file)
        try:
            job.future.result()
            duration_s = seconds(heard.future.result().n_samples)
            name = self.engine.renderer(form.renderer).renderer.name
        except (StoppedError, CancelledError, VortexError):
            return READY
        speed = self.engine.frames_per_s[name]
        work_s = duration_s * form.fps / speed
        return status(
            "Ready to generate",
            detail=f"about {_length(max(1.0, work_s))} for a video of {_length(duration_s)}",
        )

    def generate(self, request: gr.Request, *values: Any) -> Iterator[list[Any]]:
        """Make the video, playing it while it is made."""
        form = Form.of(values)
        session = self.sessions.of(request.session_hash)
        problem = _missing(form)
        if problem is None:
            try:
                yield from self._film(session, form)
                return
            except (StoppedError, CancelledError):
                problem = "Stopped: something else was chosen meanwhile. Press Generate again."
            except VortexError as error:
                problem = sentence(error)
        yield Screen(status=status(problem, tone="error"), is_busy=False).row()

    def cancelled(self) -> list[Any]:
        """Say that the work was stopped; Gradio closes the generator itself."""
        return Screen(status=status("Cancelled."), is_busy=False).row()

    def leave(self, request: gr.Request) -> None:
        """Forget a visitor whose tab was closed."""
        self.sessions.close(request.session_hash)

    def _film(self, session: Session, form: Form) -> Iterator[list[Any]]:
        """Yield screens from the click to the finished file."""
        start = time.perf_counter()
        performance = form.performance()
        assert form.portrait_file is not None
        assert form.audio_file is not None
        ready_job = self.engine.prepared(
            session, form.portrait_file, renderer=form.renderer, framing=form.framing
        )
        heard_job = self.engine.analysis(session, Voice(form.audio_file, performance))
        yield Screen(status("Starting…", tone="busy", share=0.0)).row()
        yield from _waiting(ready_job, "Preparing the portrait")
        yield from _waiting(heard_job, "Finding the sounds in the recording")
        ready, analysis = ready_job.future.result(), heard_job.future.result()
        track = make_motion(analysis.mouth, performance, settings=self.settings)
        analysed_s = time.perf_counter() - start
        with contextlib.ExitStack() as held:
            while not self.engine.render_lock.acquire(timeout=TICK_S):
                yield Screen(status("Waiting for the renderer…", tone="busy")).row()
            held.callback(self.engine.render_lock.release)
            folder = session.new_folder()
            yield from self._stream(ready, track, analysis, folder)
        loaded = self.engine.renderer(form.renderer)
        total_s = time.perf_counter() - start
        take = Take(
            video=folder / LIVE_FILE,
            form=form,
            analysis=analysis,
            track=track,
            renderer=loaded.renderer.name,
            badge=loaded.renderer.badge,
            size=ready.size,
            notes=tuple(note for note in (*analysis.notes, ready.note) if note),
            timings_s={"before rendering": analysed_s, "total": total_s},
        )
        session.last = take
        yield Screen(
            _done(take, total_s),
            is_busy=False,
            final=str(take.video),
            plot=plot_value(analysis.mouth),
            exports=gr.update(visible=True),
        ).row()

    def _stream(
        self, ready: Prepared, track: MotionTrack, analysis: Analysis, folder: Path
    ) -> Iterator[list[Any]]:
        """Yield each playable piece, and how far the work is."""
        start = time.perf_counter()
        steps = film_live(
            ready,
            track,
            analysis.speech,
            folder,
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


def until_done(job: Job) -> Iterator[float]:
    """Yield the share that is done, again and again until the job has ended in some way."""
    while not wait([job.future], timeout=TICK_S).done:
        yield job.share


def sentence(error: VortexError) -> str:
    """Return the error's message as a sentence."""
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


def _waiting(job: Job, text: str) -> Iterator[list[Any]]:
    for share in until_done(job):
        yield Screen(status(f"{text}…", tone="busy", share=share)).row()


def _missing(form: Form) -> str | None:
    if form.portrait_file is None:
        return "Add a portrait first: upload one, take a picture, or choose a sample."
    if form.audio_file is None:
        return "Add a recording first: upload one, speak, or choose a sample."
    return None


def _no_recording() -> Any:
    return gr.update(value=empty_timeline(), peaks=[], phones=[], pauses=[])


def _preview_moment(form: Form) -> tuple[float, Performance]:
    """Return when to look, and at what: without blinks, which would only hide the eyes."""
    wish = form.performance()
    assert wish.motion is not None
    wish = replace(wish, motion=replace(wish.motion, blink_rate=0.0))
    chosen = form.timeline["selected"]
    for clip in form.timeline["clips"]:
        if clip["id"] == chosen:
            return (clip["start_s"] + clip["stop_s"]) / 2, wish
    return 0.0, replace(wish, timeline=())


def _length(duration_s: float) -> str:
    if duration_s < 60:
        return f"{duration_s:.1f} s"
    minutes, rest = divmod(round(duration_s), 60)
    return f"{minutes} min {rest:02d} s"


def _heard(analysis: Analysis) -> StatusValue:
    length = _length(seconds(analysis.speech.n_samples))
    n_sounds = sum(1 for span in analysis.recognition.spans if span.phone != SILENCE)
    notes = ". ".join(note[:1].upper() + note[1:] for note in analysis.notes)
    found = f"{length}, {n_sounds} sounds found"
    return status(found, tone="warn" if notes else "ok", detail=notes)


def _progress(step: LiveStep, spent_s: float, *, fps: float) -> StatusValue:
    speed = step.n_done / max(spent_s, 1e-6)
    left_s = (step.n_frames - step.n_done) / max(speed, 1e-6)
    detail = (
        f"{step.n_done:,} of {step.n_frames:,} frames · {speed:.0f} frames/s"
        f" ({speed / fps:.1f}× real time) · {_length(left_s)} left"
    )
    share = step.n_done / step.n_frames
    return status("Rendering", tone="busy", detail=detail, share=share)


def _done(take: Take, total_s: float) -> StatusValue:
    duration_s = take.track.n_frames / float(take.track.fps)
    notes = " ".join(f"{note[:1].upper()}{note[1:]}." for note in take.notes)
    detail = f"{_length(duration_s)} of video in {_length(total_s)}, {take.badge}. {notes}".strip()
    return status("Finished", tone="warn" if notes else "ok", detail=detail)
