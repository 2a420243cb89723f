from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.report.made import film, make_mouth, make_speech, make_track
from vortex_lp.report.measure import Measurements, measure_video
from vortex_lp.values import MotionTrack, MouthTrack, Speech


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    video: Path
    mouth: MouthTrack
    track: MotionTrack
    speech: Speech
    measured: Measurements


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    mouth = make_mouth()
    track, speech = make_track(mouth), make_speech(mouth)
    video = film(track, speech, tmp_path_factory.mktemp("made") / "made.mp4")
    return Made(video, mouth, track, speech, measure_video(video))
