import functools
import itertools
import subprocess
import sys

import numpy as np
import pytest

from tests.speech.sounds import SAMPLES, sample, sample_spans, tone
from vortex_lp.errors import SettingsError
from vortex_lp.settings import load_settings
from vortex_lp.speech.audio import speech_from_samples
from vortex_lp.speech.phonemes import viseme_class
from vortex_lp.speech.recognizers import RECOGNIZERS, recognize
from vortex_lp.timebase import SPEECH_RATE_HZ
from vortex_lp.values import PhoneSpan, Recognition, Speech

SETTINGS = load_settings()


@functools.cache
def heard(name: str, recognizer: str) -> Recognition:
    return recognize(sample(name), recognizer=recognizer, settings=SETTINGS)


def classes(spans: list[PhoneSpan] | tuple[PhoneSpan, ...]) -> list[str]:
    """Return the viseme class at each hundredth of a second."""
    names: list[str] = []
    for span in spans:
        n_steps = -(-span.stop // (SPEECH_RATE_HZ // 100)) - len(names)
        names += [viseme_class(span.phone)] * n_steps
    return names


def accuracy(name: str, recognizer: str) -> float:
    truth = classes(sample_spans(name))
    found = classes(heard(name, recognizer).spans)
    n_common = min(len(truth), len(found))
    return float(np.mean([a == b for a, b in zip(truth[:n_common], found[:n_common], strict=True)]))


def assert_gap_free(recognition: Recognition, speech: Speech) -> None:
    spans = recognition.spans
    assert spans[0].start == 0
    assert spans[-1].stop == speech.n_samples
    assert all(a.stop == b.start for a, b in itertools.pairwise(spans))


@pytest.mark.parametrize("recognizer", ["ctc", "words", "phones", "energy"])
@pytest.mark.parametrize("name", SAMPLES)
def test_spans_cover_the_recording_without_gaps(name: str, recognizer: str) -> None:
    recognition = heard(name, recognizer)
    assert recognition.recognizer == recognizer
    assert_gap_free(recognition, sample(name))
    assert {span.phone for span in recognition.spans} <= set(SETTINGS.phones)


@pytest.mark.parametrize(
    ("recognizer", "least"), [("ctc", 0.73), ("words", 0.80), ("phones", 0.60)]
)
@pytest.mark.parametrize("name", SAMPLES)
def test_phones_are_those_that_were_synthesised(name: str, recognizer: str, least: float) -> None:
    assert accuracy(name, recognizer) >= least


def test_words_are_kept_where_they_are_known() -> None:
    words = [span.word for span in heard("movie_rms.wav", "words").spans]
    assert {"good", "bring", "portrait", "words"} <= set(words)


@pytest.mark.parametrize("recognizer", ["ctc", "words", "phones", "energy"])
def test_silence_is_heard_as_silence(recognizer: str) -> None:
    speech = Speech(samples=np.zeros(SPEECH_RATE_HZ, np.float32))
    recognition = recognize(speech, recognizer=recognizer, settings=SETTINGS)
    assert [span.phone for span in recognition.spans] == ["SIL"]
    assert_gap_free(recognition, speech)


def test_a_long_pause_is_silence_in_the_middle_of_speech() -> None:
    samples = sample("movie_rms.wav").samples
    pause = np.zeros(SPEECH_RATE_HZ, np.float32)
    speech = Speech(samples=np.concatenate([samples[:150_000], pause, samples[150_000:]]))
    recognition = recognize(speech, recognizer="phones", settings=SETTINGS)
    assert_gap_free(recognition, speech)
    middle = 150_000 + SPEECH_RATE_HZ // 2
    span = next(s for s in recognition.spans if s.start <= middle < s.stop)
    assert span.phone == "SIL"
    assert span.stop - span.start > 0.8 * SPEECH_RATE_HZ


@pytest.mark.parametrize("n_samples", [1, 100, 479, 4_801, 30_000])
def test_the_shortest_recordings_are_covered_too(n_samples: int) -> None:
    speech = speech_from_samples(tone(1.0)[:n_samples], rate_hz=SPEECH_RATE_HZ)
    for recognizer in ("auto", "energy"):
        assert_gap_free(recognize(speech, recognizer=recognizer, settings=SETTINGS), speech)


def test_what_is_no_speech_is_followed_by_its_loudness_and_says_so() -> None:
    speech = speech_from_samples(tone(2.0) * np.repeat([1.0, 0.1] * 4, 12_000), rate_hz=48_000)
    recognition = recognize(speech, recognizer="auto", settings=SETTINGS)
    assert recognition.recognizer == "energy"
    assert "2 s held no phones" in (recognition.note or "")
    words = recognize(speech, recognizer="words", settings=SETTINGS)
    assert words.recognizer in {"phones", "energy"}
    assert "no English words" in (words.note or "")


def test_progress_goes_from_0_to_1_and_never_back() -> None:
    shares: list[float] = []
    recognize(
        sample("movie_rms.wav"), recognizer="energy", settings=SETTINGS, on_progress=shares.append
    )
    assert shares[0] == 0.0
    assert shares[-1] == 1.0
    assert shares == sorted(shares)


def test_an_unknown_recogniser_is_named_with_those_that_exist() -> None:
    with pytest.raises(SettingsError, match=r"'wrods'.*words"):
        recognize(sample("movie_rms.wav"), recognizer="wrods", settings=SETTINGS)


def test_every_recogniser_of_the_table_can_be_called() -> None:
    code = "import vortex_lp.speech.recognizers as r; [r._load(n) for n in r.RECOGNIZERS]"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert "auto" in RECOGNIZERS
    assert SETTINGS.speech.recognizer in RECOGNIZERS


def test_recognition_leaves_standard_error_alone(capfd: pytest.CaptureFixture[str]) -> None:
    recognize(sample("movie_rms.wav"), recognizer="phones", settings=SETTINGS)
    assert capfd.readouterr() == ("", "")
