"""The two named endpoints for programs: ``animate`` and ``visemes``."""

import json
from pathlib import Path
from typing import Any

import gradio as gr

from vortex_lp.errors import VortexError
from vortex_lp.exports import export_visemes
from vortex_lp.pipeline import animate
from vortex_lp.request import Performance, Request
from vortex_lp.settings import Settings
from vortex_lp.ui.engine import Engine
from vortex_lp.ui.inputs import PortraitInput
from vortex_lp.ui.sessions import Sessions
from vortex_lp.ui.timeline import clean_timeline, timeline_clips


class Endpoints:
    """Functions that answer with whole files, which the page's own events do not."""

    def __init__(self, settings: Settings, *, engine: Engine, sessions: Sessions) -> None:
        """Share `engine` and its lock with the page."""
        self.settings = settings
        self.engine = engine
        self.sessions = sessions

    def animate(
        self,
        portrait: str,
        audio: str,
        expression: str,
        timeline: list[dict[str, Any]] | None,
        fps: float,
        framing: str,
        seed: float,
        renderer: str,
        recognizer: str,
        transcript: str,
        request: gr.Request,
    ) -> tuple[str, dict[str, Any]]:
        """Make a talking-head video; returns the MP4 and a report as JSON.

        Args:
            portrait: A picture of one face.
            audio: A recording of speech.
            expression: The base expression, such as "neutral" or "happy".
            timeline: A list of {"start_s", "stop_s", "preset", "intensity", "ease_s"}, or null.
            fps: Frames a second, 1 to 120.
            framing: "crop" for 512 x 512 pixels, "full" for the whole picture.
            seed: Decides blinks, gaze and head movement.
            renderer: "auto", "mesh" or "liveportrait".
            recognizer: "auto", "words", "phones" or "energy".
            transcript: What is said, or "".
            request: Filled in by Gradio.
        """
        folder = self.sessions.of(request.session_hash).new_folder()
        try:
            clips = clean_timeline({"clips": timeline or []}, presets=self.settings.presets)
            wish = Performance(
                recognizer=recognizer or None,
                transcript=transcript.strip() or None,
                expression=expression or None,
                timeline=timeline_clips(clips),
                fps=fps,
                seed=int(seed),
            )
            asked = Request(
                portrait=_file(portrait, "portrait"),
                audio=_file(audio, "audio"),
                output=folder / "video.mp4",
                performance=wish,
                renderer=renderer or None,
                framing="full" if framing == "full" else "crop",
            )
            loaded = self.engine.renderer(renderer or self.settings.request.renderer)
            with self.engine.render_lock:
                done = animate(asked, settings=self.settings, renderer=loaded)
        except VortexError as error:
            raise gr.Error(str(error), print_exception=False) from error
        report = {
            "renderer": done.renderer,
            "ran_on": done.badge,
            "recognizer": done.recognition.recognizer,
            "n_frames": done.track.n_frames,
            "fps": float(done.track.fps),
            "size": list(done.size),
            "notes": list(done.notes),
            "timings_s": {name: round(spent, 3) for name, spent in done.timings_s.items()},
        }
        return str(done.path), report

    def visemes(self, audio: str, fps: float, recognizer: str, transcript: str) -> dict[str, Any]:
        """Return the mouth shapes of a recording: fps, channels, frames and phones with times.

        Args:
            audio: A recording of speech.
            fps: Frames a second, 1 to 120.
            recognizer: "auto", "words", "phones" or "energy".
            transcript: What is said, or "".
        """
        wish = Performance(
            recognizer=recognizer or None, transcript=transcript.strip() or None, fps=fps
        )
        try:
            text, _ = export_visemes(
                _file(audio, "audio"), wish, layout="json", settings=self.settings
            )
        except VortexError as error:
            raise gr.Error(str(error), print_exception=False) from error
        document: dict[str, Any] = json.loads(text)
        return document


def add_endpoints(endpoints: Endpoints) -> None:
    """Put both on the page that is open, behind parts that nobody sees."""
    settings = endpoints.settings
    asked = settings.request
    with gr.Group(visible=False):
        portrait = PortraitInput(type="filepath", label="portrait")
        audio = gr.Audio(type="filepath", label="audio")
        expression = gr.Textbox(asked.expression, label="expression")
        timeline = gr.JSON(value=[], label="timeline")
        fps = gr.Number(float(settings.video.fps), label="fps")
        framing = gr.Textbox(asked.framing, label="framing")
        seed = gr.Number(asked.seed, precision=0, label="seed")
        renderer = gr.Textbox(asked.renderer, label="renderer")
        recognizer = gr.Textbox(asked.recognizer, label="recognizer")
        transcript = gr.Textbox("", label="transcript")
        said = [recognizer, transcript]
        video = gr.Video(label="video")
        report = gr.JSON(label="report")
        visemes = gr.JSON(label="visemes")
        gr.Button().click(
            endpoints.animate,
            [portrait, audio, expression, timeline, fps, framing, seed, renderer, *said],
            [video, report],
            api_name="animate",
            concurrency_id="renderer",
            concurrency_limit=1,
        )
        gr.Button().click(endpoints.visemes, [audio, fps, *said], visemes, api_name="visemes")


def _file(path: str | None, name: str) -> Path:
    if not path:
        raise gr.Error(f"there is no {name}; send a file", print_exception=False)
    return Path(path)
