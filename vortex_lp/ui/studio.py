"""The studio: which event of the page calls which handler, and how it is started."""

import atexit
import functools
import os
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder
from starlette.middleware import Middleware

from vortex_lp import __version__
from vortex_lp.settings import Settings, load_settings
from vortex_lp.ui.api import Endpoints, add_endpoints
from vortex_lp.ui.engine import Engine
from vortex_lp.ui.filming import Filming
from vortex_lp.ui.handlers import Handlers
from vortex_lp.ui.journal import start_journal
from vortex_lp.ui.page import Page
from vortex_lp.ui.quality import Quality
from vortex_lp.ui.security import Guard, free_disk_gb, who_may_come_in
from vortex_lp.ui.sessions import Sessions
from vortex_lp.ui.theme import studio_css, studio_theme
from vortex_lp.ui.zero_gpu import gpu_lender


def build_app(settings: Settings | None = None, *, engine: Engine | None = None) -> gr.Blocks:
    """Return the studio; except on a GPU that is lent, nothing is loaded until it is opened."""
    settings = settings or load_settings()
    engine = engine or Engine(settings)
    # What lies in Gradio's own folder is served from there, without a copy that would outlive us.
    root = Path(get_upload_folder()) / "studio"
    sessions = Sessions(root, n_threads=settings.ui.n_threads, idle_s=settings.ui.idle_s)
    # A server that is told to end takes its visitors' files along.
    atexit.register(sessions.close_all)
    if gpu_lender() is not None:
        # Such a Space moves to the GPU only what was loaded before it began to serve.
        engine.renderer(settings.request.renderer)
    handlers = Handlers(settings, engine=engine, sessions=sessions)
    app = gr.Blocks(
        title="Vortex LP studio",
        fill_width=True,
        analytics_enabled=False,
        delete_cache=(settings.ui.cache_sweep_s, settings.ui.cache_age_s),
    )
    with app:
        page = Page(settings)
        _wire_inputs(app, page, handlers)
        _wire_result(page, Filming(settings, engine=engine, sessions=sessions))
        _wire_quality(page, Quality(settings, sessions=sessions))
        add_endpoints(Endpoints(settings, engine=engine, sessions=sessions))
    app.queue(max_size=settings.ui.max_waiting, default_concurrency_limit=4)
    return app


_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""Every event but the two of the API is private."""


def _wire_inputs(app: gr.Blocks, page: Page, handlers: Handlers) -> None:
    """Connect what happens on the left."""
    app.load(handlers.badge, page.renderer, page.badge, **_QUIET)
    app.unload(handlers.leave)
    page.renderer.change(handlers.badge, page.renderer, page.badge, **_QUIET)
    page.portrait.change(handlers.check_portrait, page.portrait, page.portrait_status, **_QUIET)

    said = [page.audio, page.transcript, page.recognizer, page.fps]
    heard = [page.voice_status, page.timeline, page.plot]
    page.audio.change(handlers.listen, [page.audio, page.timeline], heard, **_QUIET).then(
        handlers.recognise, said, heard, **_QUIET
    )
    asked = [page.transcript.submit, page.transcript.blur]
    gr.on(
        [*asked, page.recognizer.change, page.fps.change],
        handlers.recognise,
        said,
        heard,
        **_QUIET,
    )
    gr.on(
        [page.portrait.change, page.audio.change, page.renderer.change, page.framing.change],
        handlers.estimate,
        page.form,
        page.status,
        **_QUIET,
    )
    page.timeline.input(
        handlers.show_clips, page.timeline, page.plot, trigger_mode="always_last", **_QUIET
    )
    page.expression.change(handlers.own_intensity, page.expression, page.intensity, **_QUIET)
    _wire_preview(page, handlers)
    for samples, target in (
        (page.sample_portraits, page.portrait),
        (page.sample_voices, page.audio),
    ):
        for file, button in samples.items():
            button.click(functools.partial(str, file), None, target, **_QUIET)
    page.dice.click(None, None, page.seed, js="() => Math.floor(Math.random() * 1e6)", **_QUIET)
    page.import_timeline.upload(
        handlers.import_timeline,
        [page.import_timeline, page.timeline],
        [page.timeline, page.timeline_status],
        **_QUIET,
    )
    page.save_timeline.click(
        handlers.save_timeline,
        page.timeline,
        [page.timeline_file, page.timeline_status],
        **_QUIET,
    )


def _wire_preview(page: Page, handlers: Handlers) -> None:
    """Render the still again when anything that shows in it changes."""
    looks = [page.portrait.change, page.renderer.change, page.framing.change]
    gaze = (page.gaze_x.release, page.gaze_y.release)
    # The last two are events of our own, which `gr.on` does not take.
    clips = (page.timeline.input, page.timeline.pick)
    for event in (*looks, page.expression.change, page.intensity.release, *gaze, *clips):
        event(handlers.preview, page.form, page.still, trigger_mode="always_last", **_QUIET)


def _wire_result(page: Page, filming: Filming) -> None:
    """Connect what happens on the right."""
    running = page.go.click(
        filming.generate,
        page.form,
        page.screen,
        concurrency_id="renderer",
        concurrency_limit=1,
        show_progress="full",
        show_progress_on=page.status,
        api_visibility="private",
    )
    running.then(filming.after_run, None, page.screen[:5], queue=False, **_QUIET)
    page.cancel.click(None, None, None, cancels=[running], queue=False, **_QUIET)
    page.export.click(
        filming.export,
        page.export_kind,
        [page.export_file, page.export_status],
        show_progress="minimal",
        show_progress_on=page.export_kind,
        api_visibility="private",
    )


def _wire_quality(page: Page, quality: Quality) -> None:
    """Connect the part that measures what was made."""
    page.quality_check.click(
        quality.check,
        None,
        [
            page.quality_status,
            page.quality_table,
            page.quality_frames,
            page.plot,
            page.quality_file,
        ],
        **_QUIET,
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
    options = {"auth": who_may_come_in(), **options}
    start_journal()
    engine = Engine(settings)
    app = build_app(settings, engine=engine)
    health = functools.partial(_health, app, engine, settings=settings)
    guard = Middleware(Guard, settings=settings.ui, health=health)
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
        app_kwargs={"middleware": [guard]},
        **options,
    )
    return app


def _health(app: gr.Blocks, engine: Engine, *, settings: Settings) -> dict[str, Any]:
    """Return how the server is, for whoever watches over it."""
    free_gb = free_disk_gb(Path(get_upload_folder()))
    return {
        "status": "ok" if free_gb >= settings.ui.min_free_disk_gb else "low on disk",
        "version": __version__,
        "renderers": engine.badges,
        "is_rendering": engine.render_lock.locked(),
        "n_waiting": len(app._queue),
        "free_disk_gb": free_gb,
    }
