"""Fetch LivePortrait's weights: the same as ``vortex-lp download``, for a checkout.

python scripts/download_liveportrait.py [--source safetensors|official] [--from DIR] [--help]
"""

import sys

from vortex_lp.cli import main

if __name__ == "__main__":
    sys.argv = ["vortex-lp", "download", *sys.argv[1:]]
    main()
