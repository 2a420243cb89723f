"""Options that several commands share, and how a command ends."""

from pathlib import Path
from typing import Annotated

import typer

EXIT_MISTAKE = 2
"""What the process ends with where the user can put it right."""

Config = Annotated[
    Path | None, typer.Option("--config", help="A settings file of your own.", show_default=False)
]
Recognizer = Annotated[
    str | None,
    typer.Option(help="Who finds the phones: auto, words, phones, energy.", show_default="auto"),
]
Transcript = Annotated[
    str | None,
    typer.Option(help="What is said, or @FILE that holds it.", metavar="TEXT|@FILE"),
]
Fps = Annotated[float | None, typer.Option(help="Frames a second, 1 to 120.", show_default="24")]
Weights = Annotated[
    Path | None,
    typer.Option(help="Folder of LivePortrait's weights.", envvar="VORTEX_LP_WEIGHTS"),
]
Device = Annotated[
    str | None,
    typer.Option(help="Where LivePortrait computes, such as cuda:0.", show_default="first GPU"),
]
