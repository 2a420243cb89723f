"""Recordings in, `Speech` out: whatever ffmpeg reads, mono, on the project's one clock."""

import contextlib
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import IO, BinaryIO

import numpy as np
import numpy.typing as npt

from vortex_lp.errors import AudioError
from vortex_lp.settings import LimitSettings
from vortex_lp.speech.containers import HEAD_BYTES, container_of, is_picture
from vortex_lp.timebase import SPEECH_RATE_HZ, samples, seconds
from vortex_lp.uploads import open_upload
from vortex_lp.values import FloatArray, Speech

SILENT_PEAK = 10 ** (-60 / 20)
"""A recording whose loudest sample is below this (-60 dB of full scale) is called silent."""

CLIPPED_LEVEL = 0.995
CLIPPED_SHARE = 5e-3
"""A recording with more than this share of samples at `CLIPPED_LEVEL` or above is called clipped:
clean masters that are normalised to full scale touch it with single samples only."""

CUT_SHORT_S = 0.5
"""How much less sound than the header promises counts as cut short [s]; encoders pad by less."""

MIN_RATE_HZ, MAX_RATE_HZ = 4_000, 384_000

_BLOCK = 1 << 20
_MAX_LOG_BYTES = 1 << 16
_MAX_ALLOCATION_BYTES = 1 << 28
"""The most memory that ffmpeg may ask for in one go; a damaged header can name any size."""

_ADVICE = "use wav, mp3, m4a, flac, ogg or webm"
_DURATION = re.compile(r"Duration: (\d+):(\d\d):(\d\d\.\d+)")
_PICTURES = re.compile(r"Stream #0:\d+.*: Video: (?!.*attached pic)")
_DAMAGE = re.compile(
    r"corrupt|truncat|Decoding error|Error submitting packet|partial file|ended prematurely|"
    r"Error during demuxing|Header missing",
    re.IGNORECASE,
)
# 64 taps and this cutoff keep the pass band flat to 97 % of the lower rate's half. The largest gain
# is set because ffmpeg adds float channels up to more than full scale without it.
_FILTERS = (
    f"aresample={SPEECH_RATE_HZ}:filter_size=64:cutoff=0.97:out_chlayout=mono:rematrix_maxval=1,"
    "asoftclip=type=hard"
)


def decode_speech(path: Path, *, limits: LimitSettings) -> Speech:
    """Return the sound of the file `path`: audio of any kind, or the sound of a video.

    Several channels are mixed down by ffmpeg's matrices. The samples are a read-only memory map of
    a nameless temporary file (192 kB a second), so that long recordings need no memory; the file
    goes when the value goes. A recording that breaks off in the middle is decoded up to there, and
    `Speech.note` says so, as it does for silence and clipping.

    Raises:
        AudioError: There is no such file, it is no plain file, empty, no sound, larger than
            `limits.max_audio_bytes`, longer than `limits.max_audio_s`, holds values that are no
            numbers, or kept the decoder busy for `limits.decode_stall_s` without a sound.
    """
    path = Path(path)
    with (
        open_upload(
            path,
            what="recording",
            advice="check the path",
            max_bytes=limits.max_audio_bytes,
            error=AudioError,
        ) as source,
        tempfile.TemporaryFile() as raw,
    ):
        kind = _container(source, name=path.name)
        log, failed = _run_ffmpeg(source, raw, kind=kind, name=path.name, limits=limits)
        n_samples = raw.seek(0, 2) // 4
        if n_samples == 0:
            raise AudioError(_why_nothing(path.name, log))
        decoded = np.memmap(raw, dtype="<f4", mode="r", shape=(n_samples,))
    if n_samples > samples(limits.max_audio_s):
        raise AudioError(
            f"{path.name} is longer than {limits.max_audio_s:g} s; cut it into shorter recordings"
        )
    note = _note(decoded, name=path.name, cut_short=failed or _is_cut_short(log, n_samples))
    return Speech(samples=decoded, note=note)


def speech_from_samples(
    audio: npt.ArrayLike, *, rate_hz: int, name: str = "the recording"
) -> Speech:
    """Return `Speech` made of the mono samples `audio` (N,) in [-1, 1] at `rate_hz`.

    Raises:
        AudioError: (a ValueError) `audio` is empty, not one row, or holds NaN or infinity, or
            `rate_hz` is outside 4 to 384 kHz.
    """
    row = np.asarray(audio)
    if row.ndim != 1:
        raise AudioError(f"{name} must be one row of samples (N,), not an array of {row.shape}")
    if len(row) == 0:
        raise AudioError(f"{name} is empty; give at least one sample")
    if not np.issubdtype(row.dtype, np.floating):
        raise AudioError(f"{name} must hold floats in [-1, 1], not {row.dtype}; divide by 32768")
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise AudioError(f"{name} has {rate_hz} samples a second; use 8000 to 48000")
    if not np.isfinite(row).all():
        raise AudioError(f"{name} holds NaN or infinite samples; decode it again")
    row = row.astype(np.float32)
    if rate_hz != SPEECH_RATE_HZ:
        import soxr

        row = soxr.resample(row, rate_hz, SPEECH_RATE_HZ, quality="VHQ")
        if len(row) == 0:
            raise AudioError(f"{name} is too short to be resampled; give at least 1 ms")
    row = np.clip(row, -1.0, 1.0).astype(np.float32)
    return Speech(samples=row, note=_note(row, name=name, cut_short=False))


def _container(source: BinaryIO, *, name: str) -> str:
    """Return ffmpeg's name of what `source` is; its content decides, never `name`."""
    head = source.read(HEAD_BYTES)
    source.seek(0)
    kind = container_of(head)
    if kind is not None:
        return kind
    if is_picture(head):
        raise AudioError(f"{name} is a picture and has no sound; use a recording")
    raise AudioError(f"{name} is not a recording that can be decoded; {_ADVICE}")


def _run_ffmpeg(
    source: BinaryIO, raw: IO[bytes], *, kind: str, name: str, limits: LimitSettings
) -> tuple[str, bool]:
    """Decode `source` into `raw` (float32); return what ffmpeg said and whether it failed.

    ffmpeg sees an open file, no name, and is told its `kind`: a file that is really a list of other
    files or addresses (a playlist) is not read as one and has nothing to open them with.

    Raises:
        AudioError: For `limits.decode_stall_s` no sound came.
    """
    import imageio_ffmpeg

    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-nostats",
        "-max_alloc", str(_MAX_ALLOCATION_BYTES),
        "-protocol_whitelist", "fd", "-f", kind, "-fd", "0", "-i", "fd:",
        "-vn", "-sn", "-dn", "-t", f"{limits.max_audio_s + 1:.3f}",
        "-af", _FILTERS, "-f", "f32le", "-c:a", "pcm_f32le", "pipe:1",
    ]  # fmt: skip
    with tempfile.TemporaryFile() as messages:
        process = subprocess.Popen(command, stdin=source, stdout=raw, stderr=messages)
        try:
            _wait_while_it_grows(process, raw, stall_s=limits.decode_stall_s)
        except subprocess.TimeoutExpired as error:
            raise AudioError(
                f"{name} kept the decoder busy for {limits.decode_stall_s:g} s without a sound; "
                "export it again"
            ) from error
        finally:
            process.kill()
            process.wait()
        messages.seek(0)
        log = messages.read(_MAX_LOG_BYTES).decode("utf-8", "replace")
    return log, process.returncode != 0


def _wait_while_it_grows(
    process: "subprocess.Popen[bytes]", file: IO[bytes], *, stall_s: float
) -> None:
    """Wait for the end of `process` as long as it keeps on writing to `file`.

    Raises:
        subprocess.TimeoutExpired: For `stall_s` it wrote nothing.
    """
    n_bytes = -1
    while (grown := os.fstat(file.fileno()).st_size) != n_bytes:
        n_bytes = grown
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(stall_s)
            return
    raise subprocess.TimeoutExpired(process.args, stall_s)


def _why_nothing(name: str, log: str) -> str:
    if "No space left" in log:
        return f"no disk space left to decode {name}; free some and try again"
    if "Stream #" in log and "Audio:" not in log:
        return f"{name} has no sound; use a recording, or a video with sound"
    if "Audio:" in log and "Error" not in log and "Invalid" not in log:
        return f"{name} holds no samples; record it again"
    return f"{name} is not a recording that can be decoded; {_ADVICE}"


def _is_cut_short(log: str, n_samples: int) -> bool:
    if _DAMAGE.search(log):
        return True
    promised = _DURATION.search(log)
    if promised is None or _PICTURES.search(log):
        # The sound of a whole video may well end before its pictures do.
        return False
    hours, minutes, rest = promised.groups()
    promised_s = int(hours) * 3600 + int(minutes) * 60 + float(rest)
    # A variable bit rate without an index makes the promise a guess: hence the second, laxer half.
    return promised_s - seconds(n_samples) > max(CUT_SHORT_S, 0.02 * promised_s)


def _note(audio: FloatArray, *, name: str, cut_short: bool) -> str | None:
    """Look through `audio` block by block; return what is odd about it.

    Raises:
        AudioError: It holds NaN or infinity.
    """
    peak, n_clipped = 0.0, 0
    for start in range(0, len(audio), _BLOCK):
        block = np.abs(audio[start : start + _BLOCK])
        block_peak = float(block.max())
        if not np.isfinite(block_peak):
            raise AudioError(f"{name} holds samples that are no numbers; export it again")
        peak = max(peak, block_peak)
        n_clipped += int(np.count_nonzero(block >= CLIPPED_LEVEL))
    remarks = []
    if cut_short:
        remarks.append(f"breaks off: only its first {seconds(len(audio)):.1f} s could be decoded")
    if peak < SILENT_PEAK:
        remarks.append("is silent: the mouth stays shut")
    elif n_clipped > CLIPPED_SHARE * len(audio):
        share = 100 * n_clipped / len(audio)
        remarks.append(f"is clipped ({share:.1f} % of it at full scale); record it softer")
    return f"{name} {', and '.join(remarks)}" if remarks else None
