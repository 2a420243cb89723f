"""The viseme plot: what the mouth is asked to do over time, tied to the video beside it."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from vortex_lp.timebase import seconds
from vortex_lp.ui.widget import Widget, no_stub_file
from vortex_lp.values import VISEME_CHANNELS, MouthTrack, PhoneSpan

PlotValue: TypeAlias = dict[str, Any]
"""What ``viseme_plot.js`` draws; see `plot_value`."""

MAX_POINTS = 6000
"""Longest curve sent to a page; longer ones are thinned, which no screen can show."""

_LABELS = {
    "jaw_open": "Jaw open",
    "lip_width": "Lip width",
    "lip_rounding": "Lip rounding",
    "wanted": "Lips, asked",
    "measured": "Lips, measured",
}


def plot_value(
    mouth: MouthTrack,
    *,
    measured: npt.NDArray[np.floating[Any]] | None = None,
    wanted: npt.NDArray[np.floating[Any]] | None = None,
) -> PlotValue:
    """Return what the plot shows.

    Args:
        mouth: The mouth that was asked for.
        measured: (T,) lip aperture of the finished video in [0, 1], NaN where no face was found.
        wanted: (T,) the lip aperture that was asked for, on the same scale.
    """
    duration_s = float(mouth.n_frames / mouth.fps)
    channels = [
        {"name": name, "label": _LABELS[name], "values": _points(mouth.visemes[:, column])}
        for column, name in enumerate(VISEME_CHANNELS)
    ]
    for name, curve in (("wanted", wanted), ("measured", measured)):
        if curve is not None:
            channels.append({"name": name, "label": _LABELS[name], "values": _points(curve)})
    return {
        "duration_s": duration_s,
        "fps": float(mouth.fps),
        "channels": channels,
        "phones": phone_labels(mouth.spans),
    }


def phone_labels(spans: Sequence[PhoneSpan]) -> list[list[Any]]:
    """Return ``[start_s, stop_s, phone]`` for each span."""
    return [
        [round(seconds(span.start), 4), round(seconds(span.stop), 4), span.phone] for span in spans
    ]


def _points(values: npt.NDArray[np.floating[Any]]) -> list[float | None]:
    step = -(-len(values) // MAX_POINTS)
    return [round(float(v), 3) if np.isfinite(v) else None for v in values[::step]]


with no_stub_file():

    class VisemePlot(Widget):
        """Curves, phones and clips over time, with a playhead that follows the video."""

        def __init__(
            self,
            value: PlotValue | None = None,
            *,
            bands: Sequence[Mapping[str, Any]] = (),
            video_id: str = "",
            label: str = "Viseme plot",
            **kwargs: Any,  # Gradio passes its own keywords (render, key, …) through subclasses.
        ) -> None:
            """Draw `value`.

            Args:
                value: From `plot_value`, or None for an empty plot.
                bands: Expression clips behind the curves: ``start_s``, ``stop_s``, ``label``,
                    ``colour``.
                video_id: The element id of the box that holds the video.
                label: What it is called.
                **kwargs: Gradio's own.
            """
            super().__init__(
                value or {},
                page="viseme_plot",
                scripts=("player_link.js", "viseme_plot.js"),
                bands=[dict(band) for band in bands],
                video_id=video_id,
                leads_player=True,
                label=label,
                **kwargs,
            )
