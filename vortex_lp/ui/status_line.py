"""One sentence about how things stand, with a tone and, while something runs, a progress bar."""

from typing import Any, Literal, TypeAlias

from vortex_lp.ui.widget import Widget, no_stub_file

Tone: TypeAlias = Literal["idle", "busy", "ok", "warn", "error"]
StatusValue: TypeAlias = dict[str, Any]
"""What `status` returns."""


def status(
    text: str, *, tone: Tone = "idle", detail: str = "", share: float | None = None
) -> StatusValue:
    """Return a line; `share` in [0, 1] shows a progress bar, None hides it."""
    return {"text": text, "tone": tone, "detail": detail, "share": share}


def sentence(text: str) -> str:
    """Return a message as a sentence: a capital in front, unless that is a file's name, and a stop.

    >>> sentence("no face found"), sentence("a.png is no picture.")
    ('No face found.', 'a.png is no picture.')
    """
    start = text.split(" ", 1)[0]
    if start.isalpha():
        text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


with no_stub_file():

    class StatusLine(Widget):
        """A line of text that may hold file names from visitors, so it is never set as HTML."""

        def __init__(
            self,
            value: StatusValue | None = None,
            *,
            label: str = "Status",
            **kwargs: Any,  # Gradio passes its own keywords (render, key, …) through subclasses.
        ) -> None:
            """Show `value`."""
            super().__init__(
                value or status(""),
                page="status_line",
                scripts=("status_line.js",),
                label=label,
                **kwargs,
            )
