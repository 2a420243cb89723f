"""``make demo``: one of the sample portraits says one of the sample recordings, in out/demo.mp4."""

import logging
import sys
import time
from pathlib import Path

from vortex_lp import Performance, Request, VortexError, animate, load_settings
from vortex_lp.resources import resource_folder
from vortex_lp.terminal import without_chatter

OUT_FILE = Path("out/demo.mp4")
SEQUENCE = ("neutral", "happy")
"""A friendly welcome: the face warms up while it speaks."""


def main() -> int:
    """Make the video, say where it is, how long it took and who drew it; return 0, or 2."""
    assets = resource_folder("assets")
    OUT_FILE.parent.mkdir(exist_ok=True)
    request = Request(
        portrait=assets / "astronaut.jpg",
        audio=assets / "welcome_slt.wav",
        output=OUT_FILE,
        performance=Performance(sequence=SEQUENCE),
    )
    # What the log would warn of is among the result's notes; twice would be once too often.
    logging.getLogger("vortex_lp").addHandler(logging.NullHandler())
    start = time.perf_counter()
    try:
        with without_chatter():
            result = animate(request, settings=load_settings())
    except VortexError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    spent_s = time.perf_counter() - start
    video_s = float(result.track.n_frames / result.track.fps)
    for note in result.notes:
        print(f"note: {note}")
    print(f"{result.path.resolve()}")
    print(f"{video_s:.1f} s of video in {spent_s:.1f} s, by {result.badge}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
