import re
from importlib import metadata
from pathlib import Path

import pytest

from vortex_lp.licenses import ALLOWS, PARTS, table

PROJECT = (Path(__file__).parent.parent / "pyproject.toml").read_text("utf-8")


def dependencies() -> list[str]:
    listed = PROJECT.split("\ndependencies = [")[1].split("\n]")[0]
    return re.findall(r'^\s*"([A-Za-z0-9_.-]+)', listed, re.MULTILINE)


def test_every_library_that_we_ask_for_is_listed() -> None:
    listed = {part.name.lower() for part in PARTS}
    assert len(dependencies()) > 15
    for name in dependencies():
        assert name.lower() in listed, name


@pytest.mark.parametrize(
    "part", [part for part in PARTS if part.kind == "library"], ids=lambda part: part.name
)
def test_the_table_agrees_with_what_the_package_itself_says(part) -> None:
    if part.version is None:
        assert not part.is_default
        return
    meta = metadata.metadata(part.name)
    classifiers = [text for text in meta.get_all("Classifier") or [] if "License" in text]
    said = " ".join(
        [meta.get("License-Expression") or "", (meta.get("License") or "")[:200], *classifiers]
    ).upper()
    family = re.split(r"[-. ]", part.licence)[0].upper()
    # SciPy's field holds the whole text, which begins with its holders.
    assert family in said, f"{part.name} says {said[:120]}"
    assert "NON-COMMERCIAL" not in said
    assert "NONCOMMERCIAL" not in said


def test_nothing_that_forbids_commercial_use_is_loaded_by_default() -> None:
    for part in PARTS:
        if part.is_default:
            assert part.allows.startswith("any use"), part.name


def test_the_detectors_that_forbid_it_are_named_nowhere_in_code() -> None:
    package = Path(__file__).parent.parent / "vortex_lp"
    for file in package.rglob("*.py"):
        if file.name != "licenses.py":
            assert "insightface" not in file.read_text("utf-8").lower(), file
    assert "insightface" not in PROJECT.lower()


def test_every_licence_has_a_meaning_and_every_part_a_line() -> None:
    text = table()
    for part in PARTS:
        assert part.licence in ALLOWS
        assert part.name in text
    assert "non" not in {line.split()[0] for line in text.splitlines() if line}
    installed = metadata.version("numpy")
    assert f"numpy {installed}" in text
