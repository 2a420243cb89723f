"""What the renderers may use."""

from typing import Annotated

from pydantic import Field

from vortex_lp.settings.base import Positive, Share, Strict


class LivePortraitSettings(Strict):
    """How LivePortrait is run."""

    budget_gb: Positive
    """Most GPU memory that the renderer may hold at its peak, weights included [GB of 1e9 bytes];
    the caller's result is not part of it."""

    max_batch: Annotated[int, Field(ge=1)]
    """Most frames that are computed together, however much memory there is."""

    cpu_batch: Annotated[int, Field(ge=1)]
    """Frames that are computed together on a CPU."""

    crop_scale: Positive
    """Side of the square that the networks see over that of the face's box, brows to chin."""

    crop_rise: Share
    """How far the square's centre lies above the box's, as a share of its side."""

    feather: Annotated[float, Field(gt=0.0, le=0.5)]
    """How wide the edge of the square fades into the portrait, as a share of its side."""

    lip_open_ratio: Positive
    """A portrait whose inner lips part by more than this share of the mouth's width has its mouth
    shut by the lip head first."""

    max_head_deg: tuple[Positive, Positive, Positive]
    """Furthest pitch, yaw and roll from the portrait's own pose, either way [deg]; what asks for
    more is bent smoothly to stay within."""
