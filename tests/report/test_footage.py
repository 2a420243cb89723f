"""A filmed person from the team's reference data, measured in two ways."""

from pathlib import Path

import numpy as np
import pytest

from vortex_lp.face.aperture import asked_aperture
from vortex_lp.face.landmarker import FaceLandmarker
from vortex_lp.report.compare import correlation
from vortex_lp.report.measure import measure_video
from vortex_lp.report.reader import iter_frames

FOOTAGE = Path(__file__).parents[3] / "shared" / "footage" / "wda_aoc.mp4"


@pytest.mark.shared
@pytest.mark.skipif(not FOOTAGE.exists(), reason="the reference footage is not beside the checkout")
def test_the_measured_lips_follow_mediapipes_own_weights_on_a_real_face() -> None:
    """Two readings of one mouth: distances of landmarks, and the blendshape network."""
    measured = measure_video(FOOTAGE)
    with FaceLandmarker() as landmarker:
        faces = [landmarker.faces(frame)[0] for frame in iter_frames(FOOTAGE)]
    formula = asked_aperture(np.stack([face.weights for face in faces]))
    assert measured.has_face.all()
    assert correlation(measured.aperture.astype(float), formula.astype(float)) > 0.9
    assert 0.8 < measured.aperture.std() / formula.std() < 1.25
