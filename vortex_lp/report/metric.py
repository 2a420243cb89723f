"""One finding of the report: a number, what it is held against, and a sentence."""

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from vortex_lp.settings import BandSettings

Status: TypeAlias = Literal["pass", "warn", "fail", "could not measure"]

_RANK: dict[Status, int] = {"could not measure": 0, "pass": 1, "warn": 2, "fail": 3}


@dataclass(frozen=True, slots=True)
class Metric:
    """One thing that was measured, or could not be."""

    name: str
    """A stable key, such as ``"lag_frames"``."""

    value: float | None
    """What was measured, in the unit that the name ends in; None where it could not be."""

    good: float | None
    """A value at least as good as this passes; None where nothing was held against it."""

    poor: float | None
    """A worse value than this fails; between the two is a warning."""

    status: Status
    """``"pass"``, ``"warn"``, ``"fail"`` or ``"could not measure"``."""

    why: str
    """One sentence for people: what was found, and where."""

    def to_json(self) -> dict[str, Any]:
        """Return the finding as plain JSON values."""
        return {
            "name": self.name,
            "value": None if self.value is None else round(self.value, 4),
            "good": self.good,
            "poor": self.poor,
            "status": self.status,
            "why": self.why,
        }


def graded(
    name: str, value: float, *, band: BandSettings, why: str, at_worst: Status = "fail"
) -> Metric:
    """Return the finding `value`, graded by `band`; a NaN could not be measured.

    Args:
        name: The finding's key.
        value: What was measured.
        band: What it is held against; where ``good`` is below ``poor``, less is better.
        why: What to tell people.
        at_worst: Where the value shows no fault of ours for sure, ``"warn"``.
    """
    if math.isnan(value):
        return unmeasured(name, why=why)
    sign = 1.0 if band.good >= band.poor else -1.0
    status: Status = "warn"
    if sign * value >= sign * band.good - 1e-9:
        status = "pass"
    elif sign * value < sign * band.poor:
        status = at_worst
    return Metric(
        name=name, value=float(value), good=band.good, poor=band.poor, status=status, why=why
    )


def unmeasured(name: str, *, why: str) -> Metric:
    """Return the finding that there is none, and why."""
    return Metric(name=name, value=None, good=None, poor=None, status="could not measure", why=why)


def counted(number: int, noun: str) -> str:
    """Return ``"1 frame"`` or ``"2 frames"``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def worst(metrics: tuple[Metric, ...]) -> Status:
    """Return the gravest status."""
    return max((metric.status for metric in metrics), key=_RANK.__getitem__)
