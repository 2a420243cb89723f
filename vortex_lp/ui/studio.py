"""The page: where things stand and which event calls which handler."""

import functools
import os
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder
from starlette.middleware import Middleware

from vortex_lp.resources import resource_folder
from vortex_lp.settings import Settings, load_settings
from vortex_lp.ui.engine import Engine
from vortex_lp.ui.form import preset_choices
from vortex_lp.ui.handlers import NO_PORTRAIT, NO_VOICE, READY, Handlers
from vortex_lp.ui.inputs import LiveVideo, PortraitInput
from vortex_lp.ui.security import Guard
from vortex_lp.ui.sessions import Sessions
from vortex_lp.ui.status_line import StatusLine
from vortex_lp.ui.theme import studio_css, studio_theme
from vortex_lp.ui.timeline import ExpressionTimeline
from vortex_lp.ui.viseme_plot import VisemePlot
from vortex_lp.ui.widget import asset

STAGE = "stage-box"
"""Element id of the box with the live and the finished video; the widgets look for it."""

RECOGNIZERS = [
    ("Automatic", "auto"),
    ("Words (English)", "words"),
    ("Sounds (English)", "phones"),
    ("Loudness (any language)", "energy"),
]
RENDERERS = [
    ("Automatic", "auto"),
    ("Mesh (any CPU)", "mesh"),
    ("LivePortrait (GPU)", "liveportrait"),
]
_SAMPLE_PORTRAITS = {"astronaut.jpg": "Astronaut", "grace_hopper.jpg": "Admiral"}
_SAMPLE_VOICES = {"welcome_slt.wav": "Woman, 8 s", "movie_rms.wav": "Man, 7 s"}
VIDEO_HEIGHT_PX = 400


class Page:
    """The components of one page, by what they are for."""

    def __init__(self, settings: Settings) -> None:
        """Lay them out in the `gr.Blocks` that is open."""
        self.settings = settings
        gr.HTML(asset("header.html"), elem_id="header")
        with gr.Row(equal_height=False):
            with gr.Column(scale=6, min_width=320, elem_id="input-column"):
                with gr.Row(equal_height=True):
                    self._portrait()
                    self._voice()
                self._expression()
                self._advanced()
                self._actions()
            with gr.Column(scale=5, min_width=320, elem_id="result-column"):
                self._result()

    def _portrait(self) -> None:
        with gr.Column(elem_classes="vx-card", min_width=260):
            gr.Markdown("## 1 · Portrait", elem_classes="vx-title")
            self.portrait = PortraitInput(
                type="filepath",
                sources=["upload", "webcam", "clipboard"],
                height=220,
                label="Portrait",
                show_label=False,
                buttons=[],
                elem_id="portrait",
            )
            self.portrait_status = StatusLine(NO_PORTRAIT, elem_id="portrait-status")
            self.sample_portraits = self._samples("Samples", _SAMPLE_PORTRAITS)

    def _voice(self) -> None:
        with gr.Column(elem_classes="vx-card", min_width=260):
            gr.Markdown("## 2 · Voice", elem_classes="vx-title")
            self.audio = gr.Audio(
                type="filepath",
                sources=["upload", "microphone"],
                label="Voice",
                show_label=False,
                buttons=[],
                elem_id="audio",
            )
            self.voice_status = StatusLine(NO_VOICE, elem_id="voice-status")
            self.sample_voices = self._samples("Samples", _SAMPLE_VOICES)
            with gr.Accordion("Transcript (optional)", open=False):
                self.transcript = gr.Textbox(
                    lines=2,
                    max_length=20_000,
                    label="What is said",
                    info="Knowing the words makes the lips more exact.",
                    elem_id="transcript",
                )

    def _samples(self, title: str, names: dict[str, str]) -> dict[Path, gr.Button]:
        """Return a button for each sample; Gradio's own examples have none that can be read out."""
        folder = resource_folder("assets")
        buttons = {}
        with gr.Row(elem_classes="vx-samples"):
            gr.Markdown(title, elem_classes="vx-hint")
            for name, label in names.items():
                icon = str(folder / name) if name.endswith(".jpg") else None
                buttons[folder / name] = gr.Button(
                    label, icon=icon, size="sm", min_width=60, elem_classes="vx-sample"
                )
        return buttons

    def _expression(self) -> None:
        choices = preset_choices(self.settings)
        base = self.settings.request.expression
        own = self.settings.presets[base].intensity
        with gr.Column(elem_classes="vx-card", min_width=260):
            gr.Markdown("## 3 · Expression", elem_classes="vx-title")
            with gr.Row():
                with gr.Column(scale=3, min_width=180):
                    self.expression = gr.Dropdown(
                        [(choice["label"], choice["name"]) for choice in choices],
                        value=base,
                        label="Base expression",
                        elem_id="expression",
                    )
                    self.intensity = gr.Slider(
                        0, 1, value=own, step=0.05, label="Intensity", elem_id="intensity"
                    )
                with gr.Column(scale=2, min_width=140):
                    self.still = gr.Image(
                        label="Preview",
                        type="numpy",
                        format="jpeg",
                        height=150,
                        interactive=False,
                        buttons=[],
                        elem_id="still",
                    )
            self.timeline = ExpressionTimeline(
                presets=choices,
                first_preset=self.settings.ui.first_clip,
                video_id=STAGE,
                elem_id="timeline",
            )

    def _advanced(self) -> None:
        request = self.settings.request
        with gr.Accordion("Advanced", open=False, elem_id="advanced"):
            with gr.Row():
                self.renderer = gr.Dropdown(
                    RENDERERS, value=request.renderer, label="Renderer", elem_id="renderer"
                )
                self.recognizer = gr.Dropdown(
                    RECOGNIZERS, value=request.recognizer, label="Recogniser", elem_id="recognizer"
                )
            with gr.Row():
                self.framing = gr.Radio(
                    [("512 × 512 crop", "crop"), ("Full picture", "full")],
                    value=request.framing,
                    label="Picture",
                    elem_id="framing",
                )
                self.fps = gr.Dropdown(
                    [24, 25, 30, 50, 60],
                    value=int(self.settings.video.fps),
                    label="Frames a second",
                    elem_id="fps",
                )
            with gr.Row():
                self.seed = gr.Number(
                    value=request.seed, precision=0, minimum=0, label="Seed", elem_id="seed"
                )
                self.dice = gr.Button("🎲 Another seed", elem_id="dice", min_width=140)
            with gr.Row():
                self.head_motion = _factor("Head movement", "head-motion")
                self.blink_rate = _factor("Blinking", "blink-rate")
                self.mouth_strength = _factor("Mouth movement", "mouth-strength")
            with gr.Row():
                self.gaze_x = gr.Slider(
                    -1, 1, 0, step=0.05, label="Gaze, left to right", elem_id="gaze-x"
                )
                self.gaze_y = gr.Slider(
                    -1, 1, 0, step=0.05, label="Gaze, down to up", elem_id="gaze-y"
                )

    def _actions(self) -> None:
        with gr.Column(elem_id="actions"):
            with gr.Row():
                self.go = gr.Button("Generate", variant="primary", size="lg", elem_id="go", scale=3)
                self.cancel = gr.Button(
                    "Cancel", size="lg", elem_id="cancel", interactive=False, scale=1
                )
            gr.Markdown(
                "Use only portraits and voices of people who agreed to it.", elem_id="consent"
            )

    def _result(self) -> None:
        with gr.Column(elem_classes="vx-card", min_width=260):
            self.badge = StatusLine(elem_id="badge")
            with gr.Column(elem_id=STAGE):
                self.live_box = gr.Column(visible=False, elem_id="live-box")
                with self.live_box:
                    self.live = LiveVideo(
                        streaming=True,
                        autoplay=True,
                        height=VIDEO_HEIGHT_PX,
                        label="Live video",
                        show_label=False,
                        interactive=False,
                        buttons=[],
                        elem_id="live-video",
                    )
                self.final_box = gr.Column(elem_id="final-box")
                with self.final_box:
                    self.final = gr.Video(
                        height=VIDEO_HEIGHT_PX,
                        label="Video",
                        show_label=False,
                        interactive=False,
                        buttons=["download"],
                        elem_id="final-video",
                    )
            self.status = StatusLine(READY, elem_id="status")
            self.plot = VisemePlot(video_id=STAGE, elem_id="plot")
            self.exports = gr.Column(visible=False, elem_id="exports")

    @property
    def form(self) -> list[Any]:
        """Return the inputs in the order of `Form`."""
        return [
            self.portrait,
            self.audio,
            self.transcript,
            self.expression,
            self.intensity,
            self.timeline,
            self.renderer,
            self.recognizer,
            self.fps,
            self.framing,
            self.seed,
            self.head_motion,
            self.blink_rate,
            self.mouth_strength,
            self.gaze_x,
            self.gaze_y,
        ]

    @property
    def screen(self) -> list[Any]:
        """Return the outputs in the order of `Screen.row`."""
        return [
            self.status,
            self.live_box,
            self.final_box,
            self.go,
            self.cancel,
            self.live,
            self.final,
            self.plot,
            self.exports,
        ]


def _factor(label: str, elem_id: str) -> gr.Slider:
    return gr.Slider(0, 2, 1, step=0.05, label=label, elem_id=elem_id, min_width=120)


def build_app(settings: Settings | None = None) -> gr.Blocks:
    """Return the studio; nothing is loaded until somebody opens it."""
    settings = settings or load_settings()
    # What lies in Gradio's own folder is served from there, without a copy that would outlive us.
    root = Path(get_upload_folder()) / "studio"
    sessions = Sessions(root, n_threads=settings.ui.n_threads, idle_s=settings.ui.idle_s)
    handlers = Handlers(settings, engine=Engine(settings), sessions=sessions)
    app = gr.Blocks(
        title="Vortex LP studio",
        fill_width=True,
        analytics_enabled=False,
        delete_cache=(settings.ui.cache_sweep_s, settings.ui.cache_age_s),
    )
    with app:
        page = Page(settings)
        _wire(app, page, handlers)
    app.queue(max_size=settings.ui.max_waiting, default_concurrency_limit=4)
    return app


def _wire(app: gr.Blocks, page: Page, handlers: Handlers) -> None:
    """Connect events and handlers; every event but the two of the API is private."""
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    app.load(handlers.badge, page.renderer, page.badge, **quiet)
    app.unload(handlers.leave)
    page.renderer.change(handlers.badge, page.renderer, page.badge, **quiet)

    page.portrait.change(handlers.check_portrait, page.portrait, page.portrait_status, **quiet)
    said = [page.audio, page.transcript, page.recognizer, page.fps]
    heard = [page.voice_status, page.timeline, page.plot]
    page.audio.change(handlers.listen, [page.audio, page.timeline], heard, **quiet).then(
        handlers.recognise, said, heard, **quiet
    )
    asked = [page.transcript.submit, page.transcript.blur]
    gr.on(
        [*asked, page.recognizer.change, page.fps.change],
        handlers.recognise,
        said,
        heard,
        **quiet,
    )
    gr.on(
        [page.portrait.change, page.audio.change, page.renderer.change, page.framing.change],
        handlers.estimate,
        page.form,
        page.status,
        **quiet,
    )
    page.timeline.input(
        handlers.show_clips, page.timeline, page.plot, trigger_mode="always_last", **quiet
    )
    looks = [page.portrait.change, page.renderer.change, page.framing.change]
    gaze = (page.gaze_x.release, page.gaze_y.release)
    for event in (*looks, page.expression.change, page.intensity.release, *gaze):
        event(handlers.preview, page.form, page.still, trigger_mode="always_last", **quiet)
    # These two are events of our own, which `gr.on` does not take.
    for event in (page.timeline.input, page.timeline.pick):
        event(handlers.preview, page.form, page.still, trigger_mode="always_last", **quiet)
    page.expression.change(
        lambda name: handlers.settings.presets[name].intensity,
        page.expression,
        page.intensity,
        **quiet,
    )
    for samples, target in (
        (page.sample_portraits, page.portrait),
        (page.sample_voices, page.audio),
    ):
        for file, button in samples.items():
            button.click(functools.partial(str, file), None, target, **quiet)
    page.dice.click(None, None, page.seed, js="() => Math.floor(Math.random() * 1e6)", **quiet)
    running = page.go.click(
        handlers.generate,
        page.form,
        page.screen,
        concurrency_id="renderer",
        concurrency_limit=1,
        show_progress="full",
        show_progress_on=page.status,
        api_visibility="private",
    )
    page.cancel.click(
        handlers.cancelled, None, page.screen, cancels=[running], queue=False, **quiet
    )


def launch(
    *,
    host: str | None = None,
    port: int | None = None,
    settings: Settings | None = None,
    **options: Any,  # Whatever else `gr.Blocks.launch` takes, such as auth or root_path.
) -> gr.Blocks:
    """Start the studio and return it; this waits until it ends unless told otherwise.

    Args:
        host: The address to listen at; None is Gradio's own choice, this machine only.
        port: The port, or None for the environment's or the settings' one.
        settings: None for those that come with the package.
        **options: Passed on to Gradio.
    """
    settings = settings or load_settings()
    app = build_app(settings)
    # A Space and Gradio's own users set the port in the environment, which Gradio reads itself.
    chosen = port or (None if "GRADIO_SERVER_PORT" in os.environ else settings.ui.port)
    app.launch(
        server_name=host,
        server_port=chosen,
        theme=studio_theme(),
        css=studio_css(),
        footer_links=[],
        run_history=False,
        max_file_size=f"{settings.ui.max_upload_mb}mb",
        ssr_mode=False,
        show_error=False,
        enable_monitoring=False,
        app_kwargs={"middleware": [Middleware(Guard)]},
        **options,
    )
    return app
