import numpy as np
import pytest

from vortex_lp.report.metric import counted, graded, unmeasured, worst
from vortex_lp.settings import BandSettings

MORE_IS_BETTER = BandSettings(good=0.9, poor=0.5)
LESS_IS_BETTER = BandSettings(good=0.5, poor=2.0)


@pytest.mark.parametrize(
    ("value", "status"),
    [(0.95, "pass"), (0.9, "pass"), (0.7, "warn"), (0.5, "warn"), (0.4, "fail")],
)
def test_more_is_better_where_good_is_above_poor(value: float, status: str) -> None:
    assert graded("a", value, band=MORE_IS_BETTER, why="b").status == status


@pytest.mark.parametrize(
    ("value", "status"), [(0.0, "pass"), (0.5, "pass"), (1.9, "warn"), (2.0, "warn"), (2.1, "fail")]
)
def test_less_is_better_where_good_is_below_poor(value: float, status: str) -> None:
    assert graded("a", value, band=LESS_IS_BETTER, why="b").status == status


def test_what_may_be_no_fault_is_a_warning_at_worst() -> None:
    assert graded("a", 0.1, band=MORE_IS_BETTER, why="b", at_worst="warn").status == "warn"


def test_an_unknown_value_could_not_be_measured() -> None:
    metric = graded("a", float("nan"), band=MORE_IS_BETTER, why="b")
    assert (metric.value, metric.status) == (None, "could not measure")


def test_the_gravest_status_counts_and_an_unmeasured_one_least() -> None:
    good, bad = (graded("a", value, band=MORE_IS_BETTER, why="b") for value in (1, 0))
    assert worst((unmeasured("a", why="b"), good)) == "pass"
    assert worst((good, bad)) == "fail"


def test_numbers_from_numpy_become_json() -> None:
    value = graded("a", np.float32(0.75), band=MORE_IS_BETTER, why="b").to_json()["value"]
    assert value == 0.75
    assert type(value) is float


def test_one_is_singular() -> None:
    assert [counted(number, "frame") for number in (0, 1, 2)] == ["0 frames", "1 frame", "2 frames"]
