"""The whole way and its parts, on the samples."""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.reading import facts_of, frames_of, sound_of
from vortex_lp import pipeline
from vortex_lp.errors import NoFaceError, RenderError, SettingsError
from vortex_lp.pipeline import analyse, animate, frame_of, load_renderer, make_motion
from vortex_lp.progress import Progress
from vortex_lp.render import registry
from vortex_lp.render.registry import LoadedRenderer, RendererOptions, choose_renderer
from vortex_lp.request import AnimateResult, Performance, Request
from vortex_lp.settings import load_settings
from vortex_lp.speech.audio import decode_speech
from vortex_lp.values import SILENCE, Clip, Frame

SETTINGS = load_settings()


@pytest.fixture(scope="module")
def mesh() -> LoadedRenderer:
    return load_renderer("mesh", settings=SETTINGS)


@pytest.fixture(scope="module")
def progress() -> list[Progress]:
    return []


@pytest.fixture(scope="module")
def made(
    mesh: LoadedRenderer,
    progress: list[Progress],
    assets: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> AnimateResult:
    """Two seconds of a sample, whole."""
    request = Request(
        portrait=assets / "grace_hopper.jpg",
        audio=assets / "movie_rms.wav",
        output=tmp_path_factory.mktemp("video") / "v.mp4",
        performance=Performance(fps=24, duration_s=2, seed=3),
    )
    return animate(request, settings=SETTINGS, renderer=mesh, on_progress=progress.append)


def test_the_video_is_what_the_result_says(made: AnimateResult) -> None:
    facts = facts_of(made.path)
    assert facts.n_frames == made.track.n_frames == made.mouth.n_frames == 48
    assert facts.fps == made.track.fps == 24
    assert facts.size == made.size == (512, 512)
    assert abs(facts.audio.stop_s - facts.video.stop_s) < 1 / 24
    assert (made.renderer, made.badge) == ("mesh", "Mesh · CPU")


def test_the_sound_is_the_recording(made: AnimateResult, assets: Path) -> None:
    heard = sound_of(made.path, rate_hz=48_000)[:90_000]
    said = decode_speech(assets / "movie_rms.wav", limits=SETTINGS.limits).samples[:90_000]
    assert np.corrcoef(heard, said)[0, 1] > 0.99, "other sound, or not in time"


def test_the_mouth_follows_the_loudness(made: AnimateResult) -> None:
    """In the drawn frames themselves: where there is sound, the lower face changes."""
    frames = np.array([frame.mean(axis=2) for frame in frames_of(made.path)])
    lower = np.abs(np.diff(frames[:, 250:420, 160:350], axis=0)).mean(axis=(1, 2))
    upper = np.abs(np.diff(frames[:, :60, :60], axis=0)).mean(axis=(1, 2))
    assert lower.mean() > 5 * upper.mean()


def test_notes_say_that_the_recording_was_cut(made: AnimateResult) -> None:
    assert any("truncated" in note for note in made.notes)


def test_progress_goes_through_the_stages_to_the_last_frame(
    made: AnimateResult, progress: list[Progress]
) -> None:
    order = list(dict.fromkeys(step.stage for step in progress))
    assert order == ["listen", "prepare", "recognise", "move", "render"]
    assert all(0 <= step.share <= 1 for step in progress)
    assert progress[-1] == Progress("render", 1.0, 48, 48)
    assert set(made.timings_s) == {*order, "encode"}
    assert all(spent_s >= 0 for spent_s in made.timings_s.values())


def test_phones_are_found_by_the_recogniser_that_is_named(made: AnimateResult) -> None:
    assert made.recognition.recognizer in ("ctc", "words", "phones")
    spans = made.recognition.spans
    assert spans[0].start == 0
    assert spans[-1].stop == made.speech.n_samples
    assert len({span.phone for span in spans} - {SILENCE}) > 5


def test_a_still_is_the_frame_of_the_video(
    mesh: LoadedRenderer, made: AnimateResult, assets: Path
) -> None:
    portrait = pipeline.read_portrait(assets / "grace_hopper.jpg", limits=SETTINGS.limits)
    prepared = mesh.renderer.prepare(portrait)
    frames = list(prepared.render(made.track))
    for time_s, number in ((0.0, 0), (1.0, 24), (1.04, 24), (99.0, 47), (-5.0, 0)):
        still = frame_of(prepared, made.track, time_s=time_s).astype(int)
        # Arithmetic over one frame or over many may round a pixel the other way.
        assert np.abs(still - frames[number]).max() <= 1, time_s


def test_expressions_come_from_timeline_sequence_and_base(
    made: AnimateResult,
) -> None:
    def brows(performance: Performance) -> np.ndarray:
        return make_motion(made.mouth, performance, settings=SETTINGS).weights[:, :5]

    base = brows(Performance(expression="angry", intensity=1.0))
    clip = brows(Performance(timeline=(Clip(0.0, 2.0, "angry", 1.0),)))
    rest = brows(Performance())
    assert base.mean() > rest.mean() + 0.1
    assert clip[24].sum() > rest[24].sum() + 0.3
    assert not np.array_equal(brows(Performance(sequence=("calm", "angry"))), rest)
    with pytest.raises(SettingsError, match="there is no expression 'grumpy'"):
        pipeline.check_performance(Performance(expression="grumpy"), settings=SETTINGS)


def test_sound_that_is_too_short_for_the_video_ends_in_a_shut_mouth(
    short_speech_file: Path,
) -> None:
    speech = decode_speech(short_speech_file, limits=SETTINGS.limits)
    analysis = analyse(speech, Performance(duration_s=2.0, fps=24), settings=SETTINGS)
    assert analysis.mouth.n_frames == 48
    assert np.abs(analysis.mouth.visemes[36:, 0]).max() < 0.02


class Breaking:
    """The mesh renderer, but that it breaks at its third frame."""

    name, badge = "breaking", "Breaking · CPU"

    def __init__(self, inner: LoadedRenderer) -> None:
        self.inner = inner.renderer

    def prepare(self, portrait, *, framing="crop"):
        self.prepared = self.inner.prepare(portrait, framing=framing)
        self.face, self.note, self.size = (
            self.prepared.face,
            self.prepared.note,
            self.prepared.size,
        )
        return self

    def render(self, track) -> Iterator[Frame]:
        for number, frame in enumerate(self.prepared.render(track)):
            if number == 2:
                raise RenderError("the renderer broke")
            yield frame


def test_a_renderer_that_breaks_leaves_no_file(
    mesh: LoadedRenderer, portrait_file: Path, short_speech_file: Path, tmp_path: Path
) -> None:
    request = Request(
        portrait_file, short_speech_file, tmp_path / "v.mp4", Performance(recognizer="energy")
    )
    with pytest.raises(RenderError, match="the renderer broke"):
        animate(request, renderer=LoadedRenderer(Breaking(mesh), None))
    assert list(tmp_path.iterdir()) == []


# --- which renderer -----------------------------------------------------------------------------


def test_named_renderers_are_taken_at_their_word() -> None:
    assert choose_renderer("mesh") == registry.RendererChoice("mesh")
    assert choose_renderer("liveportrait") == registry.RendererChoice("liveportrait")
    with pytest.raises(SettingsError, match="there is no renderer 'life'"):
        choose_renderer("life")


def test_auto_says_what_is_missing_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    options = RendererOptions(weights=tmp_path / "none")
    monkeypatch.setattr(registry, "has_nvidia_driver", lambda: False)
    without_gpu = choose_renderer("auto", options=options)
    assert without_gpu.name == "mesh"
    assert "no NVIDIA GPU" in (without_gpu.reason or "")
    monkeypatch.setattr(registry, "has_nvidia_driver", lambda: True)
    assert "vortex-lp download" in (choose_renderer("auto", options=options).reason or "")
    on_cpu = choose_renderer("auto", options=RendererOptions(device="cpu"))
    assert on_cpu.name == "mesh"
    assert "was to run on cpu" in (on_cpu.reason or "")


def test_the_fallback_is_warned_of_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(registry, "has_nvidia_driver", lambda: False)
    with caplog.at_level(logging.WARNING):
        loaded = load_renderer("auto", settings=SETTINGS)
    assert [record.message for record in caplog.records] == [loaded.note]
    assert loaded.renderer.name == "mesh"


def test_weights_are_looked_for_where_it_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VORTEX_LP_WEIGHTS", str(tmp_path / "variable"))
    monkeypatch.setenv("VORTEX_LP_CACHE", str(tmp_path / "cache"))
    assert registry.weights_folder(tmp_path / "asked") == tmp_path / "asked"
    assert registry.weights_folder() == tmp_path / "variable"
    monkeypatch.delenv("VORTEX_LP_WEIGHTS")
    assert registry.weights_folder().is_relative_to(tmp_path / "cache")


@pytest.mark.shared
def test_a_dog_is_no_portrait(
    mesh: LoadedRenderer, shared_data: Path, short_speech_file: Path, tmp_path: Path
) -> None:
    dog = shared_data / "portraits" / "dog_no_human_face.jpg"
    with pytest.raises(NoFaceError, match="dog_no_human_face"):
        animate(Request(dog, short_speech_file, tmp_path / "v.mp4"), renderer=mesh)
