import numpy as np
import pytest

from vortex_lp.settings import load_settings
from vortex_lp.speech.phonemes import VISEME_CLASSES, VOWELS, phoneme_to_viseme, viseme_class

ARPABET = [
    *("AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G", "HH"),
    *("IH", "IY", "JH", "K", "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "T", "TH"),
    *("UH", "UW", "V", "W", "Y", "Z", "ZH"),
]


def test_all_39_phones_have_visemes_with_and_without_stress() -> None:
    assert len(ARPABET) == 39
    for phone in ARPABET:
        plain = phoneme_to_viseme(phone)
        assert plain.shape == (3,)
        assert plain.dtype == np.float32
        assert ((plain >= 0) & (plain <= 1)).all()
        for stress in "012":
            assert (phoneme_to_viseme(phone + stress) == plain).all()


def test_visemes_look_like_their_phones() -> None:
    assert all(phoneme_to_viseme(phone)[0] == 0.0 for phone in "PBM")
    assert phoneme_to_viseme("AA")[0] > phoneme_to_viseme("EH")[0] > phoneme_to_viseme("IY")[0]
    assert phoneme_to_viseme("UW")[2] > phoneme_to_viseme("OW")[2] > phoneme_to_viseme("AA")[2]
    assert phoneme_to_viseme("IY")[1] > phoneme_to_viseme("SIL")[1] > phoneme_to_viseme("UW")[1]


def test_an_unknown_phone_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="'THH' is no ARPAbet phone; the nearest is 'TH'"):
        phoneme_to_viseme("THH")


def test_the_caller_owns_the_viseme() -> None:
    phoneme_to_viseme("AA")[0] = 0.0
    assert phoneme_to_viseme("AA")[0] > 0.5


def test_each_phone_of_the_settings_has_one_class_and_one_kind() -> None:
    settings = load_settings()
    phones = [phone for members in VISEME_CLASSES.values() for phone in members]
    assert sorted(phones) == sorted(settings.phones)
    kinds = [phone for kind in settings.speech.kinds.values() for phone in kind.phones]
    assert sorted(kinds) == sorted(settings.phones)
    assert settings.phones.keys() > VOWELS
    assert len(VISEME_CLASSES) == 15
    assert viseme_class("B") == "PP"
