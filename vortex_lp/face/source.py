"""Which face of a portrait is animated, and whether it can be.

A face must be there, be human, be large enough and look roughly at the camera; each is refused
with its own sentence.

**Human.** MediaPipe "finds" faces on dogs, and scores them no lower than the terracotta statue
(detection score above 0.7, below 0.8, both). What differs is that on a human face, painted or
carved ones included, the same landmarks come out when the picture is mirrored, while on anything
else the mesh slides about. So the face is measured on three crops and on their mirror images; the
median of the three root mean square distances between the landmarks and the mirrored landmarks, as
a share of the face's size, must stay below `limits.max_mirror_error` (0.024). Measured on 45 human
pictures (photographs, paintings, a cartoon, a statue, frames of talking and grimacing people): at
most 0.015 (0.021 for a face turned by 52 degrees); the same shrunk to 60 px, in JPEG of quality
15, grey, turned 20 degrees, darkened to a quarter or under noise of 20 grey levels: nearly all at
most 0.020. Four grown dogs: 0.030 and more, and things that are no face at all 0.1 and more. It is
no proof: some puppies (0.010 and more in bad pictures) and a monkey (0.019) pass.
"""

import functools
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image

from vortex_lp.errors import NoFaceError
from vortex_lp.face.landmarker import FaceLandmarker
from vortex_lp.face.model import N_CANONICAL, canonical_face
from vortex_lp.settings import LimitSettings
from vortex_lp.values import Face, FloatArray, Frame, Portrait

_ADVICE = "use a frontal face at least 256 px wide"
GOOD_FACE_PX = 256
"""Smaller faces are animated, but look soft in a 512 px video."""

GOOD_ANGLE_DEG = 25.0
"""Faces turned or tilted further than this are animated, but look less natural."""

_FINDABLE_SHARE = 0.14
"""MediaPipe finds a face from this share of the picture's longer side on (measured: both sample
portraits on a plain ground, in four places: always at 0.14, in 3 of 8 at 0.12, never at 0.10)."""

_TILE_DEPTH = 3
"""How often the picture is cut in half when no face is found, so that faces down to a 57th of its
longer side are found. The cuts cost 9, 49 and 225 tiles (about 8 ms each) of a square picture; the
later ones are left out where they could only find faces that are too small anyway."""

_CROPS = (0.8, 1.0, 1.3)
"""Half sides of the crops on which a face is measured again, as multiples of its size."""

_CROP_PX = 512
"""Such crops are shrunk to this; MediaPipe itself looks at a face in 256 px."""


@dataclass(frozen=True, slots=True, eq=False)
class SourceFace:
    """The face that will be animated."""

    face: Face
    """As measured, landmarks in the pixels of the portrait. Where the face was only found in a
    part of the picture, `pose` is relative to the camera of that part."""

    note: str | None
    """One sentence for the user, such as that the largest of several faces was taken, or None."""


@dataclass(frozen=True, slots=True)
class SourceCheck:
    """What a first look at a portrait says, for showing beside it at once."""

    is_usable: bool
    """Whether it can be animated."""

    n_faces: int
    """How many human faces there are."""

    face_px: int
    """Longer side of the box around the largest face [px]; 0 where there is none."""

    head_deg: tuple[float, float, float]
    """Its pitch, yaw, roll [deg], signs as in `vortex_lp.values.MotionTrack`."""

    box: tuple[float, float, float, float] | None
    """Left, top, right, bottom of that face [px], or None."""

    sentences: tuple[str, ...]
    """What to say, the most important first: what was found, then what could be better."""


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """A part of the portrait, at most `limits.max_detect_px` a side."""

    image: Frame
    left: int
    top: int
    scale: float  # pixels of the portrait per pixel of the view


def find_source_face(
    portrait: Portrait, *, landmarker: FaceLandmarker, limits: LimitSettings
) -> SourceFace:
    """Return the largest human face of `portrait`.

    Args:
        portrait: The picture; a large one is measured on a smaller copy, and cut into tiles
            where the whole shows no face.
        landmarker: One made with ``max_faces=MAX_FACES``, so that the largest can be chosen.
        limits: What is accepted.

    Raises:
        NoFaceError: There is no face, none that is human, or the largest is too small or is
            turned too far; the message gives the number and what to do.
    """
    finds, people = _search(portrait, landmarker=landmarker, limits=limits)
    if not people:
        raise NoFaceError(_no_face_sentence(portrait, finds=finds, limits=limits))
    problem = _problem(people[0], portrait=portrait, limits=limits)
    if problem:
        raise NoFaceError(problem)
    return SourceFace(face=people[0], note=_crowd_note(people, portrait))


def check_source(
    portrait: Portrait, *, landmarker: FaceLandmarker, limits: LimitSettings
) -> SourceCheck:
    """Return what a first look at `portrait` says, in sentences for the user; raises nothing."""
    finds, people = _search(portrait, landmarker=landmarker, limits=limits)
    if not people:
        sentence = _no_face_sentence(portrait, finds=finds, limits=limits)
        return SourceCheck(False, 0, 0, (0.0, 0.0, 0.0), None, (sentence,))
    face = people[0]
    pitch, yaw, roll = (float(angle) for angle in face.head_deg)
    problem = _problem(face, portrait=portrait, limits=limits)
    found = f"face found: {face_px(face):.0f} px, turned {abs(yaw):.0f} degrees"
    sentences = (problem,) if problem else (found, *_advice(face))
    note = _crowd_note(people, portrait)
    return SourceCheck(
        is_usable=problem is None,
        n_faces=len(people),
        face_px=round(face_px(face)),
        head_deg=(pitch, yaw, roll),
        box=face.box,
        sentences=(*sentences, *((note,) if note else ())),
    )


def face_px(face: Face) -> float:
    """Return the longer side of the box around the landmarks of `face` [px]."""
    left, top, right, bottom = face.box
    return max(right - left, bottom - top)


def mirror_error(face: Face, mirrored: Face, *, width: int) -> float:
    """Return how far two measurements of one face disagree, as a share of its size.

    Args:
        face: As measured on a picture.
        mirrored: As measured on the same picture mirrored left to right.
        width: Width of that picture [px].

    Returns:
        The root mean square distance of the 468 landmarks, the second measurement mirrored back,
        divided by the longer side of the face's box.
    """
    back = mirrored.landmarks[_mirror_order(), :2] * (-1, 1) + (width, 0)
    distance = face.landmarks[:N_CANONICAL, :2] - back
    return float(np.sqrt((distance**2).sum(axis=1).mean()) / face_px(face))


@functools.lru_cache(maxsize=1)
def _mirror_order() -> npt.NDArray[np.intp]:
    """Return, for each landmark, the number of its twin on the other side: (468,) integers."""
    vertices = canonical_face().vertices
    squared = ((vertices[:, None] * (-1, 1, 1) - vertices[None]) ** 2).sum(axis=2)
    return np.asarray(squared.argmin(axis=1))


def _search(
    portrait: Portrait, *, landmarker: FaceLandmarker, limits: LimitSettings
) -> tuple[tuple[Face, ...], tuple[Face, ...]]:
    """Return what resembles a face and which of it is human, the largest first.

    The picture is cut finer until there is a human face.
    """
    seen: tuple[Face, ...] = ()
    for depth in range(_TILE_DEPTH + 1):
        views = _views(portrait.image, depth=depth, limits=limits)
        found = _distinct([face for view in views for face in _measure(view, landmarker)])
        people = tuple(
            face
            for face in found
            if _human_error(face, portrait.image, landmarker=landmarker) <= limits.max_mirror_error
        )
        if people:
            return found, people
        seen = seen or found
        if max(portrait.image.shape[:2]) >> depth < limits.min_face_px / _FINDABLE_SHARE:
            break
    return seen, ()


def _views(image: Frame, *, depth: int, limits: LimitSettings) -> list[_View]:
    """Return square-ish tiles, each overlapping the next by half; at depth 0 the whole picture."""
    height, width = image.shape[:2]
    if depth == 0:
        return [_view(image, 0, 0, limits=limits)]
    side = max(height, width) >> depth
    step = max(side // 2, 1)
    tops = range(0, max(height - side, 0) + step, step)
    lefts = range(0, max(width - side, 0) + step, step)
    return [
        _view(image[top : top + side, left : left + side], left, top, limits=limits)
        for top in tops
        for left in lefts
        if min(height - top, width - left) >= limits.min_face_px
    ]


def _view(part: Frame, left: int, top: int, *, limits: LimitSettings) -> _View:
    height, width = part.shape[:2]
    scale = max(height, width) / limits.max_detect_px
    if scale <= 1:
        return _View(np.ascontiguousarray(part), left, top, 1.0)
    size = (max(1, round(width / scale)), max(1, round(height / scale)))
    # Shrinking by whole factors first keeps 40 megapixels quick.
    small = Image.fromarray(part).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    return _View(np.asarray(small), left, top, width / size[0])


def _measure(view: _View, landmarker: FaceLandmarker) -> list[Face]:
    offset = np.array((view.left, view.top, 0), np.float32)
    return [
        replace(face, landmarks=face.landmarks * np.float32(view.scale) + offset)
        for face in landmarker.faces(view.image)
    ]


def _human_error(face: Face, image: Frame, *, landmarker: FaceLandmarker) -> float:
    """Return the median mirror error of `face` over `_CROPS`; infinite where it is not found."""
    errors = []
    x, y = _middle(face)
    for crop in _CROPS:
        half = crop * face_px(face)
        top, left = max(0, int(y - half)), max(0, int(x - half))
        part = Image.fromarray(
            np.ascontiguousarray(image[top : int(y + half), left : int(x + half)])
        )
        part.thumbnail((_CROP_PX, _CROP_PX), Image.Resampling.BILINEAR)
        pixels = np.asarray(part)
        plain = landmarker.faces(pixels)
        twins = landmarker.faces(np.ascontiguousarray(pixels[:, ::-1]))
        pairs = [mirror_error(one, two, width=part.width) for one in plain[:1] for two in twins]
        errors.append(min(pairs, default=np.inf))
    return float(np.median(errors))


def _distinct(faces: list[Face]) -> tuple[Face, ...]:
    """Return each face once, the largest first; overlapping tiles see the same face twice."""
    kept: list[Face] = []
    for face in sorted(faces, key=face_px, reverse=True):
        middle = _middle(face)
        if all(np.abs(_middle(other) - middle).max() > 0.5 * face_px(other) for other in kept):
            kept.append(face)
    return tuple(kept)


def _middle(face: Face) -> FloatArray:
    left, top, right, bottom = face.box
    return np.array(((left + right) / 2, (top + bottom) / 2), np.float32)


def _problem(face: Face, *, portrait: Portrait, limits: LimitSettings) -> str | None:
    size, yaw = face_px(face), float(face.head_deg[1])
    if size < limits.min_face_px:
        return (
            f"the face in {portrait.name} is too small ({size:.0f} px, at least "
            f"{limits.min_face_px} px are needed); {_ADVICE}"
        )
    if abs(yaw) > limits.max_yaw_deg:
        return (
            f"the face in {portrait.name} is turned {abs(yaw):.0f} degrees to the side "
            f"(at most {limits.max_yaw_deg:.0f}); {_ADVICE}"
        )
    return None


def _no_face_sentence(portrait: Portrait, *, finds: tuple[Face, ...], limits: LimitSettings) -> str:
    height, width = portrait.image.shape[:2]
    where = f"in {portrait.name} ({width}x{height} px)"
    if not finds:
        return f"no face found {where}; {_ADVICE}"
    # A profile is measured badly, mirrored or not, so its angle is the likelier cause.
    problem = _problem(finds[0], portrait=portrait, limits=limits)
    return problem or f"no human face found {where}, only something that resembles one; {_ADVICE}"


def _crowd_note(people: tuple[Face, ...], portrait: Portrait) -> str | None:
    if len(people) == 1:
        return None
    return f"{len(people)} faces found in {portrait.name}; the largest is animated"


def _advice(face: Face) -> tuple[str, ...]:
    """Return what would make a usable face better."""
    pitch, yaw, roll = (abs(float(angle)) for angle in face.head_deg)
    advice = []
    if face_px(face) < GOOD_FACE_PX:
        advice.append(f"a face of {GOOD_FACE_PX} px or more gives a sharper video")
    if yaw > GOOD_ANGLE_DEG or pitch > GOOD_ANGLE_DEG:
        advice.append("a face that looks straight at the camera moves more naturally")
    if roll > GOOD_ANGLE_DEG:
        advice.append("an upright head moves more naturally")
    return tuple(advice)
