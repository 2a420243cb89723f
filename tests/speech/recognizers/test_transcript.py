import json

import numpy as np
import pytest

from tests.speech.recognizers.test_recognize import SETTINGS, assert_gap_free, classes
from tests.speech.sounds import REPOSITORY, sample, sample_spans
from vortex_lp.errors import SettingsError
from vortex_lp.speech.recognizers import recognize
from vortex_lp.speech.recognizers.transcript import match
from vortex_lp.values import Recognition, Speech

NAME = "movie_rms.wav"
TEXT = json.loads((REPOSITORY / "tests/data/sample_speech_phones.json").read_text("utf-8"))[NAME][
    "text"
]


def follow(text: str, speech: Speech | None = None) -> Recognition:
    return recognize(
        speech or sample(NAME), recognizer="transcript", settings=SETTINGS, transcript=text
    )


def test_a_transcript_gives_nearly_the_synthesised_phones() -> None:
    recognition = follow(TEXT)
    assert recognition.recognizer == "transcript"
    assert recognition.note is None
    assert_gap_free(recognition, sample(NAME))
    truth, found = classes(sample_spans(NAME)), classes(recognition.spans)
    n_common = min(len(truth), len(found))
    right = np.mean([a == b for a, b in zip(truth[:n_common], found[:n_common], strict=True)])
    assert right >= 0.88
    words = [span.word for span in recognition.spans if span.word]
    assert "portrait" in words


def test_auto_takes_the_transcript_where_there_is_one() -> None:
    found = recognize(sample(NAME), recognizer="auto", settings=SETTINGS, transcript=TEXT)
    assert found.recognizer == "transcript"


def test_a_passage_that_is_not_said_is_named_with_its_place() -> None:
    wrong = TEXT.replace("a few brave words", "seventeen purple elephants in Massachusetts")
    recognition = follow(wrong)
    assert_gap_free(recognition, sample(NAME))
    assert recognition.note is not None
    assert "does not match the sound after" in recognition.note
    assert "elephants" in recognition.note


def test_a_passage_that_the_text_lacks_is_named_with_its_place() -> None:
    recognition = follow(TEXT.replace(" a portrait and a few brave words,", ""))
    assert "lacks something that is said near" in (recognition.note or "")
    assert_gap_free(recognition, sample(NAME))


def test_another_text_altogether_falls_back_to_what_is_heard() -> None:
    recognition = follow("Colourless green ideas sleep furiously while nobody watches.")
    assert "does not match" in (recognition.note or "")
    assert_gap_free(recognition, sample(NAME))
    truth, found = classes(sample_spans(NAME)), classes(recognition.spans)
    n_common = min(len(truth), len(found))
    right = np.mean([a == b for a, b in zip(truth[:n_common], found[:n_common], strict=True)])
    assert right > 0.5


@pytest.mark.parametrize("text", [None, "", "  ", "...?!"])
def test_no_words_are_an_error(text: str | None) -> None:
    with pytest.raises(SettingsError, match="needs the words"):
        recognize(sample(NAME), recognizer="transcript", settings=SETTINGS, transcript=text)


def test_silence_with_a_transcript_is_silence() -> None:
    speech = Speech(samples=np.zeros(48_000, np.float32))
    recognition = follow("Hello there my friend.", speech)
    assert [span.phone for span in recognition.spans] == ["SIL"]
    assert "does not match" in (recognition.note or "")


def test_matching_finds_the_cheapest_pairs() -> None:
    text = ["HH", "AH", "L", "OW", "W", "ER", "L", "D"]
    assert match(text, text) == [(i, i) for i in range(len(text))]
    assert match(text, text[2:]) == [(i + 2, i) for i in range(len(text) - 2)]
    assert match(text, [*text[:4], "S", "S", *text[4:]]) == [
        *((i, i) for i in range(4)),
        *((i, i + 2) for i in range(4, 8)),
    ]
    assert match(["P"], ["B"]) == [(0, 0)]
    assert match([], text) == []


def test_long_texts_are_matched_in_a_band() -> None:
    rng = np.random.default_rng(0)
    text = rng.choice(["P", "T", "K", "S", "AA", "IY", "UW", "N"], 8_000).tolist()
    heard = [phone for phone, kept in zip(text, rng.random(8_000) > 0.1, strict=True) if kept]
    pairs = match(text, heard)
    same = sum(text[i] == heard[j] for i, j in pairs)
    assert same > 0.97 * len(heard)
