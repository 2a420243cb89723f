"""The mesh renderer: any CPU, no download. Honest about itself: a preview, not a neural renderer."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vortex_lp.face.landmarker import FaceLandmarker
from vortex_lp.face.retarget import relative_weights
from vortex_lp.face.source import find_source_face
from vortex_lp.render.base import Framing
from vortex_lp.render.mesh.canvas import MARGIN_PX, Canvas, make_canvas
from vortex_lp.render.mesh.eyes import Eyeball, build_eyeballs, close_lids, draw_eye, smooth_lid
from vortex_lp.render.mesh.head import FIRST_RING_POINT, Head, build_head, image_points
from vortex_lp.render.mesh.lips import (
    EyeOpening,
    Lips,
    build_lips,
    eye_openings,
    set_lids,
)
from vortex_lp.render.mesh.mouth import Mouth, build_mouth, draw_mouth
from vortex_lp.render.mesh.rig import FaceRig, load_rig
from vortex_lp.render.mesh.warp import fill_map, identity_map
from vortex_lp.settings import Settings
from vortex_lp.values import Face, FloatArray, Frame, MotionTrack, Portrait

MAX_FACES = 8


class MeshRenderer:
    """Warps the portrait with a fitted face rig and draws mouth and eyes into it."""

    name = "mesh"
    badge = "Mesh · CPU"

    def __init__(self, settings: Settings) -> None:
        """Load the rig; the face landmarker is loaded by the first `prepare`."""
        self._settings = settings
        self._rig = load_rig()

    @functools.cached_property
    def _landmarker(self) -> FaceLandmarker:
        return FaceLandmarker(max_faces=MAX_FACES)

    def prepare(self, portrait: Portrait, *, framing: Framing = "crop") -> "MeshPortrait":
        """Find the face and build everything that does not depend on the motion.

        Raises:
            NoFaceError: No face that can be animated.
        """
        source = find_source_face(
            portrait, landmarker=self._landmarker, limits=self._settings.limits
        )
        canvas = make_canvas(portrait, source.face, framing=framing)
        face = Face(
            landmarks=canvas.landmarks,
            weights=source.face.weights,
            head_deg=source.face.head_deg,
            pose=source.face.pose,
        )
        head = build_head(face)
        lips = build_lips(head)
        return MeshPortrait(
            face=face,
            note=source.note,
            canvas=canvas,
            head=head,
            lips=lips,
            mouth=build_mouth(canvas.picture, head, lips, self._rig, face.weights),
            eyeballs=build_eyeballs(canvas.picture, head),
            rig=self._rig,
        )


@dataclass(frozen=True, eq=False)
class MeshPortrait:
    """A portrait made ready for the mesh renderer."""

    face: Face
    """The animated face, on the pixels of the frames."""

    note: str | None
    """One sentence for the user, or None."""

    canvas: Canvas
    """What a frame shows at rest."""

    head: Head
    """The head in space."""

    lips: Lips
    """How the lips part."""

    mouth: Mouth
    """What is behind them."""

    eyeballs: tuple[Eyeball, ...]
    """Right and left."""

    rig: FaceRig
    """What the weights do."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of every frame [px]."""
        height, width = self.canvas.picture.shape[:2]
        return width, height

    def render(self, track: MotionTrack) -> Iterator[Frame]:
        """Yield one (H, W, 3) uint8 RGB frame per frame of `track`; the same track, same bytes."""
        warp = Warp(self)
        for row in range(track.n_frames):
            weights = track.weights[row]
            moved = relative_weights(weights[None], self.face.weights)[0]
            head_deg = track.head_deg[row]
            if not moved.any() and not head_deg.any():
                yield self.canvas.picture.copy()
                continue
            closure = 0.0 if track.closure is None else float(track.closure[row])
            gap = self.rig.lip_gap(weights) * (1.0 - closure)
            openings = eye_openings(moved, self.face.weights, self.rig)
            yield self._draw(warp, moved, head_deg, gap_cm=gap, openings=openings)

    def _draw(
        self,
        warp: "Warp",
        moved: FloatArray,
        head_deg: FloatArray,
        *,
        gap_cm: FloatArray,
        openings: tuple[EyeOpening, ...],
    ) -> Frame:
        head = self.head
        displacement = self.rig.displacement(moved)
        shift = head.scale * displacement @ head.rotation.T
        shift = self.lips.correct(head, shift, gap_cm)
        shift = set_lids(head, shift, openings)
        points = image_points(head.move(shift, head_deg))
        frame = warp.apply(points)
        for eyeball, eye in zip(self.eyeballs, openings, strict=True):
            steps = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
            draw_eye(
                frame,
                eyeball,
                head,
                points,
                eye=eye,
                turned=head.turn(eyeball.centre + steps, head_deg),
            )
            smooth_lid(frame, eyeball, points, eye=eye)
            close_lids(frame, eyeball, points, eye=eye)
        draw_mouth(
            frame, self.mouth, head, self.lips, points=points, shift=shift, head_deg=head_deg
        )
        return frame


class Warp:
    """Turns moved points into a frame; keeps its buffers between frames of one clip."""

    def __init__(self, portrait: MeshPortrait) -> None:
        """Make room for the box that can move."""
        self._canvas = portrait.canvas
        self._triangles = portrait.head.triangles
        self._source = image_points(portrait.head.points)
        height, width = portrait.canvas.picture.shape[:2]
        ring = self._source[FIRST_RING_POINT:]
        low, high = np.floor(ring.min(axis=0)), np.ceil(ring.max(axis=0))
        self._left, self._top = int(max(low[0], 0)) // 2 * 2, int(max(low[1], 0)) // 2 * 2
        self._right, self._bottom = int(min(high[0] + 1, width)), int(min(high[1] + 1, height))
        self._still = identity_map(
            self._right - self._left,
            self._bottom - self._top,
            left=self._left,
            top=self._top,
            step=1.0,
        )
        self._map = self._still.copy()

    def apply(self, points: npt.NDArray[np.float32]) -> Frame:
        """Return the frame with the source's points moved to `points` (V, 2) [px]."""
        place = self._map
        np.copyto(place, self._still)
        fill_map(
            self._triangles, points, self._source, float(self._left), float(self._top), 1.0, place
        )
        place += MARGIN_PX
        box = cv2.remap(
            self._canvas.texture, place, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        frame = self._canvas.picture.copy()
        frame[self._top : self._bottom, self._left : self._right] = box
        return frame
