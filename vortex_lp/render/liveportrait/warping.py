"""W, the warping module: moves the feature volume from the source keypoints to the driven ones."""

import itertools
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own idiom)
from torch import Tensor, nn

from vortex_lp.render.liveportrait.blocks import ConvNormAct, DownBlock3d, UpBlock3d
from vortex_lp.render.liveportrait.sizes import N_KEYPOINTS, DenseMotionSizes, WarpingSizes

HEAT_VARIANCE = 0.01
"""Variance of the Gaussian around each keypoint, in the squared units of the grid [-1, 1]."""


@dataclass(frozen=True, slots=True, eq=False)
class DenseMotion:
    """Where each voxel of the driven volume comes from."""

    deformation: Tensor
    """(B, D, H, W, 3) source position of each voxel, x, y, z in [-1, 1]."""

    occlusion: Tensor
    """(B, 1, H, W) in [0, 1]; 0 where the source shows nothing that belongs there."""


@dataclass(frozen=True, slots=True, eq=False)
class Warped:
    """The warped features and how they came about."""

    features: Tensor
    """(B, C, H, W), the generator's input."""

    motion: DenseMotion
    """Where they came from."""


def identity_grid(depth: int, height: int, *, width: int, like: Tensor) -> Tensor:
    """Return the positions (D, H, W, 3) of the voxels, x, y, z from -1 to 1, both ends included."""
    z, y, x = (
        torch.linspace(-1, 1, count, device=like.device, dtype=torch.float32)
        for count in (depth, height, width)
    )
    grid_z, grid_y, grid_x = torch.meshgrid(z, y, x, indexing="ij")
    return torch.stack((grid_x, grid_y, grid_z), dim=-1)


def keypoint_heat(keypoints: Tensor, grid: Tensor) -> Tensor:
    """Return a Gaussian (B, K, D, H, W) around each of the keypoints (B, K, 3) on `grid`."""
    # The Gaussian separates: three short rows instead of a distance per voxel and axis.
    axes = (grid[0, 0, :, 0], grid[0, :, 0, 1], grid[:, 0, 0, 2])
    x, y, z = (
        torch.exp(-0.5 / HEAT_VARIANCE * (axis - keypoints[..., number, None]) ** 2)
        for number, axis in enumerate(axes)
    )
    return z[..., :, None, None] * y[..., None, :, None] * x[..., None, None, :]


def keypoint_flows(driven: Tensor, source: Tensor, *, grid: Tensor) -> Tensor:
    """Return the candidate positions (B, K + 1, D, H, W, 3): unmoved, then moved with a keypoint.

    Args:
        driven: (B, K, 3) driven keypoints.
        source: (B, K, 3) source keypoints.
        grid: (D, H, W, 3) from `identity_grid`.
    """
    shift = (source - driven)[:, :, None, None, None]
    unmoved = grid.expand(len(driven), 1, *grid.shape)
    return torch.cat((unmoved, grid + shift), dim=1)


class Encoder(nn.Module):
    """The narrowing half of the hourglass."""

    def __init__(self, sizes: DenseMotionSizes, *, n_in: int) -> None:
        """Make the network."""
        super().__init__()
        widths = [n_in] + [
            min(sizes.max_width, sizes.width * 2**level) for level in range(1, sizes.n_blocks + 1)
        ]
        self.down_blocks = nn.ModuleList(DownBlock3d(a, b) for a, b in itertools.pairwise(widths))

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, n_in, D, H, W) → the input and every level below it."""
        levels = [x]
        for block in self.down_blocks:
            levels.append(block(levels[-1]))
        return levels


class Decoder(nn.Module):
    """The widening half of the hourglass, joined to the levels of the first."""

    def __init__(self, sizes: DenseMotionSizes, *, n_in: int) -> None:
        """Make the network."""
        super().__init__()
        widths = [
            min(sizes.max_width, sizes.width * 2**level) for level in range(sizes.n_blocks + 1)
        ]
        blocks = []
        for level in reversed(range(sizes.n_blocks)):
            is_lowest = level == sizes.n_blocks - 1
            below = widths[level + 1] * (1 if is_lowest else 2)
            blocks.append(UpBlock3d(below, widths[level]))
        self.up_blocks = nn.ModuleList(blocks)
        self.out_channels = widths[0] + n_in
        self.conv = nn.Conv3d(self.out_channels, self.out_channels, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm3d(self.out_channels)

    def forward(self, levels: list[Tensor]) -> Tensor:
        """Return (B, out_channels, D, H, W) from the encoder's levels."""
        x = levels[-1]
        for block, level in zip(self.up_blocks, reversed(levels[:-1]), strict=True):
            x = torch.cat((block(x), level), dim=1)
        return F.relu(self.norm(self.conv(x)))


class Hourglass(nn.Module):
    """Encoder and decoder."""

    def __init__(self, sizes: DenseMotionSizes, *, n_in: int) -> None:
        """Make the network."""
        super().__init__()
        self.encoder = Encoder(sizes, n_in=n_in)
        self.decoder = Decoder(sizes, n_in=n_in)

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_in, D, H, W) → (B, out_channels, D, H, W)."""
        out: Tensor = self.decoder(self.encoder(x))
        return out


class DenseMotionNetwork(nn.Module):
    """Keypoint motion → motion of every voxel."""

    def __init__(self, sizes: WarpingSizes) -> None:
        """Make the network."""
        super().__init__()
        dense = sizes.dense_motion
        n_flows = N_KEYPOINTS + 1
        self.hourglass = Hourglass(dense, n_in=n_flows * (dense.n_compressed + 1))
        n_out = self.hourglass.decoder.out_channels
        self.mask = nn.Conv3d(n_out, n_flows, kernel_size=7, padding=3)
        self.compress = nn.Conv3d(sizes.volume_channels, dense.n_compressed, kernel_size=1)
        self.norm = nn.BatchNorm3d(dense.n_compressed)
        self.occlusion = nn.Conv2d(n_out * sizes.volume_depth, 1, kernel_size=7, padding=3)

    def forward(self, volume: Tensor, *, driven: Tensor, source: Tensor) -> DenseMotion:
        """Return the motion that takes `volume` (B, C, D, H, W) from `source` to `driven`."""
        small = F.relu(self.norm(self.compress(volume)))
        grid = identity_grid(*small.shape[2:4], width=small.shape[4], like=small)
        flows = keypoint_flows(driven.float(), source.float(), grid=grid)
        moved = F.grid_sample(
            small.float()[:, None].expand(-1, flows.shape[1], -1, -1, -1, -1).flatten(0, 1),
            flows.flatten(0, 1),
            align_corners=False,
        ).view(*flows.shape[:2], *small.shape[1:])
        heat = keypoint_heat(driven.float(), grid) - keypoint_heat(source.float(), grid)
        heat = F.pad(heat, (0, 0, 0, 0, 0, 0, 1, 0))[:, :, None]
        features = self.hourglass(torch.cat((heat, moved), dim=2).flatten(1, 2))
        share = torch.softmax(self.mask(features).float(), dim=1)
        deformation = torch.einsum("bkdhw,bkdhwc->bdhwc", share, flows)
        occlusion = torch.sigmoid(self.occlusion(features.flatten(1, 2)).float())
        return DenseMotion(deformation=deformation, occlusion=occlusion)


class WarpingModule(nn.Module):
    """Feature volume and keypoints → the generator's input."""

    def __init__(self, sizes: WarpingSizes) -> None:
        """Make the network with `sizes`."""
        super().__init__()
        self.dense_motion_network = DenseMotionNetwork(sizes)
        n_flat = sizes.volume_channels * sizes.volume_depth
        self.third = ConvNormAct(n_flat, sizes.out_channels, act="leaky")
        self.fourth = nn.Conv2d(sizes.out_channels, sizes.out_channels, kernel_size=1)

    def forward(self, volume: Tensor, *, driven: Tensor, source: Tensor) -> Warped:
        """Warp `volume` from the `source` keypoints to the `driven` ones.

        Args:
            volume: (B, C, D, H, W) from the appearance extractor.
            driven: (B, 21, 3) float32.
            source: (B, 21, 3) float32.
        """
        motion: DenseMotion = self.dense_motion_network(volume, driven=driven, source=source)
        moved = F.grid_sample(volume.float(), motion.deformation, align_corners=False)
        features = self.fourth(self.third(moved.flatten(1, 2)))
        return Warped(features=features * motion.occlusion.to(features.dtype), motion=motion)
