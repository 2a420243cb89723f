"""The networks against reference outputs of the published code, on recipe weights."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.render.liveportrait.recipe import TOY, recipe_networks
from vortex_lp.render.liveportrait.blocks import SpectralConv2d, fold_spectral_norm
from vortex_lp.render.liveportrait.generator import SpadeGenerator
from vortex_lp.render.liveportrait.networks import Networks
from vortex_lp.render.liveportrait.sizes import RELEASED

TOLERANCE = 1e-4
SHARED = Path(__file__).parents[4] / "shared" / "golden" / "liveportrait" / "golden.npz"


def read_golden(path: Path) -> dict[str, Tensor]:
    with np.load(path, allow_pickle=False) as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays}


def assert_close(name: str, actual: Tensor, expected: Tensor) -> None:
    assert actual.shape == expected.shape, name
    # A single number has no range of its own: its size stands in.
    spread = float(expected.max() - expected.min()) or float(expected.abs().max())
    worst = float((actual - expected).abs().max())
    assert worst <= TOLERANCE * spread, f"{name}: off by {worst:.2e} of a range of {spread:.2e}"


def assert_networks_match(
    networks: Networks, golden: Mapping[str, Tensor], *, steps: tuple[int, int, int]
) -> None:
    """Run every network; `steps` says which share of F's and W's output the golden file keeps."""
    channel_step, space_step, warp_step = steps
    with torch.inference_mode():
        volume = networks.appearance(golden["image"])
        s = slice(None, None, space_step)
        assert_close("F", volume[:, ::channel_step, s, s, s], golden["feature_3d_sub"])
        raw = networks.motion(golden["image"])
        for name, field in (
            ("pitch", raw.pitch_bins),
            ("yaw", raw.yaw_bins),
            ("roll", raw.roll_bins),
            ("t", raw.translation),
            ("exp", raw.expression),
            ("scale", raw.scale),
            ("kp", raw.keypoints),
        ):
            assert_close(f"M {name}", field.flatten(1), golden[f"motion_{name}"])
        warped = networks.warping(volume, driven=golden["kp_driving"], source=golden["kp_source"])
        assert_close("W deformation", warped.motion.deformation, golden["warp_deformation"])
        assert_close("W occlusion", warped.motion.occlusion, golden["warp_occlusion"])
        assert_close("W", warped.features[:, ::warp_step], golden["warp_out_sub"])
        assert_close("G", networks.generator(warped.features), golden["decoded"])
        assert_close(
            "stitching", networks.stitching(golden["stitching_in"]), golden["stitching_out"]
        )
        assert_close("lip", networks.lip(golden["lip_in"]), golden["lip_out"])
        assert_close("eye", networks.eye(golden["eye_in"]), golden["eye_out"])


def test_every_toy_network_matches_the_reference() -> None:
    golden = read_golden(Path(__file__).with_name("toy_golden.npz"))
    assert_networks_match(recipe_networks(TOY), golden, steps=(1, 1, 1))


@pytest.mark.shared
def test_every_full_size_network_matches_the_reference() -> None:
    if not SHARED.is_file():
        pytest.skip(f"no reference outputs at {SHARED}")
    assert_networks_match(recipe_networks(RELEASED), read_golden(SHARED), steps=(4, 2, 2))


def test_folding_leaves_the_generator_as_it_was() -> None:
    torch.manual_seed(1)
    generator = SpadeGenerator(TOY.generator).eval()
    for module in generator.modules():
        if isinstance(module, SpectralConv2d):
            for tensor in (module.weight_orig, module.weight_u, module.weight_v):
                torch.nn.init.normal_(tensor)
            if module.bias is not None:
                torch.nn.init.normal_(module.bias)
    features = torch.randn(1, TOY.generator.in_channels, 8, 8)
    with torch.inference_mode():
        before = generator(features)
        fold_spectral_norm(generator)
        after = generator(features)
    assert not any(isinstance(module, SpectralConv2d) for module in generator.modules())
    torch.testing.assert_close(after, before)


def test_the_released_output_is_512_px() -> None:
    assert RELEASED.out_px == 512
    assert TOY.out_px == 128
