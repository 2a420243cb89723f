"""Draw one picture of what a renderer makes of portraits: a row each, a column for every pose.

    python scripts/contact_sheet.py PORTRAIT… -o OUT.png [--column-px 256] [--renderer mesh]

Every cell is a frame that the renderer really made, from the shapes in the settings: the phones'
own ARKit shapes, the presets at their own intensity. The first column asks for exactly the weights
that the portrait shows already, so it must look like the portrait.
"""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import get_args

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vortex_lp.errors import SettingsError, VortexError
from vortex_lp.render.base import Framing, Renderer
from vortex_lp.render.portrait import read_portrait
from vortex_lp.render.registry import load_renderer
from vortex_lp.settings import Settings, load_settings
from vortex_lp.values import ARKIT_INDEX, N_BLENDSHAPES, FloatArray, MotionTrack

FPS = Fraction(24)
"""Any rate would do: every frame is a pose of its own."""

LABEL_PX = 24
SIDE_PX = 150

GAZE = 0.8
"""The weight of a look to the side; 1 would turn the pupil into the corner of the eye."""

YAW_DEG = 8.0


@dataclass(frozen=True, slots=True)
class Pose:
    """One column."""

    label: str
    """What stands above it."""

    shape: Mapping[str, float] | None
    """ARKit weights, all others being zero; None asks for those that the portrait shows."""

    yaw_deg: float = 0.0
    """Head yaw [deg]; positive turns the face to the viewer's right."""

    closure: float = 0.0
    """1 where the lips must meet."""


def phone_shape(settings: Settings, phone: str) -> Mapping[str, float]:
    """Return the ARKit shape of the fully articulated `phone`."""
    if phone not in settings.phones or not settings.phones[phone].arkit:
        raise SettingsError(
            f"the settings have no ARKit shape for the phone {phone!r}; add it under 'phones'"
        )
    return settings.phones[phone].arkit


def preset_shape(settings: Settings, name: str) -> Mapping[str, float]:
    """Return the ARKit shape of the preset `name` at its own intensity."""
    if name not in settings.presets or not settings.presets[name].shape:
        raise SettingsError(
            f"the settings have no shape for the preset {name!r}; add it under 'presets'"
        )
    preset = settings.presets[name]
    return {shape: weight * preset.intensity for shape, weight in preset.shape.items()}


def poses(settings: Settings) -> list[Pose]:
    """Return the columns, from left to right."""

    def both(name: str, weight: float) -> dict[str, float]:
        return {f"{name}Left": weight, f"{name}Right": weight}

    return [
        Pose("as it is", None),
        Pose("rest", {}),
        Pose("AA", phone_shape(settings, "AA")),
        Pose("OO", phone_shape(settings, "UW")),
        Pose("EE", phone_shape(settings, "IY")),
        Pose("P", phone_shape(settings, "P"), closure=1.0),
        Pose("F", phone_shape(settings, "F")),
        Pose("half blink", both("eyeBlink", 0.5)),
        Pose("blink", both("eyeBlink", 1.0)),
        Pose("gaze left", {"eyeLookOutRight": GAZE, "eyeLookInLeft": GAZE}),
        Pose(f"yaw +{YAW_DEG:g}°", {}, yaw_deg=YAW_DEG),
        Pose(f"yaw -{YAW_DEG:g}°", {}, yaw_deg=-YAW_DEG),
        Pose("happy", preset_shape(settings, "happy")),
        Pose("angry", preset_shape(settings, "angry")),
    ]


def make_poses_track(columns: list[Pose], own_weights: FloatArray) -> MotionTrack:
    """Return a track with one frame per column, for a portrait that shows `own_weights` (K,)."""
    weights = np.zeros((len(columns), N_BLENDSHAPES), np.float32)
    head_deg = np.zeros((len(columns), 3), np.float32)
    for row, pose in enumerate(columns):
        if pose.shape is None:
            weights[row] = own_weights
        else:
            for name, weight in pose.shape.items():
                weights[row, ARKIT_INDEX[name]] = weight
        head_deg[row, 1] = pose.yaw_deg
    closure = np.array([pose.closure for pose in columns], np.float32)
    return MotionTrack(fps=FPS, weights=weights, head_deg=head_deg, closure=closure)


def render_row(
    file: Path, *, renderer: Renderer, settings: Settings, framing: Framing, column_px: int
) -> Image.Image:
    """Return the row of the portrait in `file`, its name at the left."""
    portrait = read_portrait(file, limits=settings.limits)
    prepared = renderer.prepare(portrait, framing=framing)
    columns = poses(settings)
    track = make_poses_track(columns, prepared.face.weights)
    width, height = prepared.size
    cell_height = round(column_px * height / width)
    row = Image.new("RGB", (SIDE_PX + column_px * len(columns), cell_height), "white")
    ImageDraw.Draw(row).text(
        (6, cell_height // 2), file.stem.replace("_", "\n"), fill="black", font=_font(16)
    )
    for at, frame in enumerate(prepared.render(track)):
        cell = Image.fromarray(frame).resize((column_px, cell_height), Image.Resampling.LANCZOS)
        row.paste(cell, (SIDE_PX + at * column_px, 0))
    return row


def draw_sheet(rows: list[Image.Image], labels: list[str], *, column_px: int) -> Image.Image:
    """Return the rows under one line of labels."""
    sheet = Image.new("RGB", (rows[0].width, LABEL_PX + sum(row.height for row in rows)), "white")
    draw = ImageDraw.Draw(sheet)
    for at, label in enumerate(labels):
        draw.text((SIDE_PX + at * column_px + 6, 2), label, fill="black", font=_font(16))
    top = LABEL_PX
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    return sheet


def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size_px)


def main() -> int:
    """Draw the sheet; 2 for the user's mistakes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("portraits", nargs="+", type=Path, metavar="PORTRAIT")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.png")
    parser.add_argument("--column-px", type=int, default=256, help="width of a column [px]")
    parser.add_argument("--renderer", default="mesh", help="mesh or liveportrait")
    parser.add_argument("--framing", default="crop", choices=get_args(Framing))
    options = parser.parse_args()
    try:
        settings = load_settings()
        columns = poses(settings)
        renderer = load_renderer(options.renderer, settings=settings).renderer
        rows = [
            render_row(
                file,
                renderer=renderer,
                settings=settings,
                framing=options.framing,
                column_px=options.column_px,
            )
            for file in options.portraits
        ]
    except VortexError as error:
        print(f"contact_sheet: {error}", file=sys.stderr)
        return 2
    # Full-frame portraits differ in height only: every row is as wide as its columns together.
    sheet = draw_sheet(rows, [pose.label for pose in columns], column_px=options.column_px)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(options.output)
    print(f"{options.output}: {len(rows)} portraits, {len(columns)} poses, {renderer.badge}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
