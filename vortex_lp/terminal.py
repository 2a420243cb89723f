"""Keeping a user's terminal readable."""

import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
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


@contextmanager
def progress_bar(
    *, hidden: bool = False, in_bytes: bool = False
) -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar while this lasts, if the terminal is one, and take it away again.

    Args:
        hidden: Show nothing.
        in_bytes: What is counted are bytes.

    Yields:
        What to call with a description, how many are done, and how many there will be (0 while
        that is not known).
    """
    from rich import progress as bars
    from rich.console import Console

    console = Console(stderr=True)
    count = bars.DownloadColumn() if in_bytes else bars.MofNCompleteColumn()
    bar = bars.Progress(
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        count,
        bars.TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=hidden or not console.is_terminal,
    )
    with bar:
        task = bar.add_task("", total=None)

        def show(description: str, n_done: int, n_all: int) -> None:
            bar.update(task, description=description, completed=n_done, total=n_all or None)

        yield show
