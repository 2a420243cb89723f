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
