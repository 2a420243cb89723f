from vortex_lp.settings import load_settings
from vortex_lp.speech.ipa import IPA_TO_ARPABET, ipa_phones
from vortex_lp.speech.pronounce import by_letters, pronounce


def test_known_words_come_from_the_dictionary() -> None:
    assert pronounce(["hello", "mouth", "t."]) == {
        "hello": ["HH", "AH", "L", "OW"],
        "mouth": ["M", "AW", "TH"],
        "t.": ["T", "IY"],
    }


def test_unknown_words_are_sounded_out() -> None:
    phones = pronounce(["blendshape", "maybellton"])
    assert phones["blendshape"][:2] == ["B", "L"]
    assert phones["blendshape"][-1] == "P"
    assert phones["maybellton"][0] == "M"
    for word in ("zxqj", "é", "'"):
        assert pronounce([word])[word]


def test_letters_alone_tell_closures_and_tucks() -> None:
    assert by_letters("phobe") == ["F", "AA", "B"]
    assert by_letters("shipping") == ["SH", "IH", "P", "IH", "NG"]
    assert by_letters("Vümp") == ["V", "AH", "M", "P"]


def test_ipa_becomes_the_phones_that_look_alike() -> None:
    assert ipa_phones("t͡ʃeɪ") == ["CH", "EY"]
    assert ipa_phones("ˈhɛˌloʊ") == ["HH", "EH", "L", "OW"]
    assert ipa_phones("yːɲø̃") == ["UW", "N", "ER"]
    assert ipa_phones("?!") == []
    assert set(IPA_TO_ARPABET.values()) <= set(load_settings().phones)
