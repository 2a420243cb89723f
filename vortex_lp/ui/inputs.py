"""Stock components with one behaviour of ours each."""

from pathlib import Path
from typing import Any

import gradio as gr

from vortex_lp.ui.widget import no_stub_file

with no_stub_file():

    class PortraitInput(gr.Image):
        """A picture that reaches Python as the very file that was uploaded, opened by nobody.

        Gradio would open it and answer what is no picture with the bare word "Error".
        """

        def get_block_name(self) -> str:
            """Use the stock page part."""
            return "image"

        def preprocess(self, payload: Any) -> Any:
            """Return the path as text, or None."""
            return None if payload is None or payload.path is None else str(Path(payload.path))

    class LiveVideo(gr.Video):
        """A video that plays while it is made, from finished MPEG-TS pieces.

        Gradio's own would start three programs for each piece, one of them ffprobe, which
        imageio-ffmpeg does not carry. Its value is a `Segment`; `stream_output` and its two
        companions are Gradio's ``StreamingOutput`` interface.
        """

        def get_block_name(self) -> str:
            """Use the stock page part."""
            return "video"

        def postprocess(self, value: Any) -> Any:
            """Leave the piece as it is until it is streamed."""
            return None if value is None else (str(value.path), value.duration_s)

        async def stream_output(
            self, value: Any, output_id: str, first_chunk: bool
        ) -> tuple[Any, Any]:
            """Return the bytes of a piece, and the name of the stream that it belongs to."""
            stream = {
                "path": output_id,
                "is_stream": True,
                "orig_name": "video-stream.mp4",
                "meta": {"_type": "gradio.FileData"},
            }
            if value is None:
                return None, stream
            path, duration_s = value
            data = Path(path).read_bytes()
            return {"data": data, "duration": duration_s, "extension": ".ts"}, stream

        async def flush_stream_output(self, output_id: str) -> Any:
            """Add nothing at the end: every piece is whole."""
            return None

        def end_stream_output(self, output_id: str) -> None:
            """Free nothing: no program was started for the stream."""
