"""The seven networks of LivePortrait as one value."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import nn

from vortex_lp.render.liveportrait.appearance import AppearanceExtractor
from vortex_lp.render.liveportrait.generator import SpadeGenerator
from vortex_lp.render.liveportrait.heads import Head
from vortex_lp.render.liveportrait.motion_extractor import MotionExtractor
from vortex_lp.render.liveportrait.sizes import LivePortraitSizes
from vortex_lp.render.liveportrait.warping import WarpingModule

NetworkName: TypeAlias = Literal[
    "appearance_feature_extractor",
    "motion_extractor",
    "warping_module",
    "spade_generator",
    "stitching",
    "lip",
    "eye",
]


@dataclass(frozen=True, slots=True, eq=False)
class Networks:
    """The networks, in evaluation mode and without gradients."""

    appearance: AppearanceExtractor
    motion: MotionExtractor
    warping: WarpingModule
    generator: SpadeGenerator
    stitching: Head
    lip: Head
    eye: Head
    sizes: LivePortraitSizes

    def by_name(self) -> dict[NetworkName, nn.Module]:
        """Return each network under its name in the manifest."""
        return {
            "appearance_feature_extractor": self.appearance,
            "motion_extractor": self.motion,
            "warping_module": self.warping,
            "spade_generator": self.generator,
            "stitching": self.stitching,
            "lip": self.lip,
            "eye": self.eye,
        }


def build_networks(sizes: LivePortraitSizes) -> Networks:
    """Return networks of `sizes` on torch's meta device: shapes, but no numbers and no memory."""
    with torch.device("meta"):
        networks = Networks(
            appearance=AppearanceExtractor(sizes.appearance),
            motion=MotionExtractor(sizes.motion),
            warping=WarpingModule(sizes.warping),
            generator=SpadeGenerator(sizes.generator),
            stitching=Head(sizes.stitching),
            lip=Head(sizes.lip),
            eye=Head(sizes.eye),
            sizes=sizes,
        )
    for network in networks.by_name().values():
        network.eval().requires_grad_(requires_grad=False)
    return networks
