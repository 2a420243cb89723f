"""The first frame costs more than the rest; it can be paid while something else is waited for."""

from fractions import Fraction

import numpy as np

from vortex_lp.render.base import Prepared, Renderer
from vortex_lp.values import N_BLENDSHAPES, MotionTrack


def warm_up(renderer: Renderer, prepared: Prepared) -> None:
    """Draw a frame that moves and drop it, so that compiled code is loaded: 0.4 s for mesh.

    LivePortrait is left alone: on a CPU a frame takes it seconds, and on a GPU it records a graph
    for each size of batch, of which one frame would be the wrong one.
    """
    if renderer.name != "mesh":
        return
    weights = np.full((1, N_BLENDSHAPES), 0.1, np.float32)
    track = MotionTrack(fps=Fraction(1), weights=weights, head_deg=np.ones((1, 3), np.float32))
    next(prepared.render(track))
