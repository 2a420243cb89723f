"""A 3 x 3 convolution after nearest-neighbour upsampling, computed before it: exact, less work.

On an upsampled picture most of the nine taps fall on copies of one pixel. Along one axis, output
row 2i of a doubling sees input rows i - 1 and i with weights (w0, w1 + w2), and row 2i + 1 sees i
and i + 1 with (w0 + w1, w2). So each of the four phases of a doubling is a 2 x 2 convolution on the
small picture (16 of 36 products); of a quadrupling, the two inner phases of an axis are equal and
see one pixel only (25 of 144 products). Zero padding stays zero padding, so borders are exact too.
"""

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own idiom)
from torch import Tensor, nn

_FIRST = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]], dtype=torch.float64)
_LAST = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
_INNER = torch.ones(1, 3, dtype=torch.float64)


def _merge(weight: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return the kernel (…, 3, 3) with its taps added up along both axes, in `weight`'s dtype."""
    merged = rows @ weight.double() @ columns.transpose(0, 1)
    return merged.to(weight.dtype)


def _frozen(tensor: Tensor) -> nn.Parameter:
    return nn.Parameter(tensor.detach().contiguous(), requires_grad=False)


def _empty(shape: tuple[int, ...], *, like: Tensor) -> Tensor:
    """Return room for numbers in the memory order of `like`, so that no layer has to reorder."""
    last = torch.channels_last if like.dim() == 4 else torch.channels_last_3d
    order = last if like.is_contiguous(memory_format=last) else torch.contiguous_format
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=order)


class DoublingConv(nn.Module):
    """``conv(upsample2(x))`` on pictures, or on volumes with the depth as it is; then ReLU."""

    def __init__(self, conv: nn.Conv2d | nn.Conv3d) -> None:
        """Take over the weights of `conv`: 3 taps along each axis, padding 1."""
        super().__init__()
        phases = [
            _merge(conv.weight, rows, columns)
            for rows in (_FIRST, _LAST)
            for columns in (_FIRST, _LAST)
        ]
        assert conv.bias is not None
        self.n_out = conv.out_channels
        self.is_volume = conv.weight.dim() == 5
        self.weight = _frozen(torch.cat(phases))
        self.bias = _frozen(conv.bias.repeat(4))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, …, H, W) → (B, n_out, …, 2H, 2W), rectified."""
        convolve = F.conv3d if self.is_volume else F.conv2d
        y = F.relu(convolve(x, self.weight, self.bias, padding=1))
        height, width = x.shape[-2:]
        out = _empty((len(x), self.n_out, *y.shape[2:-2], 2 * height, 2 * width), like=y)
        for number, part in enumerate(y.chunk(4, dim=1)):
            row, column = divmod(number, 2)
            out[..., row::2, column::2] = part[..., row : row + height, column : column + width]
        return out


class QuadruplingConv(nn.Module):
    """``conv(upsample4(x))`` on pictures, then ReLU."""

    def __init__(self, conv: nn.Conv2d) -> None:
        """Take over the weights of `conv`: 3 x 3, padding 1."""
        super().__init__()
        outer = (_FIRST, _LAST)
        weight = conv.weight
        assert conv.bias is not None
        self.n_out = conv.out_channels
        self.corners = _frozen(torch.cat([_merge(weight, r, c) for r in outer for c in outer]))
        self.upright = _frozen(torch.cat([_merge(weight, r, _INNER) for r in outer]))
        self.level = _frozen(torch.cat([_merge(weight, _INNER, c) for c in outer]))
        self.centre = _frozen(_merge(weight, _INNER, _INNER))
        self.bias = _frozen(conv.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, n_out, 4H, 4W), rectified."""
        height, width = x.shape[-2:]
        corners = F.relu(F.conv2d(x, self.corners, self.bias.repeat(4), padding=1))
        upright = F.relu(F.conv2d(x, self.upright, self.bias.repeat(2), padding=(1, 0)))
        level = F.relu(F.conv2d(x, self.level, self.bias.repeat(2), padding=(0, 1)))
        centre = F.relu(F.conv2d(x, self.centre, self.bias))
        out = _empty((len(x), self.n_out, 4 * height, 4 * width), like=corners)
        for number, part in enumerate(corners.chunk(4, dim=1)):
            row, column = divmod(number, 2)
            out[..., 3 * row :: 4, 3 * column :: 4] = part[
                ..., row : row + height, column : column + width
            ]
        inner = (1, 2)
        for row, part in enumerate(upright.chunk(2, dim=1)):
            for column in inner:
                out[..., 3 * row :: 4, column::4] = part[..., row : row + height, :]
        for column, part in enumerate(level.chunk(2, dim=1)):
            for row in inner:
                out[..., row::4, 3 * column :: 4] = part[..., column : column + width]
        for row in inner:
            for column in inner:
                out[..., row::4, column::4] = centre
        return out


def merge_convs(convs: list[nn.Conv2d]) -> nn.Conv2d:
    """Return one convolution whose channels are those of `convs`, which share input and shape."""
    first = convs[0]
    merged = nn.Conv2d(
        first.in_channels,
        sum(conv.out_channels for conv in convs),
        first.kernel_size,  # type: ignore[arg-type]
        padding=first.padding,  # type: ignore[arg-type]
        device="meta",
    )
    merged.weight = _frozen(torch.cat([conv.weight for conv in convs]))
    merged.bias = _frozen(torch.cat([_bias_of(conv) for conv in convs]))
    return merged


def _bias_of(conv: nn.Conv2d) -> Tensor:
    assert conv.bias is not None
    return conv.bias


def fold_batch_norm(
    conv: nn.Conv2d | nn.Conv3d, norm: nn.BatchNorm2d | nn.BatchNorm3d
) -> nn.Conv2d | nn.Conv3d:
    """Return the convolution that does `conv` and then `norm`, as it is in evaluation mode."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    bias = (_bias_of(conv).double() - norm.running_mean.double()) * scale + norm.bias.double()  # type: ignore[arg-type]
    weight = conv.weight.double() * scale.view(-1, *(1,) * (conv.weight.dim() - 1))
    kind = nn.Conv3d if isinstance(conv, nn.Conv3d) else nn.Conv2d
    folded = kind(
        conv.in_channels,
        conv.out_channels,
        conv.kernel_size,  # type: ignore[arg-type]
        padding=conv.padding,  # type: ignore[arg-type]
        device="meta",
    )
    folded.weight = _frozen(weight.to(conv.weight.dtype))
    folded.bias = _frozen(bias.to(conv.weight.dtype))
    return folded
