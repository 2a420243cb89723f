import torch

from tests.speech.sounds import sample, sample_spans
from vortex_lp import tensors


def test_visemes_are_float32_tensors_with_a_row_a_frame() -> None:
    audio = torch.from_numpy(sample("movie_rms.wav").samples[:96_000:2].copy())
    visemes = tensors.audio_to_visemes(audio, 24)
    assert visemes.shape == (48, 3)
    assert visemes.dtype == torch.float32
    assert tensors.validate_viseme_sequence(visemes) is visemes
    smooth = tensors.smooth_viseme_sequence(visemes)
    assert smooth.shape == (48, 3)
    found = tensors.measure_lipsync_accuracy(visemes, sample_spans("movie_rms.wav"), 24)
    assert abs(found.offset_frames) <= 1


def test_phones_and_blends_are_tensors_too() -> None:
    first, second = tensors.phoneme_to_viseme("AA1"), tensors.phoneme_to_viseme("UW")
    assert first.dtype == torch.float32
    half = tensors.interpolate_visemes(first, second, 0.5)
    assert torch.allclose(half, (first + second) / 2)
    rows = tensors.interpolate_visemes(first, second, torch.linspace(0, 1, 5))
    assert rows.shape == (5, 3)
