"""The small heads on keypoints: stitching, and the lip and eye retargeting heads."""

import itertools

import torch
from torch import Tensor, nn

from vortex_lp.render.liveportrait.sizes import N_KEYPOINTS, HeadSizes


class Head(nn.Module):
    """A fully connected network with ReLU between its layers."""

    def __init__(self, sizes: HeadSizes) -> None:
        """Make the network with `sizes`."""
        super().__init__()
        widths = (sizes.n_in, *sizes.hidden, sizes.n_out)
        layers: list[nn.Module] = []
        for n_in, n_out in itertools.pairwise(widths):
            layers += [nn.Linear(n_in, n_out), nn.ReLU()]
        self.mlp = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_in) → (B, n_out)."""
        out: Tensor = self.mlp(x)
        return out


def stitch(head: nn.Module, source: Tensor, driven: Tensor) -> Tensor:
    """Return the driven keypoints (T, 21, 3) moved so that the shoulders stay with the portrait.

    Args:
        head: The stitching head.
        source: (1, 21, 3) the portrait's keypoints x_s, float32.
        driven: (T, 21, 3) x_d, float32.
    """
    pair = torch.cat((source.expand_as(driven).flatten(1), driven.flatten(1)), dim=1)
    delta: Tensor = head(pair)
    n_points = 3 * N_KEYPOINTS
    moved = driven + delta[:, :n_points].reshape(-1, N_KEYPOINTS, 3)
    # The last two numbers shift all the points together in the picture plane.
    shift = torch.nn.functional.pad(delta[:, None, n_points:], (0, 1))
    return moved + shift


def shut_lips(head: nn.Module, source: Tensor, *, openness: Tensor) -> Tensor:
    """Return what to add to keypoints (1, 21, 3) to shut the mouth of a portrait.

    Args:
        head: The lip head.
        source: (1, 21, 3) x_s, float32.
        openness: (1,) the portrait's lip ratio: height of the inner mouth over its width.
    """
    wanted = torch.zeros_like(openness)
    condition = torch.stack((openness, wanted), dim=1)
    delta: Tensor = head(torch.cat((source.flatten(1), condition), dim=1))
    return delta.view(-1, N_KEYPOINTS, 3)
