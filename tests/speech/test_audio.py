import wave
from pathlib import Path

import numpy as np
import pytest

from tests.speech.sounds import ASSETS, LIMITS, ffmpeg, tone
from vortex_lp.errors import AudioError
from vortex_lp.speech.audio import decode_speech, speech_from_samples

SAMPLE = ASSETS / "movie_rms.wav"


def write_wav(file: Path, rows: np.ndarray, *, rate_hz: int = 48_000) -> Path:
    """Write (N,) or (N, channels) floats as 16-bit."""
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1 if rows.ndim == 1 else rows.shape[1])
        out.setsampwidth(2)
        out.setframerate(rate_hz)
        out.writeframes(np.round(np.clip(rows, -1, 1) * 32767).astype("<i2").tobytes())
    return file


@pytest.mark.parametrize("kind", ["wav", "mp3", "m4a", "flac", "ogg", "webm", "mp4"])
def test_each_common_format_gives_the_same_sound(tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"speech.{kind}"
    picture = ["-f", "lavfi", "-i", "testsrc=size=64x64:rate=10"] if kind == "mp4" else []
    ffmpeg(*picture, "-i", str(SAMPLE), "-shortest", str(file))
    original = decode_speech(SAMPLE, limits=LIMITS)
    speech = decode_speech(file, limits=LIMITS)
    assert speech.note is None
    assert abs(speech.n_samples - original.n_samples) < 48_000 * 0.15
    n_common = min(speech.n_samples, original.n_samples)
    a, b = speech.samples[:n_common], original.samples[:n_common]
    # Codecs may not shift the sound: the peak of the correlation must lie at lag zero.
    spectrum = np.fft.rfft(a, 2 * n_common) * np.conj(np.fft.rfft(b, 2 * n_common))
    lag = int(np.argmax(np.fft.irfft(spectrum)))
    assert min(lag, 2 * n_common - lag) <= 48
    assert np.corrcoef(a, b)[0, 1] > 0.95


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 16_000, 24_000, 44_100, 48_000, 96_000])
def test_resampling_keeps_a_tone_and_its_length(tmp_path: Path, rate_hz: int) -> None:
    file = write_wav(tmp_path / "tone.wav", tone(1.0, rate_hz=rate_hz), rate_hz=rate_hz)
    speech = decode_speech(file, limits=LIMITS)
    assert abs(speech.n_samples - 48_000) <= 16
    wanted = tone(1.0)
    inside = slice(4_800, 43_200)
    assert np.abs(speech.samples[inside] - wanted[inside]).max() < 2e-3
    ours = speech_from_samples(tone(1.0, rate_hz=rate_hz), rate_hz=rate_hz)
    assert abs(ours.n_samples - 48_000) <= 1
    assert np.abs(ours.samples[inside] - wanted[inside]).max() < 2e-3


@pytest.mark.parametrize("channel", [0, 1, 2, 4, 5])
def test_every_speaking_channel_of_six_is_heard(tmp_path: Path, channel: int) -> None:
    rows = np.zeros((24_000, 6), np.float32)
    rows[:, channel] = tone(0.5)
    speech = decode_speech(write_wav(tmp_path / "six.wav", rows), limits=LIMITS)
    assert speech.n_samples == 24_000
    assert 0.05 < np.abs(speech.samples).max() <= 0.25


def test_two_channels_become_their_average(tmp_path: Path) -> None:
    rows = np.stack([tone(0.5), tone(0.5, hertz=1000.0)], axis=1)
    speech = decode_speech(write_wav(tmp_path / "two.wav", rows), limits=LIMITS)
    assert np.abs(speech.samples - rows.mean(axis=1)).max() < 1e-3


def test_samples_are_a_read_only_map_of_a_file_that_has_no_name() -> None:
    samples = decode_speech(SAMPLE, limits=LIMITS).samples
    assert not samples.flags.writeable
    owner = samples
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    assert isinstance(owner, np.memmap)


def test_silence_clipping_and_their_absence_are_noted(tmp_path: Path) -> None:
    silent = write_wav(tmp_path / "silent.wav", np.zeros(48_000))
    assert "silent" in (decode_speech(silent, limits=LIMITS).note or "")
    clipped = write_wav(tmp_path / "clipped.wav", 4 * tone(1.0))
    assert "clipped" in (decode_speech(clipped, limits=LIMITS).note or "")
    clean = write_wav(tmp_path / "clean.wav", tone(1.0))
    assert decode_speech(clean, limits=LIMITS).note is None


@pytest.mark.parametrize("kind", ["wav", "mp3", "flac", "webm"])
def test_a_file_cut_off_in_the_middle_is_decoded_that_far_and_says_so(
    tmp_path: Path, kind: str
) -> None:
    whole, half = tmp_path / f"whole.{kind}", tmp_path / f"half.{kind}"
    ffmpeg("-i", str(SAMPLE), str(whole))
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    speech = decode_speech(half, limits=LIMITS)
    assert "breaks off" in (speech.note or "")
    assert 2.0 < speech.n_samples / 48_000 < 5.0


def test_what_cannot_be_decoded_says_why(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="there is no recording"):
        decode_speech(tmp_path / "missing.wav", limits=LIMITS)
    with pytest.raises(AudioError, match="cannot be opened"):
        decode_speech(tmp_path, limits=LIMITS)
    empty = tmp_path / "empty.wav"
    empty.touch()
    with pytest.raises(AudioError, match=r"empty\.wav is an empty file"):
        decode_speech(empty, limits=LIMITS)
    with pytest.raises(AudioError, match="no samples"):
        decode_speech(write_wav(tmp_path / "header.wav", np.zeros(0)), limits=LIMITS)
    noise = tmp_path / "noise.mp3"
    noise.write_bytes(np.random.default_rng(1).bytes(5_000))
    with pytest.raises(AudioError, match="not a recording that can be decoded"):
        decode_speech(noise, limits=LIMITS)
    with pytest.raises(AudioError, match="has no sound"):
        decode_speech(ASSETS / "astronaut.jpg", limits=LIMITS)


def test_a_video_without_sound_says_so(tmp_path: Path) -> None:
    file = tmp_path / "mute.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x64:rate=10:duration=1", str(file))
    with pytest.raises(AudioError, match=r"mute\.mp4 has no sound"):
        decode_speech(file, limits=LIMITS)


def test_a_playlist_opens_no_other_file(tmp_path: Path) -> None:
    listing = tmp_path / "list.wav"
    listing.write_text(f"ffconcat version 1.0\nfile '{SAMPLE}'\n", "utf-8")
    with pytest.raises(AudioError):
        decode_speech(listing, limits=LIMITS)
    listing.write_text(f"#EXTM3U\n#EXTINF:7,\nfile://{SAMPLE}\n#EXT-X-ENDLIST\n", "utf-8")
    with pytest.raises(AudioError):
        decode_speech(listing, limits=LIMITS)


def test_a_name_that_looks_like_an_option_is_a_name(tmp_path: Path) -> None:
    file = write_wav(tmp_path / "-vn http:x.wav", tone(0.5))
    assert decode_speech(file, limits=LIMITS).n_samples == 24_000


def test_a_recording_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    limits = LIMITS.model_copy(update={"max_audio_s": 2.0})
    with pytest.raises(AudioError, match="longer than 2 s"):
        decode_speech(SAMPLE, limits=limits)
    exact = write_wav(tmp_path / "exact.wav", tone(2.0))
    assert decode_speech(exact, limits=limits).n_samples == 96_000


def test_an_hour_is_decoded_without_holding_it(tmp_path: Path) -> None:
    file = tmp_path / "hour.flac"
    ffmpeg("-stream_loop", "-1", "-i", str(SAMPLE), "-t", "3600", "-ar", "8000", str(file))
    speech = decode_speech(file, limits=LIMITS)
    assert speech.n_samples == 3600 * 48_000
    assert speech.note is None


@pytest.mark.parametrize(
    ("audio", "complaint"),
    [
        (np.zeros(0, np.float32), "empty"),
        (np.zeros((2, 100), np.float32), "one row"),
        (np.array([0.0, np.nan], np.float32), "NaN"),
        (np.array([0.0, np.inf], np.float32), "infinite"),
        (np.zeros(100, np.int16), "floats"),
    ],
)
def test_bad_samples_are_a_value_error(audio: np.ndarray, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        speech_from_samples(audio, rate_hz=24_000)
