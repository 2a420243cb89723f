"""The tensor contract, line by line: real faces, real calls."""

import logging
import wave
from pathlib import Path

import numpy as np
import pytest
import soxr
import torch
from PIL import Image

import vortex_lp
from tests.render.liveportrait.recipe import TOY
from tests.render.liveportrait.weights_folder import write_safetensors_folder
from vortex_lp import LivePortraitModel, NoFaceError, VortexInitializationError, load_liveportrait
from vortex_lp.errors import SettingsError

FPS = 4
AUDIO_RATE_HZ = 24_000


@pytest.fixture(scope="module")
def model() -> LivePortraitModel:
    return load_liveportrait(renderer="mesh")


@pytest.fixture(scope="module")
def face(portrait_file: Path) -> torch.Tensor:
    picture = Image.open(portrait_file).convert("RGB").resize((512, 512))
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255


@pytest.fixture(scope="module")
def talk(assets: Path) -> torch.Tensor:
    """Two seconds of speech at 24 kHz."""
    with wave.open(str(assets / "welcome_slt.wav")) as file:
        rate_hz = file.getframerate()
        samples = np.frombuffer(file.readframes(2 * rate_hz), "<i2") / np.float32(32768)
    return torch.from_numpy(soxr.resample(samples, rate_hz, AUDIO_RATE_HZ))


@pytest.fixture(scope="module")
def video(model: LivePortraitModel, face: torch.Tensor, talk: torch.Tensor) -> torch.Tensor:
    return model.animate(face, talk, fps=FPS, duration=2, seed=7)


def test_the_result_is_frames_first_float32_in_zero_to_one(video: torch.Tensor) -> None:
    assert video.shape == (2 * FPS, 3, 512, 512)
    assert video.dtype == torch.float32
    assert video.device.type == "cpu"
    assert 0 <= video.min() < 0.2
    assert 0.8 < video.max() <= 1


def test_the_face_moves_and_the_rest_of_the_picture_stays(
    video: torch.Tensor, face: torch.Tensor
) -> None:
    change = (video - face).abs().amax(dim=(0, 1))
    assert change[100:300].max() > 0.1, "the face does not move"
    assert change[:8, :8].max() < 0.02, "a far corner of the background moves"


def test_the_same_seed_gives_the_same_bits_and_another_does_not(
    model: LivePortraitModel, face: torch.Tensor, talk: torch.Tensor, video: torch.Tensor
) -> None:
    assert torch.equal(model.animate(face, talk, fps=FPS, duration=2, seed=7), video)
    assert not torch.equal(model.animate(face, talk, fps=FPS, duration=2, seed=8), video)


def test_presets_and_sequences_change_the_picture(
    model: LivePortraitModel, face: torch.Tensor, talk: torch.Tensor, video: torch.Tensor
) -> None:
    manic = model.animate(face, talk, "manic", fps=FPS, duration=2, seed=7)
    changing = model.animate(face, talk, "neutral", ["calm", "manic"], FPS, 2, None, 7)
    assert not torch.equal(manic, video)
    assert not torch.equal(changing, video)
    assert not torch.equal(changing, manic)


def test_frames_are_those_that_cover_the_duration(
    model: LivePortraitModel, face: torch.Tensor, talk: torch.Tensor
) -> None:
    assert len(model.animate(face, talk, fps=3, duration=1)) == 3
    assert len(model.animate(face, talk, fps=2.5, duration=0.9)) == 3


def test_longer_audio_is_truncated_with_a_warning(
    model: LivePortraitModel,
    face: torch.Tensor,
    talk: torch.Tensor,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        assert len(model.animate(face, talk, fps=2, duration=1)) == 2
    assert [r.levelname for r in caplog.records if "truncated" in r.message] == ["WARNING"]


def test_shorter_audio_ends_in_silence_without_a_warning(
    model: LivePortraitModel,
    face: torch.Tensor,
    talk: torch.Tensor,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        video = model.animate(face, talk[: AUDIO_RATE_HZ // 2], fps=FPS, duration=2)
    assert len(video) == 2 * FPS
    assert not caplog.records


@pytest.mark.parametrize("sequence", [None, ["melancholic", "happy"]])
def test_an_unknown_preset_is_neutral_with_a_warning(
    model: LivePortraitModel,
    face: torch.Tensor,
    talk: torch.Tensor,
    caplog: pytest.LogCaptureFixture,
    sequence: list[str] | None,
) -> None:
    wished = "neutral" if sequence else "melancholic"
    known = ["neutral", "happy"] if sequence else None
    with caplog.at_level(logging.WARNING):
        video = model.animate(face, talk, wished, sequence, FPS, 0.5, seed=1)
    assert [r.message for r in caplog.records if "melancholic" in r.message]
    assert torch.equal(video, model.animate(face, talk, "neutral", known, FPS, 0.5, seed=1))


@pytest.mark.parametrize(
    "shape", [(512, 512, 3), (1, 3, 512, 512), (3, 256, 256), (4, 512, 512), (512, 512), (0,)]
)
def test_a_wrong_image_shape_is_a_value_error_that_says_so(
    model: LivePortraitModel, talk: torch.Tensor, shape: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match=r"^Invalid source_image shape: expected \(3, 512, 512\)"):
        model.animate(torch.zeros(shape), talk)


@pytest.mark.parametrize("poison", [float("nan"), float("inf"), -0.5, 255.0])
def test_an_image_with_impossible_values_is_a_value_error(
    model: LivePortraitModel, face: torch.Tensor, talk: torch.Tensor, poison: float
) -> None:
    spoilt = face.clone()
    spoilt[1, 200, 200] = poison
    with pytest.raises(ValueError, match=r"^Invalid source_image"):
        model.animate(spoilt, talk, duration=1)


def test_an_image_of_bytes_is_a_value_error(model: LivePortraitModel, talk: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"^Invalid source_image type"):
        model.animate(torch.zeros(3, 512, 512, dtype=torch.uint8), talk)


@pytest.mark.parametrize(
    "audio",
    [
        torch.zeros(0),
        torch.zeros(2, 24_000),
        torch.full((24_000,), float("nan")),
        torch.full((24_000,), float("-inf")),
        torch.zeros(24_000, dtype=torch.int16),
    ],
    ids=["empty", "stereo", "nan", "infinite", "integers"],
)
def test_impossible_audio_is_a_value_error(
    model: LivePortraitModel, face: torch.Tensor, audio: torch.Tensor
) -> None:
    with pytest.raises(ValueError, match=r"^Invalid driving_audio"):
        model.animate(face, audio, duration=1)


def test_no_face_is_a_no_face_error_which_is_a_value_error(
    model: LivePortraitModel, talk: torch.Tensor
) -> None:
    with pytest.raises(NoFaceError, match="no face"):
        model.animate(torch.full((3, 512, 512), 0.5), talk, duration=1)
    assert issubclass(NoFaceError, ValueError)


@pytest.mark.parametrize(("fps", "duration"), [(0, 1), (500, 1), (24, 0), (24, -3), (24, np.inf)])
def test_impossible_times_are_value_errors(
    model: LivePortraitModel, face: torch.Tensor, talk: torch.Tensor, fps: float, duration: float
) -> None:
    with pytest.raises(ValueError, match=r"frame rate|duration"):
        model.animate(face, talk, fps=fps, duration=duration)


def test_the_output_is_written_in_place_and_returned(
    model: LivePortraitModel, face: torch.Tensor, talk: torch.Tensor, video: torch.Tensor
) -> None:
    buffer = torch.full((2 * FPS, 3, 512, 512), -1.0)
    result = model.animate(face, talk, fps=FPS, duration=2, output=buffer, seed=7)
    assert result is buffer
    assert torch.equal(buffer, video)


def test_the_output_may_be_a_strided_view(
    model: LivePortraitModel, face: torch.Tensor, talk: torch.Tensor
) -> None:
    store = torch.full((2 * FPS, 2, 3, 512, 512), -1.0)
    model.animate(face, talk, fps=FPS, duration=2, output=store[:, 1], seed=7)
    assert (store[:, 0] == -1).all()
    assert store[:, 1].min() >= 0


@pytest.mark.parametrize(
    "output",
    [
        torch.zeros(7, 3, 512, 512),
        torch.zeros(8, 3, 512, 512, dtype=torch.float16),
        torch.zeros(8, 512, 512, 3),
    ],
    ids=["length", "dtype", "layout"],
)
def test_a_wrong_output_is_a_value_error(
    model: LivePortraitModel, face: torch.Tensor, talk: torch.Tensor, output: torch.Tensor
) -> None:
    with pytest.raises(ValueError, match=r"^Invalid output"):
        model.animate(face, talk, fps=FPS, duration=2, output=output)


def test_frames_are_made_one_by_one_into_the_output(
    model: LivePortraitModel, face: torch.Tensor, talk: torch.Tensor
) -> None:
    buffer = torch.full((FPS, 3, 512, 512), -1.0)
    n_written = []

    def look(n_done: int, n_frames: int) -> None:
        n_written.append(int((buffer[:, 0, 0, 0] >= 0).sum()))
        assert n_frames == FPS

    model.animate(face, talk, fps=FPS, duration=1, output=buffer, on_frame=look)
    assert n_written == list(range(1, FPS + 1))


def test_without_motion_the_picture_comes_back(
    model: LivePortraitModel, face: torch.Tensor
) -> None:
    """Silence, a calm face and no head movement leave the far background bit by bit."""
    video = model.animate(face, torch.zeros(AUDIO_RATE_HZ), fps=2, duration=1)
    grey_levels = ((video - face).abs() * 255)[:, :, :40, :40]
    assert grey_levels.max() <= 1


def test_inputs_are_left_alone(
    model: LivePortraitModel, face: torch.Tensor, talk: torch.Tensor
) -> None:
    picture, sound = face.clone(), talk.clone()
    model.animate(picture, sound, fps=2, duration=1)
    assert torch.equal(picture, face)
    assert torch.equal(sound, talk)


@pytest.fixture
def without_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide any GPU and any weights of this machine."""
    monkeypatch.setattr("vortex_lp.render.registry.has_nvidia_driver", lambda: False)
    monkeypatch.setenv("VORTEX_LP_WEIGHTS", str(tmp_path / "none"))


@pytest.mark.usefixtures("without_gpu")
def test_auto_falls_back_to_mesh_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        model = load_liveportrait()
    assert model.renderer == "mesh"
    assert model.badge == "Mesh · CPU"
    warnings = [record.message for record in caplog.records]
    assert len(warnings) == 1
    assert "no NVIDIA GPU" in warnings[0]
    assert "use one that has" in warnings[0]


@pytest.mark.usefixtures("without_gpu")
def test_a_renderer_named_outright_never_falls_back() -> None:
    with pytest.raises(VortexInitializationError, match=r"no NVIDIA GPU.*mesh renderer"):
        load_liveportrait(renderer="liveportrait")
    with pytest.raises(VortexInitializationError, match="vortex-lp download"):
        load_liveportrait(device="cpu", renderer="liveportrait")


@pytest.mark.usefixtures("without_gpu")
def test_liveportrait_fills_the_same_contract(
    face: torch.Tensor, talk: torch.Tensor, tmp_path: Path
) -> None:
    folder = write_safetensors_folder(tmp_path / "weights", TOY)
    model = load_liveportrait(device="cpu", cache_dir=folder, renderer="liveportrait")
    assert (model.renderer, model.badge) == ("liveportrait", "LivePortrait FP32 · CPU")
    buffer = torch.full((4, 3, 512, 512), -1.0)
    assert model.animate(face, talk, fps=2, duration=2, output=buffer, seed=3) is buffer
    assert 0 <= buffer.min() < buffer.max() <= 1
    assert torch.equal(model.animate(face, talk, fps=2, duration=2, seed=3), buffer)


def test_missing_weights_are_named_where_there_is_a_gpu(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("vortex_lp.render.registry.has_nvidia_driver", lambda: True)
    with caplog.at_level(logging.WARNING):
        assert load_liveportrait(cache_dir=tmp_path / "none").renderer == "mesh"
    assert "vortex-lp download" in caplog.text


def test_wrong_arguments_of_loading_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="precision 'int8'"):
        load_liveportrait(precision="int8")
    with pytest.raises(SettingsError, match="did you mean 'mesh'"):
        load_liveportrait(renderer="mash")
    config = tmp_path / "mine.yaml"
    config.write_text("video: {fsp: 24}\n")
    with pytest.raises(SettingsError, match=r"mine\.yaml"):
        load_liveportrait(config_path=config)


def test_every_public_name_is_there() -> None:
    for name in vortex_lp.__all__:
        assert getattr(vortex_lp, name) is not None, name
    assert sorted(vortex_lp.__all__) == vortex_lp.__all__
    assert set(vortex_lp.__all__) <= set(dir(vortex_lp))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        vortex_lp.nothing  # noqa: B018
