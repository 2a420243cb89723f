"""The renderer through its public door, on toy weights that anybody can make."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.render.liveportrait.recipe import TOY, recipe_networks
from tests.render.liveportrait.weights_folder import (
    write_official_folder,
    write_safetensors_folder,
)
from vortex_lp.errors import NoFaceError, RenderError, VortexInitializationError
from vortex_lp.render.base import Prepared, Renderer
from vortex_lp.render.liveportrait.drive import BLOCK_FRAMES, make_driver
from vortex_lp.render.liveportrait.engine import EngineSource, FastEngine, PlainEngine
from vortex_lp.render.liveportrait.files import find_weights
from vortex_lp.render.liveportrait.memory import Footprint, draw_frames
from vortex_lp.render.liveportrait.renderer import LivePortraitRenderer
from vortex_lp.render.liveportrait.rig import load_rig
from vortex_lp.render.portrait import read_portrait
from vortex_lp.render.registry import RendererOptions, load_renderer
from vortex_lp.resources import resource_folder
from vortex_lp.settings import load_settings
from vortex_lp.values import (
    ARKIT_INDEX,
    N_BLENDSHAPES,
    N_LANDMARKS,
    Face,
    MotionTrack,
    Portrait,
)

CPU = torch.device("cpu")
SETTINGS = load_settings()


def a_track(n_frames: int, *, jaw: float = 0.6, yaw_deg: float = 0.0) -> MotionTrack:
    weights = np.zeros((n_frames, N_BLENDSHAPES), np.float32)
    weights[:, ARKIT_INDEX["jawOpen"]] = np.linspace(0, jaw, n_frames)
    head_deg = np.zeros((n_frames, 3), np.float32)
    head_deg[:, 1] = yaw_deg
    return MotionTrack(fps=Fraction(24), weights=weights, head_deg=head_deg)


def sample_portrait() -> Portrait:
    return read_portrait(resource_folder("assets") / "astronaut.jpg", limits=SETTINGS.limits)


@pytest.fixture(scope="module")
def toy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_safetensors_folder(tmp_path_factory.mktemp("weights") / "toy", TOY)


@pytest.fixture(scope="module")
def renderer(toy_folder: Path) -> Renderer:
    options = RendererOptions(weights=toy_folder, device="cpu")
    return load_renderer("liveportrait", settings=SETTINGS, options=options).renderer


@pytest.fixture(scope="module")
def prepared(renderer: Renderer) -> Prepared:
    return renderer.prepare(sample_portrait())


def test_it_says_what_runs_where(renderer: Renderer) -> None:
    assert renderer.name == "liveportrait"
    assert renderer.badge == "LivePortrait FP32 · CPU"


def test_frames_are_the_size_that_was_said(prepared: Prepared) -> None:
    frames = list(prepared.render(a_track(3)))
    assert len(frames) == 3
    width, height = prepared.size
    assert (width, height) == (512, 512)
    for frame in frames:
        assert frame.shape == (height, width, 3)
        assert frame.dtype == np.uint8
        assert frame.flags.writeable
    assert not np.array_equal(frames[0], frames[2])


def test_the_same_track_gives_the_same_bytes(prepared: Prepared) -> None:
    track = a_track(2, yaw_deg=4)
    for first, second in zip(prepared.render(track), prepared.render(track), strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_full_frame_keeps_everything_outside_the_square(renderer: Renderer) -> None:
    portrait = sample_portrait()
    prepared = renderer.prepare(portrait, framing="full")
    frame = next(iter(prepared.render(a_track(1))))
    width, height = prepared.size
    assert frame.shape == (height, width, 3)
    assert width % 2 == 0
    assert height % 2 == 0
    assert max(width, height) <= 1920
    left, top, right, bottom = prepared.face.box
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    # The astronaut's knees are far below the square.
    np.testing.assert_array_equal(frame[-40:], portrait.image[-40:])
    assert not np.array_equal(frame[: height // 3], portrait.image[: height // 3])


def test_the_official_files_give_the_same_frames(prepared: Prepared, tmp_path: Path) -> None:
    folder = write_official_folder(tmp_path / "official", TOY)
    other = LivePortraitRenderer(SETTINGS, files=find_weights(folder), device="cpu")
    expected = next(iter(prepared.render(a_track(1))))
    actual = next(iter(other.prepare(sample_portrait()).render(a_track(1))))
    np.testing.assert_array_equal(actual, expected)


def test_the_plain_path_gives_the_same_frames(toy_folder: Path, prepared: Prepared) -> None:
    plain = LivePortraitRenderer(
        SETTINGS, files=find_weights(toy_folder), device="cpu", engine="plain"
    )
    track = a_track(2, yaw_deg=5)
    frames = plain.prepare(sample_portrait()).render(track)
    for expected, actual in zip(frames, prepared.render(track), strict=True):
        difference = np.abs(expected.astype(int) - actual.astype(int))
        # Rounding to whole grey levels may fall either way.
        assert difference.max() <= 1
        assert (difference > 0).mean() < 0.01


def test_a_picture_without_a_face_is_refused(renderer: Renderer) -> None:
    with pytest.raises(NoFaceError):
        renderer.prepare(Portrait(np.full((300, 300, 3), 127, np.uint8), "grey.png"))


@pytest.mark.parametrize(
    ("device", "precision", "said"),
    [("abacus", "fp16", "abacus"), ("meta", "fp16", "meta"), ("cpu", "fp8", "fp8")],
)
def test_a_wrong_option_is_named(toy_folder: Path, device: str, precision: str, said: str) -> None:
    with pytest.raises(VortexInitializationError, match=said):
        LivePortraitRenderer(
            SETTINGS, files=find_weights(toy_folder), device=device, precision=precision
        )


def test_missing_weights_are_an_initialization_error(tmp_path: Path) -> None:
    options = RendererOptions(weights=tmp_path / "nowhere", device="cpu")
    with pytest.raises(VortexInitializationError, match="nowhere"):
        load_renderer("liveportrait", settings=SETTINGS, options=options)


def toy_source(engine: FastEngine | PlainEngine) -> EngineSource:
    random = torch.Generator().manual_seed(5)
    return engine.analyse(torch.rand(1, 3, TOY.picture_px, TOY.picture_px, generator=random))


def driven(source: EngineSource, n: int) -> Tensor:
    random = torch.Generator().manual_seed(6)
    return source.motion.posed + 0.05 * torch.randn(n, 21, 3, generator=random)


def test_batches_and_remainders_give_the_same_frames() -> None:
    networks = recipe_networks(TOY)
    plain = PlainEngine(networks, device=CPU, precision="fp32")
    fast = FastEngine(networks, device=CPU, precision="fp32")
    source, fast_source = toy_source(plain), toy_source(fast)
    points = driven(source, 7)
    expected = plain.draw(source, points).numpy().astype(int)
    for batch in (1, 2, 3, 7, 16):
        blocks = iter((points[:4], points[4:]))
        frames = list(draw_frames(fast, fast_source, blocks, batch=batch))
        assert len(frames) == 7
        assert np.abs(np.stack(frames).astype(int) - expected).max() <= 1


@dataclass
class SmallEngine:
    """Draws numbers instead of pictures, and runs out of memory above `fits` frames."""

    fits: int
    drawn: list[int]
    device: torch.device = CPU

    def draw(self, source: object, driven: Tensor) -> Tensor:
        if len(driven) > self.fits:
            raise torch.OutOfMemoryError("no memory left")
        self.drawn.append(len(driven))
        return driven[:, :1, :1, None].expand(-1, 2, 2, 3).to(torch.uint8)


def numbered(n: int) -> Iterator[Tensor]:
    yield torch.arange(n, dtype=torch.float32)[:, None, None].expand(-1, 21, 3)


@pytest.mark.parametrize("fits", [1, 2, 3, 8])
def test_running_out_of_memory_halves_the_batch_and_loses_no_frame(fits: int) -> None:
    engine = SmallEngine(fits=fits, drawn=[])
    frames = list(draw_frames(engine, None, numbered(19), batch=8))  # type: ignore[arg-type]
    assert [int(frame[0, 0, 0]) for frame in frames] == list(range(19))
    assert max(engine.drawn) <= fits


def test_batches_are_full_across_blocks() -> None:
    engine = SmallEngine(fits=8, drawn=[])
    points = next(numbered(19))
    frames = list(draw_frames(engine, None, iter((points[:5], points[5:7], points[7:])), batch=4))  # type: ignore[arg-type]
    assert [int(frame[0, 0, 0]) for frame in frames] == list(range(19))
    assert engine.drawn == [4, 4, 4, 4, 3]


def test_one_frame_too_large_is_a_clear_error() -> None:
    engine = SmallEngine(fits=0, drawn=[])
    with pytest.raises(RenderError, match="not even one frame"):
        list(draw_frames(engine, None, numbered(3), batch=4))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("budget", "expected"), [(4_000, 6), (2_000, 2), (1_400, 1), (10, 1), (1_000_000, 16)]
)
def test_the_batch_follows_the_budget(budget: int, expected: int) -> None:
    assert Footprint(fixed_bytes=1_000, frame_bytes=450).batch(budget, most=16) == expected


def a_face(*, lip_gap: float, weights: dict[str, float] | None = None) -> Face:
    landmarks = np.zeros((N_LANDMARKS, 3), np.float32)
    landmarks[61, 0], landmarks[291, 0] = -50, 50
    landmarks[14, 1] = 100 * lip_gap
    shown = np.zeros(N_BLENDSHAPES, np.float32)
    for name, weight in (weights or {}).items():
        shown[ARKIT_INDEX[name]] = weight
    return Face(landmarks, shown, np.zeros(3), np.eye(4))


Keypoints = Callable[[Face, MotionTrack], Tensor]


@pytest.fixture(scope="module")
def keypoints() -> Keypoints:
    engine = FastEngine(recipe_networks(TOY), device=CPU, precision="fp32")
    source = toy_source(engine)

    def move(face: Face, track: MotionTrack) -> Tensor:
        driver = make_driver(
            source.motion,
            face,
            rig=load_rig(),
            heads=engine.heads,
            settings=SETTINGS.liveportrait,
        )
        return torch.cat(list(driver.keypoints(track)))

    return move


def test_blocks_of_keypoints_join_without_a_seam(keypoints: Keypoints) -> None:
    track = a_track(2 * BLOCK_FRAMES + 3)
    whole = keypoints(a_face(lip_gap=0), track)
    assert len(whole) == track.n_frames
    last = MotionTrack(fps=track.fps, weights=track.weights[-1:], head_deg=track.head_deg[-1:])
    torch.testing.assert_close(whole[-1:], keypoints(a_face(lip_gap=0), last))


def test_what_the_portrait_shows_already_is_not_added(keypoints: Keypoints) -> None:
    asked = a_track(1)
    weights = np.array(asked.weights)
    weights[:, ARKIT_INDEX["mouthSmileLeft"]] = 0.5
    same = MotionTrack(fps=asked.fps, weights=weights, head_deg=asked.head_deg)
    smiling = a_face(lip_gap=0, weights={"mouthSmileLeft": 0.5})
    rest = keypoints(a_face(lip_gap=0), asked)
    torch.testing.assert_close(keypoints(smiling, same), rest)
    assert float((keypoints(a_face(lip_gap=0), same) - rest).abs().max()) > 1e-3


def test_an_open_mouth_is_shut_by_the_lip_head(keypoints: Keypoints) -> None:
    silent = a_track(1, jaw=0)
    shut = keypoints(a_face(lip_gap=0.0), silent)
    parted = keypoints(a_face(lip_gap=0.2, weights={"jawOpen": 0.3}), silent)
    ajar = keypoints(a_face(lip_gap=0.02), silent)
    torch.testing.assert_close(ajar, shut)
    assert float((parted - shut).abs().max()) > 1e-3


def test_a_closure_keeps_the_jaw_from_parting_the_lips(keypoints: Keypoints) -> None:
    open_jaw = np.zeros((1, N_BLENDSHAPES), np.float32)
    open_jaw[0, ARKIT_INDEX["jawOpen"]] = 0.5
    head_deg = np.zeros((1, 3), np.float32)
    free = MotionTrack(fps=Fraction(24), weights=open_jaw, head_deg=head_deg)
    closed = MotionTrack(
        fps=Fraction(24), weights=open_jaw, head_deg=head_deg, closure=np.ones(1, np.float32)
    )
    rest = keypoints(a_face(lip_gap=0), a_track(1, jaw=0))
    torch.testing.assert_close(keypoints(a_face(lip_gap=0), closed), rest)
    assert float((keypoints(a_face(lip_gap=0), free) - rest).abs().max()) > 1e-3


def test_an_extreme_track_cannot_tear_the_face(keypoints: Keypoints) -> None:
    wild = MotionTrack(
        fps=Fraction(24),
        weights=np.ones((4, N_BLENDSHAPES), np.float32) * [[1], [10], [100], [1000]],
        head_deg=np.float32([[60, 80, 60], [-90, 120, 90], [500, -500, 500], [0, 0, 0]]),
    )
    rest = keypoints(a_face(lip_gap=0), a_track(1, jaw=0))
    moved = keypoints(a_face(lip_gap=0), wild)
    assert torch.isfinite(moved).all()
    # Untrained canonical keypoints are up to 3 units from the centre; a turn of 30 degrees moves
    # those by 1.6, and nothing else comes near that.
    spread = float(rest.abs().max())
    assert float((moved - rest).abs().max()) < spread
