"""The page: its components and where they stand."""

from pathlib import Path
from typing import Any

import gradio as gr

from vortex_lp.resources import resource_folder
from vortex_lp.settings import Settings
from vortex_lp.ui.exports import EXPORTS
from vortex_lp.ui.form import preset_choices
from vortex_lp.ui.handlers import NO_PORTRAIT, NO_VOICE, READY
from vortex_lp.ui.inputs import LiveVideo, PortraitInput
from vortex_lp.ui.status_line import StatusLine, status
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
                alt_text="The portrait",
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
                        alt_text="How the chosen expression looks",
                        buttons=[],
                        elem_id="still",
                    )
            self.timeline = ExpressionTimeline(
                presets=choices,
                first_preset=self.settings.ui.first_clip,
                video_id=STAGE,
                elem_id="timeline",
            )
            with gr.Row(equal_height=True):
                self.import_timeline = gr.UploadButton(
                    "Open a timeline…",
                    file_types=[".json"],
                    size="sm",
                    min_width=150,
                    elem_id="import-timeline",
                )
                self.save_timeline = gr.Button(
                    "Save this timeline", size="sm", min_width=150, elem_id="save-timeline"
                )
            self.timeline_file = gr.DownloadButton(
                "Download", visible=False, variant="primary", size="sm", elem_id="timeline-file"
            )
            self.timeline_status = StatusLine(visible=False, elem_id="timeline-status")

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
            with gr.Row(equal_height=True):
                self.seed = gr.Number(
                    value=request.seed, precision=0, minimum=0, label="Seed", elem_id="seed"
                )
                self.dice = gr.Button("Another seed", elem_id="dice", min_width=140)
            with gr.Row():
                self.head_motion = _factor("Head", "head-motion")
                self.blink_rate = _factor("Blinks", "blink-rate")
                self.mouth_strength = _factor("Mouth", "mouth-strength")
            with gr.Row():
                self.gaze_x = gr.Slider(
                    -1, 1, 0, step=0.05, label="Gaze, left to right", elem_id="gaze-x"
                )
                self.gaze_y = gr.Slider(
                    -1, 1, 0, step=0.05, label="Gaze, down to up", elem_id="gaze-y"
                )

            self.motion = gr.File(
                label="Motion file that drives the face (Live Link Face CSV, motion JSON)",
                file_types=[".csv", ".json"],
                height=140,
                elem_id="motion",
            )

    def _actions(self) -> None:
        with gr.Row(elem_id="actions"):
            self.go = gr.Button(
                "Generate", variant="primary", size="lg", elem_id="go", scale=3, min_width=120
            )
            self.cancel = gr.Button(
                "Cancel", size="lg", elem_id="cancel", interactive=False, scale=1, min_width=90
            )
        gr.Markdown(self.settings.ui.consent, elem_id="consent")

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
            self._exports()
            self._quality()

    def _exports(self) -> None:
        self.exports = gr.Column(visible=False, elem_id="exports")
        with self.exports:
            with gr.Row(equal_height=True):
                self.export_kind = gr.Dropdown(
                    [(export.label, kind) for kind, export in EXPORTS.items()],
                    value="mp4",
                    label="Take home as",
                    elem_id="export-kind",
                    scale=3,
                )
                self.export = gr.Button("Export", elem_id="export", scale=1, min_width=110)
            self.export_file = gr.DownloadButton(
                "Download", visible=False, variant="primary", elem_id="export-file"
            )
            self.export_status = StatusLine(visible=False, elem_id="export-status")

    def _quality(self) -> None:
        with gr.Accordion("Quality check", open=False, elem_id="quality"):
            gr.Markdown(
                "Measures the finished video frame by frame: lips against sound, blinks, head and "
                "background. The zip holds the findings, settings and small pictures of the video, "
                "for a bug report.",
                elem_classes="vx-hint",
            )
            self.quality_check = gr.Button("Check the video", elem_id="quality-check")
            self.quality_status = StatusLine(status("Not checked yet."), elem_id="quality-status")
            self.quality_frames = gr.Image(
                label="Frames",
                type="numpy",
                format="jpeg",
                interactive=False,
                alt_text="Evenly spaced frames of the video",
                buttons=[],
                elem_id="quality-frames",
            )
            self.quality_table = gr.Markdown(elem_id="quality-table")
            self.quality_file = gr.DownloadButton(
                "Download all of it", visible=False, elem_id="quality-file"
            )

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
            self.motion,
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
