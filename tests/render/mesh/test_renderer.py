"""The mesh renderer on real faces, measured by MediaPipe on its own frames."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from vortex_lp.face.landmarker import FaceLandmarker
from vortex_lp.render.mesh.head import FIRST_RING_POINT, image_points
from vortex_lp.render.mesh.renderer import CHUNK_FRAMES, MeshPortrait, MeshRenderer
from vortex_lp.render.portrait import read_portrait
from vortex_lp.resources import resource_folder
from vortex_lp.settings import load_settings
from vortex_lp.values import ARKIT_INDEX, Face, Frame, MotionTrack, Portrait

SAMPLES = ("astronaut.jpg", "grace_hopper.jpg")
BLINK = {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}
OPEN = {"jawOpen": 0.6}


def read(path: Path) -> Portrait:
    return read_portrait(path, limits=load_settings().limits)


@pytest.fixture(scope="module")
def renderer() -> MeshRenderer:
    return MeshRenderer(load_settings())


@pytest.fixture(scope="module", params=SAMPLES)
def prepared(request: pytest.FixtureRequest, renderer: MeshRenderer) -> MeshPortrait:
    return renderer.prepare(read(resource_folder("assets") / request.param))


@pytest.fixture(scope="module")
def landmarker():
    with FaceLandmarker() as made:
        yield made


def make_track(
    prepared: MeshPortrait,
    *poses: Mapping[str, float] | None,
    head_deg: object = None,
    closure: object = None,
) -> MotionTrack:
    """One frame a pose; None asks for exactly what the portrait shows."""
    weights = np.zeros((len(poses), 51), np.float32)
    for row, pose in enumerate(poses):
        if pose is None:
            weights[row] = prepared.face.weights
        for name, weight in (pose or {}).items():
            weights[row, ARKIT_INDEX[name]] = weight
    head = np.zeros((len(poses), 3)) if head_deg is None else np.array(head_deg)
    return MotionTrack(
        fps=Fraction(24),
        weights=weights,
        head_deg=head.astype(np.float32),
        closure=None if closure is None else np.array(closure, np.float32),
    )


def lip_gap(face: Face) -> float:
    """Inner-lip gap as a share of the distance between the eyes."""
    eyes = np.linalg.norm(face.landmarks[33] - face.landmarks[263])
    return float(np.linalg.norm(face.landmarks[13] - face.landmarks[14]) / eyes)


def eye_gap(face: Face) -> float:
    width = np.linalg.norm(face.landmarks[33, :2] - face.landmarks[133, :2])
    return float(np.linalg.norm(face.landmarks[159, :2] - face.landmarks[145, :2]) / width)


def difference(a: Frame, b: Frame) -> int:
    return int(np.abs(a.astype(int) - b.astype(int)).max())


def test_a_frame_that_asks_for_nothing_new_is_the_portrait(prepared: MeshPortrait) -> None:
    (frame,) = prepared.render(make_track(prepared, None))
    assert difference(frame, prepared.canvas.picture) == 0


def test_a_motion_too_small_to_see_changes_nothing_outside_mouth_and_eyes(
    prepared: MeshPortrait,
) -> None:
    tiny = make_track(prepared, None, head_deg=[[0.0, 1e-4, 0.0]])
    (frame,) = prepared.render(tiny)
    changed = np.abs(frame.astype(int) - prepared.canvas.picture).max(axis=2)
    for ring in ("mouth", "eyes"):
        points = {"mouth": [61, 291, 0, 17], "eyes": [33, 263, 27, 257, 145, 374]}[ring]
        low = prepared.face.landmarks[points, :2].min(axis=0).astype(int) - 8
        high = prepared.face.landmarks[points, :2].max(axis=0).astype(int) + 8
        changed[low[1] : high[1], low[0] : high[0]] = 0
    assert changed.max() <= 1


def test_what_lies_beyond_the_head_never_moves(prepared: MeshPortrait) -> None:
    track = make_track(prepared, OPEN, head_deg=[[4.0, 5.0, 3.0]])
    (frame,) = prepared.render(track)
    ring = image_points(prepared.head.points[FIRST_RING_POINT:])
    low, high = ring.min(axis=0), ring.max(axis=0)
    height, width = frame.shape[:2]
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    outside = (x < low[0] - 1) | (x > high[0] + 1) | (y < low[1] - 1) | (y > high[1] + 1)
    changed = np.abs(frame.astype(int) - prepared.canvas.picture).max(axis=2)
    assert changed[outside].max(initial=0) == 0


def test_lips_close_for_a_closure_even_with_an_open_jaw(
    prepared: MeshPortrait, landmarker: FaceLandmarker
) -> None:
    track = make_track(prepared, OPEN, OPEN, {}, closure=[0.0, 1.0, 0.0])
    opened, closed, rest = (lip_gap(landmarker.faces(frame)[0]) for frame in prepared.render(track))
    assert opened > 0.15
    assert closed < 0.15 * opened
    assert rest < 0.15 * opened


def test_wider_asks_open_wider(prepared: MeshPortrait, landmarker: FaceLandmarker) -> None:
    track = make_track(prepared, *({"jawOpen": weight} for weight in (0.1, 0.3, 0.5, 0.7)))
    gaps = [lip_gap(landmarker.faces(frame)[0]) for frame in prepared.render(track)]
    assert gaps == sorted(gaps)
    assert gaps[-1] > 2 * gaps[0]


def test_a_blink_shuts_both_eyes(prepared: MeshPortrait, landmarker: FaceLandmarker) -> None:
    track = make_track(prepared, None, BLINK)
    before, shut = (landmarker.faces(frame)[0] for frame in prepared.render(track))
    assert eye_gap(shut) < 0.5 * eye_gap(before)
    for side in ("Left", "Right"):
        index = ARKIT_INDEX["eyeBlink" + side]
        assert shut.weights[index] > before.weights[index] + 0.15


@pytest.mark.parametrize(("axis", "least_deg"), [(0, 4.0), (1, 3.0), (2, 7.0)])
def test_the_head_turns_the_way_it_is_asked(
    prepared: MeshPortrait, landmarker: FaceLandmarker, axis: int, least_deg: float
) -> None:
    head_deg = np.zeros((3, 3))
    head_deg[1, axis], head_deg[2, axis] = 8.0, -8.0
    track = make_track(prepared, None, None, None, head_deg=head_deg)
    rest, one_way, other_way = (
        float(landmarker.faces(frame)[0].head_deg[axis]) for frame in prepared.render(track)
    )
    assert one_way - rest > least_deg
    assert rest - other_way > least_deg


def test_a_look_to_the_side_moves_the_irises(
    prepared: MeshPortrait, landmarker: FaceLandmarker
) -> None:
    to_their_left = {"eyeLookOutLeft": 0.8, "eyeLookInRight": 0.8}
    to_their_right = {"eyeLookInLeft": 0.8, "eyeLookOutRight": 0.8}
    track = make_track(prepared, to_their_left, to_their_right)
    # The person's left is the viewer's right, where x grows.
    left, right = (landmarker.faces(frame)[0].landmarks for frame in prepared.render(track))
    for iris, corner in ((468, 33), (473, 263)):
        moved = (left[iris, 0] - left[corner, 0]) - (right[iris, 0] - right[corner, 0])
        assert moved > 1.5


def test_the_same_track_gives_the_same_bytes(prepared: MeshPortrait) -> None:
    track = make_track(prepared, OPEN, BLINK, {}, head_deg=np.eye(3) * 3)
    first, second = list(prepared.render(track)), list(prepared.render(track))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_frames_belong_to_the_caller(prepared: MeshPortrait) -> None:
    frames = prepared.render(make_track(prepared, OPEN, OPEN))
    first = next(frames)
    kept = first.copy()
    first[...] = 0
    assert np.array_equal(next(frames), kept)


def test_a_clip_longer_than_a_chunk_has_every_frame(prepared: MeshPortrait) -> None:
    n_frames = CHUNK_FRAMES + 3
    track = make_track(prepared, *([None] * n_frames))
    assert sum(1 for _ in prepared.render(track)) == n_frames


def test_full_framing_keeps_the_picture_and_makes_its_sides_even(renderer: MeshRenderer) -> None:
    portrait = read(resource_folder("assets") / "grace_hopper.jpg")
    odd = Portrait(image=portrait.image[:-1, :-1], name="odd")
    prepared = renderer.prepare(odd, framing="full")
    width, height = prepared.size
    assert (width % 2, height % 2) == (0, 0)
    (frame,) = prepared.render(make_track(prepared, None))
    assert np.array_equal(frame, odd.image[:height, :width])


def test_a_crop_is_512_square_and_shows_the_face_large(prepared: MeshPortrait) -> None:
    assert prepared.size == (512, 512)
    left, top, right, bottom = prepared.face.box
    assert min(left, top) > 0
    assert max(right, bottom) < 512
    assert bottom - top > 200
