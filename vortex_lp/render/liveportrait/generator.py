"""G, the SPADE generator: warped features → picture (Park et al. 2019)."""

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own idiom)
from torch import Tensor, nn

from vortex_lp.render.liveportrait.blocks import LEAKY_SLOPE, SpectralConv2d
from vortex_lp.render.liveportrait.sizes import GeneratorSizes

SHARED_WIDTH = 128
"""Channels of the layer that gamma and beta are both made from."""

N_MIDDLE_BLOCKS = 6
"""Blocks at the lowest resolution, named ``G_middle_0`` and so on."""


class Spade(nn.Module):
    """Instance norm, then a scale and shift per pixel that are made from the warped features."""

    def __init__(self, width: int, *, n_features: int) -> None:
        """Make the layer."""
        super().__init__()
        self.mlp_shared = nn.Sequential(nn.Conv2d(n_features, SHARED_WIDTH, 3, padding=1))
        self.mlp_gamma = nn.Conv2d(SHARED_WIDTH, width, 3, padding=1)
        self.mlp_beta = nn.Conv2d(SHARED_WIDTH, width, 3, padding=1)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """(B, width, H, W) and the features (B, n_features, h, w) → (B, width, H, W)."""
        normed = F.instance_norm(x)
        same_size = F.interpolate(features, size=x.shape[2:], mode="nearest")
        shared = F.relu(self.mlp_shared(same_size))
        out: Tensor = normed * (1 + self.mlp_gamma(shared)) + self.mlp_beta(shared)
        return out


class SpadeBlock(nn.Module):
    """Residual block of two SPADE layers; where the width changes, the shortcut has a third."""

    def __init__(self, n_in: int, n_out: int, *, n_features: int) -> None:
        """Make the block."""
        super().__init__()
        middle = min(n_in, n_out)
        self.conv_0 = SpectralConv2d(n_in, middle, kernel=3, bias=True)
        self.conv_1 = SpectralConv2d(middle, n_out, kernel=3, bias=True)
        self.norm_0 = Spade(n_in, n_features=n_features)
        self.norm_1 = Spade(middle, n_features=n_features)
        self.has_learned_shortcut = n_in != n_out
        if self.has_learned_shortcut:
            self.conv_s = SpectralConv2d(n_in, n_out, kernel=1, bias=False)
            self.norm_s = Spade(n_in, n_features=n_features)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """(B, n_in, H, W) and the features → (B, n_out, H, W)."""
        shortcut = self.conv_s(self.norm_s(x, features)) if self.has_learned_shortcut else x
        y = self.conv_0(F.leaky_relu(self.norm_0(x, features), LEAKY_SLOPE))
        y = self.conv_1(F.leaky_relu(self.norm_1(y, features), LEAKY_SLOPE))
        out: Tensor = shortcut + y
        return out


class SpadeGenerator(nn.Module):
    """Warped features → picture."""

    def __init__(self, sizes: GeneratorSizes) -> None:
        """Make the network with `sizes`."""
        super().__init__()
        n_features = sizes.in_channels
        wide = 2 * n_features
        self.fc = nn.Conv2d(n_features, wide, 3, padding=1)
        for number in range(N_MIDDLE_BLOCKS):
            self.add_module(f"G_middle_{number}", SpadeBlock(wide, wide, n_features=n_features))
        self.up_0 = SpadeBlock(wide, n_features, n_features=n_features)
        self.up_1 = SpadeBlock(n_features, sizes.out_channels, n_features=n_features)
        self.conv_img = nn.Sequential(
            nn.Conv2d(sizes.out_channels, 3 * sizes.upscale**2, 3, padding=1),
            nn.PixelShuffle(sizes.upscale),
        )

    def middle_blocks(self) -> list[SpadeBlock]:
        """Return the blocks at the lowest resolution, in order."""
        blocks = []
        for number in range(N_MIDDLE_BLOCKS):
            block = self.get_submodule(f"G_middle_{number}")
            assert isinstance(block, SpadeBlock)
            blocks.append(block)
        return blocks

    def forward(self, features: Tensor) -> Tensor:
        """Warped features (B, C, H, W) → picture (B, 3, 8H, 8W) in [0, 1]."""
        x = self.fc(features)
        for block in self.middle_blocks():
            x = block(x, features)
        x = self.up_0(F.interpolate(x, scale_factor=2, mode="nearest"), features)
        x = self.up_1(F.interpolate(x, scale_factor=2, mode="nearest"), features)
        return torch.sigmoid(self.conv_img(F.leaky_relu(x, LEAKY_SLOPE)))
