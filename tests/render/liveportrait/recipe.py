"""Untrained weights that anybody can make again: numbers from a network's name, a key and a shape.

The reference outputs in ``toy_golden.npz`` were made by the public reference code on these very
weights, so that the two implementations can be compared without a trained checkpoint.
"""

import zlib
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from vortex_lp.render.liveportrait.blocks import fold_spectral_norm
from vortex_lp.render.liveportrait.networks import NetworkName, Networks, build_networks
from vortex_lp.render.liveportrait.sizes import (
    AppearanceSizes,
    DenseMotionSizes,
    GeneratorSizes,
    HeadSizes,
    LivePortraitSizes,
    MotionSizes,
    WarpingSizes,
)

TOY = LivePortraitSizes(
    appearance=AppearanceSizes(
        width=8,
        n_down_blocks=2,
        max_width=32,
        volume_channels=8,
        volume_depth=4,
        n_res_blocks=2,
    ),
    motion=MotionSizes(depths=(1, 1, 2, 1), widths=(8, 16, 24, 32)),
    warping=WarpingSizes(
        width=8,
        n_down_blocks=2,
        volume_channels=8,
        volume_depth=4,
        dense_motion=DenseMotionSizes(width=4, max_width=32, n_blocks=2, n_compressed=2),
    ),
    generator=GeneratorSizes(width=8, n_down_blocks=2, max_width=32, out_channels=8, upscale=2),
    stitching=HeadSizes(n_in=126, hidden=(128, 128, 64), n_out=65),
    lip=HeadSizes(n_in=65, hidden=(128, 128, 64), n_out=63),
    eye=HeadSizes(n_in=66, hidden=(256, 256, 128, 128, 64), n_out=63),
    picture_px=64,
)


def normal(network: str, key: str, shape: tuple[int, ...]) -> np.ndarray:
    generator = np.random.Generator(np.random.PCG64(zlib.crc32(f"0/{network}/{key}".encode())))
    return generator.standard_normal(shape, np.float32)


def _singular(network: str, key: str, n: int) -> np.ndarray:
    x = normal(network, key, (n,))
    return x / np.linalg.norm(x)


def _fan_in(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape[1:]))


def recipe_tensor(network: str, key: str, shape: tuple[int, ...]) -> Tensor:
    if key.endswith("num_batches_tracked"):
        return torch.zeros((), dtype=torch.int64)
    x = normal(network, key, shape)
    if key.endswith("running_var"):
        value = 1 + 0.1 * np.abs(x)
    elif key.endswith("running_mean"):
        value = 0.1 * x
    elif key.endswith(("weight_u", "weight_v")):
        value = x / np.linalg.norm(x)
    elif key.endswith("weight_orig"):
        stem = key.removesuffix("orig")
        u = _singular(network, f"{stem}u", shape[0])
        v = _singular(network, f"{stem}v", _fan_in(shape))
        value = x / np.sqrt(_fan_in(shape)) + np.outer(u, v).reshape(shape)
    elif len(shape) == 1:
        value = 1 + 0.1 * x if key.endswith("weight") else 0.02 * x
    elif key.endswith(("gamma", "beta")):
        value = 0.1 * x
    else:
        value = x / np.sqrt(_fan_in(shape))
    return torch.from_numpy(np.asarray(value, np.float32))


def recipe_state(network: NetworkName, module: nn.Module) -> Mapping[str, Tensor]:
    return {
        key: recipe_tensor(network, key, tuple(tensor.shape))
        for key, tensor in module.state_dict().items()
    }


def recipe_networks(sizes: LivePortraitSizes) -> Networks:
    networks = build_networks(sizes)
    for name, module in networks.by_name().items():
        module.load_state_dict(recipe_state(name, module), strict=True, assign=True)
        module.requires_grad_(requires_grad=False)
    fold_spectral_norm(networks.generator)
    return networks
