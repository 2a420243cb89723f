"""A motion track → the keypoints that drive the networks, in float32 and block by block."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vortex_lp.face.retarget import relative_weights
from vortex_lp.render.liveportrait.engine import KeypointHeads
from vortex_lp.render.liveportrait.heads import shut_lips, stitch
from vortex_lp.render.liveportrait.keypoints import SourceMotion, drive
from vortex_lp.render.liveportrait.rig import (
    LIP_OPENING,
    MotionRig,
    keypoint_rotation,
    soft_limit,
)
from vortex_lp.settings import LivePortraitSettings
from vortex_lp.values import ARKIT_INDEX, Face, FloatArray, MotionTrack

BLOCK_FRAMES = 256
"""Keypoints are computed for so many frames at a time, so that an hour needs no more memory."""

_INNER_LIPS = (13, 14)
_MOUTH_CORNERS = (61, 291)
"""MediaPipe's landmarks of the published lip ratio: gap of the inner lips over mouth width."""

_PARTING = tuple(number for number in LIP_OPENING if number != ARKIT_INDEX["mouthClose"])


def lip_ratio(face: Face) -> float:
    """Return how far the lips part, as a share of the mouth's width."""
    points = face.landmarks[:, :2].astype(np.float64)
    gap, width = (
        float(np.linalg.norm(points[a] - points[b])) for a, b in (_INNER_LIPS, _MOUTH_CORNERS)
    )
    return gap / (width + 1e-6)


@dataclass(frozen=True, slots=True, eq=False)
class Driver:
    """How one portrait is moved."""

    source: SourceMotion
    """Its own keypoints and pose."""

    shown: FloatArray
    """(K,) the ARKit weights that it shows; none of `LIP_OPENING` if its mouth is shut first."""

    shut: Tensor
    """(1, 21, 3) what shuts its mouth; zeros where it is shut already."""

    rig: MotionRig
    """How keypoints follow weights."""

    heads: KeypointHeads
    """The stitching head."""

    max_head_deg: tuple[float, float, float]
    """Furthest pitch, yaw, roll [deg]."""

    def keypoints(self, track: MotionTrack) -> Iterator[Tensor]:
        """Yield the driven keypoints (≤ `BLOCK_FRAMES`, 21, 3) of `track`, in order."""
        for start in range(0, track.n_frames, BLOCK_FRAMES):
            rows = slice(start, start + BLOCK_FRAMES)
            closure = None if track.closure is None else track.closure[rows]
            yield self._block(track.weights[rows], track.head_deg[rows], closure=closure)

    @torch.inference_mode()
    def _block(
        self, weights: FloatArray, head_deg: FloatArray, *, closure: FloatArray | None
    ) -> Tensor:
        wanted = weights if closure is None else _with_closure(weights, closure)
        offset = self.rig.expression(relative_weights(wanted, self.shown))
        head = soft_limit(head_deg, np.asarray(self.max_head_deg)).astype(np.float32)
        device = self.source.keypoints.device

        def tensor(array: FloatArray) -> Tensor:
            return torch.from_numpy(array).to(device)

        driven = drive(self.source, head=tensor(keypoint_rotation(head)), offset=tensor(offset))
        driven = driven + self.source.scale * tensor(self.rig.shift(head))[:, None]
        return stitch(self.heads.stitching, self.source.posed, driven) + self.shut


def _with_closure(weights: FloatArray, closure: FloatArray) -> FloatArray:
    """Return weights (T, K) in which nothing parts the lips where `closure` (T,) is 1."""
    shut = np.array(weights)
    shut[:, list(_PARTING)] *= 1 - closure[:, None]
    return shut


@torch.inference_mode()
def make_driver(
    source: SourceMotion,
    face: Face,
    *,
    rig: MotionRig,
    heads: KeypointHeads,
    settings: LivePortraitSettings,
) -> Driver:
    """Return how to move the portrait whose face is `face`; an open mouth is shut first."""
    openness, shown = lip_ratio(face), np.array(face.weights)
    shut = torch.zeros_like(source.keypoints)
    if openness >= settings.lip_open_ratio:
        ratio = torch.tensor([openness], dtype=torch.float32, device=source.keypoints.device)
        shut = shut_lips(heads.lip, source.posed, openness=ratio)
        shown[list(LIP_OPENING)] = 0
    return Driver(
        source=source,
        shown=shown,
        shut=shut,
        rig=rig,
        heads=heads,
        max_head_deg=settings.max_head_deg,
    )
