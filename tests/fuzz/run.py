"""Gives damaged files to every way in, and counts what comes of it."""

import collections
import logging
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.mutation import Case, cases
from tests.fuzz.targets import Target, seeds_of
from vortex_lp.errors import VortexError

LONGEST_S = 20.0
"""Longer is a hang."""


@dataclass
class Outcome:
    """What came of all cases of one target."""

    target: str
    n_cases: int = 0
    n_read: int = 0
    n_refused: int = 0
    slowest_s: float = 0.0
    spent_s: float = 0.0
    refusals: collections.Counter[str] = field(default_factory=collections.Counter)
    faults: list[str] = field(default_factory=list)

    def line(self) -> str:
        """Return one line for people."""
        return (
            f"{self.target:<11}{self.n_cases:>7} cases {self.n_read:>6} read "
            f"{self.n_refused:>6} refused {len(self.faults):>3} faults   "
            f"slowest {self.slowest_s:5.2f} s, all {self.spent_s:5.1f} s"
        )


def fuzz(target: Target, folder: Path, *, factor: float = 1.0, seed: int = 1) -> Outcome:
    """Try `target` with `factor` times its usual number of cases; files go into `folder`."""
    outcome = Outcome(target.name)
    seeds = seeds_of(target, folder)
    # Whole files have to be read, or refusing everything would pass for safety.
    for name in target.seeds(folder):
        _try(Case(f"{name} whole", seeds[name]), target, folder, outcome)
    assert outcome.n_refused == 0, outcome.refusals
    for case in cases(seeds, n_cases=round(target.n_cases * factor), seed=seed):
        _try(case, target, folder, outcome)
    return outcome


def _try(case: Case, target: Target, folder: Path, outcome: Outcome) -> None:
    file = folder / f"upload.{target.ending}"
    file.write_bytes(case.data)
    outcome.n_cases += 1
    start = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            target.read(file)
        outcome.n_read += 1
    except VortexError as error:
        outcome.n_refused += 1
        outcome.refusals[type(error).__name__] += 1
        if len(str(error)) > 1_000 or "\n" in str(error).strip():
            outcome.faults.append(f"{case.name}: no single sentence: {str(error)[:200]!r}")
    except Exception as error:  # noqa: BLE001 - any other error is what is looked for
        outcome.faults.append(f"{case.name}: {type(error).__name__}: {str(error)[:200]}")
    spent_s = time.perf_counter() - start
    outcome.slowest_s = max(outcome.slowest_s, spent_s)
    outcome.spent_s += spent_s
    if spent_s > LONGEST_S:
        outcome.faults.append(f"{case.name}: took {spent_s:.1f} s")
    file.unlink()
    left = [other.name for other in folder.iterdir()]
    if left:
        outcome.faults.append(f"{case.name}: left {left}")
        for other in folder.iterdir():
            other.unlink()


def quieten() -> None:
    """Keep decoders' remarks about damage out of the output."""
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
