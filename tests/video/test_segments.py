"""The live pieces and the finished file are one and the same encoding."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.reading import facts_of, frames_of
from vortex_lp.errors import EncodeError
from vortex_lp.settings import load_settings
from vortex_lp.values import Frame, Speech
from vortex_lp.video.segments import LIVE_FILE, LiveStep, write_live

SETTINGS = load_settings().video
N_FRAMES, FPS, SIZE = 60, 24, (64, 48)


def frames(n_frames: int = N_FRAMES) -> Iterator[Frame]:
    """Flat pictures that grow lighter, so that each is told from the others."""
    for number in range(n_frames):
        yield np.full((SIZE[1], SIZE[0], 3), 20 + 3 * number, np.uint8)


def tone(duration_s: float = 2.5) -> Speech:
    times = np.arange(round(duration_s * 48_000)) / 48_000
    return Speech(samples=(0.3 * np.sin(2 * np.pi * 440 * times)).astype(np.float32))


def film(folder: Path, **changes: object) -> Iterator[LiveStep]:
    options: dict[str, object] = {"fps": FPS, "size": SIZE, "n_frames": N_FRAMES}
    return write_live(
        frames(), tone(), folder, settings=SETTINGS, segment_s=0.5, **{**options, **changes}
    )  # type: ignore[arg-type]


def test_the_pieces_add_up_to_the_file(tmp_path: Path) -> None:
    steps = list(film(tmp_path))
    pieces = [piece for step in steps for piece in step.segments]
    assert len(pieces) == 6  # 0.25 s, then 0.5 s each
    whole = facts_of(tmp_path / LIVE_FILE)
    assert whole.n_frames == N_FRAMES
    assert abs(whole.audio.stop_s - whole.video.stop_s) < 1 / FPS
    assert sum(piece.duration_s for piece in pieces) == pytest.approx(N_FRAMES / FPS, abs=0.1)


def test_each_piece_plays_by_itself_and_shows_the_same_frames(tmp_path: Path) -> None:
    pieces = [piece for step in film(tmp_path) for piece in step.segments]
    shown = [frame.mean() for piece in pieces for frame in frames_of(piece.path)]
    kept = [frame.mean() for frame in frames_of(tmp_path / LIVE_FILE)]
    np.testing.assert_allclose(shown, kept)
    np.testing.assert_allclose(kept, [20 + 3 * n for n in range(N_FRAMES)], atol=2.5)
    assert all(facts_of(piece.path).audio.n_packets > 0 for piece in pieces)


def test_the_last_step_counts_every_frame(tmp_path: Path) -> None:
    *_, last = film(tmp_path)
    assert (last.n_done, last.n_frames) == (N_FRAMES, N_FRAMES)


def test_odd_folder_names_are_no_trouble(tmp_path: Path) -> None:
    folder = tmp_path / "a'b [c] d|e"
    folder.mkdir()
    assert sum(len(step.segments) for step in film(folder)) == 6


def test_closing_early_leaves_no_file_and_closes_the_frames(tmp_path: Path) -> None:
    closed = []

    def endless() -> Iterator[Frame]:
        try:
            while True:
                yield np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
        finally:
            closed.append(True)

    steps = write_live(
        endless(),
        tone(),
        tmp_path,
        fps=FPS,
        size=SIZE,
        n_frames=5000,
        settings=SETTINGS,
        segment_s=0.5,
    )
    with contextlib.closing(steps):  # type: ignore[type-var]
        next(steps)
    assert closed == [True]
    assert not list(tmp_path.glob("*.mp4"))


def test_too_few_frames_are_an_error_and_no_file(tmp_path: Path) -> None:
    with pytest.raises(EncodeError, match="60 frames came, not the 61"):
        list(film(tmp_path, n_frames=61))
    assert not (tmp_path / LIVE_FILE).exists()


def test_a_frame_of_another_size_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EncodeError, match="broke its promise"):
        list(film(tmp_path, size=(32, 32)))
