"""M, the motion extractor: where the face's keypoints are and how the head is held.

The backbone is ConvNeXt V2 (Woo et al. 2023), its tiny size in the published checkpoint.
"""

import itertools

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own idiom)
from torch import Tensor, nn

from vortex_lp.render.liveportrait.keypoints import RawMotion
from vortex_lp.render.liveportrait.sizes import N_KEYPOINTS, MotionSizes

N_ANGLE_BINS = 66
_NORM_EPSILON = 1e-6


class ChannelNorm(nn.Module):
    """Layer norm over the channels of a picture laid out (B, C, H, W)."""

    def __init__(self, width: int) -> None:
        """Make the layer."""
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape."""
        last = x.movedim(1, -1)
        normed = F.layer_norm(last, self.weight.shape, self.weight, self.bias, _NORM_EPSILON)
        return normed.movedim(-1, 1)


class ResponseNorm(nn.Module):
    """ConvNeXt V2's global response normalisation on (B, H, W, C)."""

    def __init__(self, width: int) -> None:
        """Make the layer."""
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1, 1, 1, width))
        self.beta = nn.Parameter(torch.zeros(1, 1, 1, width))

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, C) → the same shape."""
        strength = torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True)
        relative = strength / (strength.mean(dim=-1, keepdim=True) + _NORM_EPSILON)
        out: Tensor = self.gamma * (x * relative) + self.beta + x
        return out


class ConvNextBlock(nn.Module):
    """Depthwise convolution, then a two-layer network per pixel, around a residual."""

    def __init__(self, width: int) -> None:
        """Make the block."""
        super().__init__()
        self.dwconv = nn.Conv2d(width, width, kernel_size=7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=_NORM_EPSILON)
        self.pwconv1 = nn.Linear(width, 4 * width)
        self.grn = ResponseNorm(4 * width)
        self.pwconv2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, H, W) → the same shape."""
        y = self.norm(self.dwconv(x).movedim(1, -1))
        y = self.pwconv2(self.grn(F.gelu(self.pwconv1(y))))
        out: Tensor = x + y.movedim(-1, 1)
        return out


class ConvNextMotion(nn.Module):
    """The backbone with its seven heads; its name in the checkpoint is ``detector``."""

    def __init__(self, sizes: MotionSizes) -> None:
        """Make the network with `sizes`."""
        super().__init__()
        widths = sizes.widths
        stem = nn.Sequential(nn.Conv2d(3, widths[0], 4, stride=4), ChannelNorm(widths[0]))
        self.downsample_layers = nn.ModuleList([stem])
        for n_in, n_out in itertools.pairwise(widths):
            self.downsample_layers.append(
                nn.Sequential(ChannelNorm(n_in), nn.Conv2d(n_in, n_out, 2, stride=2))
            )
        self.stages = nn.ModuleList(
            nn.Sequential(*(ConvNextBlock(width) for _ in range(depth)))
            for width, depth in zip(widths, sizes.depths, strict=True)
        )
        last = widths[-1]
        self.norm = nn.LayerNorm(last, eps=_NORM_EPSILON)
        self.fc_kp = nn.Linear(last, 3 * N_KEYPOINTS)
        self.fc_scale = nn.Linear(last, 1)
        self.fc_pitch = nn.Linear(last, N_ANGLE_BINS)
        self.fc_yaw = nn.Linear(last, N_ANGLE_BINS)
        self.fc_roll = nn.Linear(last, N_ANGLE_BINS)
        self.fc_t = nn.Linear(last, 3)
        self.fc_exp = nn.Linear(last, 3 * N_KEYPOINTS)

    def forward(self, picture: Tensor) -> RawMotion:
        """As `MotionExtractor.forward`."""
        x = picture
        for downsample, stage in zip(self.downsample_layers, self.stages, strict=True):
            x = stage(downsample(x))
        pooled = self.norm(x.mean(dim=(-2, -1)))
        return RawMotion(
            pitch_bins=self.fc_pitch(pooled),
            yaw_bins=self.fc_yaw(pooled),
            roll_bins=self.fc_roll(pooled),
            translation=self.fc_t(pooled),
            expression=self.fc_exp(pooled).unflatten(1, (N_KEYPOINTS, 3)),
            scale=self.fc_scale(pooled),
            keypoints=self.fc_kp(pooled).unflatten(1, (N_KEYPOINTS, 3)),
        )


class MotionExtractor(nn.Module):
    """Picture → keypoints, expression and head pose; run once per portrait."""

    def __init__(self, sizes: MotionSizes) -> None:
        """Make the network with `sizes`."""
        super().__init__()
        self.detector = ConvNextMotion(sizes)

    def forward(self, picture: Tensor) -> RawMotion:
        """Picture (B, 3, H, W) in [0, 1] → the raw outputs of the seven heads."""
        raw: RawMotion = self.detector(picture)
        return raw
