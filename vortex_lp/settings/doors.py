"""What the doors offer when nothing is said: requests and the studio."""

from typing import Annotated, Literal

from pydantic import Field

from vortex_lp.settings.base import Positive, Strict


class RequestSettings(Strict):
    """What is done where nobody asks for anything else."""

    renderer: str
    """``"auto"``, ``"mesh"`` or ``"liveportrait"``."""

    recognizer: str
    """Who finds the phones; ``"auto"`` takes the best that is there."""

    expression: str
    """The preset that shows wherever the timeline says nothing."""

    framing: Literal["crop", "full"]
    """512 x 512 pixels of head and shoulders, or the whole portrait."""

    seed: int
    """Decides blinks, gaze and head movement."""


class UiSettings(Strict):
    """How the studio looks and what it allows."""

    port: Annotated[int, Field(ge=1, le=65535)]
    """Where the studio listens."""

    max_upload_mb: Annotated[int, Field(ge=1)]
    """Largest file that a visitor may send [MB]."""

    max_json_mb: Annotated[int, Field(ge=1)]
    """Largest request that is no upload [MB]."""

    uploads_per_min: Annotated[int, Field(ge=1)]
    """Files that one visitor may send in a minute."""

    jobs_per_min: Annotated[int, Field(ge=1)]
    """Events, renders among them, that one visitor may start in a minute."""

    min_free_disk_gb: Annotated[float, Field(ge=0.0)]
    """With less room on the disk, the studio calls itself unwell [GB]."""

    consent: str
    """What stands beside the button that starts a render."""

    max_waiting: Annotated[int, Field(ge=1)]
    """Visitors who may wait for the renderer at a time; more are told to come back later."""

    n_threads: Annotated[int, Field(ge=1)]
    """Recordings and portraits that are looked at at a time."""

    idle_s: Positive
    """A visitor who was silent for so long is forgotten, files and all [s]."""

    cache_sweep_s: Annotated[int, Field(ge=1)]
    """How often old files of Gradio's own cache are looked for [s]."""

    cache_age_s: Annotated[int, Field(ge=1)]
    """Files of Gradio's own cache that are older are deleted [s]."""

    segment_s: Annotated[float, Field(ge=0.25, le=10.0)]
    """How long one piece of the live video is [s]."""

    peaks_hz: Positive
    """Points of the waveform for each second of a recording."""

    max_peaks: Annotated[int, Field(ge=100)]
    """Most points of a waveform."""

    first_clip: str
    """The preset that the timeline offers first."""

    colours: Annotated[list[str], Field(min_length=1)]
    """Colours of expression clips, ``"#rrggbb"``, given to the presets in their order, again and
    again."""
