"""How wide and deep the LivePortrait networks are, and the published preset.

No class here has a default, so that every set of sizes says everything; `RELEASED` holds the sizes
of the published checkpoints (the repository's ``src/config/models.yaml``).
"""

from dataclasses import dataclass

N_KEYPOINTS = 21
"""Implicit 3-D keypoints; the motion of a face is the motion of these."""


@dataclass(frozen=True, slots=True)
class AppearanceSizes:
    """F, the appearance feature extractor: picture → 3-D feature volume."""

    width: int
    """Channels after the first convolution."""

    n_down_blocks: int
    """Halvings of the resolution, each doubling the channels."""

    max_width: int
    """Channels never exceed this."""

    volume_channels: int
    """Channels of the feature volume."""

    volume_depth: int
    """Depth layers of the feature volume; channels times depth is what the last 2-D layer gives."""

    n_res_blocks: int
    """Residual blocks on the volume."""


@dataclass(frozen=True, slots=True)
class MotionSizes:
    """M, the motion extractor: a ConvNeXt V2 with seven linear heads."""

    depths: tuple[int, int, int, int]
    """Blocks per stage."""

    widths: tuple[int, int, int, int]
    """Channels per stage."""


@dataclass(frozen=True, slots=True)
class DenseMotionSizes:
    """The dense motion network inside W."""

    width: int
    """Channels that the hourglass starts from."""

    max_width: int
    """Channels never exceed this."""

    n_blocks: int
    """Halvings and doublings of the hourglass."""

    n_compressed: int
    """Channels that the feature volume is compressed to before it is warped once per keypoint."""


@dataclass(frozen=True, slots=True)
class WarpingSizes:
    """W, the warping module: feature volume + keypoints → warped 2-D features."""

    width: int
    """Channels at the first resolution, as in `AppearanceSizes`."""

    n_down_blocks: int
    """As in `AppearanceSizes`; sets the channels of the warped features."""

    volume_channels: int
    """As in `AppearanceSizes`."""

    volume_depth: int
    """As in `AppearanceSizes`."""

    dense_motion: DenseMotionSizes
    """The network that says where each voxel comes from."""

    @property
    def out_channels(self) -> int:
        """Channels of the warped features."""
        return self.width * int(2**self.n_down_blocks)


@dataclass(frozen=True, slots=True)
class GeneratorSizes:
    """G, the SPADE generator: warped features → picture of twice F's input size."""

    width: int
    """Channels at full resolution before the last layer's factor."""

    n_down_blocks: int
    """As in `WarpingSizes`; the generator's input has ``width * 2**n_down_blocks`` channels."""

    max_width: int
    """Channels never exceed this."""

    out_channels: int
    """Channels that the last up block leaves for the picture layer."""

    upscale: int
    """Factor of the final pixel shuffle."""

    @property
    def in_channels(self) -> int:
        """Channels of the warped features that come in."""
        return min(self.max_width, self.width * int(2**self.n_down_blocks))


@dataclass(frozen=True, slots=True)
class HeadSizes:
    """A small fully connected head on keypoints."""

    n_in: int
    """Numbers that go in."""

    hidden: tuple[int, ...]
    """Units of each hidden layer."""

    n_out: int
    """Numbers that come out."""


@dataclass(frozen=True, slots=True)
class LivePortraitSizes:
    """Every network of LivePortrait."""

    appearance: AppearanceSizes
    motion: MotionSizes
    warping: WarpingSizes
    generator: GeneratorSizes
    stitching: HeadSizes
    lip: HeadSizes
    eye: HeadSizes
    picture_px: int
    """Side of the square picture that goes into F and M; G's output is twice that."""

    @property
    def out_px(self) -> int:
        """Side of the square picture that comes out."""
        scale = 2 ** (2 - self.appearance.n_down_blocks) * self.generator.upscale
        return int(self.picture_px * scale)


RELEASED = LivePortraitSizes(
    appearance=AppearanceSizes(
        width=64,
        n_down_blocks=2,
        max_width=512,
        volume_channels=32,
        volume_depth=16,
        n_res_blocks=6,
    ),
    motion=MotionSizes(depths=(3, 3, 9, 3), widths=(96, 192, 384, 768)),
    warping=WarpingSizes(
        width=64,
        n_down_blocks=2,
        volume_channels=32,
        volume_depth=16,
        dense_motion=DenseMotionSizes(width=32, max_width=1024, n_blocks=5, n_compressed=4),
    ),
    generator=GeneratorSizes(width=64, n_down_blocks=2, max_width=512, out_channels=64, upscale=2),
    stitching=HeadSizes(n_in=126, hidden=(128, 128, 64), n_out=65),
    lip=HeadSizes(n_in=65, hidden=(128, 128, 64), n_out=63),
    eye=HeadSizes(n_in=66, hidden=(256, 256, 128, 128, 64), n_out=63),
    picture_px=256,
)
"""The sizes of the published checkpoints."""
