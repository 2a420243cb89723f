"""What axe-core, an independent checker, says about the page in each theme."""

from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"

# Faults of Gradio's own parts, which we cannot reach: the rule, and a mark in the element's HTML.
STOCK = (
    ("aria-prohibited-attr", 'aria-label="Empty value"'),
    ("label-content-name-mismatch", "upload-container"),
    ("label-content-name-mismatch", "Adjust playback speed"),
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not AXE.is_file(), reason="npm install --no-save axe-core brings it"),
    pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning"),
]


# What is still fading in has too little contrast.
SETTLED = """Promise.all(document.getAnimations()
    .filter(moving => moving.effect.getComputedTiming().iterations !== Infinity)
    .map(moving => moving.finished))"""


def grave_faults(page: Any) -> list[str]:
    page.evaluate(f"{SETTLED}.then(() => null)")
    page.evaluate(AXE.read_text("utf-8"))
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{rule['id']}: {node['html'][:200]}"
        for rule in result["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
        if not any(rule["id"] == name and mark in node["html"] for name, mark in STOCK)
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_serious_is_wrong(visit: Any, assets: Path, theme: str) -> None:
    # So high that the buttons at the window's lower edge lie over nothing.
    page = visit(height=2600).open(f"?__theme={theme}")
    page.locator("#badge .st-text").filter(has_text="Mesh").wait_for(timeout=60_000)
    assert grave_faults(page) == []
    page.locator("#portrait input[type=file]").set_input_files(assets / "grace_hopper.jpg")
    page.locator("#audio input[type=file]").set_input_files(assets / "movie_rms.wav")
    page.locator("#voice-status .st-text").filter(has_text="sounds").wait_for(timeout=60_000)
    page.locator("[data-do=add]").click()
    page.locator("#advanced button").first.click()
    page.locator("#timeline summary").click()
    page.locator("#still img").wait_for(timeout=60_000)
    page.locator("#plot [data-curve=lip_width]").click()
    assert grave_faults(page) == []
