"""F, the appearance feature extractor: what the person looks like, as a feature volume."""

import itertools

from torch import Tensor, nn

from vortex_lp.render.liveportrait.blocks import ConvNormAct, DownBlock2d, ResBlock3d
from vortex_lp.render.liveportrait.sizes import AppearanceSizes


class AppearanceExtractor(nn.Module):
    """Picture → feature volume; run once per portrait."""

    def __init__(self, sizes: AppearanceSizes) -> None:
        """Make the network with `sizes`."""
        super().__init__()
        self.sizes = sizes
        widths = [
            min(sizes.max_width, sizes.width * 2**level) for level in range(sizes.n_down_blocks + 1)
        ]
        self.first = ConvNormAct(3, sizes.width)
        self.down_blocks = nn.ModuleList(
            DownBlock2d(n_in, n_out) for n_in, n_out in itertools.pairwise(widths)
        )
        self.second = nn.Conv2d(widths[-1], sizes.volume_channels * sizes.volume_depth, 1)
        self.resblocks_3d = nn.Sequential()
        for number in range(sizes.n_res_blocks):
            self.resblocks_3d.add_module(f"3dr{number}", ResBlock3d(sizes.volume_channels))

    def forward(self, picture: Tensor) -> Tensor:
        """Picture (B, 3, H, W) in [0, 1] → volume (B, channels, depth, H/4, W/4)."""
        x = self.first(picture)
        for block in self.down_blocks:
            x = block(x)
        x = self.second(x)
        volume = x.unflatten(1, (self.sizes.volume_channels, self.sizes.volume_depth))
        out: Tensor = self.resblocks_3d(volume)
        return out
