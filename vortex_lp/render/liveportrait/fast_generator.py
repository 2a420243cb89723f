"""G rearranged to do less: the same picture within rounding.

- The layers that gamma and beta are made from see nothing but the warped features: those of all the
  middle blocks are one convolution; in the up blocks they run before the upsampling
  (`vortex_lp.render.liveportrait.phases`).
- Gamma and beta of a SPADE layer are one convolution; the 1 of ``1 + gamma`` sits in its bias.
- Upsampling by copying changes neither mean nor variance, so instance norm runs before it; the two
  layers of an up block that see the same input share it.
"""

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own idiom)
from torch import Tensor, nn

from vortex_lp.render.liveportrait.blocks import LEAKY_SLOPE
from vortex_lp.render.liveportrait.generator import Spade, SpadeBlock, SpadeGenerator
from vortex_lp.render.liveportrait.phases import DoublingConv, QuadruplingConv, merge_convs


def _shared_conv(spade: Spade) -> nn.Conv2d:
    conv = spade.mlp_shared[0]
    assert isinstance(conv, nn.Conv2d)
    return conv


def _conv(module: nn.Module) -> nn.Conv2d:
    assert isinstance(module, nn.Conv2d), "spectral norm must be folded first"
    return module


class Modulation(nn.Module):
    """Gamma and beta of one SPADE layer, applied to an input that is normed already."""

    def __init__(self, spade: Spade) -> None:
        """Take over the weights of `spade`."""
        super().__init__()
        self.gamma_beta = merge_convs([spade.mlp_gamma, spade.mlp_beta])
        assert self.gamma_beta.bias is not None
        with torch.no_grad():
            self.gamma_beta.bias[: spade.mlp_gamma.out_channels] += 1

    def forward(self, normed: Tensor, shared: Tensor) -> Tensor:
        """(B, C, H, W) and the shared layer's output (B, 128, H, W) → (B, C, H, W)."""
        gamma, beta = self.gamma_beta(shared).chunk(2, dim=1)
        return torch.addcmul(beta, normed, gamma)


class MiddleBlock(nn.Module):
    """A SPADE block at the lowest resolution, its shared layers done already."""

    def __init__(self, block: SpadeBlock) -> None:
        """Take over the weights of `block`."""
        super().__init__()
        self.modulate_0, self.modulate_1 = Modulation(block.norm_0), Modulation(block.norm_1)
        self.conv_0, self.conv_1 = _conv(block.conv_0), _conv(block.conv_1)

    def forward(self, x: Tensor, shared_0: Tensor, shared_1: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, H, W)."""
        y = F.leaky_relu(self.modulate_0(F.instance_norm(x), shared_0), LEAKY_SLOPE)
        y = self.conv_0(y)
        y = F.leaky_relu(self.modulate_1(F.instance_norm(y), shared_1), LEAKY_SLOPE)
        out: Tensor = x + self.conv_1(y)
        return out


class UpBlock(nn.Module):
    """Doubling, then a SPADE block with a learned shortcut."""

    def __init__(self, block: SpadeBlock, *, times: int) -> None:
        """Take over the weights of `block`; `times` is its size over that of the features."""
        super().__init__()
        spades = [block.norm_0, block.norm_s, block.norm_1]
        merged = merge_convs([_shared_conv(spade) for spade in spades])
        self.shared = DoublingConv(merged) if times == 2 else QuadruplingConv(merged)
        self.modulate_0, self.modulate_1 = Modulation(block.norm_0), Modulation(block.norm_1)
        self.modulate_s = Modulation(block.norm_s)
        self.conv_0, self.conv_1 = _conv(block.conv_0), _conv(block.conv_1)
        self.conv_s = _conv(block.conv_s)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """(B, C, H, W) and the features → (B, n_out, 2H, 2W)."""
        shared_0, shared_s, shared_1 = self.shared(features).chunk(3, dim=1)
        normed = F.interpolate(F.instance_norm(x), scale_factor=2, mode="nearest")
        shortcut = self.conv_s(self.modulate_s(normed, shared_s))
        y = self.conv_0(F.leaky_relu(self.modulate_0(normed, shared_0), LEAKY_SLOPE))
        y = F.leaky_relu(self.modulate_1(F.instance_norm(y), shared_1), LEAKY_SLOPE)
        out: Tensor = shortcut + self.conv_1(y)
        return out


class FastGenerator(nn.Module):
    """Warped features → picture, as `SpadeGenerator`."""

    def __init__(self, generator: SpadeGenerator) -> None:
        """Take over the weights of `generator`, whose spectral norm is folded."""
        super().__init__()
        blocks = generator.middle_blocks()
        self.fc = generator.fc
        self.middle_shared = merge_convs(
            [_shared_conv(spade) for block in blocks for spade in (block.norm_0, block.norm_1)]
        )
        self.middle = nn.ModuleList(MiddleBlock(block) for block in blocks)
        self.up_0 = UpBlock(generator.up_0, times=2)
        self.up_1 = UpBlock(generator.up_1, times=4)
        self.conv_img = generator.conv_img

    def forward(self, features: Tensor) -> Tensor:
        """Warped features (B, C, H, W) → picture (B, 3, 8H, 8W) in [0, 1], float32."""
        shared = F.relu(self.middle_shared(features)).chunk(2 * len(self.middle), dim=1)
        x = self.fc(features)
        for number, block in enumerate(self.middle):
            x = block(x, shared[2 * number], shared[2 * number + 1])
        x = self.up_1(self.up_0(x, features), features)
        return torch.sigmoid(self.conv_img(F.leaky_relu(x, LEAKY_SLOPE)).float())
