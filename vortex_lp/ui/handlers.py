"""What happens on the input side of the page: plain functions, each called by one event.

Only the handlers and ``cli.py`` catch `VortexError`s: their message is the sentence that is shown.
"""

import json
from collections.abc import Iterator
from concurrent.futures import CancelledError, wait
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import gradio as gr

from vortex_lp.errors import VortexError
from vortex_lp.pipeline import (
    read_timeline,
)
from vortex_lp.request import Analysis, Performance
from vortex_lp.settings import Settings
from vortex_lp.timebase import seconds
from vortex_lp.ui.engine import Engine, Voice, pauses, waveform
from vortex_lp.ui.form import Form, bands
from vortex_lp.ui.sessions import Job, Sessions, StoppedError
from vortex_lp.ui.status_line import StatusValue, Tone, sentence, status
from vortex_lp.ui.timeline import (
    TimelineValue,
    clean_timeline,
    empty_timeline,
    timeline_clips,
    timeline_entries,
)
from vortex_lp.ui.viseme_plot import phone_labels, plot_value
from vortex_lp.values import SILENCE

TICK_S = 0.2
"""How often a handler gives Gradio the chance to stop it [s]."""

NO_PORTRAIT = status("Add a portrait: a photograph, a painting or a drawing of one face.")
NO_VOICE = status("Add a recording, or speak into the microphone.")
FINDING = "Finding the sounds in it…"
READY = status("Add a portrait and a recording, then press Generate.")


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
            why = sentence(f"LivePortrait is not used: {loaded.reason}") if loaded.reason else ""
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
            yield status(sentence(str(error)), tone="error")
            return
        first, *rest = map(sentence, found.sentences)
        tone: Tone = "ok" if found.is_usable else "error"
        yield status(first, tone=tone, detail=" ".join(rest))

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
            return [status(sentence(str(error)), tone="error"), _no_recording(), {}]
        duration_s = seconds(speech.n_samples)
        looks = self.settings.ui
        fitted = clean_timeline(
            {**timeline, "duration_s": duration_s}, presets=self.settings.presets
        )
        peaks = waveform(speech, peaks_hz=looks.peaks_hz, max_peaks=looks.max_peaks)
        return [
            status(f"{length_text(duration_s)}. {FINDING}", tone="busy"),
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
            yield [status(sentence(str(error)), tone="error"), gr.skip(), gr.skip()]
            return
        yield [
            _heard(analysis),
            gr.update(phones=phone_labels(analysis.mouth.spans), pauses=pauses(analysis)),
            plot_value(analysis.mouth),
        ]

    def show_clips(self, timeline: TimelineValue) -> Any:
        """Draw the clips behind the curves of the plot."""
        return gr.update(bands=bands(timeline_clips(timeline), settings=self.settings))

    def own_intensity(self, expression: str) -> float:
        """Return how much of a preset shows by itself."""
        return self.settings.presets[expression].intensity

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
        if session.is_running:
            return gr.skip()
        speed = self.engine.frames_per_s[name]
        work_s = duration_s * form.fps / speed
        about = f"about {length_text(max(1.0, work_s))}"
        return status("Ready to generate", detail=f"{about} for {length_text(duration_s)} of video")

    def leave(self, request: gr.Request) -> None:
        """Forget a visitor whose tab was closed."""
        self.sessions.close(request.session_hash)

    def import_timeline(self, file: str | None, timeline: TimelineValue) -> list[Any]:
        """Read clips from a JSON file: the timeline, and a word about it."""
        if not file:
            return [gr.skip(), gr.skip()]
        try:
            clips = read_timeline(Path(file), settings=self.settings)
            entries = [{**asdict(clip), "id": f"clip-{n}"} for n, clip in enumerate(clips, 1)]
            value = clean_timeline({**timeline, "clips": entries}, presets=self.settings.presets)
        except VortexError as error:
            return [gr.skip(), shown(status(sentence(str(error)), tone="error"))]
        n_left_out = len(clips) - len(value["clips"])
        text = f"{len(value['clips'])} clips read"
        if n_left_out:
            text += f"; {n_left_out} begin after the recording ends and were left out"
        return [value, shown(status(text, tone="warn" if n_left_out else "ok"))]

    def save_timeline(self, timeline: TimelineValue, request: gr.Request) -> list[Any]:
        """Write the clips to a JSON file: the file to download, and a word about it."""
        if not timeline["clips"]:
            text = "There are no clips yet; add one first."
            return [gr.update(visible=False), shown(status(text, tone="error"))]
        file = self.sessions.of(request.session_hash).new_folder() / "timeline.json"
        file.write_text(json.dumps(timeline_entries(timeline), indent=2) + "\n", "utf-8")
        count = len(timeline["clips"])
        text = f"{count} {'clip' if count == 1 else 'clips'}"
        label = f"Download {file.name}, {text}"
        return [gr.update(value=str(file), label=label, visible=True), gr.update(visible=False)]


def until_done(job: Job) -> Iterator[float]:
    """Yield the share that is done, again and again until the job has ended in some way."""
    while not wait([job.future], timeout=TICK_S).done:
        yield job.share


def shown(line: StatusValue) -> Any:
    """Return the update that makes a hidden line appear."""
    return gr.update(value=line, visible=True)


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


def length_text(duration_s: float) -> str:
    """Return a duration [s] for people."""
    if duration_s < 60:
        return f"{duration_s:.1f} s"
    minutes, rest = divmod(round(duration_s), 60)
    return f"{minutes} min {rest:02d} s"


def _heard(analysis: Analysis) -> StatusValue:
    length = length_text(seconds(analysis.speech.n_samples))
    n_sounds = sum(1 for span in analysis.recognition.spans if span.phone != SILENCE)
    notes = " ".join(map(sentence, analysis.notes))
    found = f"{length}, {n_sounds} sounds found"
    return status(found, tone="warn" if notes else "ok", detail=notes)
