"""What goes wrong on a real machine: nothing false under the final name, nothing left behind."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from vortex_lp import pipeline
from vortex_lp.errors import EncodeError, RenderError, VortexError
from vortex_lp.progress import Progress
from vortex_lp.settings import load_settings
from vortex_lp.timebase import exact_fps
from vortex_lp.values import Frame, Speech
from vortex_lp.video.encoder import write_video
from vortex_lp.video.provenance import Origin, read_statement
from vortex_lp.video.segments import LIVE_FILE, write_live
from vortex_lp.watchdog import watched

ROOT = Path(__file__).parent.parent
SETTINGS = load_settings()
ORIGIN = Origin("mesh", SETTINGS.provenance)
SIZE = (320, 320)
N_FRAMES = 48


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Everybody's temporary files go here, and have to be gone when the test ends."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield folder
    assert list(folder.iterdir()) == []


def noise(n_frames: int = N_FRAMES) -> Iterator[Frame]:
    """Pictures that no encoder can make small."""
    chance = np.random.default_rng(0)
    for _ in range(n_frames):
        yield chance.integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8)


def film(
    out_file: Path,
    *,
    frames: Iterator[Frame] | None = None,
    on_frame: Callable[[int, int], None] | None = None,
    stall_s: float = 30.0,
) -> Path:
    return write_video(
        frames or noise(),
        Speech(samples=np.zeros(96_000, np.float32)),
        out_file,
        fps=24,
        size=SIZE,
        n_frames=N_FRAMES,
        settings=SETTINGS.video.model_copy(update={"stall_s": stall_s, "preset": "ultrafast"}),
        origin=ORIGIN,
        on_frame=on_frame,
    )


def children_with(word: str) -> list[int]:
    """Return the processes whose command line holds `word`, but for this one."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                line = (folder / "cmdline").read_bytes().decode("utf-8", "replace")
                dead = "\nState:\tZ" in (folder / "status").read_text("utf-8")
            except OSError:
                continue
            if word in line and not dead:
                found.append(int(folder.name))
    return found


def at_frame(number: int, action: Callable[[], None]) -> Callable[[int, int], None]:
    def on_frame(n_done: int, n_frames: int) -> None:
        if n_done == number:
            action()

    return on_frame


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def test_a_killed_encoder_is_named_and_leaves_nothing(out: Path) -> None:
    def kill() -> None:
        (encoder,) = children_with(str(out))
        os.kill(encoder, signal.SIGKILL)

    with pytest.raises(EncodeError, match=r"killed \(signal 9\)"):
        film(out / "v.mp4", on_frame=at_frame(5, kill))
    assert list(out.iterdir()) == []


def test_a_killed_encoder_leaves_the_video_that_was_there(out: Path) -> None:
    (out / "v.mp4").write_bytes(b"the video of yesterday")

    def kill() -> None:
        os.kill(children_with(str(out))[0], signal.SIGKILL)

    with pytest.raises(EncodeError):
        film(out / "v.mp4", on_frame=at_frame(5, kill))
    assert (out / "v.mp4").read_bytes() == b"the video of yesterday"
    assert len(list(out.iterdir())) == 1


def test_an_encoder_that_hangs_is_stopped(out: Path) -> None:
    def halt() -> None:
        os.kill(children_with(str(out))[0], signal.SIGSTOP)

    start = time.monotonic()
    with pytest.raises(EncodeError, match="took nothing more and was stopped"):
        film(out / "v.mp4", on_frame=at_frame(5, halt), stall_s=1.0)
    assert time.monotonic() - start < 10.0
    assert list(out.iterdir()) == []
    assert children_with(str(out)) == []


def test_a_renderer_that_hangs_is_given_up_and_leaves_nothing(out: Path) -> None:
    over = threading.Event()

    def hanging() -> Iterator[Frame]:
        yield from noise(5)
        over.wait(60)

    with pytest.raises(RenderError, match="made no frame"):
        film(out / "v.mp4", frames=watched(hanging(), stall_s=0.5))
    over.set()
    assert list(out.iterdir()) == []
    assert children_with(str(out)) == []


@pytest.mark.parametrize("error", [MemoryError("no memory"), RuntimeError("CUDA error")])
def test_a_renderer_that_breaks_in_foreign_code_leaves_nothing(out: Path, error: Exception) -> None:
    def breaking() -> Iterator[Frame]:
        yield from noise(5)
        raise error

    with pytest.raises(type(error), match=str(error)):
        film(out / "v.mp4", frames=watched(breaking(), stall_s=5))
    assert list(out.iterdir()) == []
    assert children_with(str(out)) == []


def test_a_folder_removed_in_the_middle_is_named(out: Path) -> None:
    with pytest.raises(EncodeError, match="was removed while the video was made"):
        film(out / "v.mp4", on_frame=at_frame(20, lambda: shutil.rmtree(out)))
    assert not out.exists()


FULL = """
import sys
from pathlib import Path
from tests.test_faults import film
from vortex_lp.errors import EncodeError
try:
    film(Path(sys.argv[1]))
except EncodeError as error:
    print(error)
    raise SystemExit(3)
"""


def in_a_process(*before: str, out: Path, limit: int | None = None) -> tuple[int, str]:
    """Film into `out` in a process of its own, whose files may have `limit` bytes."""

    def limited() -> None:
        assert limit is not None
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = [*before, sys.executable, "-c", FULL, str(out / "v.mp4")]
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limited if limit else None,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_quota_that_is_used_up_is_named(out: Path) -> None:
    code, said = in_a_process(out=out, limit=400_000)
    assert code == 3, said
    assert "there is no room left for the video" in said
    assert list(out.iterdir()) == []


def test_a_quota_that_is_used_up_by_the_credentials_is_named(out: Path) -> None:
    """Whole, the video just fits; with its credentials it does not."""
    n_bytes = film(out / "whole.mp4").stat().st_size
    (out / "whole.mp4").unlink()
    code, said = in_a_process(out=out, limit=n_bytes - 100)
    assert code == 3, said
    assert "Content Credentials" in said
    assert list(out.iterdir()) == []


def test_a_full_disk_is_named(out: Path) -> None:
    script = f'mount -t tmpfs -o size=600k none {out} && exec "$@"'
    own = ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*own, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine does not let us mount a small disk")
    code, said = in_a_process(*own, "sh", "-c", script, "sh", out=out)
    assert code == 3, said
    assert "no room left" in said


def test_a_full_disk_for_temporary_files_is_named(out: Path, scratch: Path) -> None:
    code, said = in_a_process(out=out, limit=100_000)
    assert code == 3, said
    assert "could not be written" in said
    assert "free some space" in said


def test_two_videos_under_one_name_do_not_mix(out: Path) -> None:
    failures: list[VortexError] = []

    def work() -> None:
        try:
            film(out / "v.mp4")
        except VortexError as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert [file.name for file in out.iterdir()] == ["v.mp4"]
    assert read_statement(out / "v.mp4").state == "valid"


def test_a_visitor_who_leaves_ends_all_work(out: Path) -> None:
    steps = write_live(
        watched(noise(10_000), stall_s=10),
        Speech(samples=np.zeros(96_000, np.float32)),
        out,
        fps=24,
        size=SIZE,
        n_frames=10_000,
        settings=SETTINGS.video,
        segment_s=0.5,
        origin=ORIGIN,
    )
    n_threads = threading.active_count()
    next(steps)
    encoders = children_with(str(out))
    steps.close()  # type: ignore[attr-defined]
    assert not [number for number in encoders if Path(f"/proc/{number}").exists()]
    assert not (out / LIVE_FILE).exists()
    assert not [file for file in out.iterdir() if file.suffix not in (".ts", ".csv")]
    assert threading.active_count() == n_threads


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_render_cleanly(
    out: Path, portrait_file: Path, assets: Path, number: signal.Signals
) -> None:
    command = [sys.executable, "-m", "vortex_lp", "animate", str(portrait_file)]
    command += [str(assets / "welcome_slt.wav"), "-o", str(out / "v.mp4"), "--fps", "60"]
    command += ["--renderer", "mesh", "--recognizer", "energy", "--frame", "full"]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not any(file.stat().st_size > 1_000 for file in out.iterdir()):
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == {signal.SIGTERM: 143, signal.SIGINT: 130}[number], said
    assert "Traceback" not in said
    assert list(out.iterdir()) == []
    assert children_with(str(out)) == []


HANGING = """
import os, signal, threading, time
from vortex_lp import cli
cli.PATIENCE_S = 1.0
signal.signal(signal.SIGTERM, cli._leave)
threading.Thread(target=time.sleep, args=(60,)).start()
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(60)
"""


def test_a_thread_that_hangs_does_not_keep_a_process_from_ending() -> None:
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", HANGING], cwd=ROOT, check=False, timeout=50)
    assert done.returncode == 128 + signal.SIGTERM
    assert time.monotonic() - start < 20


def test_the_pipeline_works_after_a_fault(
    out: Path, portrait_file: Path, short_speech_file: Path
) -> None:
    request = pipeline.Request(
        portrait_file,
        short_speech_file,
        out / "v.mp4",
        performance=pipeline.Performance(recognizer="energy", fps=exact_fps(24)),
        renderer="mesh",
    )
    loaded = pipeline.load_renderer("mesh", settings=SETTINGS)
    with pytest.raises(ZeroDivisionError):
        pipeline.animate(request, settings=SETTINGS, renderer=loaded, on_progress=_break_at_frame_5)
    assert list(out.iterdir()) == []
    result = pipeline.animate(request, settings=SETTINGS, renderer=loaded)
    assert read_statement(result.path).state == "valid"


def _break_at_frame_5(progress: Progress) -> None:
    if progress.n_done == 5:
        raise ZeroDivisionError
