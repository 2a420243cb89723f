"""What a stranger may not do to a studio, tried on one that runs."""

import asyncio
import http.client
import json
import logging
import socket
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vortex_lp.errors import SettingsError
from vortex_lp.settings import UiSettings, load_settings
from vortex_lp.ui import journal, security
from vortex_lp.ui.security import AUTH_VARIABLE, PROXY_VARIABLE, Guard, Meter, who_may_come_in

pytestmark = pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
UI = load_settings().ui
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


def ask(
    url: str, *, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, Any, bytes]:
    request = urllib.request.Request(url, data=body, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def upload(url: str, name: str, content: bytes) -> tuple[int, Any]:
    edge = "edgeedgeedge"
    body = (
        f'--{edge}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode() + content
    status, _, reply = ask(
        f"{url}gradio_api/upload",
        body=body + f"\r\n--{edge}--\r\n".encode(),
        headers={"Content-Type": f"multipart/form-data; boundary={edge}"},
    )
    return status, json.loads(reply) if status == 200 else reply


def test_healthz_tells_how_things_are_and_nothing_else(studio_url: str) -> None:
    status, headers, body = ask(f"{studio_url}healthz")
    said = json.loads(body)
    assert status == 200
    assert headers["content-type"] == "application/json"
    assert set(said) == {
        *("status", "version", "renderers", "is_rendering", "n_waiting", "free_disk_gb"),
    }
    assert said["status"] == "ok"
    assert said["free_disk_gb"] > 0
    assert isinstance(said["n_waiting"], int)


@pytest.mark.parametrize(
    "asked",
    [
        *("http://127.0.0.1:1/x", "https://localhost/x", "HtTp://localhost/x", "/http://x/y"),
        *("http%3A//localhost/x", "%68ttp://localhost/x", "//http://localhost/"),
    ],
)
def test_no_address_is_fetched_for_a_visitor(studio_url: str, asked: str) -> None:
    status, headers, _ = ask(f"{studio_url}gradio_api/file={asked}")
    assert status in (403, 404)
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        *("/etc/passwd", "../../../etc/passwd", "%2e%2e/%2e%2e/etc/passwd", "/proc/self/environ"),
        *(str(Path(security.__file__)), "/dev/zero", "file:///etc/passwd"),
    ],
)
def test_no_file_of_the_server_is_handed_out(studio_url: str, path: str) -> None:
    status, _, body = ask(f"{studio_url}gradio_api/file={path}")
    assert status in (403, 404)
    assert b"root:" not in body


@pytest.mark.parametrize(
    "path", ["monitoring", "gradio_api/monitoring", "gradio_api/monitoring/summary", "docs"]
)
def test_nobody_looks_behind_the_curtain(studio_url: str, path: str) -> None:
    assert ask(studio_url + path)[0] in (401, 403, 404)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("page.html", b"<script>alert(1)</script>"),
        ("picture.svg", SVG),
        ("script.sh", b"#!/bin/sh\nid\n"),
        ("../../evil.html", b"<b>x</b>"),
        ("note.txt", b"<script>alert(1)</script>"),
    ],
)
def test_uploads_come_back_as_nothing_that_a_browser_runs(
    studio_url: str, name: str, content: bytes
) -> None:
    status, reply = upload(studio_url, name, content)
    assert status == 200
    path = reply[0]
    assert ".." not in path
    status, headers, body = ask(f"{studio_url}gradio_api/file={path}")
    assert status == 200
    assert body == content
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'self'" in headers["content-security-policy"]
    kind = headers["content-type"].split(";")[0]
    assert kind in ("application/octet-stream", "text/plain")
    if kind != "text/plain":
        assert headers["content-disposition"].startswith("attachment")


def call(url: str, name: str, data: list[Any]) -> str:
    """Call an endpoint of the API, and return all that it answers."""
    headers = {"Content-Type": "application/json"}
    body = json.dumps({"data": data}).encode()
    status, _, reply = ask(f"{url}gradio_api/call/{name}", body=body, headers=headers)
    if status != 200:
        return f"refused {status}"
    number = json.loads(reply)["event_id"]
    return ask(f"{url}gradio_api/call/{name}/{number}")[2].decode()


@pytest.mark.parametrize(
    "path",
    [
        *("/etc/passwd", "http://127.0.0.1:1/x.wav", "http://169.254.169.254/latest/meta-data"),
        *("../../etc/passwd", "file:///etc/passwd"),
    ],
)
def test_a_path_in_a_json_field_is_not_opened(studio_url: str, path: str) -> None:
    value = {"path": path, "meta": {"_type": "gradio.FileData"}}
    by_url = {"url": path, "path": path, "meta": {"_type": "gradio.FileData"}}
    for file in (value, by_url):
        said = call(studio_url, "visemes", [file])
        assert "event: complete" not in said
        assert "root:" not in said


def test_a_body_that_is_no_upload_has_a_limit(studio_url: str) -> None:
    where = urllib.parse.urlsplit(studio_url)
    connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=20)
    connection.putrequest("POST", "/gradio_api/call/visemes")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(UI.max_json_mb * 1_000_000 + 1))
    connection.endheaders()
    # Refused for what was announced, before a byte of it was read.
    assert connection.getresponse().status == 413
    connection.close()


def test_a_foreign_page_gets_no_leave_to_read(studio_url: str) -> None:
    _, headers, _ = ask(f"{studio_url}config", headers={"Origin": "http://evil.example"})
    assert headers.get("access-control-allow-origin") in (None, "")


class Stub:
    """An application that says yes, and remembers what it read."""

    def __init__(self) -> None:
        self.n_bytes = 0
        self.n_calls = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.n_calls += 1
        while True:
            message = await receive()
            self.n_bytes += len(message.get("body", b""))
            if message["type"] == "http.disconnect" or not message.get("more_body"):
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"yes"})


def through(
    guard: Guard,
    path: str,
    *,
    method: str = "POST",
    pieces: tuple[bytes, ...] = (b"",),
    client: str = "10.0.0.1",
    headers: tuple[tuple[bytes, bytes], ...] = (),
) -> tuple[int, dict[bytes, bytes]]:
    """Send one request through `guard`, and return the status and headers of the answer."""
    waiting = [
        {"type": "http.request", "body": piece, "more_body": number < len(pieces) - 1}
        for number, piece in enumerate(pieces)
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "path": path,
        "method": method,
        "client": (client, 1),
        "headers": list(headers),
    }
    asyncio.run(guard(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"])


def guard_with(app: Stub, **values: Any) -> Guard:
    settings = UiSettings.model_validate({**UI.model_dump(), **values})
    return Guard(app, settings=settings, health=lambda: {"status": "ok"})


@pytest.mark.parametrize("path", ["/gradio_api/upload", "/studio/gradio_api/upload/"])
def test_uploads_are_limited_for_each_visitor_alone(path: str) -> None:
    app = Stub()
    guard = guard_with(app, uploads_per_min=3)
    assert [through(guard, path)[0] for _ in range(5)] == [200, 200, 200, 429, 429]
    assert through(guard, path)[1][b"retry-after"] == b"60"
    assert through(guard, path, client="10.0.0.2")[0] == 200
    assert app.n_calls == 4


def test_jobs_are_limited_and_looking_is_not() -> None:
    guard = guard_with(Stub(), jobs_per_min=2)
    for path in ("/gradio_api/queue/join", "/gradio_api/call/animate"):
        through(guard, path)
    assert through(guard, "/gradio_api/queue/join")[0] == 429
    assert all(through(guard, "/", method="GET")[0] == 200 for _ in range(50))


def test_the_limit_is_for_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(security.time, "monotonic", lambda: now[0])
    meter = Meter(2)
    assert [meter.admit("a") for _ in range(3)] == [True, True, False]
    now[0] += 61
    assert meter.admit("a")


def test_visitors_without_end_need_no_memory_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(security.time, "monotonic", lambda: now[0])
    meter = Meter(2)
    for number in range(30_000):
        now[0] += 0.01
        assert meter.admit(str(number))
    assert len(meter._seen) <= 10_001


def test_a_proxy_is_believed_only_where_it_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPACE_ID", raising=False)
    monkeypatch.delenv(PROXY_VARIABLE, raising=False)

    def tries(guard: Guard) -> list[int]:
        return [
            through(
                guard,
                "/gradio_api/upload",
                headers=((b"x-forwarded-for", f"made up, 1.2.3.{number}".encode()),),
            )[0]
            for number in range(3)
        ]

    assert tries(guard_with(Stub(), uploads_per_min=1)) == [200, 429, 429]
    monkeypatch.setenv(PROXY_VARIABLE, "1")
    assert tries(guard_with(Stub(), uploads_per_min=1)) == [200, 200, 200]


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_grows_too_large_is_cut_off(announced: bool) -> None:
    app = Stub()
    guard = guard_with(app, max_json_mb=1)
    pieces = (b"x" * 400_000,) * 5
    headers = ((b"content-length", b"2000000"),) if announced else ()
    status, _ = through(guard, "/gradio_api/queue/join", pieces=pieces, headers=headers)
    assert app.n_bytes <= 1_000_000
    if announced:
        assert status == 413
    assert through(guard, "/gradio_api/upload", pieces=pieces)[0] == 200
    assert app.n_bytes > 1_000_000


def test_a_server_without_room_calls_itself_unwell() -> None:
    full = Guard(Stub(), settings=UI, health=lambda: {"status": "low on disk"})
    assert through(full, "/healthz", method="GET")[0] == 503


def test_names_and_passwords_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(AUTH_VARIABLE, raising=False)
    assert who_may_come_in() is None
    monkeypatch.setenv(AUTH_VARIABLE, "ann:a:b, bob:c")
    assert who_may_come_in() == [("ann", "a:b"), ("bob", "c")]
    for wrong in ("ann", "ann:", ":secret", "ann:a,secret"):
        monkeypatch.setenv(AUTH_VARIABLE, wrong)
        with pytest.raises(SettingsError) as caught:
            who_may_come_in()
        assert "secret" not in str(caught.value)


@pytest.fixture
def locked_url(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """A studio that wants a password."""
    from vortex_lp.ui.studio import launch

    monkeypatch.setenv(AUTH_VARIABLE, "ann:secret")
    # A studio that closes deletes what it cached, for every other one in the same folder too.
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = launch(port=port, prevent_thread_lock=True, quiet=True)
    yield str(app.local_url)
    app.close()


def test_a_studio_with_a_password_opens_nothing_without_it(locked_url: str) -> None:
    for path in ("config", "gradio_api/file=/etc/passwd", "gradio_api/info"):
        assert ask(locked_url + path)[0] in (401, 403), path
    assert upload(locked_url, "x.wav", b"x")[0] == 401
    assert call(locked_url, "visemes", [None]).startswith("refused 401")
    assert ask(f"{locked_url}healthz")[0] == 200
    login = f"{locked_url}login"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert ask(login, body=b"username=ann&password=wrong", headers=headers)[0] in (400, 401)
    assert ask(login, body=b"username=ann&password=secret", headers=headers)[0] == 200


def test_the_journal_holds_nothing_about_a_person(
    studio_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="vortex_lp.journal"):
        upload(studio_url, "ann-private.wav", b"secret words")
        call(studio_url, "visemes", [{"path": "/etc/passwd", "meta": {}}])
    lines = [json.loads(record.getMessage()) for record in caplog.records]
    lines = [line for line in lines if line["event"] == "request"]
    assert {line["kind"] for line in lines} >= {"upload", "job"}
    for line in lines:
        assert set(line) == {"event", "kind", "status", "spent_ms"}
    text = json.dumps(lines)
    for word in ("ann", "127.0.0.1", "secret", "passwd"):
        assert word not in text


def test_a_line_of_the_journal_is_one_json_object_with_its_time() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 1, "%s", ('{"event": "e", "n": 1}',), None)
    line = json.loads(journal._Line().format(record))
    assert line["event"] == "e"
    assert line["n"] == 1
    assert line["time"].startswith("20")


def test_the_consent_line_is_the_settings_own(studio_url: str) -> None:
    _, _, body = ask(f"{studio_url}config")
    assert load_settings().ui.consent in body.decode()
