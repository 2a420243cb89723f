"""Count what LivePortrait's networks multiply and add, on shapes alone: no memory, no time.

python -m benchmarks.liveportrait_flop
"""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from vortex_lp.render.liveportrait.blocks import fold_spectral_norm
from vortex_lp.render.liveportrait.fast_generator import FastGenerator
from vortex_lp.render.liveportrait.fast_warp import FastWarp
from vortex_lp.render.liveportrait.networks import build_networks
from vortex_lp.render.liveportrait.sizes import N_KEYPOINTS, RELEASED, LivePortraitSizes


def count_flop(sizes: LivePortraitSizes = RELEASED) -> dict[str, float]:
    """Return network → FLOP: F and M once a portrait, W and G per frame, plain and fast."""
    networks = build_networks(sizes)
    fold_spectral_norm(networks.generator)
    side = sizes.picture_px // 2**sizes.appearance.n_down_blocks
    volume = (1, sizes.warping.volume_channels, sizes.warping.volume_depth, side, side)
    with torch.device("meta"):
        picture = torch.empty(1, 3, sizes.picture_px, sizes.picture_px)
        features = torch.empty(1, sizes.generator.in_channels, side, side)
        keypoints = torch.empty(1, N_KEYPOINTS, 3)
        warp_volume = torch.empty(volume)
    counts = {
        "F": _flop(networks.appearance, picture),
        "M": _flop(networks.motion, picture),
        "W plain": _flop(_Warp(networks.warping, keypoints), warp_volume),
        "G plain": _flop(networks.generator, features),
        "G fast": _flop(FastGenerator(networks.generator), features),
    }
    fast = FastWarp(networks.warping)
    with torch.inference_mode():
        source = fast.source(warp_volume, keypoints)
        with FlopCounterMode(display=False) as counter:
            fast(source, keypoints)
    counts["W fast"] = float(counter.get_total_flops())
    return counts


class _Warp(nn.Module):
    def __init__(self, warping: nn.Module, keypoints: torch.Tensor) -> None:
        super().__init__()
        self.warping, self.keypoints = warping, keypoints

    def forward(self, volume: torch.Tensor) -> torch.Tensor:
        warped = self.warping(volume, driven=self.keypoints, source=self.keypoints)
        features: torch.Tensor = warped.features
        return features


def _flop(network: nn.Module, given: torch.Tensor) -> float:
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(given)
    return float(counter.get_total_flops())


if __name__ == "__main__":
    counted = count_flop()
    for name, flop in counted.items():
        print(f"{name:8s} {flop / 1e9:8.1f} GFLOP")
    plain = counted["W plain"] + counted["G plain"]
    fast = counted["W fast"] + counted["G fast"]
    print(f"a frame: {plain / 1e9:.0f} GFLOP plain, {fast / 1e9:.0f} fast ({fast / plain:.3f})")
