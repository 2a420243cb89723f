"""What only an NVIDIA GPU can show: half precision, memory, determinism. Skips without one."""

import contextlib
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.render.liveportrait.recipe import recipe_networks
from vortex_lp.errors import VortexInitializationError
from vortex_lp.render.liveportrait.engine import EngineSource, FastEngine, PlainEngine
from vortex_lp.render.liveportrait.memory import draw_frames, plan_batch
from vortex_lp.render.liveportrait.networks import Networks
from vortex_lp.render.liveportrait.sizes import RELEASED
from vortex_lp.settings import load_settings

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU on this machine"),
]
GPU = torch.device("cuda:0")
N_FRAMES = 11
SETTINGS = load_settings().liveportrait


@pytest.fixture(scope="module")
def networks() -> Networks:
    return recipe_networks(RELEASED)


@pytest.fixture
def engine(networks: Networks) -> Iterator[FastEngine]:
    torch.cuda.empty_cache()
    yield FastEngine(networks, device=GPU, precision="fp16")
    torch.cuda.empty_cache()


def clip(engine: FastEngine | PlainEngine, n_frames: int) -> tuple[EngineSource, Tensor]:
    random = torch.Generator().manual_seed(3)
    side = RELEASED.picture_px
    source = engine.analyse(torch.rand(1, 3, side, side, generator=random))
    wander = 0.05 * torch.randn(n_frames, 21, 3, generator=random)
    return source, source.motion.posed + wander.to(engine.device)


def test_half_precision_looks_like_full_precision(networks: Networks, engine: FastEngine) -> None:
    exact = PlainEngine(networks, device=GPU, precision="fp32")
    source, driven = clip(exact, 3)
    expected = exact.draw(source, driven).cpu().numpy().astype(np.float64)
    fast_source, fast_driven = clip(engine, 3)
    actual = engine.draw(fast_source, fast_driven).cpu().numpy().astype(np.float64)
    error = ((actual - expected) ** 2).mean()
    assert 10 * np.log10(255**2 / error) >= 40


def test_the_plain_path_runs_in_half_precision(networks: Networks) -> None:
    plain = PlainEngine(networks, device=GPU, precision="fp16")
    source, driven = clip(plain, 2)
    assert plain.draw(source, driven).shape == (2, 512, 512, 3)


def test_the_peak_stays_within_the_budget(engine: FastEngine) -> None:
    source, driven = clip(engine, 40)
    batch = plan_batch(engine, source, settings=SETTINGS)
    torch.cuda.reset_peak_memory_stats()
    assert len(list(draw_frames(engine, source, iter((driven,)), batch=batch))) == 40
    assert torch.cuda.max_memory_allocated() <= SETTINGS.budget_gb * 1e9


def test_the_same_keypoints_give_the_same_bytes(engine: FastEngine) -> None:
    source, driven = clip(engine, N_FRAMES)
    first, second = (
        np.stack(list(draw_frames(engine, source, iter((driven,)), batch=4))) for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


def test_remainders_are_drawn_like_everything_else(engine: FastEngine) -> None:
    source, driven = clip(engine, N_FRAMES)
    one, four = (
        np.stack(list(draw_frames(engine, source, iter((driven,)), batch=batch))).astype(int)
        for batch in (1, 4)
    )
    # Another batch size may pick other kernels, which round differently.
    assert np.abs(one - four).mean() < 0.5


@contextlib.contextmanager
def only_this_much(n_bytes: float) -> Iterator[None]:
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(GPU).total_memory
    torch.cuda.set_per_process_memory_fraction(n_bytes / total, GPU)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, GPU)
        torch.cuda.empty_cache()


def test_a_batch_that_does_not_fit_is_halved(networks: Networks) -> None:
    with only_this_much(3e9):
        engine = FastEngine(networks, device=GPU, precision="fp16")
        source, driven = clip(engine, N_FRAMES)
        frames = list(draw_frames(engine, source, iter((driven.repeat(6, 1, 1),)), batch=64))
    assert len(frames) == 6 * N_FRAMES


def test_far_too_little_memory_is_a_clear_error(networks: Networks) -> None:
    with only_this_much(0.2e9), pytest.raises(VortexInitializationError, match="GB"):
        FastEngine(networks, device=GPU, precision="fp16")
