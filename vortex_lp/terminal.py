"""Keeping a user's terminal readable."""

import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_CHATTER = re.compile(
    rb"[IW]\d{4} \d\d:\d\d|WARNING: (All log messages )?[Ll]ogging before|"
    rb"INFO: Created TensorFlow Lite"
)
"""How the remarks begin that MediaPipe's C++ parts make on every run, and that no option of theirs
switches off (tried: its environment variables for glog, absl and TensorFlow)."""


@contextmanager
def without_chatter() -> Iterator[None]:
    """Keep MediaPipe's remarks off the terminal while this lasts; everything else passes.

    C++ writes to file descriptor 2 directly, so that is led through a filter, and `sys.stderr` past
    it. For the process that owns the terminal only.
    """
    saved, old = os.dup(2), sys.stderr
    source, sink = os.pipe()
    sys.stderr.flush()
    os.dup2(sink, 2)
    os.close(sink)
    pump = threading.Thread(target=_filter, args=(source, saved), daemon=True)
    pump.start()
    sys.stderr = os.fdopen(os.dup(saved), "w", buffering=1, errors="backslashreplace")
    try:
        yield
    finally:
        sys.stderr.close()
        sys.stderr = old
        os.dup2(saved, 2)
        # A child that still runs may hold the other end open; its remarks are not waited for.
        pump.join(timeout=0.5)
        os.close(saved)


def _filter(source: int, target: int) -> None:
    """Copy lines from `source` to `target`, but for chatter, until nobody can write any more."""
    with open(source, "rb", closefd=True) as lines:
        for line in lines:
            if not _CHATTER.match(line):
                os.write(target, line)
