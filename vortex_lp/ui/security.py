"""What the page and its files may do in a browser, and one door that stays shut."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

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


class Guard:
    """Adds `HEADERS` to every answer and refuses to fetch addresses for visitors.

    Gradio's file route would stream any public web address through this server.
    """

    def __init__(self, app: App) -> None:
        """Stand before `app`."""
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass one request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message.get("headers", ())}
                extra = [pair for pair in HEADERS.items() if pair[0] not in present]
                message = {**message, "headers": [*message.get("headers", ()), *extra]}
            await send(message)

        _, _, asked = str(scope.get("path", "")).partition("/file=")
        if asked.lstrip("/").lower().startswith(("http:", "https:")):
            await send_guarded({"type": "http.response.start", "status": 403, "headers": []})
            await send_guarded({"type": "http.response.body", "body": b"not here"})
            return
        await self._app(scope, receive, send_guarded)
