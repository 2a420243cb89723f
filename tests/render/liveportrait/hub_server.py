"""A local server that speaks as much of the hub's protocol as a download needs."""

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class HubServer:
    """What is served, and how badly."""

    folder: Path
    address: str = ""
    cut_after: dict[str, int] = field(default_factory=dict)
    """File name → bytes after which the connection is cut, once."""

    fail_first: int = 0
    """How many requests get status 503 before the first good answer."""

    gets: list[tuple[str, str | None]] = field(default_factory=list)
    """Each file that was asked for, with its Range header."""


def _handler(hub: HubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

        def _open(self) -> bytes | None:
            if hub.fail_first > 0:
                hub.fail_first -= 1
                self.send_error(503)
                return None
            path = self.path.split("/resolve/")[-1].split("/", 1)[1]
            file = hub.folder / path
            if not file.is_file():
                self.send_response(404)
                self.send_header("X-Error-Code", "EntryNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return None
            return file.read_bytes()

        def _head(self, content: bytes, start: int) -> None:
            self.send_response(206 if start else 200)
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", str(len(content) - start))
            if start:
                end = len(content) - 1
                self.send_header("Content-Range", f"bytes {start}-{end}/{len(content)}")
            self.end_headers()

        def do_HEAD(self) -> None:
            content = self._open()
            if content is not None:
                self._head(content, 0)

        def do_GET(self) -> None:
            content = self._open()
            if content is None:
                return
            name = self.path.rsplit("/", 1)[-1]
            asked = self.headers.get("Range")
            hub.gets.append((name, asked))
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
            self._head(content, start)
            stop = hub.cut_after.pop(name, None)
            self.wfile.write(content[start:stop])
            if stop is not None:
                self.wfile.flush()
                self.connection.close()

    return Handler


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[HubServer]:
    hub = HubServer(folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub)) as server:
        hub.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()
