"""One studio and one browser for all tests of the page."""

import os
import shutil
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from vortex_lp.settings import Settings, load_settings

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def studio_settings() -> Settings:
    """The package's own, but with the recogniser that needs no time."""
    settings = load_settings()
    return settings.model_copy(
        update={"request": settings.request.model_copy(update={"recognizer": "energy"})}
    )


@pytest.fixture(scope="session")
def studio_url(studio_settings: Settings) -> Iterator[str]:
    """The address of a studio that runs in this process."""
    from vortex_lp.ui.studio import launch

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = launch(settings=studio_settings, port=port, prevent_thread_lock=True, quiet=True)
    yield str(app.local_url)
    app.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium; required in CI, otherwise a reason to skip.

    While Playwright is there, its event loop runs in this thread, where no other can then be
    started; so it goes after each module.
    """
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail("CI has no chromium; .ci/run should install it")
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


class Visit:
    """One tab on the studio, and everything in it that a test must not see."""

    def __init__(self, browser: Any, url: str, **context: Any) -> None:
        self.faults: list[str] = []
        self.context = browser.new_context(accept_downloads=True, **context)
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))
        self.page.on("console", self._console)
        self.page.on("request", self._request)
        self._url = url

    def open(self, query: str = "") -> Any:
        self.page.goto(self._url + query, wait_until="domcontentloaded")
        self.page.locator("#timeline .tl-empty").wait_for(timeout=30_000)
        return self.page

    def _console(self, message: Any) -> None:
        if message.type == "error":
            self.faults.append(f"console: {message.text} {message.location}")

    def _request(self, request: Any) -> None:
        if not request.url.startswith((self._url, "blob:", "data:")):
            self.faults.append(f"request to {request.url}")


@pytest.fixture
def visit(browser: Any, studio_url: str) -> Iterator[Any]:
    """Open tabs with ``visit(width=…)``; afterwards none may have seen an error."""
    visits: list[Visit] = []

    def start(*, width: int = 1440, height: int = 900, **context: Any) -> Visit:
        tab = Visit(browser, studio_url, viewport={"width": width, "height": height}, **context)
        visits.append(tab)
        return tab

    yield start
    faults = [fault for tab in visits for fault in tab.faults]
    for tab in visits:
        tab.context.close()
    assert faults == []


@pytest.fixture
def visitor() -> SimpleNamespace:
    """What handlers need of a request."""
    return SimpleNamespace(session_hash="somebody")
