"""The server around the page: headers, shut doors, and the endpoints for programs."""

import re
import shutil
import urllib.error
import urllib.request
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.reading import facts_of
from vortex_lp.ui.studio import build_app

pytestmark = pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def client(studio_url: str) -> Any:
    from gradio_client import Client

    connected = Client(studio_url, verbose=False, analytics_enabled=False)
    yield connected
    connected.close()


def answer(url: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:
            return reply.status, reply.headers
    except urllib.error.HTTPError as error:
        return error.code, error.headers


def test_every_answer_says_what_a_browser_may_do(studio_url: str) -> None:
    status, headers = answer(studio_url)
    assert status == 200
    assert "default-src 'self'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "gradio_api/file=http://localhost/x",
        "gradio_api/file=HTTPS://localhost/x",
        "gradio_api/file=/etc/passwd",
        f"gradio_api/file={ROOT / 'pyproject.toml'}",
    ],
)
def test_foreign_files_and_addresses_are_refused(studio_url: str, path: str) -> None:
    assert answer(studio_url + path)[0] in (403, 404)


def test_only_two_endpoints_are_public(client: Any) -> None:
    named = client.view_api(return_format="dict", print_info=False)
    assert set(named["named_endpoints"]) == {"/animate", "/visemes"}
    assert named["unnamed_endpoints"] == {}


def test_animate_returns_a_video_with_sound_and_a_report(
    client: Any, portrait_file: Path, short_speech_file: Path
) -> None:
    from gradio_client import handle_file

    timeline = [{"start_s": 0.2, "stop_s": 0.8, "preset": "happy"}]
    video, report = client.predict(
        handle_file(portrait_file),
        handle_file(short_speech_file),
        timeline=timeline,
        renderer="mesh",
        api_name="/animate",
    )
    facts = facts_of(Path(video))
    assert facts.n_frames == report["n_frames"] == 24
    assert facts.size == (512, 512)
    assert facts.audio.stop_s == pytest.approx(1.0, abs=0.05)
    assert report["renderer"] == "mesh"


def test_animate_refuses_with_the_sentence(client: Any, short_speech_file: Path) -> None:
    from gradio_client import handle_file
    from gradio_client.exceptions import AppError

    with pytest.raises(AppError, match="is not a picture"):
        client.predict(
            handle_file(short_speech_file), handle_file(short_speech_file), api_name="/animate"
        )


def test_visemes_returns_rows_and_phones(client: Any, short_speech_file: Path) -> None:
    from gradio_client import handle_file

    visemes = client.predict(handle_file(short_speech_file), fps=25, api_name="/visemes")
    assert len(visemes["frames"]) == 25
    assert {len(row) for row in visemes["frames"]} == {3}
    assert visemes["phones"][0]["start_s"] == 0.0


def test_what_a_space_installs_is_what_the_package_needs() -> None:
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    block = re.search(r"^dependencies = \[(.*?)^\]", project, re.DOTALL | re.MULTILINE)
    assert block is not None
    named = re.findall(r'"([^"]+)"', block[1])
    needed = {name for name in named if not name.startswith(("gradio", "huggingface_hub"))}
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    assert {line for line in lines if line and not line.startswith("#")} == needed


def test_the_front_matter_of_the_space_fits() -> None:
    _, front, _ = (ROOT / "README.md").read_text("utf-8").split("---\n", 2)
    said = yaml.safe_load(front)
    assert said["sdk_version"] == metadata.version("gradio")
    assert (ROOT / said["app_file"]).is_file()
    assert len(said["short_description"]) <= 60


def test_the_readme_s_snippet_for_programs_runs(
    studio_url: str, portrait_file: Path, short_speech_file: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    (code,) = re.findall(
        r"^```py\n(.*?)^```$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    shutil.copy(portrait_file, tmp_path / "me.jpg")
    shutil.copy(short_speech_file, tmp_path / "hello.wav")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(code.replace("http://127.0.0.1:7860/", studio_url), "README.md", "exec"), names)
    assert facts_of(Path(names["video"])).n_frames == names["report"]["n_frames"] == 24


def test_no_widget_puts_a_value_into_its_template() -> None:
    for file in (ROOT / "vortex_lp" / "ui").glob("*.html"):
        text = file.read_text("utf-8")
        assert "${" not in text, file.name
        assert "{{" not in text, file.name


def test_building_the_page_writes_nothing_into_the_package() -> None:
    build_app()
    assert not list((ROOT / "vortex_lp").rglob("*.pyi"))
