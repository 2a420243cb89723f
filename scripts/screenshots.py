"""Take the pictures of the studio in ``docs/screenshots`` again.

    python scripts/screenshots.py

Needs chromium and the extra ``test``. The studio runs in this process, on a free port.
"""

import shutil
import sys
from pathlib import Path
from typing import Any

from PIL import Image

from vortex_lp.ui.studio import launch

OUT = Path(__file__).parent.parent / "docs" / "screenshots"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
WAIT_MS = 120_000
COLOURS = 256


def main() -> None:
    """Photograph the page in each theme and on a phone, before, during and after a video."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        sys.exit("this needs chromium; install Debian's package of that name")
    from playwright.sync_api import sync_playwright

    OUT.mkdir(parents=True, exist_ok=True)
    app = launch(port=7871, prevent_thread_lock=True, quiet=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        for theme in ("light", "dark"):
            page = browser.new_page(viewport={"width": 1440, "height": 1000})
            _open(page, app.local_url, theme=theme)
            if theme == "light":
                _save(page, "light_before")
            _fill(page)
            _run(page, during="light_during" if theme == "light" else None)
            _save(page, f"{theme}_after")
            page.close()
        phone = browser.new_page(
            viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
        )
        _open(phone, app.local_url, theme="light")
        _fill(phone)
        _run(phone, during=None)
        _save(phone, "phone_after")
        browser.close()
    app.close()


def _open(page: Any, url: str, *, theme: str) -> None:
    page.goto(f"{url}?__theme={theme}", wait_until="domcontentloaded")
    page.locator("#timeline .tl-empty").wait_for()
    page.locator("#badge .st-text").filter(has_text="Mesh").wait_for(timeout=WAIT_MS)


def _fill(page: Any) -> None:
    """Choose samples and place three clips."""
    page.get_by_role("button", name="Astronaut").click()
    page.get_by_role("button", name="Woman, 8 s").click()
    page.locator("#voice-status .st-text").filter(has_text="found").wait_for(timeout=WAIT_MS)
    page.locator("#still img").wait_for(timeout=WAIT_MS)
    for preset in ("happy", "surprised", "sad"):
        page.locator("#timeline [data-role=next]").select_option(preset)
        page.locator("#timeline [data-do=add]").click()
    # The last overlaps the second, so that both lanes are seen.
    for _ in range(6):
        page.keyboard.press("ArrowLeft")
    page.locator("#timeline .tl-clip").first.click()
    page.wait_for_timeout(1500)


def _run(page: Any, *, during: str | None) -> None:
    page.locator("#go").click()
    page.wait_for_function(
        "document.querySelector('#live-box video')?.currentTime > 0.9", timeout=WAIT_MS
    )
    if during:
        _save(page, during)
    page.locator("#status .st-text").filter(has_text="Finished").wait_for(timeout=WAIT_MS)
    page.wait_for_function("document.querySelector('#final-box video')?.currentTime > 4")
    page.evaluate("document.querySelector('#final-box video').pause()")
    page.mouse.move(0, 0)
    page.wait_for_timeout(400)


def _save(page: Any, name: str) -> None:
    file = OUT / f"{name}.png"
    # A window as high as the page, or what sticks to its lower edge would cover the middle.
    window = page.viewport_size
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({**window, "height": max(height, window["height"])})
    page.evaluate("window.scrollTo(0, 0)")
    page.screenshot(path=file)
    page.set_viewport_size(window)
    with Image.open(file) as picture:
        small = picture.convert("RGB").quantize(COLOURS, kmeans=2)
    small.save(file, optimize=True)
    print(f"{file}: {file.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
