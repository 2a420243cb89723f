"""Handlers are plain functions: called here as the page would, with the real pipeline."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vortex_lp.pipeline import load_motion
from vortex_lp.settings import Settings
from vortex_lp.ui.engine import Engine
from vortex_lp.ui.exports import EXPORTS
from vortex_lp.ui.filming import Filming
from vortex_lp.ui.form import Form
from vortex_lp.ui.handlers import Handlers
from vortex_lp.ui.quality import Quality
from vortex_lp.ui.sessions import Sessions
from vortex_lp.ui.timeline import empty_timeline

STATUS, LIVE_BOX, FINAL_BOX, GO, CANCEL, LIVE, FINAL, PLOT, EXPORTS_BOX = range(9)


class Studio:
    """Everything behind a page, without the page."""

    def __init__(self, settings: Settings, root: Path) -> None:
        self.settings = settings
        self.engine = Engine(settings)
        self.sessions = Sessions(root, n_threads=3, idle_s=1000.0)
        parts: dict[str, Any] = {"engine": self.engine, "sessions": self.sessions}
        self.inputs = Handlers(settings, **parts)
        self.filming = Filming(settings, **parts)
        self.quality = Quality(settings, sessions=self.sessions)


@pytest.fixture(scope="module")
def studio(studio_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    made = Studio(studio_settings, tmp_path_factory.mktemp("studio"))
    yield made
    made.sessions.close_all()


def form(face: Path | None, voice: Path | None, **changes: Any) -> tuple[Any, ...]:
    whole: dict[str, Any] = {
        "portrait": str(face) if face else None,
        "audio": str(voice) if voice else None,
        "transcript": None,
        "expression": "neutral",
        "intensity": 0.3,
        "timeline": empty_timeline(1.0),
        "renderer": "mesh",
        "recognizer": "energy",
        "fps": 24,
        "framing": "crop",
        "seed": 1,
        "head_motion": 1.0,
        "blink_rate": 1.0,
        "mouth_strength": 1.0,
        "gaze_x": 0.0,
        "gaze_y": 0.0,
        "motion": None,
    }
    whole.update(changes)
    assert list(whole) == list(Form.__dataclass_fields__)
    return tuple(whole.values())


@pytest.fixture(scope="module")
def take(studio: Studio, portrait_file: Path, short_speech_file: Path) -> list[list[Any]]:
    """Every screen of one run, from the click to the finished file."""
    request = SimpleNamespace(session_hash="filmer")
    return list(studio.filming.generate(request, *form(portrait_file, short_speech_file)))


def test_a_good_portrait_is_praised(studio: Studio, portrait_file: Path, visitor: Any) -> None:
    *_, last = studio.inputs.check_portrait(str(portrait_file), visitor)
    assert last["tone"] == "ok"
    assert last["text"].startswith("Face found: ")


def test_a_picture_without_a_face_gets_a_sentence(
    studio: Studio, tmp_path: Path, visitor: Any
) -> None:
    Image.new("RGB", (300, 300), "teal").save(tmp_path / "sea.png")
    *_, last = studio.inputs.check_portrait(str(tmp_path / "sea.png"), visitor)
    assert last["tone"] == "error"
    assert "No face found in sea.png" in last["text"]


def test_what_is_no_picture_gets_a_sentence(studio: Studio, tmp_path: Path, visitor: Any) -> None:
    file = tmp_path / "notes.png"
    file.write_text("not a picture")
    *_, last = studio.inputs.check_portrait(str(file), visitor)
    assert last["tone"] == "error"
    assert "notes.png" in last["text"]


def test_listening_draws_the_waveform_and_keeps_the_clips(
    studio: Studio, short_speech_file: Path, visitor: Any
) -> None:
    kept = {"start_s": 0.2, "stop_s": 0.8, "preset": "sad", "intensity": 1.0, "ease_s": 0.1}
    timeline = {"duration_s": 9.0, "clips": [{**kept, "id": "a"}], "selected": "a"}
    said, update, _ = studio.inputs.listen(str(short_speech_file), timeline, visitor)
    assert said["tone"] == "busy"
    assert update["value"]["duration_s"] == pytest.approx(1.0, abs=0.01)
    assert update["value"]["clips"] == [{**kept, "id": "a"}]
    assert max(update["peaks"]) == 1.0


def test_recognising_gives_phones_and_curves(
    studio: Studio, short_speech_file: Path, visitor: Any
) -> None:
    *_, (said, update, plot) = studio.inputs.recognise(
        str(short_speech_file), "", "energy", 24, visitor
    )
    assert "sounds found" in said["text"]
    assert update["phones"][-1][1] == pytest.approx(1.0, abs=0.01)
    assert [channel["name"] for channel in plot["channels"]] == [
        "jaw_open",
        "lip_width",
        "lip_rounding",
    ]
    assert {len(channel["values"]) for channel in plot["channels"]} == {24}


def test_corrupt_audio_gets_a_sentence(studio: Studio, tmp_path: Path, visitor: Any) -> None:
    file = tmp_path / "voice.wav"
    file.write_bytes(bytes(range(256)) * 40)
    said, update, _ = studio.inputs.listen(str(file), empty_timeline(), visitor)
    assert said["tone"] == "error"
    assert "voice.wav" in said["text"]
    assert update["value"] == empty_timeline()


def test_the_preview_shows_the_chosen_clip(
    studio: Studio, portrait_file: Path, short_speech_file: Path, visitor: Any
) -> None:
    clip = {"id": "a", "start_s": 0.0, "stop_s": 1.0, "preset": "surprised", "ease_s": 0.1}
    chosen = {"duration_s": 1.0, "clips": [{**clip, "intensity": 1.0}], "selected": "a"}
    *_, plain = studio.inputs.preview(visitor, *form(portrait_file, short_speech_file))
    *_, surprised = studio.inputs.preview(
        visitor, *form(portrait_file, short_speech_file, timeline=chosen)
    )
    assert plain.shape == surprised.shape == (512, 512, 3)
    assert np.abs(plain.astype(int) - surprised).mean() > 1.0


def test_the_estimate_is_measured_on_this_machine(
    studio: Studio, portrait_file: Path, short_speech_file: Path, visitor: Any
) -> None:
    said = studio.inputs.estimate(visitor, *form(portrait_file, short_speech_file))
    assert said["text"] == "Ready to generate"
    assert studio.engine.frames_per_s["mesh"] > 1


@pytest.mark.parametrize(("missing", "what"), [("portrait", "portrait"), ("audio", "recording")])
def test_what_is_missing_is_asked_for(
    studio: Studio, portrait_file: Path, short_speech_file: Path, missing: str, what: str
) -> None:
    request = SimpleNamespace(session_hash="hasty")
    values = form(portrait_file, short_speech_file, **{missing: None})
    (screen,) = studio.filming.generate(request, *values)
    assert screen[STATUS]["tone"] == "error"
    assert f"Add a {what} first" in screen[STATUS]["text"]
    assert studio.filming.after_run(request)[GO]["interactive"]


def test_a_run_streams_pieces_and_ends_with_the_file(take: list[list[Any]]) -> None:
    pieces = [screen[LIVE] for screen in take if hasattr(screen[LIVE], "duration_s")]
    assert sum(piece.duration_s for piece in pieces) == pytest.approx(1.0, abs=0.15)
    assert all(screen[CANCEL]["interactive"] for screen in take)
    last = take[-1]
    assert last[STATUS]["text"] == "Finished"
    assert Path(last[FINAL]).stat().st_size > 5_000
    assert last[FINAL_BOX]["visible"]
    assert not last[LIVE_BOX]["visible"]


def test_progress_counts_frames(take: list[list[Any]]) -> None:
    shares = [screen[STATUS]["share"] for screen in take if screen[STATUS]["text"] == "Rendering"]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_closing_a_run_frees_the_renderer(
    studio: Studio, portrait_file: Path, assets: Path
) -> None:
    request = SimpleNamespace(session_hash="canceller")
    run = studio.filming.generate(request, *form(portrait_file, assets / "movie_rms.wav"))
    while "Rendering" not in next(run)[STATUS]["text"]:
        pass
    assert studio.engine.render_lock.locked()
    run.close()
    assert not studio.engine.render_lock.locked()
    assert not list(studio.sessions.of("canceller").folder.rglob("*.mp4"))
    after = studio.filming.after_run(request)
    assert after[STATUS]["text"] == "Cancelled."
    assert after[GO]["interactive"]
    assert not after[CANCEL]["interactive"]


@pytest.mark.parametrize("kind", EXPORTS)
@pytest.mark.usefixtures("take")
def test_every_export_is_a_file_of_its_kind(studio: Studio, kind: str) -> None:
    request = SimpleNamespace(session_hash="filmer")
    button, _ = studio.filming.export(kind, request)
    file = Path(button["value"])
    assert file.name == f"astronaut{EXPORTS[kind].ending}"
    head = file.read_bytes()[:64]
    if file.suffix == ".json":
        assert json.loads(file.read_text("utf-8")) is not None
    elif file.suffix == ".zip":
        with zipfile.ZipFile(file) as archive:
            assert len(archive.namelist()) == 24
            with archive.open("frame_00001.png") as picture:
                assert Image.open(picture).size == (512, 512)
    else:
        marks = {
            ".mp4": b"ftyp",
            ".webm": b"\x1a\x45\xdf\xa3",
            ".gif": b"GIF89a",
            ".csv": b",",
            ".tsv": b"\t",
        }
        assert marks[file.suffix] in head


@pytest.mark.usefixtures("take")
def test_an_exported_motion_drives_the_portrait_again(studio: Studio, portrait_file: Path) -> None:
    request = SimpleNamespace(session_hash="filmer")
    button, _ = studio.filming.export("arkit", request)
    track = load_motion(Path(button["value"]), fps=24)
    actor = SimpleNamespace(session_hash="actor")
    *_, last = studio.filming.generate(actor, *form(portrait_file, None, motion=button["value"]))
    assert last[STATUS]["text"] == "Finished"
    made = studio.sessions.of("actor").last
    assert made.track.n_frames == track.n_frames == 24
    np.testing.assert_allclose(made.track.weights, track.weights)
    refused, said = studio.filming.export("rhubarb", actor)
    assert not refused["visible"]
    assert "motion file" in said["value"]["text"]


@pytest.mark.usefixtures("take")
def test_the_quality_check_measures_shows_and_packs(studio: Studio) -> None:
    request = SimpleNamespace(session_hash="filmer")
    *_, (said, table, sheet, plot, zipped) = studio.quality.check(request)
    assert said["text"].startswith("Overall: ")
    assert "| correlation |" in table
    assert sheet.shape == (320, 960, 3)
    assert [channel["name"] for channel in plot["channels"]][3:] == ["wanted", "measured"]
    with zipfile.ZipFile(zipped["value"]) as archive:
        assert sorted(archive.namelist()) == [
            "frames.jpg",
            "report.json",
            "report.txt",
            "settings.json",
        ]
        settings = json.loads(archive.read("settings.json"))
    assert settings["asked"]["portrait"] == "astronaut.jpg"
    assert "/" not in json.dumps(settings["asked"])


def test_nothing_to_check_is_said(studio: Studio) -> None:
    (screen,) = studio.quality.check(SimpleNamespace(session_hash="newcomer"))
    assert screen[0]["text"] == "Generate a video first."


def test_a_malformed_timeline_is_refused_by_name(studio: Studio, tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_text('[{"start_s": 2, "stop_s": 1, "preset": "happy"}]')
    _, said = studio.inputs.import_timeline(str(file), empty_timeline(4.0))
    assert said["value"]["tone"] == "error"
    assert "stop_s" in said["value"]["text"]


def test_the_badge_says_what_runs_and_why(studio: Studio) -> None:
    said = studio.inputs.badge("mesh")
    assert "Mesh" in said["text"]
