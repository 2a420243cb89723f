"""The command line as a user meets it: real files in, exit codes and sentences out."""

import json
import os
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from tests.conftest import ROOT, write_wav
from tests.reading import facts_of, ffmpeg, frames_of
from tests.render.liveportrait.recipe import TOY
from tests.render.liveportrait.weights_folder import write_safetensors_folder
from vortex_lp import cli
from vortex_lp.resources import resource_folder

QUICK = ("--fps", "3", "--duration", "1", "--recognizer", "energy", "--renderer", "mesh")
"""Three frames: what is tested here is what is said, not how well it moves."""


class Outcome:
    """How a command ended and what it said."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    def is_mistake(self, *words: str) -> bool:
        """Whether it is one sentence for the user, holding `words`, and exit code 2."""
        lines = self.err.strip().splitlines()
        assert self.code == 2, (self.code, self.out, self.err)
        assert len(lines) == 1, self.err
        assert lines[0].startswith("vortex-lp: ")
        for word in words:
            assert word in lines[0], (word, lines[0])
        assert self.out == ""
        return True


Run = Callable[..., Outcome]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["vortex-lp", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ending:
            cli.main()
        out, err = capfd.readouterr()
        code = ending.value.code
        return Outcome(code if isinstance(code, int) else 0, out, err)

    return command


@pytest.fixture
def animate(run: Run, portrait_file: Path, short_speech_file: Path, tmp_path: Path) -> Run:
    """Animate the samples, but for what a test puts in their place."""

    def command(
        *options: object,
        portrait: Path = portrait_file,
        audio: Path = short_speech_file,
        output: Path = tmp_path / "out.mp4",
    ) -> Outcome:
        return run("animate", portrait, audio, "-o", output, *QUICK, *options)

    return command


def notes(outcome: Outcome) -> str:
    assert outcome.code == 0, outcome.err
    return "\n".join(line for line in outcome.err.splitlines() if line.startswith("note: "))


def config_with(folder: Path, section: str, **changes: object) -> Path:
    """Write the settings of the package with some values changed."""
    data = yaml.safe_load((resource_folder("configs") / "liveportrait_fp16.yaml").read_text())
    data[section].update(changes)
    file = folder / "mine.yaml"
    file.write_text(yaml.safe_dump(data))
    return file


# --- what works ---------------------------------------------------------------------------------


def test_animate_writes_a_whole_video_and_says_so(
    run: Run, portrait_file: Path, short_speech_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "talk.mp4"
    done = run("animate", portrait_file, short_speech_file, "-o", out, "--fps", "6")
    assert done.code == 0, done.err
    assert done.out.startswith(f"{out}: 1.0 s, 6 frames of 512x512, made in ")
    assert done.out.endswith("by Mesh · CPU\n")
    assert "W0000" not in done.err
    facts = facts_of(out)
    assert (facts.n_frames, facts.fps, facts.size) == (6, 6, (512, 512))
    assert abs(facts.audio.stop_s - facts.video.stop_s) < 1 / 6
    assert [file.name for file in tmp_path.iterdir()] == ["talk.mp4"]


def test_every_option_of_animate_reaches_the_video(animate: Run, tmp_path: Path) -> None:
    timeline = tmp_path / "timeline.json"
    timeline.write_text('[{"start_s": 0, "stop_s": 1, "preset": "happy", "intensity": 1}]')
    videos = {}
    for options in (
        ("--seed", "0"),
        ("--expression", "angry", "--intensity", "1"),
        ("--sequence", "manic,calm"),
        ("--timeline", str(timeline)),
        ("--frame", "full"),
    ):
        out = tmp_path / f"{options[0]}.mp4"
        assert animate(*options, output=out).code == 0
        videos[options[0]] = b"".join(frame.tobytes() for frame in frames_of(out))
    assert len(set(videos.values())) == len(videos)


def test_the_same_seed_gives_the_same_picture_and_sound(animate: Run, tmp_path: Path) -> None:
    """Packet by packet; the credentials around them hold random numbers, as their standard asks."""
    packets = []
    for name, seed in (("a.mp4", "5"), ("b.mp4", "5"), ("c.mp4", "6")):
        assert animate("--seed", seed, output=tmp_path / name).code == 0
        packets.append(ffmpeg(tmp_path / name, "-map", "0", "-c", "copy", "-f", "framemd5"))
    assert packets[0] == packets[1]
    assert packets[0] != packets[2]


@pytest.mark.parametrize("layout", ["json", "csv", "rhubarb"])
def test_visemes_are_printed_in_each_format(
    run: Run, short_speech_file: Path, tmp_path: Path, layout: str
) -> None:
    printed = run("visemes", short_speech_file, "--format", layout)
    assert printed.code == 0
    kept = tmp_path / "visemes.txt"
    assert run("visemes", short_speech_file, "--format", layout, "-o", kept).out == ""
    assert kept.read_text() == printed.out
    if layout == "json":
        document = json.loads(printed.out)
        assert document["fps"] == 24
        assert len(document["frames"]) == 24
        assert {"phone", "start_s", "stop_s"} <= set(document["phones"][0])
        assert document["phones"][-1]["stop_s"] == pytest.approx(1.0)


def test_the_finished_video_is_measured_where_that_is_asked(
    animate: Run, run: Run, tmp_path: Path
) -> None:
    out, found = tmp_path / "v.mp4", tmp_path / "report.json"
    done = animate("--report", found, "--track", tmp_path / "track.json", "--fps", "12", output=out)
    assert done.code == 0, done.err
    assert "held against the motion track" in done.out
    assert json.loads(found.read_text())["n_frames"] == 12
    again = run("report", out, "--track", tmp_path / "track.json")
    assert "held against the motion track" in again.out
    assert "held against its own sound" in run("report", out).out
    assert run("report", tmp_path / "gone.mp4").is_mistake("gone.mp4")


def test_liveportrait_makes_a_whole_video_from_a_folder_of_weights(
    animate: Run, run: Run, tmp_path: Path
) -> None:
    weights = write_safetensors_folder(tmp_path / "weights", TOY)
    out = tmp_path / "v.mp4"
    options = ("--renderer", "liveportrait", "--weights", weights, "--device", "cpu")
    done = animate(*options, "--frame", "full", output=out)
    assert done.code == 0, done.err
    assert done.out.endswith("by LivePortrait FP32 · CPU\n")
    facts = facts_of(out)
    assert (facts.n_frames, facts.size) == (3, (512, 512))
    assert facts.audio.stop_s == pytest.approx(facts.video.stop_s, abs=0.05)
    assert str(weights) in run("doctor", "--weights", weights).out
    next(weights.glob("spade*")).unlink()
    assert animate(*options).is_mistake("spade_generator", "vortex-lp download", "mesh")


def test_the_doctor_finds_this_machine_well(run: Run) -> None:
    done = run("doctor")
    assert done.code == 0, done.out
    for name in ("Python", "mediapipe", "ffmpeg", "sha256 64184e22", "renderer 'auto'", "GPU"):
        assert name in done.out
    assert done.err == ""


def test_the_doctor_names_a_broken_face_model(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from vortex_lp.face.model import find_face_model

    (tmp_path / "vortex_lp").mkdir()
    (tmp_path / "vortex_lp" / "face_landmarker.task").write_bytes(b"something else")
    monkeypatch.setenv("VORTEX_LP_CACHE", str(tmp_path))
    find_face_model.cache_clear()
    try:
        done = run("doctor")
    finally:
        find_face_model.cache_clear()
    assert done.code == 2
    assert "NO  face model" in done.out


# --- pictures -----------------------------------------------------------------------------------


def test_a_picture_without_a_face(animate: Run, tmp_path: Path) -> None:
    empty = tmp_path / "wall.png"
    Image.new("RGB", (400, 300), (120, 130, 140)).save(empty)
    assert animate(portrait=empty).is_mistake("no face found in wall.png (400x300 px)", "use a")


def test_several_faces_take_the_largest_and_say_so(
    animate: Run, assets: Path, tmp_path: Path
) -> None:
    pair = Image.new("RGB", (1100, 600), (90, 90, 90))
    pair.paste(Image.open(assets / "astronaut.jpg").resize((600, 600)), (0, 0))
    pair.paste(Image.open(assets / "grace_hopper.jpg").resize((300, 352)), (750, 120))
    pair.save(tmp_path / "pair.png")
    done = animate(portrait=tmp_path / "pair.png")
    assert "2 faces found in pair.png; the largest is animated" in notes(done)


def test_a_tiny_face(animate: Run, portrait_file: Path, tmp_path: Path) -> None:
    scene = Image.new("RGB", (800, 800), (90, 90, 90))
    scene.paste(Image.open(portrait_file).resize((240, 240)), (300, 300))
    scene.save(tmp_path / "far.png")
    assert animate(portrait=tmp_path / "far.png").is_mistake("too small", "far.png", "use a")


def test_a_face_turned_away(animate: Run, tmp_path: Path) -> None:
    strict = config_with(tmp_path, "limits", max_yaw_deg=0.01)
    done = animate("--config", strict)
    assert done.is_mistake("is turned", "degrees to the side", "use a frontal face")


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"<svg></svg>"])
def test_an_image_that_is_none(animate: Run, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "face.jpg"
    file.write_bytes(content)
    assert animate(portrait=file).is_mistake("face.jpg")
    assert animate(portrait=tmp_path / "gone.jpg").is_mistake("there is no picture", "gone.jpg")


def test_forty_megapixels_work_and_four_hundred_are_refused_unread(
    animate: Run, portrait_file: Path, tmp_path: Path
) -> None:
    wall = Image.new("RGB", (8000, 5000), (90, 90, 90))
    wall.paste(Image.open(portrait_file).resize((3000, 3000)), (2000, 1000))
    wall.save(tmp_path / "wall.jpg", quality=80)
    assert animate(portrait=tmp_path / "wall.jpg").code == 0
    bomb = tmp_path / "bomb.png"
    Image.new("RGB", (1, 1)).save(bomb)
    content = bytearray(bomb.read_bytes())
    content[16:24] = (20_000).to_bytes(4, "big") * 2  # the size in the header, and its checksum
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    bomb.write_bytes(content)
    assert animate(portrait=bomb).is_mistake("bomb.png", "make it smaller")


def test_one_pixel(animate: Run, tmp_path: Path) -> None:
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    assert animate(portrait=tmp_path / "dot.png").is_mistake("dot.png is too small (1x1 px)")


@pytest.mark.parametrize("kind", ["exif.jpg", "cmyk.jpg", "grey.png", "alpha.png", "moving.gif"])
def test_every_kind_of_picture_works(
    animate: Run, portrait_file: Path, tmp_path: Path, kind: str
) -> None:
    picture, file = Image.open(portrait_file).resize((320, 320)), tmp_path / kind
    if kind == "exif.jpg":
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned a quarter clockwise
        picture.rotate(90).save(file, exif=exif)
    elif kind == "cmyk.jpg":
        picture.convert("CMYK").save(file)
    elif kind == "grey.png":
        picture.convert("L").save(file)
    elif kind == "alpha.png":
        picture.putalpha(200)
        picture.save(file)
    else:
        picture.save(file, save_all=True, append_images=[picture.rotate(180)])
    out = tmp_path / "out.mp4"
    assert animate("--frame", "full", portrait=file, output=out).code == 0
    first = frames_of(out)[0]
    assert first.shape == (320, 320, 3)
    grey = np.asarray(Image.open(portrait_file).convert("L").resize((320, 320)), float)
    alike = np.corrcoef(first.mean(axis=2).ravel(), grey.ravel())[0, 1]
    assert alike > 0.9, "the picture is not upright, or its colours are wrong"


@pytest.mark.shared
def test_a_dog_is_refused(animate: Run, shared_data: Path) -> None:
    dog = shared_data / "portraits" / "dog_no_human_face.jpg"
    assert animate(portrait=dog).is_mistake("dog_no_human_face.jpg", "face")


# --- recordings ---------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"not sound at all", b"RIFF\0\0\0\0WAVEfmt "])
def test_audio_that_is_none(animate: Run, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "voice.wav"
    file.write_bytes(content)
    assert animate(audio=file).is_mistake("voice.wav")
    assert animate(audio=tmp_path / "gone.wav").is_mistake("there is no recording", "gone.wav")


def test_audio_without_a_sample(animate: Run, tmp_path: Path) -> None:
    empty = write_wav(tmp_path / "voice.wav", np.zeros(0))
    assert animate(audio=empty).is_mistake("voice.wav")


def test_odd_recordings_work_and_are_spoken_of(animate: Run, tmp_path: Path) -> None:
    t = np.arange(16_000) / 16_000
    silent = write_wav(tmp_path / "silent.wav", np.zeros(16_000))
    assert "silent.wav is silent" in notes(animate(audio=silent))
    clipped = write_wav(tmp_path / "clipped.wav", 9 * np.sin(2 * np.pi * 150 * t))
    assert "clipped.wav is clipped" in notes(animate(audio=clipped))
    telephone = write_wav(tmp_path / "8k.wav", 0.3 * np.sin(900 * t[:8_000]), rate_hz=8_000)
    assert animate(audio=telephone).code == 0
    around = write_wav(tmp_path / "6.wav", 0.3 * np.sin(np.repeat(900 * t, 6)), n_channels=6)
    assert animate(audio=around).code == 0


def test_a_recording_that_breaks_off_is_used_up_to_there(
    animate: Run, assets: Path, tmp_path: Path
) -> None:
    whole = (assets / "welcome_slt.wav").read_bytes()
    (tmp_path / "torn.wav").write_bytes(whole[: len(whole) // 2])
    assert "torn.wav breaks off" in notes(animate(audio=tmp_path / "torn.wav"))


def test_an_hour_of_sound_is_cut_to_what_is_asked(animate: Run, tmp_path: Path) -> None:
    hour = write_wav(tmp_path / "hour.wav", np.zeros(3600 * 4_000), rate_hz=4_000)
    done = animate(audio=hour)
    assert "the recording of 3600.0 s is truncated to the 1.0 s of the video" in notes(done)


def test_a_recording_beyond_the_limit_is_refused(
    animate: Run, assets: Path, tmp_path: Path
) -> None:
    strict = config_with(tmp_path, "limits", max_audio_s=2.0)
    done = animate("--config", strict, audio=assets / "welcome_slt.wav")
    assert done.is_mistake("welcome_slt.wav is longer than 2 s", "cut it")


# --- wishes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--expression", "grumpy"), ("'grumpy'", "neutral")),
        (("--sequence", "happy,grumpy"), ("'grumpy'",)),
        (("--intensity", "3"), ("intensity", "3")),
        (("--renderer", "mash"), ("'mash'", "did you mean 'mesh'")),
        (("--recognizer", "psychic"), ("'psychic'", "energy")),
        (("--fps", "1000"), ("1000", "1 to 120")),
        (("--duration", "-1"), ("-1", "duration")),
        (("--frame", "wide"), ("'wide'", "crop or full")),
        (("--transcript", "@/nowhere.txt"), ("/nowhere.txt",)),
        (("--config", "/nowhere.yaml"), ("/nowhere.yaml",)),
        (("--timeline", "/nowhere.json"), ("/nowhere.json",)),
        (("--seed", "-4"), ("seed", "-4")),
    ],
)
def test_wishes_that_cannot_be_met(
    animate: Run, options: tuple[str, ...], words: tuple[str, ...]
) -> None:
    assert animate(*options).is_mistake(*words)


@pytest.mark.parametrize(
    ("timeline", "words"),
    [
        ("{", ("JSON",)),
        ("{}", ("list",)),
        ('[{"start_s": 0, "stop_s": 1}]', ("entry 1", "'preset'")),
        ('[{"start_s": 0, "stop_s": 1, "preset": "happi"}]', ("entry 1", "'happi'")),
        (
            '[{"start_s": 0, "stop_s": 1, "preset": "happy"},'
            ' {"start_s": 3, "stop_s": 2, "preset": "sad"}]',
            ("entry 2", "stop_s"),
        ),
        ('[{"start_s": "soon", "stop_s": 1, "preset": "happy"}]', ("entry 1", "'start_s'")),
        ('[{"start_s": 0, "stop_s": 1, "preset": "sad", "mood": 1}]', ("entry 1", "'mood'")),
    ],
)
def test_a_malformed_timeline_names_the_entry_and_the_field(
    animate: Run, tmp_path: Path, timeline: str, words: tuple[str, ...]
) -> None:
    file = tmp_path / "timeline.json"
    file.write_text(timeline)
    assert animate("--timeline", file).is_mistake(*words)


def test_a_sequence_and_a_timeline_exclude_each_other(animate: Run, tmp_path: Path) -> None:
    file = tmp_path / "timeline.json"
    file.write_text('[{"start_s": 0, "stop_s": 1, "preset": "happy"}]')
    done = animate("--timeline", file, "--sequence", "happy,sad")
    assert done.is_mistake("exclude each other")


def test_an_unwritable_output_is_said_before_anything_is_done(
    animate: Run, run: Run, short_speech_file: Path, tmp_path: Path
) -> None:
    missing = tmp_path / "none" / "out.mp4"
    start = time.perf_counter()
    assert animate(output=missing, audio=tmp_path / "gone").is_mistake("none does not exist")
    assert animate(output=Path("/proc/out.mp4")).is_mistake("/proc cannot be written to")
    assert animate(output=tmp_path / "out.webm").is_mistake("must end in .mp4")
    assert time.perf_counter() - start < 2
    done = run("visemes", short_speech_file, "--recognizer", "energy", "-o", missing)
    assert done.err.splitlines()[-1].startswith(f"vortex-lp: {missing} cannot be written")


def test_missing_arguments_are_a_mistake_without_a_traceback(run: Run) -> None:
    done = run("animate")
    assert done.code == 2
    assert "Traceback" not in done.err
    assert "vortex-lp animate" in done.err
    assert "PORTRAIT" in done.err


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_being_stopped_leaves_nothing_behind(
    portrait_file: Path, assets: Path, tmp_path: Path, sign: signal.Signals, code: int
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    folder = tmp_path / "videos"
    folder.mkdir()
    command = [sys.executable, "-m", "vortex_lp", "animate", str(portrait_file)]
    command += [str(assets / "welcome_slt.wav"), "-o", str(folder / "v.mp4"), "--duration", "3000"]
    command += ["--recognizer", "energy", "--renderer", "mesh"]
    environment = {**os.environ, "TMPDIR": str(scratch)}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not list(folder.glob(".vortex-*.part")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert process.poll() is None, process.communicate()[1].decode()
    process.send_signal(sign)
    _, said = process.communicate(timeout=20)
    assert process.returncode == code, said.decode()
    assert b"Traceback" not in said
    assert list(folder.iterdir()) == []
    assert list(scratch.iterdir()) == []
