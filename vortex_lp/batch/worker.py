"""One video after the other in a process of its own, which keeps its renderer loaded.

Runs as ``python -m vortex_lp.batch.worker``. Protocol: a line of JSON in (an `Order`), a line of
JSON out (an `Answer`). When standard input ends, so does the process, in the middle of a video if
need be: whoever ordered it is gone.
"""

import functools
import json
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any, TypedDict

from vortex_lp.batch.rows import Row, request_of, settings_of
from vortex_lp.errors import VortexError
from vortex_lp.pipeline import LoadedRenderer, animate, load_renderer
from vortex_lp.request import RendererOptions
from vortex_lp.settings import Settings, load_settings

_PATIENCE_S = 10.0
"""How long an unwanted video may take to stop [s]."""


class Order(TypedDict):
    """What to make."""

    row: dict[str, Any]
    """A `Row`, its inputs as absolute paths."""

    place: str
    """The video to be written."""

    config: str | None
    """A settings file of the user's, or None."""


class Answer(TypedDict):
    """What came of it."""

    reason: str | None
    """Why there is no video, or None where there is one."""

    told: dict[str, Any]
    """What there is to know about the video; empty where there is none."""


def make(order: Order) -> Answer:
    """Make one video; the renderer stays loaded for the next one of its kind."""
    start = time.perf_counter()
    row = Row.model_validate(order["row"])
    try:
        settings = settings_of(row, settings=_settings(order["config"]))
        request = request_of(row, Path(order["place"]), settings=settings)
        name = request.renderer or settings.request.renderer
        loaded = _renderer(name, request.options, order["config"])
        result = animate(request, settings=settings, renderer=loaded)
    except VortexError as error:
        return Answer(reason=str(error), told={})
    return Answer(
        reason=None,
        told={
            "duration_s": round(float(result.track.n_frames / result.track.fps), 3),
            "n_frames": result.track.n_frames,
            "size": list(result.size),
            "spent_s": round(time.perf_counter() - start, 3),
            "by": result.badge,
            "notes": list(result.notes),
        },
    )


@functools.lru_cache(maxsize=4)
def _settings(config: str | None) -> Settings:
    return load_settings(Path(config) if config else None)


@functools.lru_cache(maxsize=1)
def _renderer(name: str, options: RendererOptions, config: str | None) -> LoadedRenderer:
    return load_renderer(name, settings=_settings(config), options=options)


def _listen(orders: "queue.SimpleQueue[Order | None]") -> None:
    """Put what comes in into `orders`; at its end, stop the process as a signal would."""
    for line in sys.stdin:
        orders.put(json.loads(line))
    orders.put(None)
    os.kill(os.getpid(), signal.SIGTERM)
    # Foreign code that hangs does not hear signals.
    time.sleep(_PATIENCE_S)
    os._exit(1)


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def main() -> None:
    """Answer orders until there are no more."""
    signal.signal(signal.SIGTERM, _leave)
    # Only answers may go to standard output, whatever foreign code prints there.
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(orders,), daemon=True).start()
    while (order := orders.get()) is not None:
        answers.write(json.dumps(make(order)) + "\n")


if __name__ == "__main__":
    main()
