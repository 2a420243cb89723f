"""Where the files that come with the package are: in a wheel inside it, in a checkout beside it."""

from pathlib import Path

PACKAGE = Path(__file__).parent


def resource_folder(name: str) -> Path:
    """Return the folder `name`, ``"configs"`` or ``"assets"``, of this installation.

    Raises:
        FileNotFoundError: The installation is incomplete.
    """
    for folder in (PACKAGE / name, PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(
        f"the folder {name!r} is missing beside {PACKAGE}; install vortex_lp again"
    )
