"""``python -m vortex_lp`` is ``vortex-lp``."""

from vortex_lp.cli import main

if __name__ == "__main__":
    main()
