"""The fast path against the plain one: equal within rounding, for any input and batch size."""

import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own idiom)
from torch import Tensor, nn

from tests.render.liveportrait.recipe import TOY, recipe_networks
from vortex_lp.render.liveportrait.fast_generator import FastGenerator
from vortex_lp.render.liveportrait.fast_warp import FastWarp
from vortex_lp.render.liveportrait.phases import (
    DoublingConv,
    QuadruplingConv,
    fold_batch_norm,
    merge_convs,
)

ROUNDING = 2e-5


def assert_equal_within_rounding(actual: Tensor, expected: Tensor) -> None:
    assert actual.shape == expected.shape
    spread = float(expected.max() - expected.min())
    assert float((actual - expected).abs().max()) <= ROUNDING * spread


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 4), (5, 3), (8, 8)])
@pytest.mark.parametrize("times", [2, 4])
def test_convolution_before_upsampling_is_exact(times: int, height: int, width: int) -> None:
    torch.manual_seed(height * 10 + width)
    conv = nn.Conv2d(3, 5, 3, padding=1)
    x = torch.randn(2, 3, height, width)
    early = DoublingConv(conv) if times == 2 else QuadruplingConv(conv)
    with torch.inference_mode():
        expected = F.relu(conv(F.interpolate(x, scale_factor=times, mode="nearest")))
        torch.testing.assert_close(early(x), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("times", [2, 4])
def test_phases_keep_the_memory_order(times: int) -> None:
    conv = nn.Conv2d(4, 8, 3, padding=1)
    early = DoublingConv(conv) if times == 2 else QuadruplingConv(conv)
    x = torch.randn(2, 4, 5, 6)
    with torch.inference_mode():
        expected = early(x)
        ordered = early.to(memory_format=torch.channels_last)(
            x.contiguous(memory_format=torch.channels_last)
        )
    assert expected.is_contiguous()
    assert ordered.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(ordered, expected, atol=1e-5, rtol=1e-5)


def test_convolution_before_upsampling_is_exact_on_volumes() -> None:
    torch.manual_seed(2)
    conv = nn.Conv3d(3, 4, 3, padding=1)
    x = torch.randn(2, 3, 4, 5, 3)
    with torch.inference_mode():
        expected = F.relu(conv(F.interpolate(x, scale_factor=(1, 2, 2), mode="nearest")))
        torch.testing.assert_close(DoublingConv(conv)(x), expected, atol=1e-5, rtol=1e-5)


def test_merged_and_folded_convolutions_are_the_same() -> None:
    torch.manual_seed(3)
    convs = [nn.Conv2d(3, n, 3, padding=1) for n in (2, 5)]
    norm = nn.BatchNorm2d(5).eval()
    for tensor in (norm.weight, norm.bias, norm.running_mean):
        nn.init.normal_(tensor)
    nn.init.uniform_(norm.running_var, 0.5, 2)
    x = torch.randn(2, 3, 6, 7)
    with torch.inference_mode():
        apart = torch.cat([conv(x) for conv in convs], dim=1)
        torch.testing.assert_close(merge_convs(convs)(x), apart)
        torch.testing.assert_close(fold_batch_norm(convs[1], norm)(x), norm(convs[1](x)))


@pytest.mark.parametrize("n", [1, 2, 5])
def test_fast_generator_equals_the_plain_one(n: int) -> None:
    generator = recipe_networks(TOY).generator
    features = torch.randn(
        n, TOY.generator.in_channels, 16, 16, generator=torch.Generator().manual_seed(n)
    )
    with torch.inference_mode():
        assert_equal_within_rounding(FastGenerator(generator)(features), generator(features))


@pytest.mark.parametrize("n", [1, 3, 4])
def test_fast_warp_equals_the_plain_one(n: int) -> None:
    warping = recipe_networks(TOY).warping
    random = torch.Generator().manual_seed(n)
    sizes = TOY.warping
    volume = torch.randn(1, sizes.volume_channels, sizes.volume_depth, 16, 16, generator=random)
    source = torch.randn(1, 21, 3, generator=random) * 0.3
    driven = source + 0.1 * torch.randn(n, 21, 3, generator=random)
    fast = FastWarp(warping)
    with torch.inference_mode():
        expected = warping(
            volume.expand(n, -1, -1, -1, -1), driven=driven, source=source.expand(n, -1, -1)
        )
        actual = fast(fast.source(volume, source), driven)
    assert_equal_within_rounding(actual, expected.features)


def test_building_the_fast_path_leaves_the_plain_one_as_it_was() -> None:
    networks = recipe_networks(TOY)
    before = {
        name: tensor.clone()
        for module in (networks.generator, networks.warping)
        for name, tensor in module.state_dict().items()
    }
    FastGenerator(networks.generator)
    FastWarp(networks.warping)
    after = {**networks.generator.state_dict(), **networks.warping.state_dict()}
    for name, tensor in before.items():
        torch.testing.assert_close(after[name], tensor, rtol=0, atol=0)


def test_half_precision_looks_like_full_precision() -> None:
    """Half precision on a CPU is slow, but its numbers are those of a GPU within rounding."""
    networks = recipe_networks(TOY)
    warp, generator = FastWarp(networks.warping), FastGenerator(networks.generator)
    random = torch.Generator().manual_seed(8)
    sizes = TOY.warping
    volume = torch.randn(1, sizes.volume_channels, sizes.volume_depth, 8, 8, generator=random)
    source = torch.randn(1, 21, 3, generator=random) * 0.3
    driven = source + 0.05 * torch.randn(1, 21, 3, generator=random)
    with torch.inference_mode():
        exact = generator(warp(warp.source(volume, source), driven))
        half_warp, half_generator = warp.half(), generator.half()
        features = half_warp(half_warp.source(volume, source), driven)
        half = half_generator(features)
    assert features.dtype == torch.float16
    assert half.dtype == torch.float32
    error = float(((half - exact) ** 2).mean())
    assert 10 * math.log10(1 / error) >= 40
