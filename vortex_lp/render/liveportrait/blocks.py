"""Layers that several LivePortrait networks share.

Attribute names are those of the published checkpoints, so that a checkpoint loads without renaming.
"""

from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own idiom)
from torch import Tensor, nn

LEAKY_SLOPE = 0.2
"""Slope of every leaky ReLU in the generator; `ConvNormAct` after the warp uses torch's 0.01."""


class ConvNormAct(nn.Module):
    """Convolution (kernel 3) → batch norm → ReLU, on pictures; the size stays."""

    def __init__(self, n_in: int, n_out: int, *, act: Literal["relu", "leaky"] = "relu") -> None:
        """Make the layer."""
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(n_out)
        self.act: nn.Module = nn.ReLU() if act == "relu" else nn.LeakyReLU()

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_in, H, W) → (B, n_out, H, W)."""
        out: Tensor = self.act(self.norm(self.conv(x)))
        return out


class DownBlock2d(nn.Module):
    """Convolution → batch norm → ReLU → 2 x 2 mean."""

    def __init__(self, n_in: int, n_out: int) -> None:
        """Make the layer."""
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(n_out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_in, H, W) → (B, n_out, H/2, W/2)."""
        return F.avg_pool2d(F.relu(self.norm(self.conv(x))), 2)


class DownBlock3d(nn.Module):
    """As `DownBlock2d` on a volume; the depth keeps its size."""

    def __init__(self, n_in: int, n_out: int) -> None:
        """Make the layer."""
        super().__init__()
        self.conv = nn.Conv3d(n_in, n_out, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm3d(n_out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_in, D, H, W) → (B, n_out, D, H/2, W/2)."""
        return F.avg_pool3d(F.relu(self.norm(self.conv(x))), (1, 2, 2))


class UpBlock3d(nn.Module):
    """Nearest-neighbour doubling of height and width → convolution → batch norm → ReLU."""

    def __init__(self, n_in: int, n_out: int) -> None:
        """Make the layer."""
        super().__init__()
        self.conv = nn.Conv3d(n_in, n_out, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm3d(n_out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_in, D, H, W) → (B, n_out, D, 2H, 2W)."""
        doubled = F.interpolate(x, scale_factor=(1, 2, 2), mode="nearest")
        return F.relu(self.norm(self.conv(doubled)))


class ResBlock3d(nn.Module):
    """Pre-activation residual block on a volume."""

    def __init__(self, width: int) -> None:
        """Make the layer."""
        super().__init__()
        self.conv1 = nn.Conv3d(width, width, kernel_size=3, padding=1)
        self.conv2 = nn.Conv3d(width, width, kernel_size=3, padding=1)
        self.norm1 = nn.BatchNorm3d(width)
        self.norm2 = nn.BatchNorm3d(width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, D, H, W) → the same shape."""
        y = self.conv1(F.relu(self.norm1(x)))
        out: Tensor = x + self.conv2(F.relu(self.norm2(y)))
        return out


class SpectralConv2d(nn.Module):
    """A convolution whose checkpoint holds an unnormalised weight and its singular vectors.

    The weight in use is ``weight_orig / (uᵀ W v)``. `fold` turns that into a plain convolution once
    the checkpoint is loaded, so that nothing is divided per frame.
    """

    weight_u: Tensor
    weight_v: Tensor

    def __init__(self, n_in: int, n_out: int, *, kernel: int, bias: bool) -> None:
        """Make the layer; `kernel` is odd and the size stays."""
        super().__init__()
        self.padding = kernel // 2
        self.weight_orig = nn.Parameter(torch.empty(n_out, n_in, kernel, kernel))
        self.bias = nn.Parameter(torch.empty(n_out)) if bias else None
        self.register_buffer("weight_u", torch.empty(n_out))
        self.register_buffer("weight_v", torch.empty(n_in * kernel * kernel))

    def normalised_weight(self) -> Tensor:
        """Return the weight in use (n_out, n_in, kernel, kernel)."""
        # In float64, so that the order of a sum never shows and every load gives the same bits.
        matrix = self.weight_orig.flatten(1).double()
        sigma = torch.dot(self.weight_u.double(), torch.mv(matrix, self.weight_v.double()))
        return self.weight_orig / sigma.to(self.weight_orig.dtype)

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_in, H, W) → (B, n_out, H, W)."""
        return F.conv2d(x, self.normalised_weight(), self.bias, padding=self.padding)

    def fold(self) -> nn.Conv2d:
        """Return the plain convolution that does the same."""
        n_out, n_in, kernel, _ = self.weight_orig.shape
        conv = nn.Conv2d(
            n_in, n_out, kernel, padding=self.padding, bias=self.bias is not None, device="meta"
        )
        conv.weight = nn.Parameter(self.normalised_weight().detach(), requires_grad=False)
        if self.bias is not None:
            conv.bias = nn.Parameter(self.bias.detach(), requires_grad=False)
        return conv


def fold_spectral_norm(network: nn.Module) -> None:
    """Replace every `SpectralConv2d` inside `network` by the plain convolution that does the same.

    Done once, by the loader, on a network that nobody else holds yet.
    """
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, SpectralConv2d):
                setattr(parent, name, child.fold())
