from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vortex_lp.errors import NoFaceError
from vortex_lp.face.landmarker import MAX_FACES, FaceLandmarker
from vortex_lp.face.model import canonical_face
from vortex_lp.face.source import check_source, face_px, find_source_face, mirror_error
from vortex_lp.render.portrait import portrait_from_array, read_portrait
from vortex_lp.resources import resource_folder
from vortex_lp.settings import LimitSettings, load_settings
from vortex_lp.values import Face, Frame, Portrait

LIMITS = load_settings().limits
SHARED = Path(__file__).parents[3] / "shared"
DOG = "dog_no_human_face.jpg"
HUMANS = sorted(path.name for path in (SHARED / "portraits").glob("*") if path.name != DOG) or [
    "no shared data"
]


@pytest.fixture(scope="module")
def landmarker() -> Iterator[FaceLandmarker]:
    with FaceLandmarker(max_faces=MAX_FACES) as landmarker:
        yield landmarker


def sample(name: str) -> Portrait:
    return read_portrait(resource_folder("assets") / name, limits=LIMITS)


def with_limits(**changes: float) -> LimitSettings:
    return LimitSettings(**{**LIMITS.model_dump(), **changes})


def paste(canvas: Frame, picture: Frame, *, left: int, top: int) -> None:
    canvas[top : top + picture.shape[0], left : left + picture.shape[1]] = picture


@pytest.mark.parametrize("name", ["astronaut.jpg", "grace_hopper.jpg"])
def test_the_samples_have_one_frontal_face(landmarker: FaceLandmarker, name: str) -> None:
    source = find_source_face(sample(name), landmarker=landmarker, limits=LIMITS)
    assert source.note is None
    assert abs(source.face.head_deg[1]) < 10
    assert face_px(source.face) > 90


def test_a_wall_has_no_face(landmarker: FaceLandmarker) -> None:
    wall = portrait_from_array(np.full((300, 400, 3), 128, np.uint8), "wall.png")
    with pytest.raises(NoFaceError, match=r"no face found in wall.png \(400x300 px\); use a front"):
        find_source_face(wall, landmarker=landmarker, limits=LIMITS)


def test_of_several_faces_the_largest_is_taken_and_the_note_says_so(
    landmarker: FaceLandmarker,
) -> None:
    canvas = np.full((600, 700, 3), 200, np.uint8)
    paste(canvas, sample("astronaut.jpg").image[:, 80:380], left=0, top=50)
    paste(canvas, sample("grace_hopper.jpg").image[:, 60:460], left=300, top=0)
    source = find_source_face(
        portrait_from_array(canvas, "two.png"), landmarker=landmarker, limits=LIMITS
    )
    assert source.note == "2 faces found in two.png; the largest is animated"
    assert source.face.box[0] > 300


def test_a_face_under_the_limit_is_refused_with_its_size(landmarker: FaceLandmarker) -> None:
    with pytest.raises(NoFaceError, match=r"too small \(1\d\d px, at least 150 px are needed\)"):
        find_source_face(
            sample("astronaut.jpg"), landmarker=landmarker, limits=with_limits(min_face_px=150)
        )


def test_a_face_turned_too_far_is_refused_with_its_angle(landmarker: FaceLandmarker) -> None:
    # The sample looks 1 degree to the side; a limit under that makes it a profile.
    with pytest.raises(NoFaceError, match=r"turned \d+ degrees to the side \(at most 0\)"):
        find_source_face(
            sample("grace_hopper.jpg"), landmarker=landmarker, limits=with_limits(max_yaw_deg=0.2)
        )


def test_a_small_face_in_a_40_megapixel_picture_is_found_in_its_place(
    landmarker: FaceLandmarker,
) -> None:
    canvas = np.full((5000, 8000, 3), 180, np.uint8)
    hopper = Image.fromarray(sample("grace_hopper.jpg").image)
    paste(canvas, np.asarray(hopper), left=6100, top=3000)
    source = find_source_face(
        portrait_from_array(canvas, "crowd.jpg"), landmarker=landmarker, limits=LIMITS
    )
    alone = find_source_face(sample("grace_hopper.jpg"), landmarker=landmarker, limits=LIMITS)
    expected = np.add(alone.face.box, (6100, 3000, 6100, 3000))
    assert np.abs(np.array(source.face.box) - expected).max() < 0.05 * face_px(alone.face)


def test_a_mirrored_canonical_face_is_its_own_mirror() -> None:
    vertices = canonical_face().vertices * (10, -10, 10) + (200, 200, 0)
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[:468] = vertices
    landmarks[468:] = vertices[:10]
    mirrored = landmarks * (-1, 1, 1) + (400, 0, 0)
    # The landmarker would name the person's left by the other side of the mirrored picture.
    zeros = np.zeros(51, np.float32)
    face = Face(landmarks, zeros, np.zeros(3, np.float32), np.eye(4, dtype=np.float32))
    order = np.array(
        [np.abs(vertices * (-1, 1, 1) + (400, 0, 0) - v).sum(axis=1).argmin() for v in vertices]
    )
    twin = mirrored.copy()
    twin[:468] = mirrored[:468][order]
    other = Face(twin, zeros, np.zeros(3, np.float32), np.eye(4, dtype=np.float32))
    assert mirror_error(face, other, width=400) < 1e-4
    shifted = Face(np.add(twin, (18, 0, 0)), zeros, face.head_deg, face.pose)
    assert mirror_error(face, shifted, width=400) == pytest.approx(18 / face_px(face), rel=1e-3)


def test_a_check_of_a_good_portrait_says_what_was_found(landmarker: FaceLandmarker) -> None:
    check = check_source(sample("grace_hopper.jpg"), landmarker=landmarker, limits=LIMITS)
    assert check.is_usable
    assert check.n_faces == 1
    assert 180 < check.face_px < 230
    assert check.sentences[0].startswith(f"face found: {check.face_px} px, turned")
    assert "a face of 256 px or more gives a sharper video" in check.sentences


def test_a_check_never_raises_and_gives_the_reason(landmarker: FaceLandmarker) -> None:
    wall = portrait_from_array(np.full((300, 400, 3), 128, np.uint8), "wall.png")
    check = check_source(wall, landmarker=landmarker, limits=LIMITS)
    assert not check.is_usable
    assert check.face_px == check.n_faces == 0
    assert check.sentences[0].startswith("no face found in wall.png")


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the team's data is not here")
def test_a_dog_is_no_face(landmarker: FaceLandmarker) -> None:
    dog = read_portrait(SHARED / "portraits" / DOG, limits=LIMITS)
    with pytest.raises(NoFaceError, match=r"no human face found in dog_no_human_face.jpg"):
        find_source_face(dog, landmarker=landmarker, limits=LIMITS)


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the team's data is not here")
@pytest.mark.parametrize("name", HUMANS)
def test_every_human_portrait_is_kept(landmarker: FaceLandmarker, name: str) -> None:
    portrait = read_portrait(SHARED / "portraits" / name, limits=LIMITS)
    check = check_source(portrait, landmarker=landmarker, limits=LIMITS)
    assert check.is_usable, check.sentences
