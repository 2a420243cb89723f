"""``make bench``: every benchmark of this folder that runs on this machine without arguments."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
FIRST = "mesh_latency"
"""What most people want to know."""


def main() -> int:
    """Run them one after the other and return 1 if one failed."""
    names = sorted(file.stem for file in HERE.glob("*.py") if not file.stem.startswith("_"))
    names.sort(key=lambda name: name != FIRST)
    failed = []
    for name in names:
        print(f"\n=== {name} ===", flush=True)
        done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], cwd=HERE.parent)
        if done.returncode != 0:
            failed.append(name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
