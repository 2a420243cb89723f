"""The viseme functions for torch: the same names and meanings, tensors instead of arrays."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import torch

from vortex_lp.speech import lipsync, phonemes
from vortex_lp.speech.lipsync import LipsyncAccuracy
from vortex_lp.timebase import TENSOR_RATE_HZ
from vortex_lp.values import FloatArray, PhoneSpan


def audio_to_visemes(
    audio: torch.Tensor, fps: float | Fraction, sample_rate: int = TENSOR_RATE_HZ
) -> torch.Tensor:
    """Return the visemes of the mono samples `audio` (N,) on the CPU, one row a frame it covers.

    Returns:
        (T, 3) float32 rows ``[jaw_open, lip_width, lip_rounding]`` in [0, 1]; one second at 24 fps
        gives 24.

    Raises:
        AudioError: (a ValueError) `audio` is empty, not one row, or holds NaN or infinity.
    """
    return torch.from_numpy(lipsync.audio_to_visemes(_array(audio), fps, sample_rate))


def phoneme_to_viseme(phone: str) -> torch.Tensor:
    """Return ``[jaw_open, lip_width, lip_rounding]`` of an ARPAbet phone, (3,) float32 in [0, 1].

    Raises:
        ValueError: `phone` is no ARPAbet phone; the message names the nearest.
    """
    return torch.from_numpy(phonemes.phoneme_to_viseme(phone))


def smooth_viseme_sequence(visemes: torch.Tensor, window_frames: int = 5) -> torch.Tensor:
    """Return `visemes` (T, 3) averaged over `window_frames` (odd) under a Hann window.

    Raises:
        ValueError: `visemes` is no valid sequence, or the window is no odd number from 1.
    """
    smooth = lipsync.smooth_viseme_sequence(_array(visemes), window_frames)
    return torch.from_numpy(smooth).to(visemes.device)


def interpolate_visemes(
    first: torch.Tensor, second: torch.Tensor, share: float | torch.Tensor
) -> torch.Tensor:
    """Return the visemes on the way from `first` to `second`, eased by the smoothstep 3t² − 2t³.

    Raises:
        ValueError: Shapes do not go together, or a share lies outside [0, 1].
    """
    far = _array(share) if isinstance(share, torch.Tensor) else share
    between = lipsync.interpolate_visemes(_array(first), _array(second), far)
    return torch.from_numpy(between).to(first.device)


def validate_viseme_sequence(visemes: torch.Tensor) -> torch.Tensor:
    """Return `visemes` as (T, 3) float32 if they are a sequence that a mouth can show.

    Raises:
        ValueError: The shape is wrong, or a value is no number in [0, 1].
    """
    lipsync.validate_viseme_sequence(_array(visemes))
    return visemes.to(torch.float32)


def measure_lipsync_accuracy(
    visemes: torch.Tensor,
    reference_phones: Sequence[PhoneSpan] | Sequence[tuple[str, float, float]],
    fps: float | Fraction,
) -> LipsyncAccuracy:
    """Return how well `visemes` (T, 3) show the phones; see `LipsyncAccuracy`.

    Raises:
        ValueError: The visemes are no valid sequence, or there is no reference phone.
    """
    return lipsync.measure_lipsync_accuracy(_array(visemes), reference_phones, fps)


def _array(tensor: torch.Tensor) -> FloatArray:
    return np.asarray(tensor.detach().to("cpu", torch.float32).numpy(), np.float32)
