import csv
import json
from fractions import Fraction

import pytest

from tests.speech.sounds import sample_spans
from tests.speech.test_visemes import mouth_of, say
from vortex_lp.settings import load_settings
from vortex_lp.speech.formats import RHUBARB_SHAPES, to_csv, to_json, to_rhubarb
from vortex_lp.speech.phonemes import VISEME_CLASSES


def test_json_holds_frames_and_phones() -> None:
    mouth = mouth_of("movie_rms.wav", Fraction(24))
    document = json.loads(to_json(mouth))
    assert document["fps"] == 24
    assert len(document["frames"]) == mouth.n_frames
    assert document["frames"][60] == pytest.approx(mouth.visemes[60].tolist(), abs=1e-4)
    truth = sample_spans("movie_rms.wav")
    assert [p["phone"] for p in document["phones"]] == [s.phone for s in truth]
    assert document["phones"][1]["start_s"] == pytest.approx(truth[1].start / 48_000, abs=1e-4)
    assert document["phones"][-1]["stop_s"] == pytest.approx(truth[-1].stop / 48_000, abs=5e-3)
    assert json.loads(to_json(mouth_of("movie_rms.wav", Fraction(30000, 1001))))["fps"] == (
        pytest.approx(29.97, abs=1e-3)
    )


def test_csv_has_one_line_a_frame() -> None:
    mouth = say(("SIL", 0.5), ("AA", 0.5), fps=10)
    rows = list(csv.DictReader(to_csv(mouth).splitlines()))
    assert len(rows) == 10
    assert [row["phone"] for row in rows] == ["SIL"] * 5 + ["AA"] * 5
    assert [float(row["time_s"]) for row in rows] == pytest.approx([i / 10 for i in range(10)])
    assert float(rows[8]["jaw_open"]) == pytest.approx(float(mouth.visemes[8, 0]), abs=1e-4)


def test_rhubarb_lines_are_times_and_shapes() -> None:
    mouth = say(("SIL", 0.5), ("M", 0.1), ("B", 0.1), ("AA", 0.2), ("L", 0.1), ("SIL", 0.5))
    lines = to_rhubarb(mouth).splitlines()
    assert lines == ["0.00\tX", "0.50\tA", "0.70\tD", "0.90\tH", "1.00\tX", "1.50\tX"]


def test_every_phone_has_a_rhubarb_shape() -> None:
    assert set(RHUBARB_SHAPES) == set(VISEME_CLASSES)
    assert set(RHUBARB_SHAPES.values()) <= set("ABCDEFGX")
    for phone in load_settings().phones:
        assert to_rhubarb(say(("SIL", 0.1), (phone, 0.1), fps=24))
