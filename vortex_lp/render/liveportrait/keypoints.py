"""Keypoint arithmetic, always in float32: what a pose and an expression do to the 21 keypoints.

The paper's symbols: x_c canonical keypoints, R head rotation, δ expression, s scale, t translation;
x = s · (x_c · R + δ) + t. Keypoint space has x to the viewer's right and y down, as picture
coordinates from -1 to 1.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

_DEGREES_PER_BIN = 3.0
_LOWEST_BIN_DEG = 97.5


@dataclass(frozen=True, slots=True, eq=False)
class RawMotion:
    """What the motion extractor's seven heads say."""

    pitch_bins: Tensor
    """(B, 66) logits of 3-degree bins."""

    yaw_bins: Tensor
    """(B, 66), as pitch."""

    roll_bins: Tensor
    """(B, 66), as pitch."""

    translation: Tensor
    """(B, 3) t."""

    expression: Tensor
    """(B, 21, 3) δ."""

    scale: Tensor
    """(B, 1) s."""

    keypoints: Tensor
    """(B, 21, 3) x_c."""


@dataclass(frozen=True, slots=True, eq=False)
class SourceMotion:
    """The portrait's own keypoints and pose, float32."""

    keypoints: Tensor
    """(1, 21, 3) canonical keypoints x_c."""

    rotation: Tensor
    """(1, 3, 3) R_s; keypoints are rows and are multiplied from the left: x_c @ R."""

    expression: Tensor
    """(1, 21, 3) δ_s."""

    scale: Tensor
    """(1, 1, 1) s."""

    translation: Tensor
    """(1, 1, 3) t, whose z is 0."""

    @property
    def posed(self) -> Tensor:
        """(1, 21, 3) x_s, the portrait's keypoints in the picture."""
        turned = self.keypoints @ self.rotation
        return self.scale * (turned + self.expression) + self.translation


def bins_to_degrees(bins: Tensor) -> Tensor:
    """Return the expected angle (B,) [deg] of logits (B, 66) over 3-degree bins from -97.5."""
    share = torch.softmax(bins.float(), dim=1)
    index = torch.arange(bins.shape[1], dtype=torch.float32, device=bins.device)
    return (share * index).sum(dim=1) * _DEGREES_PER_BIN - _LOWEST_BIN_DEG


def published_rotation(pitch_deg: Tensor, yaw_deg: Tensor, *, roll_deg: Tensor) -> Tensor:
    """Return (Rz·Ry·Rx)ᵀ (B, 3, 3) for three angles (B,) [deg], the published convention."""
    x, y, z = (torch.deg2rad(angle.float()) for angle in (pitch_deg, yaw_deg, roll_deg))
    zero, one = torch.zeros_like(x), torch.ones_like(x)

    def matrix(*rows: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)

    about_x = matrix((one, zero, zero), (zero, x.cos(), -x.sin()), (zero, x.sin(), x.cos()))
    about_y = matrix((y.cos(), zero, y.sin()), (zero, one, zero), (-y.sin(), zero, y.cos()))
    about_z = matrix((z.cos(), -z.sin(), zero), (z.sin(), z.cos(), zero), (zero, zero, one))
    return (about_z @ about_y @ about_x).transpose(-1, -2)


def source_motion(raw: RawMotion) -> SourceMotion:
    """Return the portrait's keypoints and pose from the motion extractor's outputs (B = 1)."""
    translation = raw.translation.float()[:, None].clone()
    # The published model drops the depth of the translation wherever it places keypoints.
    translation[..., 2] = 0
    return SourceMotion(
        keypoints=raw.keypoints.float(),
        rotation=published_rotation(
            bins_to_degrees(raw.pitch_bins),
            bins_to_degrees(raw.yaw_bins),
            roll_deg=bins_to_degrees(raw.roll_bins),
        ),
        expression=raw.expression.float(),
        scale=raw.scale.float()[:, None],
        translation=translation,
    )


def drive(source: SourceMotion, *, head: Tensor, offset: Tensor) -> Tensor:
    """Return the driven keypoints x_d (T, 21, 3).

    Args:
        source: The portrait's own motion.
        head: (T, 3, 3) head rotation relative to the portrait, in keypoint space.
        offset: (T, 21, 3) what the expression adds to the portrait's own.
    """
    rotation = head.float() @ source.rotation
    return (
        source.scale * (source.keypoints @ rotation + source.expression + offset.float())
        + source.translation
    )
