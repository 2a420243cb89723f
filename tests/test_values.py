from dataclasses import FrozenInstanceError
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from vortex_lp.errors import SettingsError
from vortex_lp.values import (
    ARKIT_NAMES,
    N_BLENDSHAPES,
    N_LANDMARKS,
    Face,
    MotionTrack,
    MouthTrack,
    PhoneSpan,
    Portrait,
    Speech,
)


def mouth(**changes: Any) -> MouthTrack:
    parts: dict[str, Any] = {
        "fps": Fraction(24),
        "visemes": np.zeros((5, 3)),
        "weights": np.zeros((5, N_BLENDSHAPES)),
        "closure": np.zeros(5),
        "tuck": np.zeros(5),
        "loudness": np.zeros(5),
        "spans": (),
    }
    return MouthTrack(**{**parts, **changes})


def track(**changes: Any) -> MotionTrack:
    parts = {"fps": 24, "weights": np.zeros((5, N_BLENDSHAPES)), "head_deg": np.zeros((5, 3))}
    return MotionTrack(**{**parts, **changes})


def test_there_are_51_distinct_blendshapes_in_pairs() -> None:
    assert len(set(ARKIT_NAMES)) == N_BLENDSHAPES == 51
    for name in ARKIT_NAMES:
        if name.endswith("Left") and name not in ("jawLeft", "mouthLeft"):
            assert name.removesuffix("Left") + "Right" in ARKIT_NAMES


def test_arrays_inside_a_value_are_read_only_and_float32() -> None:
    made = track()
    assert made.weights.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        made.weights[0, 0] = 1.0


def test_making_a_value_leaves_the_callers_array_writable() -> None:
    weights = np.zeros((5, N_BLENDSHAPES), np.float32)
    track(weights=weights)
    weights[0, 0] = 1.0
    image = np.zeros((4, 4, 3), np.uint8)
    Portrait(image=image, name="p")
    image[0, 0, 0] = 1


def test_a_value_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        track().fps = Fraction(25)  # type: ignore[misc]


def test_a_track_knows_its_length_and_exact_rate() -> None:
    made = track(fps=29.97)
    assert made.n_frames == 5
    assert made.fps == Fraction(30000, 1001)


@pytest.mark.parametrize(
    "changes",
    [
        {"weights": np.zeros((5, 52))},
        {"weights": np.zeros((0, N_BLENDSHAPES)), "head_deg": np.zeros((0, 3))},
        {"head_deg": np.zeros((4, 3))},
        {"weights": np.full((5, N_BLENDSHAPES), np.nan)},
        {"head_deg": np.full((5, 3), np.inf)},
    ],
    ids=["width", "empty", "length", "nan", "infinite"],
)
def test_a_malformed_track_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"weights must be|head_deg must be|finite numbers"):
        track(**changes)


def test_a_track_at_an_impossible_rate_is_refused() -> None:
    with pytest.raises(SettingsError, match="frame rate 0"):
        track(fps=0)


@pytest.mark.parametrize("name", ["visemes", "weights", "closure", "tuck", "loudness"])
def test_a_mouth_track_names_the_array_that_does_not_fit(name: str) -> None:
    expected = "weights" if name == "visemes" else name  # all are measured by the visemes
    with pytest.raises(ValueError, match=f"{expected} must be"):
        mouth(**{name: np.zeros((4, 3) if name == "visemes" else 4)})


@pytest.mark.parametrize(("start", "stop"), [(5, 5), (6, 5), (-1, 5)])
def test_a_phone_has_a_length(start: int, stop: int) -> None:
    with pytest.raises(ValueError, match="empty or negative span"):
        PhoneSpan("AA", start, stop)


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros((2, 5))])
def test_speech_is_a_row_of_samples(samples: np.ndarray) -> None:
    with pytest.raises(ValueError, match="non-empty row of samples"):
        Speech(samples)


def test_a_memory_map_stays_one(tmp_path: Any) -> None:
    np.zeros(10, np.float32).tofile(tmp_path / "speech")
    mapped = np.memmap(tmp_path / "speech", np.float32, mode="r")
    assert np.shares_memory(Speech(mapped).samples, mapped)


@pytest.mark.parametrize(
    "image",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)],
)
def test_a_portrait_is_8_bit_rgb(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="a portrait must be"):
        Portrait(image=image, name="p")


def test_the_box_of_a_face_holds_its_landmarks() -> None:
    landmarks = np.zeros((N_LANDMARKS, 3), np.float32)
    landmarks[0], landmarks[1] = (-3, 2, 9), (5, 8, -9)
    face = Face(landmarks, np.zeros(N_BLENDSHAPES), np.zeros(3), np.eye(4))
    assert face.box == (-3, 0, 5, 8)
