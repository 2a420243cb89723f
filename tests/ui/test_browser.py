"""The studio as people use it, in a real Chromium."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(120),
    # Gradio counts its queue with pandas, in a way that newer versions of it announce to drop.
    pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning"),
]

LIVE_TIME = "document.querySelector('#live-box video')?.currentTime"
WAIT_MS = 60_000


def expect(locator: Any) -> Any:
    from playwright.sync_api import expect as playwright_expect

    return playwright_expect(locator)


def add_inputs(page: Any, assets: Path, *, voice: str = "welcome_slt.wav") -> None:
    page.locator("#portrait input[type=file]").set_input_files(assets / "grace_hopper.jpg")
    page.locator("#audio input[type=file]").set_input_files(assets / voice)
    expect(page.locator("#portrait-status .st-text")).to_contain_text("Face found", timeout=WAIT_MS)
    expect(page.locator("#voice-status .st-text")).to_contain_text("sounds found", timeout=WAIT_MS)
    expect(page.locator("#timeline .tl-track")).to_be_visible()
    # The answer that brings the sounds is still being laid out; a clip that is moved in that moment
    # jumps back (an open defect of the timeline, in the notes), which is not what is tested here.
    page.wait_for_timeout(2000)


def clips(page: Any) -> list[tuple[float, float]]:
    """Return start and end of each clip as the page says them."""
    labels = page.locator("#timeline .tl-clip").evaluate_all(
        "boxes => boxes.map(box => box.getAttribute('aria-label'))"
    )
    spoken = [label.split(", ")[1].removesuffix(" seconds").split(" to ") for label in labels]
    return [(float(start), float(stop)) for start, stop in spoken]


def test_from_upload_to_exports(visit: Any, assets: Path, tmp_path: Path) -> None:
    tab = visit()
    page = tab.open()
    expect(page.locator("#badge .st-text")).to_contain_text("Mesh", timeout=WAIT_MS)
    add_inputs(page, assets)

    # By mouse: add, drag the whole clip, drag its end.
    page.locator("[data-do=add]").click()
    page.locator("[data-do=snap]").click()
    box = page.locator("#timeline .tl-clip")
    before = clips(page)[0]
    box.hover()  # waits until the page above it has settled
    frame = box.bounding_box()
    middle = frame["y"] + frame["height"] / 2
    page.mouse.move(frame["x"] + frame["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(frame["x"] + frame["width"] / 2 + 80, middle, steps=4)
    page.mouse.up()
    dragged = clips(page)[0]
    assert dragged[0] > before[0] + 0.3
    assert dragged[1] - dragged[0] == pytest.approx(before[1] - before[0], abs=0.02)
    box.hover()
    frame = box.bounding_box()
    middle = frame["y"] + frame["height"] / 2
    page.mouse.move(frame["x"] + frame["width"] - 4, middle)
    page.mouse.down()
    page.mouse.move(frame["x"] + frame["width"] + 60, middle, steps=4)
    page.mouse.up()
    longer = clips(page)[0]
    assert longer[0] == dragged[0]
    assert longer[1] > dragged[1] + 0.3

    # By keyboard: move, lengthen, duplicate, delete, undo.
    box.focus()
    page.keyboard.press("ArrowRight")
    assert clips(page)[0][0] == pytest.approx(longer[0] + 0.1, abs=0.011)
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Control+d")
    expect(page.locator("#timeline .tl-clip")).to_have_count(2)
    page.keyboard.press("Delete")
    expect(page.locator("#timeline .tl-clip")).to_have_count(1)
    page.keyboard.press("Control+z")
    expect(page.locator("#timeline .tl-clip")).to_have_count(2)
    expect(page.locator("#still img")).to_be_visible(timeout=WAIT_MS)

    page.locator("#go").click()
    page.wait_for_function(f"{LIVE_TIME} > 0.3", timeout=WAIT_MS)
    assert page.locator("#status [role=progressbar]").is_visible()
    expect(page.locator("#status .st-text")).to_have_text("Finished", timeout=WAIT_MS)
    final = page.locator("#final-box video")
    page.wait_for_function("document.querySelector('#final-box video')?.readyState >= 2")
    assert final.evaluate("video => video.duration") == pytest.approx(8.46, abs=0.1)
    # It took over where the live one was.
    assert final.evaluate("video => video.currentTime") > 0.3

    final.evaluate("video => video.pause()")
    plot = page.locator("#plot .vp-stage")
    area = plot.bounding_box()
    plot.click(position={"x": area["width"] * 0.75, "y": 100})
    clicked_s = final.evaluate("video => video.currentTime")
    assert clicked_s == pytest.approx(0.75 * 8.46, abs=0.15)
    plot.press("ArrowLeft")
    stepped_s = final.evaluate("video => video.currentTime")
    assert stepped_s == pytest.approx(clicked_s - 1 / 24, abs=0.005)
    assert float(plot.get_attribute("aria-valuenow")) == pytest.approx(stepped_s, abs=1 / 24)

    for label, ending in (("Face motion, ARKit CSV", ".csv"), ("Settings and timings", ".json")):
        page.locator("#export-kind input").click()
        page.get_by_role("option", name=label).click()
        page.locator("#export").click()
        button = page.locator("#export-file")
        expect(button).to_contain_text(ending, timeout=WAIT_MS)
        with page.expect_download() as download:
            button.click()
        file = tmp_path / download.value.suggested_filename
        download.value.save_as(file)
        text = file.read_text("utf-8")
        assert (
            "EyeBlinkLeft" in text.splitlines()[0]
            if ending == ".csv"
            else json.loads(text)["n_frames"] == 203
        )


def test_cancel_and_generate_again(visit: Any, assets: Path) -> None:
    page = visit().open()
    add_inputs(page, assets)
    page.locator("#go").click()
    expect(page.locator("#status .st-text")).to_have_text("Rendering", timeout=WAIT_MS)
    page.locator("#cancel").click()
    expect(page.locator("#status .st-text")).to_have_text("Cancelled.", timeout=5000)
    expect(page.locator("#go")).to_be_enabled()
    page.locator("#go").click()
    page.wait_for_function(f"{LIVE_TIME} > 0.1", timeout=WAIT_MS)
    expect(page.locator("#status .st-text")).to_have_text("Finished", timeout=WAIT_MS)


def test_a_second_visitor_waits(visit: Any, assets: Path) -> None:
    first, second = visit().open(), visit().open()
    add_inputs(first, assets)
    add_inputs(second, assets, voice="movie_rms.wav")
    first.locator("#go").click()
    expect(first.locator("#status .st-text")).to_have_text("Rendering", timeout=WAIT_MS)
    second.locator("#go").click()
    expect(second.locator("#status")).to_contain_text("queue", timeout=WAIT_MS)
    expect(first.locator("#status .st-text")).to_have_text("Finished", timeout=WAIT_MS)
    expect(second.locator("#status .st-text")).to_have_text("Finished", timeout=WAIT_MS)


def test_closing_the_tab_stops_the_work_and_deletes_the_files(visit: Any, assets: Path) -> None:
    tab = visit()
    page = tab.open()
    add_inputs(page, assets)
    page.locator("#go").click()
    expect(page.locator("#status .st-text")).to_have_text("Rendering", timeout=WAIT_MS)
    folders = Path(os.environ["GRADIO_TEMP_DIR"]) / "studio"
    mine = set(folders.iterdir())
    assert any(folder.rglob("*.ts") for folder in mine)
    tab.context.close()
    give_up = time.monotonic() + 20
    while any(folder.exists() for folder in mine) and time.monotonic() < give_up:
        time.sleep(0.1)
    assert not any(folder.exists() for folder in mine)
    # The next visitor does not wait for what nobody watches any more.
    page = visit().open()
    add_inputs(page, assets, voice="movie_rms.wav")
    page.locator("#go").click()
    expect(page.locator("#status .st-text")).to_have_text("Finished", timeout=WAIT_MS)


def test_bad_input_gets_a_sentence(visit: Any, tmp_path: Path) -> None:
    tab = visit()
    page = tab.open()
    page.locator("#go").click()
    expect(page.locator("#status .st-text")).to_contain_text("Add a portrait first")
    Image.new("RGB", (320, 320), "steelblue").save(tmp_path / "sky.png")
    page.locator("#portrait input[type=file]").set_input_files(tmp_path / "sky.png")
    expect(page.locator("#portrait-status .st")).to_have_attribute(
        "data-tone", "error", timeout=WAIT_MS
    )
    expect(page.locator("#portrait-status .st-text")).to_contain_text("No face found")
    (tmp_path / "voice.wav").write_bytes(bytes(range(256)) * 40)
    page.locator("#audio input[type=file]").set_input_files(tmp_path / "voice.wav")
    expect(page.locator("#voice-status .st")).to_have_attribute(
        "data-tone", "error", timeout=WAIT_MS
    )
    expect(page.locator("#voice-status .st-text")).to_contain_text("voice.wav is not")
    # Gradio's own player also tries to draw it, and says so.
    tab.faults[:] = [fault for fault in tab.faults if "Waveform load error" not in fault]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_phone_width_has_no_horizontal_scroll(visit: Any, theme: str) -> None:
    page = visit(width=390, height=844, has_touch=True, is_mobile=True).open(f"?__theme={theme}")
    widths = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert widths[0] <= widths[1]
    assert page.evaluate("document.body.classList.contains('dark')") == (theme == "dark")


def test_keyboard_only(visit: Any, assets: Path) -> None:
    page = visit().open()
    page.locator("#portrait .vx-sample, .vx-sample").first.focus()
    page.keyboard.press("Enter")
    page.locator(".vx-sample").nth(3).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#voice-status .st-text")).to_contain_text("sounds found", timeout=WAIT_MS)
    page.locator("[data-do=add]").focus()
    page.keyboard.press("Enter")
    # The new clip has the focus; its exact start can be typed in the table.
    expect(page.locator("#timeline .tl-clip")).to_be_focused()
    page.locator("#timeline summary").focus()
    page.keyboard.press("Enter")
    start = page.get_by_label("Start in seconds, clip 1")
    start.focus()
    start.fill("1.25")
    page.keyboard.press("Enter")
    expect(page.locator("#timeline .tl-clip")).to_have_attribute(
        "aria-label", "Happy 80 %, 1.25 to 2.50 seconds"
    )
    page.locator("#go").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#status .st-text")).to_have_text("Finished", timeout=WAIT_MS)
    plot = page.locator("#plot .vp-stage")
    plot.focus()
    page.keyboard.press("End")
    assert float(plot.get_attribute("aria-valuenow")) == pytest.approx(7.1, abs=0.2)


def test_timeline_json_goes_out_and_in(visit: Any, assets: Path, tmp_path: Path) -> None:
    page = visit().open()
    page.locator("#audio input[type=file]").set_input_files(assets / "movie_rms.wav")
    expect(page.locator("#voice-status .st-text")).to_contain_text("sounds found", timeout=WAIT_MS)
    wanted = [{"start_s": 1.0, "stop_s": 2.5, "preset": "sad", "intensity": 0.5, "ease_s": 0.2}]
    file = tmp_path / "timeline.json"
    file.write_text(json.dumps(wanted), "utf-8")
    page.locator("#import-timeline").locator("xpath=..").locator(
        "input[type=file]"
    ).first.set_input_files(file)
    expect(page.locator("#timeline .tl-clip")).to_have_count(1, timeout=WAIT_MS)
    assert clips(page) == [(1.0, 2.5)]
    page.locator("#save-timeline").click()
    expect(page.locator("#timeline-file")).to_be_visible()
    with page.expect_download() as download:
        page.locator("#timeline-file").click()
    download.value.save_as(tmp_path / "back.json")
    assert json.loads((tmp_path / "back.json").read_text("utf-8")) == wanted
