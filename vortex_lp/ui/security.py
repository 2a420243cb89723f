"""What stands before the page: headers, shut doors, limits, a sign of life, and who may come in."""

import json
import os
import shutil
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any, TypeAlias

from vortex_lp.errors import SettingsError
from vortex_lp.settings import UiSettings
from vortex_lp.ui.journal import note

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]
Health: TypeAlias = Callable[[], Mapping[str, Any]]

AUTH_VARIABLE = "VORTEX_LP_AUTH"
"""``name:password``, or several with commas between: who may come in; unset for everybody."""

PROXY_VARIABLE = "VORTEX_LP_BEHIND_PROXY"
"""Set to 1 where a proxy of yours stands before the studio and says who asks."""

HEALTH_PATH = "/healthz"

# Gradio runs widgets' scripts with `new Function` and styles elements inline; everything else, in
# whatever file a visitor uploads, may only come from here.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "connect-src 'self' data: blob:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
    )
)
HEADERS = {
    b"content-security-policy": _POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
}

_MINUTE_S = 60.0
_MAX_VISITORS = 10_000
_UPLOAD, _JOB, _OTHER = "upload", "job", "other"


class Guard:
    """Adds `HEADERS` to every answer, and refuses what nobody needs who uses the page.

    Refused are addresses that Gradio's file route would fetch for visitors, request bodies other
    than uploads that are larger than the settings allow, and more requests a minute from one
    visitor than a person makes. `HEALTH_PATH` answers without a password.
    """

    def __init__(self, app: App, *, settings: UiSettings, health: Health) -> None:
        """Stand before `app`; `health` says how things are."""
        self._app = app
        self._settings = settings
        self._health = health
        self._meters = {
            _UPLOAD: Meter(settings.uploads_per_min),
            _JOB: Meter(settings.jobs_per_min),
        }

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass one request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        kind, start = _kind(scope), time.perf_counter()
        try:
            await self._handle(scope, receive, answer, kind=kind)
        finally:
            if kind != _OTHER:
                spent_ms = round(1000 * (time.perf_counter() - start))
                note("request", {"kind": kind, "status": answer.status, "spent_ms": spent_ms})

    async def _handle(
        self, scope: Message, receive: Receive, answer: "_Answer", *, kind: str
    ) -> None:
        path = str(scope.get("path", ""))
        if path == HEALTH_PATH:
            health = dict(self._health())
            await answer.end(200 if health["status"] == "ok" else 503, json.dumps(health))
            return
        _, _, asked = path.partition("/file=")
        if asked.lstrip("/").lower().startswith(("http:", "https:")):
            await answer.end(403, json.dumps({"detail": "not here"}))
            return
        meter = self._meters.get(kind)
        if meter is not None and not meter.admit(_visitor(scope)):
            await answer.end(429, json.dumps({"detail": "too many requests; wait a minute"}))
            return
        body = _Body(receive, max_bytes=self._settings.max_json_mb * 1_000_000)
        if kind == _UPLOAD or body.admits(scope):
            await self._app(scope, receive if kind == _UPLOAD else body.read, answer.send)
        else:
            await answer.end(413, json.dumps({"detail": "too large"}))


class Meter:
    """Counts what each visitor did within the last minute."""

    def __init__(self, most: int) -> None:
        """Admit `most` requests a minute from each visitor."""
        self._most = most
        self._seen: dict[str, deque[float]] = {}

    def admit(self, visitor: str) -> bool:
        """Count a request of `visitor`, and return whether it is one of those admitted."""
        now = time.monotonic()
        if len(self._seen) > _MAX_VISITORS:
            self._seen = {
                name: times for name, times in self._seen.items() if times[-1] > now - _MINUTE_S
            }
        times = self._seen.setdefault(visitor, deque(maxlen=self._most))
        if len(times) == self._most and times[0] > now - _MINUTE_S:
            return False
        times.append(now)
        return True


class _Answer:
    """An answer on its way, to which the headers are added."""

    def __init__(self, send: Send) -> None:
        self.status = 0
        self._send = send

    async def send(self, message: Message) -> None:
        """Pass `message` on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            present = {name.lower() for name, _ in message.get("headers", ())}
            extra = [pair for pair in HEADERS.items() if pair[0] not in present]
            message = {**message, "headers": [*message.get("headers", ()), *extra]}
        await self._send(message)

    async def end(self, status: int, body: str) -> None:
        """Answer with the JSON `body`."""
        headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
        if status == 429:
            headers.append((b"retry-after", b"60"))
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body.encode()})


class _Body:
    """The body of a request, cut off where it grows too large."""

    def __init__(self, receive: Receive, *, max_bytes: int) -> None:
        self._receive = receive
        self._n_left = max_bytes

    def admits(self, scope: Message) -> bool:
        """Return whether the length that the request announces, if it does, is bearable."""
        for name, value in scope.get("headers", ()):
            if name.lower() == b"content-length":
                return value.isdigit() and int(value) <= self._n_left
        return True

    async def read(self) -> Message:
        """Return the next piece; a visitor who sends too much counts as gone."""
        message = await self._receive()
        self._n_left -= len(message.get("body", b""))
        return message if self._n_left >= 0 else {"type": "http.disconnect"}


def _kind(scope: Message) -> str:
    """Return what sort of request this is."""
    if scope.get("method") != "POST":
        return _OTHER
    path = str(scope.get("path", "")).rstrip("/")
    if path.endswith("/upload"):
        return _UPLOAD
    is_job = path.endswith(("/queue/join", "/login", "/component_server")) or "/call/" in path
    return _JOB if is_job or "/run/" in path or path.endswith("/predict") else _OTHER


def _visitor(scope: Message) -> str:
    """Return whom a request is counted for; kept in memory for a minute, and written nowhere."""
    if os.environ.get(PROXY_VARIABLE) == "1" or os.environ.get("SPACE_ID"):
        for name, value in scope.get("headers", ()):
            if name.lower() == b"x-forwarded-for":
                # The nearest proxy adds what it saw at the end; what is before may be made up.
                return str(value.decode("latin-1").rpartition(",")[2].strip())
    client = scope.get("client")
    return str(client[0]) if client else ""


def who_may_come_in() -> list[tuple[str, str]] | None:
    """Return the names and passwords of the environment, or None for everybody.

    Raises:
        SettingsError: They are malformed; the message does not show them.
    """
    text = os.environ.get(AUTH_VARIABLE, "").strip()
    if not text:
        return None
    pairs = [tuple(entry.strip().split(":", 1)) for entry in text.split(",")]
    if any(len(pair) != 2 or not all(pair) for pair in pairs):
        raise SettingsError(f"{AUTH_VARIABLE} must be name:password, several with commas between")
    return [(pair[0], pair[1]) for pair in pairs]


def free_disk_gb(folder: Path) -> float:
    """Return how much room the disk of `folder` has [GB of 1e9 bytes]."""
    while not folder.exists():
        folder = folder.parent
    return round(shutil.disk_usage(folder).free / 1e9, 2)
