"""What the page holds when somebody presses a button."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vortex_lp.request import Framing, MotionOptions, Performance
from vortex_lp.settings import Settings
from vortex_lp.ui.timeline import TimelineValue, timeline_clips
from vortex_lp.values import Clip


@dataclass(frozen=True, slots=True)
class Form:
    """The inputs in the order in which the page sends them."""

    portrait: str | None
    """The uploaded picture."""

    audio: str | None
    """The uploaded or recorded voice."""

    transcript: str | None
    """What is said, or nothing."""

    expression: str
    """The base preset."""

    intensity: float
    """How much of it shows, 0 to 1."""

    timeline: TimelineValue
    """The clips."""

    renderer: str
    """``"auto"``, ``"mesh"`` or ``"liveportrait"``."""

    recognizer: str
    """Who finds the phones."""

    fps: float
    """Frames a second."""

    framing: Framing
    """The crop or the full picture."""

    seed: float | None
    """Decides blinks, gaze and head movement; None where the field was emptied."""

    head_motion: float
    """Factor on head movement; 1 is the preset's own."""

    blink_rate: float
    """Factor on how often the eyes blink; 1 is natural."""

    mouth_strength: float
    """Factor on speech movements; 1 is natural."""

    gaze_x: float
    """Where the eyes rest, -1 to 1: to the viewer's right."""

    gaze_y: float
    """Where the eyes rest, -1 to 1: up."""

    motion: str | None
    """A motion file that drives the portrait instead of the voice, or None."""

    @classmethod
    def of(cls, values: Sequence[Any]) -> "Form":
        """Return the form of what Gradio hands over."""
        return cls(*values)

    @property
    def portrait_file(self) -> Path | None:
        """Return the picture's path, or None."""
        return Path(self.portrait) if self.portrait else None

    @property
    def audio_file(self) -> Path | None:
        """Return the recording's path, or None."""
        return Path(self.audio) if self.audio else None

    @property
    def motion_file(self) -> Path | None:
        """Return the motion file's path, or None."""
        return Path(self.motion) if self.motion else None

    def performance(self) -> Performance:
        """Return how the portrait is to speak."""
        return Performance(
            recognizer=self.recognizer,
            transcript=(self.transcript or "").strip() or None,
            expression=self.expression,
            intensity=self.intensity,
            timeline=timeline_clips(self.timeline),
            fps=self.fps,
            seed=None if self.seed is None else int(self.seed),
            motion=MotionOptions(
                head_motion=self.head_motion,
                blink_rate=self.blink_rate,
                mouth_strength=self.mouth_strength,
                gaze=(self.gaze_x, self.gaze_y),
            ),
        )


def preset_choices(settings: Settings) -> list[dict[str, Any]]:
    """Return the presets as the timeline wants them: name, label, colour, intensity."""
    colours = settings.ui.colours
    return [
        {
            "name": name,
            "label": name.replace("_", " ").capitalize(),
            "colour": colours[number % len(colours)],
            "intensity": preset.intensity,
        }
        for number, (name, preset) in enumerate(settings.presets.items())
    ]


def bands(clips: Sequence[Clip], *, settings: Settings) -> list[dict[str, Any]]:
    """Return the clips as the viseme plot draws them."""
    looks = {choice["name"]: choice for choice in preset_choices(settings)}
    return [
        {
            "start_s": clip.start_s,
            "stop_s": clip.stop_s,
            "label": looks[clip.preset]["label"],
            "colour": looks[clip.preset]["colour"],
        }
        for clip in clips
    ]
