"""The mesh renderer: any CPU, no download. A preview, not a neural renderer, and it says so."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from vortex_lp.face.landmarker import MAX_FACES, FaceLandmarker, head_rotation
from vortex_lp.face.retarget import relative_weights
from vortex_lp.face.source import find_source_face
from vortex_lp.render.base import Framing
from vortex_lp.render.canvas import Canvas, make_canvas
from vortex_lp.render.mesh.eyes import Eye, build_eyes, draw_eye
from vortex_lp.render.mesh.head import Head, build_head, image_points
from vortex_lp.render.mesh.lids import EyeMotion, eye_motion, fit_round_eyes, set_lids
from vortex_lp.render.mesh.lips import Lips, build_lips
from vortex_lp.render.mesh.mouth import Mouth, build_mouth, draw_mouth
from vortex_lp.render.mesh.rig import FaceRig, load_rig
from vortex_lp.render.mesh.warp import Warp
from vortex_lp.settings import Settings
from vortex_lp.values import Face, FloatArray, Frame, MotionTrack, Portrait

CHUNK_FRAMES = 24
"""So many frames' points are computed at a time; drawing is frame by frame."""


class MeshRenderer:
    """Warps the portrait with a fitted face rig and draws mouth and eyes into it."""

    name = "mesh"
    badge = "Mesh · CPU"

    def __init__(self, settings: Settings) -> None:
        """Load the rig; the face landmarker is loaded by the first `prepare`."""
        self._limits = settings.limits
        self._rig = load_rig()

    @functools.cached_property
    def _landmarker(self) -> FaceLandmarker:
        return FaceLandmarker(max_faces=MAX_FACES)

    def prepare(self, portrait: Portrait, *, framing: Framing = "crop") -> "MeshPortrait":
        """Find the face and build everything that does not depend on the motion.

        Raises:
            NoFaceError: No face that can be animated.
        """
        source = find_source_face(portrait, landmarker=self._landmarker, limits=self._limits)
        canvas = make_canvas(portrait, source.face, framing=framing)
        face = replace(source.face, landmarks=fit_round_eyes(canvas.landmarks))
        head = build_head(face)
        lips = build_lips(head)
        return MeshPortrait(
            face=face,
            note=source.note,
            canvas=canvas,
            head=head,
            lips=lips,
            mouth=build_mouth(canvas.picture, head, lips, rig=self._rig, source=face.weights),
            eyes=build_eyes(canvas.picture, head),
            rig=self._rig,
        )


@dataclass(frozen=True, slots=True, eq=False)
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

    eyes: tuple[Eye, Eye]
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
        warp = Warp(self.canvas, self.head)
        for start in range(0, track.n_frames, CHUNK_FRAMES):
            pose = self._pose(track, slice(start, start + CHUNK_FRAMES))
            for row in range(len(pose.points)):
                yield self._draw(warp, pose, row)

    def _pose(self, track: MotionTrack, frames: slice) -> "_Pose":
        """Return where everything is in some frames of `track`."""
        weights, head_deg = track.weights[frames], track.head_deg[frames]
        moved = relative_weights(weights, self.face.weights)
        gap_cm = self.lips.gap(weights, self.face.weights, rig=self.rig)
        if track.closure is not None:
            gap_cm = gap_cm * (1 - track.closure[frames, None])
        eyes = eye_motion(moved, self.face.weights, rig=self.rig)
        head = self.head
        displacement = self.rig.displacement(moved) @ head.rotation.T
        shift = np.asarray(head.scale * displacement, np.float32)
        shift = self.lips.correct(head, shift, gap_cm=gap_cm)
        shift = set_lids(head, shift, openness=eyes.openness)
        rotations = head_rotation(head_deg)
        return _Pose(
            is_still=np.logical_not(moved.any(axis=1) | head_deg.any(axis=1)),
            shift=shift,
            rotations=rotations,
            points=image_points(head.move(shift, rotations)),
            eyes=eyes,
        )

    def _draw(self, warp: Warp, pose: "_Pose", row: int) -> Frame:
        if pose.is_still[row]:
            return self.canvas.picture.copy()
        points, turn = pose.points[row], self.head.turn(pose.rotations[row])
        frame = warp.apply(points)
        for side, eye in enumerate(self.eyes):
            draw_eye(
                frame,
                eye,
                self.head,
                points=points,
                turn=turn,
                openness=float(pose.eyes.openness[row, side]),
                gaze_cm=pose.eyes.gaze_cm[row, side],
            )
        draw_mouth(
            frame,
            self.mouth,
            self.head,
            self.lips,
            points=points,
            shift=pose.shift[row],
            turn=turn,
        )
        return frame


@dataclass(frozen=True, slots=True, eq=False)
class _Pose:
    """Where everything is in T frames."""

    is_still: npt.NDArray[np.bool_]
    """(T,) whether a frame asks for exactly what the portrait shows."""

    shift: FloatArray
    """(T, L, 3) how far landmarks move before the head turns [px]."""

    rotations: FloatArray
    """(T, 3, 3) how the head turns."""

    points: FloatArray
    """(T, V, 2) all points on the frame [px]."""

    eyes: EyeMotion
    """What the eyes do."""
