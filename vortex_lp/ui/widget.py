"""What our widgets share: `gr.HTML` with files of its own and a JSON value.

The templates are static: no value is ever put into them, because Gradio would evaluate it. All text
reaches the page through ``textContent`` in the widget's script.
"""

import contextlib
from collections.abc import Iterator
from importlib import resources
from typing import Any

import gradio as gr
from gradio import component_meta
from gradio.data_classes import GradioRootModel


class Json(GradioRootModel):
    """A JSON value; without it, Gradio would hand cached examples back as text."""

    root: Any


def asset(name: str) -> str:
    """Return the text of the file `name` in this folder."""
    return resources.files("vortex_lp.ui").joinpath(name).read_text("utf-8")


@contextlib.contextmanager
def no_stub_file() -> Iterator[None]:
    """Keep Gradio from writing a ``.pyi`` file beside a module that defines a component."""
    original = component_meta.create_or_modify_pyi
    component_meta.create_or_modify_pyi = lambda *_, **__: None
    try:
        yield
    finally:
        component_meta.create_or_modify_pyi = original


with no_stub_file():

    class Widget(gr.HTML):
        """A component of ours; the page shows its JSON value with the script that it names."""

        data_model = Json

        def __init__(
            self,
            value: Any,
            *,
            page: str,
            scripts: tuple[str, ...],
            label: str,
            **props: Any,  # What the script reads as props, and Gradio's own (render, key, …).
        ) -> None:
            """Take the template and style sheet ``page.html`` and ``page.css`` of this folder."""
            super().__init__(
                value=value,
                label=label,
                html_template=asset(f"{page}.html"),
                css_template=asset(f"{page}.css"),
                js_on_load="\n".join(asset(name) for name in scripts),
                apply_default_css=False,
                **props,
            )

        def preprocess(self, payload: Any) -> Any:
            """Give nothing to Python; a widget whose value is read says so itself."""
            return None

        def postprocess(self, value: Any) -> Any:
            """Hand a JSON value to the page."""
            return Json(root={} if value is None else value)

        def api_info(self) -> dict[str, Any]:
            """Describe the value to API users."""
            return {"type": "object", "description": str(self.label)}

        def example_payload(self) -> Any:
            """Return a value that `preprocess` takes."""
            return {}

        def example_value(self) -> Any:
            """Return a value that `postprocess` takes."""
            return {}
