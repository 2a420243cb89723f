"""Opening files that strangers bring: a plain file of a bearable size, or a sentence why not.

What a file is called is never believed and never leaves this process: decoders get the open file.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from vortex_lp.errors import VortexError

# Neither flag exists on Windows, which has no FIFOs to wait for.
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def open_upload(
    path: Path, *, what: str, advice: str, max_bytes: int, error: type[VortexError]
) -> BinaryIO:
    """Return the plain file `path`, opened for reading without a buffer.

    It is looked at once, after it was opened, so that nobody can exchange it in between. A FIFO or
    a device could make us wait for ever, and a link could lead out of the folder that was shared.

    Args:
        path: The file.
        what: What it should be, for messages, such as ``"recording"``.
        advice: What to do where it is nothing of the kind.
        max_bytes: A larger file is refused unread.
        error: The kind of error to raise.

    Raises:
        VortexError: (`error`) There is no such file, it cannot be opened, is no plain file, is
            empty, or is too large.
    """
    with contextlib.ExitStack() as cleanup:
        with _told(path, what=what, advice=advice, error=error):
            if path.is_symlink():
                raise error(
                    f"the {what} {path} is a link to another file; give the path of that file"
                )
            source = cleanup.enter_context(os.fdopen(os.open(path, _FLAGS), "rb", buffering=0))
            state = os.fstat(source.fileno())
        if not stat.S_ISREG(state.st_mode):
            raise error(f"the {what} {path} cannot be opened: it is no plain file; {advice}")
        if state.st_size == 0:
            raise error(f"{path.name} is an empty file; save or record it again")
        if state.st_size > max_bytes:
            raise error(
                f"{path.name} has {state.st_size / 1e6:.0f} MB, more than the limit of "
                f"{max_bytes / 1e6:.0f} MB; make it smaller"
            )
        cleanup.pop_all()
        return source


@contextlib.contextmanager
def _told(path: Path, *, what: str, advice: str, error: type[VortexError]) -> Iterator[None]:
    """Turn what the file system says about `path` into a sentence."""
    try:
        yield
    except FileNotFoundError as cause:
        raise error(f"there is no {what} {path}; {advice}") from cause
    except (OSError, ValueError) as cause:
        # ValueError is what Python says about a NUL in a name.
        reason = getattr(cause, "strerror", None) or str(cause)
        raise error(f"the {what} {path} cannot be opened: {reason}; {advice}") from cause
