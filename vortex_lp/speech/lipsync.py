"""Visemes as numbers: made from sound, smoothed, blended, checked, and measured against phones.

All functions here take and give NumPy arrays; `vortex_lp.tensors` wraps them for torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from vortex_lp.settings import Settings, load_settings
from vortex_lp.speech.audio import speech_from_samples
from vortex_lp.speech.phonemes import base_phone
from vortex_lp.speech.recognizers import recognize
from vortex_lp.speech.spans import fill_gaps
from vortex_lp.speech.visemes import frame_middles, make_mouth, visemes_of_spans
from vortex_lp.timebase import (
    SPEECH_RATE_HZ,
    TENSOR_RATE_HZ,
    exact_fps,
    frame_at,
    frame_count,
    frame_start,
    samples,
)
from vortex_lp.values import SILENCE, VISEME_CHANNELS, FloatArray, PhoneSpan

N_CHANNELS = len(VISEME_CHANNELS)

NEAR_FRAMES = 2
"""A phone is in sync when the mouth shows it at most this many frames early or late."""

MAX_OFFSET_S = 0.5
"""Larger offsets between mouth and sound are not looked for [s]."""

_CONTEXT_S = 0.1
_SEARCH_FRAMES = 8
_TELLING_RMS = 0.05
_TIE_BREAK = 1e-4
_CLEARLY = 0.95


@dataclass(frozen=True, slots=True)
class LipsyncAccuracy:
    """How well visemes follow the phones that they should show."""

    offset_frames: float
    """How many frames the mouth is late, to a fraction of a frame; negative where it is early, NaN
    where the mouth does not move."""

    share_within_2_frames: float
    """Share of phones that the mouth shows at most two frames early or late, in [0, 1]; NaN where
    the reference holds no phone that differs from the average mouth."""

    correlation: float
    """Correlation of the visemes with those of the phones, without shifting them, in [-1, 1]; 0
    where the mouth does not move."""


def audio_to_visemes(
    audio: npt.ArrayLike,
    fps: float | Fraction,
    sample_rate: int = TENSOR_RATE_HZ,
    *,
    settings: Settings | None = None,
) -> FloatArray:
    """Return the visemes of the mono samples `audio` (N,), one row a frame that it covers.

    Args:
        audio: (N,) floats in [-1, 1].
        fps: Frames a second.
        sample_rate: Samples a second.
        settings: Everything that can be set; the package's own where None.

    Returns:
        (T, 3) float32 rows ``[jaw_open, lip_width, lip_rounding]`` in [0, 1], where T frames cover
        the audio: one second at 24 fps gives 24.

    Raises:
        AudioError: (a ValueError) `audio` is empty, not one row, or holds NaN or infinity.
    """
    used = settings or load_settings()
    speech = speech_from_samples(audio, rate_hz=sample_rate, name="audio")
    n_frames = frame_count(np.shape(audio)[0], rate_hz=sample_rate, fps=fps)
    recognition = recognize(speech, recognizer=used.speech.recognizer, settings=used)
    mouth = make_mouth(recognition, speech, fps=fps, n_frames=n_frames, settings=used)
    return np.array(mouth.visemes)


def smooth_viseme_sequence(visemes: npt.ArrayLike, window_frames: int = 5) -> FloatArray:
    """Return `visemes` (T, 3) averaged over `window_frames` under a Hann window.

    The ends are repeated outwards, so a constant stays itself and no value leaves [0, 1].

    Raises:
        ValueError: `visemes` is no valid sequence, or `window_frames` is no odd number from 1.
    """
    rows = validate_viseme_sequence(visemes)
    if window_frames < 1 or window_frames % 2 == 0:
        raise ValueError(f"window_frames must be an odd number from 1, not {window_frames}; use 5")
    kernel = np.hanning(window_frames + 2)[1:-1]
    kernel /= kernel.sum()
    padded = np.pad(rows.astype(np.float64), ((window_frames // 2,) * 2, (0, 0)), mode="edge")
    smooth = [np.convolve(padded[:, i], kernel, mode="valid") for i in range(N_CHANNELS)]
    return np.clip(np.stack(smooth, axis=1), 0.0, 1.0).astype(np.float32)


def interpolate_visemes(
    first: npt.ArrayLike, second: npt.ArrayLike, share: npt.ArrayLike
) -> FloatArray:
    """Return the visemes on the way from `first` to `second`, eased by the smoothstep 3t² − 2t³.

    Args:
        first: (3,) or (T, 3), where `share` is 0.
        second: The same shape, where `share` is 1.
        share: How far on the way: one number, or (n,) for `n` rows between two single visemes, or
            (T,) for one number a row.

    Returns:
        (3,), (n, 3) or (T, 3) float32.

    Raises:
        ValueError: Shapes do not go together, or a share lies outside [0, 1].
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    t = np.asarray(share, np.float64)
    if a.shape != b.shape or a.shape[-1:] != (N_CHANNELS,):
        raise ValueError(f"visemes must both be (3,) or (T, 3), not {a.shape} and {b.shape}")
    if not ((t >= 0.0) & (t <= 1.0)).all():
        raise ValueError("share must lie in [0, 1]: 0 is the first viseme, 1 the second")
    eased = np.asarray(t * t * (3.0 - 2.0 * t))
    if eased.ndim == 1:
        eased = eased[:, None]
    return np.asarray(a + eased * (b - a), np.float32)


def validate_viseme_sequence(visemes: npt.ArrayLike) -> FloatArray:
    """Return `visemes` as (T, 3) float32 if they are a sequence that a mouth can show.

    Raises:
        ValueError: The shape is wrong, or a value is no number in [0, 1]; the message names the
            frame and the channel.
    """
    rows = np.asarray(visemes, np.float32)
    if rows.ndim != 2 or rows.shape[1] != N_CHANNELS or len(rows) == 0:
        raise ValueError(
            f"visemes must be (T, 3) with T > 0, columns {', '.join(VISEME_CHANNELS)}, "
            f"not {rows.shape}"
        )
    wrong = np.argwhere(~((rows >= 0.0) & (rows <= 1.0)))
    if len(wrong):
        frame, channel = wrong[0]
        raise ValueError(
            f"{VISEME_CHANNELS[channel]} of frame {frame} is {rows[frame, channel]}; "
            "it must lie in [0, 1]"
        )
    return rows


def measure_lipsync_accuracy(
    visemes: npt.ArrayLike,
    reference_phones: Sequence[PhoneSpan] | Sequence[tuple[str, float, float]],
    fps: float | Fraction,
    *,
    settings: Settings | None = None,
) -> LipsyncAccuracy:
    """Return how well `visemes` (T, 3) show `reference_phones`.

    The reference goes through the same coarticulation that makes visemes. A phone counts as shown
    where the visemes around it fit the reference best at a shift of at most two frames, and fit it
    better there than a mouth that never moves would.

    Args:
        visemes: (T, 3) in [0, 1], frame 0 at the beginning of the sound.
        reference_phones: Phones with times, as spans or as (phone, start [s], stop [s]).
        fps: Frames a second of `visemes`.
        settings: Everything that can be set; the package's own where None.

    Raises:
        ValueError: The visemes are no valid sequence, or there is no reference phone.
    """
    rows = validate_viseme_sequence(visemes)
    used = settings or load_settings()
    rate = exact_fps(fps)
    n_samples = frame_start(len(rows), rate_hz=SPEECH_RATE_HZ, fps=rate)
    spans = _spans(reference_phones, n_samples=n_samples, settings=used)
    wanted = visemes_of_spans(spans, fps=rate, n_frames=len(rows), settings=used)
    moving = rows.std(axis=0).max() > 1e-4 and wanted.std(axis=0).max() > 1e-4
    max_shift = min(int(MAX_OFFSET_S * rate), len(rows) // 3)
    return LipsyncAccuracy(
        offset_frames=_offset(rows, wanted, max_shift) if moving else float("nan"),
        share_within_2_frames=_share_within(rows, wanted, spans, rate),
        correlation=_correlation(rows, wanted) if moving else 0.0,
    )


def _spans(
    phones: Sequence[PhoneSpan] | Sequence[tuple[str, float, float]],
    *,
    n_samples: int,
    settings: Settings,
) -> list[PhoneSpan]:
    spans = []
    for phone in phones:
        if not isinstance(phone, PhoneSpan):
            name, start_s, stop_s = phone
            phone = PhoneSpan(name, samples(start_s), samples(stop_s))
        name = base_phone(phone.phone, settings=settings)
        spans.append(PhoneSpan(name, phone.start, phone.stop))
    if not any(span.phone != SILENCE for span in spans):
        raise ValueError("reference_phones holds no phone; give at least one")
    return fill_gaps(spans, n_samples=n_samples)


def _correlation(rows: FloatArray, wanted: FloatArray) -> float:
    """Return the correlation of all channels together, each about its own mean."""
    a, b = rows - rows.mean(axis=0), wanted - wanted.mean(axis=0)
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size > 0.0 else 0.0


def _offset(rows: FloatArray, wanted: FloatArray, max_shift: int) -> float:
    """Return by how many frames `rows` is later than `wanted`, between frames by a parabola."""
    shifts = list(range(-max_shift, max_shift + 1))
    scores = []
    for shift in shifts:
        late, early = rows[max(shift, 0) :], wanted[max(-shift, 0) :]
        n_common = min(len(late), len(early))
        scores.append(_correlation(late[:n_common], early[:n_common]))
    best = int(np.argmax(scores))
    if not 0 < best < len(scores) - 1:
        return float(shifts[best])
    left, top, right = scores[best - 1 : best + 2]
    bend = left - 2 * top + right
    return shifts[best] + (0.5 * (left - right) / bend if bend < 0.0 else 0.0)


def _share_within(
    rows: FloatArray, wanted: FloatArray, spans: Sequence[PhoneSpan], fps: Fraction
) -> float:
    still, mean = wanted.mean(axis=0), rows.mean(axis=0)
    context = samples(_CONTEXT_S)
    n_telling = n_shown = 0
    middles = frame_middles(len(rows), fps=fps)
    for span in spans:
        if span.phone == SILENCE or span.start > middles[-1]:
            continue
        first = max(frame_at(max(span.start - context, 0), rate_hz=SPEECH_RATE_HZ, fps=fps), 0)
        last = frame_at(span.stop + context, rate_hz=SPEECH_RATE_HZ, fps=fps) + 1
        window = wanted[first:last]
        unmoved = min(_rms(window - still), _rms(window - mean))
        if _rms(window - still) < _TELLING_RMS:
            continue
        n_telling += 1
        shift, distance = _best_shift(rows, window, first)
        n_shown += abs(shift) <= NEAR_FRAMES and distance < _CLEARLY * unmoved
    return n_shown / n_telling if n_telling else float("nan")


def _best_shift(rows: FloatArray, window: FloatArray, first: int) -> tuple[int, float]:
    """Return the shift at which `rows` fits `window` best, and how far off it is there."""
    found: tuple[float, int, float] | None = None
    for shift in range(-_SEARCH_FRAMES, _SEARCH_FRAMES + 1):
        at = first + shift
        if at < 0 or at + len(window) > len(rows):
            continue
        distance = _rms(rows[at : at + len(window)] - window)
        candidate = (distance + _TIE_BREAK * abs(shift), shift, distance)
        found = candidate if found is None else min(found, candidate)
    return (found[1], found[2]) if found else (_SEARCH_FRAMES, float("inf"))


def _rms(difference: FloatArray) -> float:
    return float(np.sqrt(np.mean(np.square(difference))))
