import json
import re
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from vortex_lp import pipeline
from vortex_lp.errors import ReportError, SettingsError
from vortex_lp.manifest import content_sha256, read_manifest, write_manifest
from vortex_lp.request import AnimateResult, MotionOptions, Performance, Request
from vortex_lp.settings import Settings, load_settings
from vortex_lp.values import Clip

PERFORMANCE = Performance(
    recognizer="energy",
    expression="calm",
    timeline=(Clip(0.1, 0.7, "happy", intensity=0.5, ease_s=0.1),),
    fps=Fraction(24000, 1001),
    seed=7,
    motion=MotionOptions(gaze=(0.5, -0.25), blink_rate=2.0),
)


@pytest.fixture(scope="module")
def settings() -> Settings:
    """Other settings than the usual ones, so that it shows whether they come back."""
    usual = load_settings()
    video = usual.video.model_copy(update={"crf": 30, "preset": "ultrafast"})
    provenance = usual.provenance.model_copy(update={"label": "AI"})
    return usual.model_copy(update={"video": video, "provenance": provenance})


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory,
    portrait_file: Path,
    short_speech_file: Path,
    settings: Settings,
) -> tuple[Path, Request, AnimateResult]:
    folder = tmp_path_factory.mktemp("made")
    (folder / "inputs").mkdir()
    request = Request(
        portrait=Path(shutil.copy(portrait_file, folder / "inputs" / "portrait.jpg")),
        audio=Path(shutil.copy(short_speech_file, folder / "inputs" / "voice.wav")),
        output=folder / "first.mp4",
        performance=PERFORMANCE,
        renderer="mesh",
    )
    result = pipeline.animate(request, settings=settings)
    write_manifest(folder / "run.json", request, result, settings=settings)
    return folder / "run.json", request, result


def test_the_same_run_gives_the_same_bytes(
    made: tuple[Path, Request, AnimateResult], tmp_path: Path
) -> None:
    manifest, request, _ = made
    run = read_manifest(manifest, tmp_path / "again.mp4")
    assert run.notes == ()
    pipeline.animate(run.request, settings=run.settings)
    assert content_sha256(tmp_path / "again.mp4") == run.content_sha256
    assert content_sha256(tmp_path / "again.mp4") == content_sha256(request.output)
    assert request.output.read_bytes() == (tmp_path / "again.mp4").read_bytes()


def test_another_seed_gives_other_bytes(
    made: tuple[Path, Request, AnimateResult], tmp_path: Path
) -> None:
    run = read_manifest(made[0], tmp_path / "other.mp4")
    other = replace(run.request, performance=replace(run.request.performance, seed=8))
    pipeline.animate(other, settings=run.settings)
    assert content_sha256(tmp_path / "other.mp4") != run.content_sha256


def test_everything_that_was_asked_for_comes_back(
    made: tuple[Path, Request, AnimateResult], settings: Settings, tmp_path: Path
) -> None:
    manifest, request, _ = made
    run = read_manifest(manifest, tmp_path / "again.mp4")
    assert run.settings == settings
    assert run.request.performance == PERFORMANCE
    assert run.request.output == tmp_path / "again.mp4"
    assert run.request.portrait.samefile(request.portrait)
    assert run.request.audio.samefile(request.audio)
    assert run.request.renderer == "mesh"
    assert run.request.framing == settings.request.framing


def test_a_manifest_tells_versions_hashes_and_timings_and_nothing_of_the_user(
    made: tuple[Path, Request, AnimateResult],
) -> None:
    text = made[0].read_text("utf-8")
    held = json.loads(text)
    assert {"vortex-lp", "python", "numpy", "mediapipe", "pocketsphinx"} <= set(held["versions"])
    for each in ("portrait", "audio"):
        assert re.fullmatch(r"[0-9a-f]{64}", held[each]["sha256"])
    assert held["portrait"]["path"] == "inputs/portrait.jpg"
    assert held["timings_s"]["render"] > 0
    assert held["performance"]["seed"] == 7
    assert str(made[0].parent) not in text


def test_a_folder_can_be_moved_with_its_inputs(
    made: tuple[Path, Request, AnimateResult], tmp_path: Path
) -> None:
    moved = shutil.copytree(made[0].parent, tmp_path / "moved")
    run = read_manifest(moved / "run.json", tmp_path / "v.mp4")
    assert run.request.portrait == moved / "inputs" / "portrait.jpg"


def test_another_input_is_refused(
    made: tuple[Path, Request, AnimateResult], tmp_path: Path
) -> None:
    manifest, request, _ = made
    with pytest.raises(SettingsError, match="not the portrait"):
        read_manifest(manifest, tmp_path / "v.mp4", portrait=request.audio)
    with pytest.raises(SettingsError, match=r"recording of run\.json is missing"):
        read_manifest(manifest, tmp_path / "v.mp4", audio=tmp_path / "gone.wav")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"format": 2}, "format 2"),
        ({"extra": 1}, "no manifest"),
        ({"renderer": 5}, "no manifest"),
        ({"performance": {}}, "performance"),
        ({"settings": {}}, "missing"),
        ({"weights": {"x": "y"}}, "weights"),
        ({"framing": "wide"}, "no manifest"),
    ],
)
def test_a_wrong_manifest_is_refused_with_a_sentence(
    made: tuple[Path, Request, AnimateResult], tmp_path: Path, change: dict, complaint: str
) -> None:
    moved = shutil.copytree(made[0].parent, tmp_path / "moved")
    held = json.loads((moved / "run.json").read_text("utf-8"))
    (moved / "run.json").write_text(json.dumps({**held, **change}), "utf-8")
    with pytest.raises(SettingsError, match=complaint):
        read_manifest(moved / "run.json", tmp_path / "v.mp4")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("fps", "0/0"),
        ("fps", "fast"),
        ("motion", {"gaze": [2, 0]}),
        ("motion", {"gaze": 1}),
        ("timeline", [{"path": "/etc/passwd"}]),
        ("nonsense", 1),
    ],
)
def test_a_wrong_performance_is_refused_with_a_sentence(
    made: tuple[Path, Request, AnimateResult], tmp_path: Path, field: str, value: object
) -> None:
    moved = shutil.copytree(made[0].parent, tmp_path / "moved")
    held = json.loads((moved / "run.json").read_text("utf-8"))
    held["performance"][field] = value
    (moved / "run.json").write_text(json.dumps(held), "utf-8")
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        read_manifest(moved / "run.json", tmp_path / "v.mp4")


def test_other_versions_are_said(made: tuple[Path, Request, AnimateResult], tmp_path: Path) -> None:
    moved = shutil.copytree(made[0].parent, tmp_path / "moved")
    held = json.loads((moved / "run.json").read_text("utf-8"))
    held["versions"]["numpy"] = "1.0"
    (moved / "run.json").write_text(json.dumps(held), "utf-8")
    (note,) = read_manifest(moved / "run.json", tmp_path / "v.mp4").notes
    assert "numpy 1.0" in note


def test_the_content_of_what_is_no_video_has_no_hash(tmp_path: Path) -> None:
    for content in (b"hello", b"\0\0\0\x04mdat", b"\xff\xff\xff\xffmdat", b"\0\0\0\x01mdat\0"):
        (tmp_path / "v.mp4").write_bytes(content)
        with pytest.raises(ReportError, match="not an MP4"):
            content_sha256(tmp_path / "v.mp4")
