"""At least 2,000 damaged files in CI; ``python -m tests.fuzz --more 50`` tries many more."""

import os
import sys
import tempfile
from pathlib import Path

import pytest

from tests.fuzz.mutation import DAMAGES, cases
from tests.fuzz.run import fuzz, quieten
from tests.fuzz.targets import TARGETS, Target

FACTOR = float(os.environ.get("VORTEX_LP_FUZZ", "1"))


def test_the_corpus_is_large_enough_and_always_the_same() -> None:
    assert sum(target.n_cases for target in TARGETS) >= 2_000
    seeds = {"a": bytes(range(256)) * 4, "b": b"x,y,z" * 50}
    first, again = (list(cases(seeds, n_cases=400, seed=3)) for _ in range(2))
    assert first == again
    assert {case.name.split(" ", 1)[1].rsplit(" ", 1)[0] for case in first} == set(DAMAGES)
    assert sum(case.data not in seeds.values() for case in first) > 350


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_damaged_files_are_read_or_refused_with_a_sentence(
    target: Target,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    scratch, files = tmp_path / "scratch", tmp_path / "files"
    scratch.mkdir()
    files.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr(tempfile, "tempdir", None)
    quieten()
    outcome = fuzz(target, files, factor=FACTOR)
    with capsys.disabled():
        sys.stdout.write(f"\n{outcome.line()}\n")
    assert outcome.faults == []
    assert list(scratch.iterdir()) == []
    assert outcome.n_read > 0
    assert outcome.n_refused > 0
