from dataclasses import replace

import numpy as np
import pytest

from tests.report.conftest import Made
from tests.report.made import FPS
from vortex_lp.report.face_checks import check_background, find_blinks
from vortex_lp.report.measure import Measurements
from vortex_lp.settings import load_settings

SETTINGS = load_settings().report


def with_eyes(made: Made, *, left: float, right: float, frames: int) -> Measurements:
    """Return measurements whose eyes are open at 0.3, but from frame 40 on for `frames`."""
    eyes = np.full((2, made.measured.n_frames), 0.3, np.float32)
    eyes[0, 40 : 40 + frames], eyes[1, 40 : 40 + frames] = left, right
    return replace(made.measured, eye_left=eyes[0], eye_right=eyes[1])


@pytest.mark.parametrize(
    ("left", "right", "frames", "n_blinks"),
    [
        (0.06, 0.06, 4, 1),
        (0.15, 0.19, 3, 1),  # as MediaPipe reads shut lids behind painted spectacles
        (0.24, 0.24, 4, 0),  # half shut
        (0.06, 0.29, 4, 0),  # a wink
        (0.06, 0.06, 20, 0),  # eyes held shut
    ],
)
def test_a_blink_is_short_deep_and_of_both_eyes(
    made: Made, left: float, right: float, frames: int, n_blinks: int
) -> None:
    measured = with_eyes(made, left=left, right=right, frames=frames)
    seen_s = find_blinks(measured, track=None, settings=SETTINGS).seen_s
    assert len(seen_s) == n_blinks
    assert all(abs(time_s - 41 / float(FPS)) < 2.5 / FPS for time_s in seen_s)


def test_frames_without_a_face_are_no_blink(made: Made) -> None:
    measured = with_eyes(made, left=np.nan, right=np.nan, frames=4)
    assert find_blinks(measured, track=None, settings=SETTINGS).seen_s == ()


def test_a_moving_background_is_a_fault_of_ours_but_not_of_a_film(made: Made) -> None:
    moving = replace(made.measured, still_psnr_db=np.full_like(made.measured.still_psnr_db, 12))
    verdicts = [
        check_background(moving, is_asked=is_asked, settings=SETTINGS).status
        for is_asked in (True, False)
    ]
    assert verdicts == ["fail", "warn"]


def test_a_close_up_leaves_no_background_to_judge(made: Made) -> None:
    close = replace(made.measured, still_psnr_db=np.full_like(made.measured.still_psnr_db, np.nan))
    metric = check_background(close, is_asked=True, settings=SETTINGS)
    assert metric.status == "could not measure"
