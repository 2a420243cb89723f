"""Outside a ZeroGPU Space nothing is lent; with a lender, the pictures are the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vortex_lp.pipeline import frame_of, load_renderer, make_motion, prepare
from vortex_lp.request import Performance
from vortex_lp.settings import load_settings
from vortex_lp.ui.engine import still_mouth
from vortex_lp.ui.zero_gpu import START_S, LentRenderer, gpu_lender


def test_nothing_is_lent_outside_such_a_space(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPACES_ZERO_GPU", raising=False)
    assert gpu_lender() is None


def test_a_lent_renderer_draws_the_same_pictures(portrait_file: Path) -> None:
    settings = load_settings()
    loaded = load_renderer("mesh", settings=settings)
    durations: list[Any] = []

    def lend(*, duration: Any) -> Callable[[Any], Any]:
        """Do as ``spaces.GPU`` does outside a Space: change nothing."""
        durations.append(duration)
        return lambda function: function

    own = prepare(portrait_file, loaded=loaded, framing="crop", settings=settings)
    portrait = LentRenderer(loaded.renderer, lend)
    lent = prepare(
        portrait_file,
        loaded=type(loaded)(renderer=portrait, reason=None),
        framing="crop",
        settings=settings,
    )
    track = make_motion(
        still_mouth(n_frames=30, fps=24), Performance(expression="happy"), settings=settings
    )
    assert (lent.size, lent.note) == (own.size, own.note)
    np.testing.assert_array_equal(
        frame_of(lent, track, time_s=1.0), frame_of(own, track, time_s=1.0)
    )
    assert durations[1](None, "crop", track) == START_S + 1
