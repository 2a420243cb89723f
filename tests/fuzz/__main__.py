"""``python -m tests.fuzz [--more N] [--seed N] [--only NAME]``: damaged files, any number."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.fuzz.run import fuzz, quieten
from tests.fuzz.targets import TARGETS


def main() -> None:
    parser = argparse.ArgumentParser(description="Give damaged files to every way in.")
    parser.add_argument("--more", type=float, default=1.0, help="times as many cases as in CI")
    parser.add_argument("--seed", type=int, default=1, help="decides the damage")
    parser.add_argument("--only", choices=[target.name for target in TARGETS])
    wishes = parser.parse_args()
    quieten()
    n_faults = n_cases = 0
    with tempfile.TemporaryDirectory() as folder:
        scratch, files = Path(folder) / "scratch", Path(folder) / "files"
        scratch.mkdir()
        files.mkdir()
        tempfile.tempdir = str(scratch)
        os.environ["TMPDIR"] = str(scratch)
        for target in TARGETS:
            if wishes.only in (None, target.name):
                outcome = fuzz(target, files, factor=wishes.more, seed=wishes.seed)
                n_cases += outcome.n_cases
                n_faults += len(outcome.faults)
                sys.stdout.write("\n".join([outcome.line(), *outcome.faults]) + "\n")
        n_left = len(list(scratch.iterdir()))
        tempfile.tempdir = None
    sys.stdout.write(f"{n_cases} cases, {n_faults} faults, {n_left} temporary files left\n")
    sys.exit(bool(n_faults or n_left))


if __name__ == "__main__":
    main()
