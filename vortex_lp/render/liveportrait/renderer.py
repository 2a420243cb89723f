"""LivePortrait behind the renderer seam: portrait and motion track → frames."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import cv2
import torch
from torch import Tensor

from vortex_lp.errors import VortexInitializationError
from vortex_lp.face.landmarker import MAX_FACES, FaceLandmarker
from vortex_lp.face.source import find_source_face
from vortex_lp.render.base import Framing
from vortex_lp.render.canvas import make_canvas
from vortex_lp.render.crop import PasteBack, face_crop
from vortex_lp.render.liveportrait.drive import Driver, make_driver
from vortex_lp.render.liveportrait.engine import (
    Engine,
    EngineSource,
    FastEngine,
    PlainEngine,
    Precision,
    is_half,
    out_of_memory_is_an_error,
)
from vortex_lp.render.liveportrait.files import WeightFiles
from vortex_lp.render.liveportrait.memory import draw_frames, plan_batch
from vortex_lp.render.liveportrait.rig import load_rig
from vortex_lp.render.liveportrait.weights import load_networks
from vortex_lp.settings import Settings
from vortex_lp.values import Face, Frame, MotionTrack, Portrait

EngineKind: TypeAlias = Literal["fast", "plain"]


class LivePortraitRenderer:
    """Photoreal animation by the LivePortrait networks."""

    name = "liveportrait"

    def __init__(
        self,
        settings: Settings,
        *,
        files: WeightFiles,
        device: str = "cuda:0",
        precision: str = "fp16",
        engine: EngineKind = "fast",
    ) -> None:
        """Load the weights.

        Args:
            settings: All settings.
            files: A complete set of weights.
            device: Where to compute: ``"cuda:0"`` or ``"cpu"``.
            precision: ``"fp16"`` or ``"fp32"``; a CPU always computes in float32.
            engine: The fast path, or the plain one that it is measured against.

        Raises:
            WeightsError: The weights are damaged or of another network.
            VortexInitializationError: The device cannot be used.
        """
        self._settings = settings
        self._precision = _checked_precision(precision)
        self._device = _checked_device(device)
        networks = load_networks(files)
        self._picture_px, self._out_px = networks.sizes.picture_px, networks.sizes.out_px
        kind = FastEngine if engine == "fast" else PlainEngine
        self._engine: Engine = kind(networks, device=self._device, precision=self._precision)
        self._rig = load_rig()
        self._batch: int | None = None

    @property
    def badge(self) -> str:
        """What runs where, for people."""
        number = "FP16" if is_half(self._device, self._precision) else "FP32"
        if self._device.type == "cuda":
            return f"LivePortrait {number} · {torch.cuda.get_device_name(self._device)}"
        return f"LivePortrait {number} · CPU"

    @functools.cached_property
    def _landmarker(self) -> FaceLandmarker:
        return FaceLandmarker(max_faces=MAX_FACES)

    def prepare(self, portrait: Portrait, *, framing: Framing = "crop") -> "LivePortraitPortrait":
        """Find the face and compute everything that does not depend on the motion.

        Raises:
            NoFaceError: No face that can be animated.
            VortexInitializationError: The device's memory does not suffice.
        """
        found = find_source_face(
            portrait, landmarker=self._landmarker, limits=self._settings.limits
        )
        own = self._settings.liveportrait
        canvas = make_canvas(portrait, found.face, framing=framing)
        face = Face(
            landmarks=canvas.landmarks,
            weights=found.face.weights,
            head_deg=found.face.head_deg,
            pose=found.face.pose,
        )
        # The same square twice: cut from the portrait at full sharpness, laid back on the canvas.
        from_portrait, on_canvas = (
            face_crop(measured, side_px=self._out_px, scale=own.crop_scale, rise=own.crop_rise)
            for measured in (found.face, face)
        )
        with out_of_memory_is_an_error(self._device):
            source = self._engine.analyse(self._as_input(from_portrait.cut(portrait.image)))
        if self._batch is None:
            # What a frame costs is the same for every portrait.
            self._batch = plan_batch(self._engine, source, settings=own)
        return LivePortraitPortrait(
            face=face,
            note=found.note,
            engine=self._engine,
            source=source,
            driver=make_driver(
                source.motion, face, rig=self._rig, heads=self._engine.heads, settings=own
            ),
            paste_back=PasteBack(canvas.picture, on_canvas, feather=own.feather),
            size=(canvas.picture.shape[1], canvas.picture.shape[0]),
            batch=self._batch,
        )

    def _as_input(self, crop: Frame) -> Tensor:
        """Return the networks' input (1, 3, P, P) in [0, 1]; its size is averaged down."""
        side = (self._picture_px, self._picture_px)
        small = cv2.resize(crop, side, interpolation=cv2.INTER_AREA)
        return torch.from_numpy(small).permute(2, 0, 1)[None].float() / 255


@dataclass(frozen=True, eq=False)
class LivePortraitPortrait:
    """A portrait made ready for LivePortrait."""

    face: Face
    """The animated face, in the pixels of the frames."""

    size: tuple[int, int]
    """Width and height of every frame [px]."""

    note: str | None
    """One sentence for the user, or None."""

    engine: Engine
    """What draws."""

    source: EngineSource
    """What it keeps of the portrait."""

    driver: Driver
    """How the portrait is moved."""

    paste_back: PasteBack
    """Lays the drawn square over the still picture."""

    batch: int
    """Frames that are drawn together."""

    def render(self, track: MotionTrack) -> Iterator[Frame]:
        """Yield one frame per frame of `track`; as `vortex_lp.render.base.Prepared.render`."""
        drawn = draw_frames(
            self.engine, self.source, self.driver.keypoints(track), batch=self.batch
        )
        for picture in drawn:
            yield self.paste_back(picture)


def _checked_precision(precision: str) -> Precision:
    if precision == "fp16":
        return "fp16"
    if precision == "fp32":
        return "fp32"
    raise VortexInitializationError(f"there is no precision {precision!r}; use 'fp16' or 'fp32'")


def _checked_device(device: str) -> torch.device:
    try:
        wanted = torch.device(device)
    except RuntimeError as error:
        raise VortexInitializationError(
            f"there is no device {device!r}; use 'cuda:0' or 'cpu'"
        ) from error
    if wanted.type not in ("cuda", "cpu"):
        raise VortexInitializationError(f"LivePortrait cannot run on {device!r}; use CUDA or 'cpu'")
    if wanted.type == "cuda" and not torch.cuda.is_available():
        raise VortexInitializationError(
            f"PyTorch finds no CUDA device for {device!r}; use 'cpu' or take the mesh renderer"
        )
    return wanted
