"""How English words sound: PocketSphinx's dictionary, and a guess from the letters for the rest."""

import functools
import unicodedata
from pathlib import Path
from typing import Any

from vortex_lp.speech.ipa import ipa_phones
from vortex_lp.values import SILENCE

TO_SPHINX: dict[str, str] = {"AX": "AH", "IX": "IH", "AXR": "ER", "UX": "UW", "DX": "D"}
"""Phones that PocketSphinx's model lacks, and the one of its 39 that takes their place."""

_LETTERS: tuple[tuple[str, str], ...] = (
    ("tch", "CH"), ("igh", "AY"), ("tion", "SH AH N"), ("sion", "ZH AH N"), ("ough", "OW"),
    ("sh", "SH"), ("ch", "CH"), ("th", "TH"), ("ph", "F"), ("ng", "NG"), ("ck", "K"),
    ("qu", "K W"), ("wh", "W"), ("kn", "N"), ("wr", "R"), ("ee", "IY"), ("ea", "IY"),
    ("oo", "UW"), ("ou", "AW"), ("ow", "OW"), ("oi", "OY"), ("oy", "OY"), ("ai", "EY"),
    ("ay", "EY"), ("au", "AO"), ("aw", "AO"), ("oa", "OW"), ("ie", "IY"), ("ei", "EY"),
    ("er", "ER"), ("ir", "ER"), ("ur", "ER"), ("or", "AO R"), ("ar", "AA R"), ("ll", "L"),
    ("ss", "S"), ("tt", "T"), ("pp", "P"), ("mm", "M"), ("nn", "N"), ("ff", "F"), ("rr", "R"),
    ("bb", "B"), ("dd", "D"), ("gg", "G"), ("cc", "K"), ("zz", "Z"), ("ce", "S"), ("ci", "S IH"),
    ("ge", "JH"), ("a", "AE"), ("b", "B"), ("c", "K"), ("d", "D"), ("e", "EH"), ("f", "F"),
    ("g", "G"), ("h", "HH"), ("i", "IH"), ("j", "JH"), ("k", "K"), ("l", "L"), ("m", "M"),
    ("n", "N"), ("o", "AA"), ("p", "P"), ("q", "K"), ("r", "R"), ("s", "S"), ("t", "T"),
    ("u", "AH"), ("v", "V"), ("w", "W"), ("x", "K S"), ("y", "IY"), ("z", "Z"),
)  # fmt: skip


def pronounce(words: list[str]) -> dict[str, list[str]]:
    """Return the phones of each of `words`, without stress; never empty."""
    known = _look_up(frozenset(words))
    return {word: known.get(word) or _guess(word) for word in dict.fromkeys(words)}


@functools.lru_cache(maxsize=8)
def _look_up(words: frozenset[str]) -> dict[str, list[str]]:
    import pocketsphinx

    found = {}
    path = Path(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict"))
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            word, _, phones = line.partition(" ")
            if word in words:
                found[word] = phones.split()
    return found


@functools.lru_cache(maxsize=4096)
def _guess_text(word: str) -> str:
    network = _network()
    if network is not None:
        phones = [p for p in ipa_phones(network.predict(word).ipa) if p != SILENCE]
        if phones:
            return " ".join(TO_SPHINX.get(phone, phone) for phone in phones)
    return " ".join(by_letters(word)) or "AH"


def _guess(word: str) -> list[str]:
    return _guess_text(word).split()


def by_letters(word: str) -> list[str]:
    """Return phones by plain spelling rules: what is left where the network is not installed."""
    bare = "".join(c for c in unicodedata.normalize("NFD", word.lower()) if c.isalpha())
    if len(bare) > 3 and bare.endswith("e") and bare[-2] not in "aeiou":
        bare = bare[:-1]
    phones: list[str] = []
    at = 0
    while at < len(bare):
        for letters, sound in _LETTERS:
            if bare.startswith(letters, at):
                phones += sound.split()
                at += len(letters)
                break
        else:
            at += 1
    return phones


@functools.cache
def _network() -> Any:
    """Return the grapheme-to-phoneme network of the package ``hama``, or None without it."""
    try:
        import hama
    except ImportError:
        return None
    return hama.G2PModel()
