"""W rearranged to do less: the same features within rounding.

- What depends on the portrait only (compressed features, their unmoved copy, the heat of the source
  keypoints) is computed once.
- All the copies of the feature volume that move with a keypoint are sampled as one deeper volume,
  so the volume itself is never copied 21 times.
- Masks sum to 1, so the deformation is the grid plus the masked shifts: no (B, 22, D, H, W, 3).
- Batch norm is folded into the convolutions; the doublings of the hourglass run by phases; channels
  keep the order in which they are made, and a heat channel that is always 0 is left out.

Keypoint arithmetic, sampling positions and the softmax are float32, whatever the networks' type.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own idiom)
from torch import Tensor, nn

from vortex_lp.render.liveportrait.blocks import DownBlock3d, UpBlock3d
from vortex_lp.render.liveportrait.phases import DoublingConv, fold_batch_norm
from vortex_lp.render.liveportrait.sizes import N_KEYPOINTS
from vortex_lp.render.liveportrait.warping import (
    DenseMotionNetwork,
    WarpingModule,
    identity_grid,
    keypoint_heat,
)


@dataclass(frozen=True, slots=True, eq=False)
class WarpSource:
    """What W needs of a portrait, computed once."""

    volume: Tensor
    """(1, C, D, H, W) float32 feature volume."""

    compressed: Tensor
    """(1, c, D, H, W) float32 compressed volume."""

    unmoved: Tensor
    """(1, c, 1, D, H, W) float32, the compressed volume sampled where it is."""

    heat: Tensor
    """(1, 21, D, H, W) float32 heat of the source keypoints."""

    keypoints: Tensor
    """(1, 21, 3) float32 source keypoints."""

    grid: Tensor
    """(D, H, W, 3) float32 voxel positions."""


class FastDenseMotion(nn.Module):
    """The hourglass and its heads, on channels in the order in which they are made."""

    def __init__(self, network: DenseMotionNetwork) -> None:
        """Take over the weights of `network`."""
        super().__init__()
        self.compress = fold_batch_norm(network.compress, network.norm)
        encoder, decoder = network.hourglass.encoder, network.hourglass.decoder
        order = _channel_order(network.compress.out_channels)
        down = [_folded(block) for block in encoder.down_blocks]
        down[0] = _take_inputs(down[0], order)
        self.down = nn.ModuleList(down)
        self.up = nn.ModuleList(DoublingConv(_folded(block)) for block in decoder.up_blocks)
        n_up = decoder.out_channels - len(order) - 1
        last = fold_batch_norm(decoder.conv, decoder.norm)
        self.last = _take_inputs(last, [*range(n_up), *(n_up + channel for channel in order)])
        self.mask = network.mask
        self.occlusion = network.occlusion

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mask logits (B, 22, D, H, W) and occlusion logits (B, 1, H, W)."""
        levels = [x]
        for conv in self.down:
            levels.append(_halve(F.relu(conv(levels[-1]))))
        y = levels.pop()
        for conv in self.up:
            y = torch.cat((conv(y), levels.pop()), dim=1)
        y = F.relu(self.last(y))
        return self.mask(y), self.occlusion(y.flatten(1, 2))


class FastWarp(nn.Module):
    """Feature volume and keypoints → the generator's input, as `WarpingModule`."""

    def __init__(self, warping: WarpingModule) -> None:
        """Take over the weights of `warping`."""
        super().__init__()
        self.dense = FastDenseMotion(warping.dense_motion_network)
        self.third = fold_batch_norm(warping.third.conv, warping.third.norm)
        self.slope = nn.LeakyReLU().negative_slope
        self.fourth = warping.fourth

    @property
    def dtype(self) -> torch.dtype:
        """The number type that the networks compute in."""
        return self.fourth.weight.dtype

    def source(self, volume: Tensor, keypoints: Tensor) -> WarpSource:
        """Return what depends on the portrait: its volume and its keypoints (1, 21, 3)."""
        compressed = F.relu(self.dense.compress(volume.to(self.dtype))).float()
        grid = identity_grid(*volume.shape[2:4], width=volume.shape[4], like=compressed)
        unmoved = F.grid_sample(compressed, grid[None], align_corners=False)
        return WarpSource(
            volume=volume.float(),
            compressed=compressed,
            unmoved=unmoved[:, :, None],
            heat=keypoint_heat(keypoints.float(), grid),
            keypoints=keypoints.float(),
            grid=grid,
        )

    def forward(self, source: WarpSource, driven: Tensor) -> Tensor:
        """Return the warped features (B, C, H, W) for the driven keypoints (B, 21, 3) float32."""
        n, grid = len(driven), source.grid
        shift = source.keypoints - driven
        positions = (grid + shift[:, :, None, None, None]).flatten(1, 2)
        moved = F.grid_sample(
            source.compressed.expand(n, *source.compressed.shape[1:]),
            positions,
            align_corners=False,
        )
        moved = moved.view(n, moved.shape[1], N_KEYPOINTS, *grid.shape[:3])
        unmoved = source.unmoved.expand(n, *source.unmoved.shape[1:])
        heat = keypoint_heat(driven, grid) - source.heat
        x = torch.cat((heat, torch.cat((unmoved, moved), dim=2).flatten(1, 2)), dim=1)
        mask, occlusion = self.dense(x.to(self.dtype))
        share = torch.softmax(mask.float(), dim=1)[:, 1:]
        deformation = grid + torch.einsum("bkdhw,bkc->bdhwc", share, shift)
        warped = F.grid_sample(
            source.volume.expand(n, *source.volume.shape[1:]), deformation, align_corners=False
        )
        y = F.leaky_relu(self.third(warped.flatten(1, 2).to(self.dtype)), self.slope)
        features: Tensor = self.fourth(y) * torch.sigmoid(occlusion.float()).to(self.dtype)
        return features


def _halve(x: Tensor) -> Tensor:
    """Return (B, C, D, H, W) with height and width halved by 2 x 2 means."""
    # As pictures, since pooling of volumes has no half-precision kernel on a CPU.
    n, channels, depth, height, width = x.shape
    pooled = F.avg_pool2d(x.flatten(1, 2), 2)
    return pooled.view(n, channels, depth, height // 2, width // 2)


def _folded(block: nn.Module) -> nn.Conv2d | nn.Conv3d:
    assert isinstance(block, (DownBlock3d, UpBlock3d))
    return fold_batch_norm(block.conv, block.norm)


def _channel_order(n_compressed: int) -> list[int]:
    """Return, for each channel that `FastWarp` makes, its place in the published network's input.

    There each flow (unmoved, then the 21) has one heat channel, then the compressed ones. Here
    the 21 heats come first (the unmoved flow's is always 0), then each compressed channel with its
    22 flows.
    """
    n_flows, width = N_KEYPOINTS + 1, n_compressed + 1
    heat = [flow * width for flow in range(1, n_flows)]
    moved = [
        flow * width + 1 + channel for channel in range(n_compressed) for flow in range(n_flows)
    ]
    return heat + moved


def _take_inputs(conv: nn.Conv2d | nn.Conv3d, order: list[int]) -> nn.Conv3d:
    """Return `conv` with its input channels picked in `order`."""
    assert isinstance(conv, nn.Conv3d)
    picked = nn.Conv3d(len(order), conv.out_channels, 3, padding=1, device="meta")
    picked.weight = nn.Parameter(conv.weight[:, order].contiguous(), requires_grad=False)
    picked.bias = conv.bias
    return picked
