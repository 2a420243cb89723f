"""The command line, ``vortex-lp``: everything slow is imported by the command that needs it."""

import logging
import os
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vortex_lp import __version__, commands, upkeep
from vortex_lp.errors import SettingsError, VortexError
from vortex_lp.options import (
    EXIT_MISTAKE,
    Config,
    Device,
    Fps,
    Recognizer,
    Transcript,
    Weights,
)
from vortex_lp.terminal import progress_bar, without_chatter

PATIENCE_S = 15.0
"""How long a process that is told to end may take to clean up [s]."""

if TYPE_CHECKING:
    from vortex_lp.progress import Progress
    from vortex_lp.request import AnimateResult, Request
    from vortex_lp.settings import Settings
    from vortex_lp.values import MotionTrack, MouthTrack

app = typer.Typer(
    name="vortex-lp",
    help="One portrait and one recording in, one talking-head video out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_STAGE_NAMES = {
    "listen": "Reading the recording",
    "prepare": "Finding the face",
    "recognise": "Recognising the speech",
    "move": "Planning the motion",
    "render": "Rendering",
}


def main() -> None:
    """Run the command line and end the process: 0, or 2 for a mistake of the user's."""
    signal.signal(signal.SIGTERM, _leave)
    # What the log would warn of is among the notes of a result; twice would be once too often.
    logging.getLogger("vortex_lp").addHandler(logging.NullHandler())
    with without_chatter():
        try:
            app(prog_name="vortex-lp")
        except VortexError as error:
            typer.echo(f"vortex-lp: {error}", err=True)
            raise SystemExit(EXIT_MISTAKE) from error


def _leave(number: int, frame: FrameType | None) -> None:
    """End as Ctrl-C does, so that nothing is left behind; but end."""
    # A thread that hangs in foreign code would be waited for without end.
    at_last = threading.Timer(PATIENCE_S, os._exit, [128 + number])
    at_last.daemon = True
    at_last.start()
    raise SystemExit(128 + number)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and leave."
        ),
    ] = False,
) -> None:
    """Take the options that stand before the command."""


@app.command()
def animate(
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The video to write (.mp4).", show_default=False)
    ],
    portrait: Annotated[
        Path | None, typer.Argument(metavar="PORTRAIT", help="A picture of somebody.")
    ] = None,
    audio: Annotated[
        Path | None, typer.Argument(metavar="AUDIO", help="What they shall say.")
    ] = None,
    renderer: Annotated[
        str | None, typer.Option(help="auto, mesh or liveportrait.", show_default="auto")
    ] = None,
    expression: Annotated[
        str | None, typer.Option(help="The base expression.", show_default="neutral")
    ] = None,
    intensity: Annotated[
        float | None,
        typer.Option(help="How much of it shows, 0 to 1.", show_default="the expression's own"),
    ] = None,
    sequence: Annotated[
        str | None, typer.Option(help="Expressions one after the other.", metavar="A,B,C")
    ] = None,
    timeline: Annotated[
        Path | None, typer.Option(help="A JSON file of expressions with their times.")
    ] = None,
    recognizer: Recognizer = None,
    transcript: Transcript = None,
    fps: Fps = None,
    duration: Annotated[
        float | None,
        typer.Option(help="Length of the video in seconds.", show_default="the recording's"),
    ] = None,
    frame: Annotated[
        str | None, typer.Option(help="crop (512x512) or full.", show_default="crop")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Decides blinks, gaze and head.", show_default="0")
    ] = None,
    weights: Weights = None,
    device: Device = None,
    config: Config = None,
    report_file: Annotated[
        Path | None, typer.Option("--report", help="Measure the video; write a JSON report.")
    ] = None,
    track_file: Annotated[
        Path | None, typer.Option("--track", help="Write its motion too (.json, or .csv).")
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="Words in a corner of the picture.", show_default="none")
    ] = None,
    manifest: Annotated[
        Path | None, typer.Option(help="Make the video of this manifest once more.")
    ] = None,
    save_manifest: Annotated[
        Path | None, typer.Option(help="Write down how the video was made (JSON).")
    ] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Show no progress.")] = False,
) -> None:
    """Animate PORTRAIT so that it says AUDIO."""
    from vortex_lp import pipeline
    from vortex_lp.request import Performance, RendererOptions, Request

    if manifest is not None:
        run = commands.once_more(manifest, output, portrait=portrait, audio=audio, weights=weights)
        _animate(run.request, settings=run.settings, quiet=quiet, save_manifest=save_manifest)
        commands.compare(run)
        return
    if portrait is None or audio is None:
        raise SettingsError("animate needs a PORTRAIT and an AUDIO, or a --manifest; give both")
    settings = commands.with_label(_settings(config), label)
    performance = Performance(
        recognizer=recognizer,
        transcript=_text(transcript),
        expression=expression,
        intensity=intensity,
        sequence=_names(sequence),
        timeline=pipeline.read_timeline(timeline, settings=settings) if timeline else (),
        fps=fps,
        duration_s=duration,
        seed=seed,
    )
    request = Request(
        portrait=portrait,
        audio=audio,
        output=output,
        performance=performance,
        renderer=renderer,
        options=RendererOptions(weights=weights, device=device),
        framing=_framing(frame),
    )
    result = _animate(request, settings=settings, quiet=quiet, save_manifest=save_manifest)
    if track_file is not None:
        pipeline.save_motion(result.track, track_file, settings=settings)
    if report_file is not None:
        _measure(output, settings=settings, track=result.track, mouth=result.mouth, to=report_file)


@app.command()
def visemes(
    audio: Annotated[Path, typer.Argument(metavar="AUDIO", help="A recording.")],
    layout: Annotated[str, typer.Option("--format", help="json, csv or rhubarb.")] = "json",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Where to; else it is printed.")
    ] = None,
    recognizer: Recognizer = None,
    transcript: Transcript = None,
    fps: Fps = None,
    config: Config = None,
) -> None:
    """Print what the mouth does in AUDIO, as JSON, CSV or Rhubarb's table."""
    from vortex_lp.exports import export_visemes
    from vortex_lp.request import Performance

    performance = Performance(recognizer=recognizer, transcript=_text(transcript), fps=fps)
    text, notes = export_visemes(audio, performance, layout=layout, settings=_settings(config))
    for note in notes:
        typer.echo(f"note: {note}", err=True)
    if output is None:
        typer.echo(text, nl=not text.endswith("\n"))
    else:
        _write(output, text)


@app.command()
def report(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="Any talking-head video.")],
    track: Annotated[
        Path | None, typer.Option(help="The motion that it was made from (.json or .csv).")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the report there as well.")
    ] = None,
    config: Config = None,
) -> None:
    """Measure what VIDEO really does: lip sync, closures, blinks, stillness, streams."""
    from vortex_lp.pipeline import load_motion

    motion = load_motion(track) if track is not None else None
    _measure(video, settings=_settings(config), track=motion, mouth=None, to=json_file)


@app.command(name="app")
def studio(
    host: Annotated[
        str | None, typer.Option(help="Address to listen at.", show_default="127.0.0.1")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port.", show_default="7860")] = None,
    config: Config = None,
) -> None:
    """Start the studio in the browser."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    from vortex_lp.ui.studio import launch

    launch(host=host, port=port, settings=_settings(config))


@app.command()
def batch(
    manifest: Annotated[Path, typer.Argument(metavar="MANIFEST", help="One JSON row a line.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder of the videos.", show_default=False)
    ],
    jobs: Annotated[
        int | None, typer.Option(help="Videos at a time.", show_default="half the cores")
    ] = None,
    ray: Annotated[
        str | None, typer.Option(help="A Ray cluster: its address, auto, or local.")
    ] = None,
    config: Config = None,
) -> None:
    """Make many videos; what is there already is kept, a bad row stops nothing."""
    from vortex_lp.batch.run import run_batch

    with progress_bar() as show:
        result = run_batch(
            manifest,
            output,
            config=config,
            n_jobs=jobs,
            ray=ray,
            on_outcome=lambda _, n_done, n_rows: show("Videos", n_done, n_rows),
        )
    typer.echo(result.summary())
    if not result.is_complete:
        raise typer.Exit(EXIT_MISTAKE)


app.command()(commands.verify)
app.command()(commands.licenses)
app.command()(upkeep.download)
app.command()(upkeep.doctor)


def _animate(
    request: "Request", *, settings: "Settings", quiet: bool, save_manifest: Path | None
) -> "AnimateResult":
    """Make the video, say what was made, and write down how."""
    from vortex_lp import pipeline

    with progress_bar(hidden=quiet) as show:
        result = pipeline.animate(
            request,
            settings=settings,
            on_progress=lambda step: show(_STAGE_NAMES[step.stage], *_counts(step)),
        )
    if save_manifest is not None:
        from vortex_lp.manifest import write_manifest

        write_manifest(save_manifest, request, result, settings=settings)
    _say_what_was_made(result)
    return result


def _settings(config: Path | None) -> "Settings":
    from vortex_lp.settings import load_settings

    return load_settings(config)


def _names(sequence: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in sequence.split(",")) if sequence is not None else ()


def _text(transcript: str | None) -> str | None:
    """Return the words themselves; ``@FILE`` stands for what is in a file."""
    if transcript is None or not transcript.startswith("@"):
        return transcript
    file = Path(transcript[1:])
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"the transcript {file} cannot be read ({error}); give a text file in UTF-8"
        ) from error


def _framing(frame: str | None) -> Literal["crop", "full"] | None:
    if frame is None or frame == "crop" or frame == "full":
        return frame  # type: ignore[return-value]
    raise SettingsError(f"there is no frame {frame!r}; use crop or full")


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise SettingsError(
            f"{file} cannot be written ({error.strerror or error}); choose another file"
        ) from error


def _counts(step: "Progress") -> tuple[int, int]:
    """Return what is done and what there is to do, in frames where they are known."""
    if step.n_frames > 0:
        return step.n_done, step.n_frames
    return round(100 * step.share), 100


def _measure(
    video: Path,
    *,
    settings: "Settings",
    track: "MotionTrack | None",
    mouth: "MouthTrack | None",
    to: Path | None,
) -> None:
    """Print what `video` really does, and write it down."""
    from vortex_lp.exports import report_video

    with progress_bar() as show:
        report = report_video(
            video,
            settings=settings,
            track=track,
            mouth=mouth,
            on_frame=lambda n_done, n_frames: show("Measuring", n_done, n_frames),
        )
    typer.echo(report.summary())
    if to is not None:
        _write(to, report.to_json() + "\n")


def _say_what_was_made(result: "AnimateResult") -> None:
    """Say what was made, and what the user should know about it."""
    width, height = result.size
    spent_s = sum(result.timings_s.values())
    duration_s = float(result.track.n_frames / result.track.fps)
    for note in result.notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(
        f"{result.path}: {duration_s:.1f} s, {result.track.n_frames} frames of {width}x{height}, "
        f"made in {spent_s:.1f} s ({duration_s / spent_s:.1f}x real time) by {result.badge}"
    )
