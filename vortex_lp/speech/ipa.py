"""The International Phonetic Alphabet as the nearest ARPAbet phones: those that look alike.

The table holds the symbols that eSpeak writes for some hundred languages, since the published
multilingual phone recognisers were trained on eSpeak's transcripts. A sound that English lacks
becomes the English one whose mouth shape is nearest: the rounded front vowels Y and Ø become UW and
ER, for instance.
"""

import unicodedata

from vortex_lp.values import SILENCE

IPA_TO_ARPABET: dict[str, str] = {
    # Diphthongs and affricates, before their first letters.
    "aɪ": "AY", "ai": "AY", "ɑɪ": "AY", "aʊ": "AW", "au": "AW", "eɪ": "EY", "ei": "EY",
    "oʊ": "OW", "əʊ": "OW", "ou": "OW", "ɔɪ": "OY", "ɔø": "OY", "oi": "OY", "ɪə": "IH",
    "tʃ": "CH", "dʒ": "JH", "tɕ": "CH", "dʑ": "JH", "ts": "S", "dz": "Z", "tʂ": "CH", "ʈʂ": "CH",
    "ɛɹ": "EH", "ɑɹ": "AA", "ɔɹ": "AO",
    # Vowels.
    "i": "IY", "ɪ": "IH", "y": "UW", "ʏ": "UH", "ɨ": "IX", "ʉ": "UX", "ᵻ": "IX", "ɯ": "IH",
    "e": "EY", "ɛ": "EH", "ø": "ER", "œ": "ER", "ɘ": "AX", "ɵ": "UH", "ɤ": "AH", "ə": "AX",
    "ɚ": "AXR", "ɝ": "ER", "ɜ": "ER", "ɞ": "ER", "ɐ": "AH", "æ": "AE", "a": "AA", "ɶ": "AE",
    "ɑ": "AA", "ɒ": "AO", "ʌ": "AH", "ɔ": "AO", "o": "OW", "u": "UW", "ʊ": "UH",
    # Lips.
    "p": "P", "b": "B", "m": "M", "ɓ": "B", "ɸ": "F", "β": "V", "ɱ": "M", "ʙ": "B",
    "f": "F", "v": "V", "ʋ": "V", "w": "W", "ʍ": "W", "ɥ": "W",
    # Tongue at teeth and ridge.
    "θ": "TH", "ð": "DH", "t": "T", "d": "D", "n": "N", "ɗ": "D", "ʈ": "T", "ɖ": "D", "ɳ": "N",
    "ɾ": "DX", "ɽ": "DX", "s": "S", "z": "Z", "ʃ": "SH", "ʒ": "ZH", "ʂ": "SH", "ʐ": "ZH",
    "ɕ": "SH", "ʑ": "ZH", "l": "L", "ɫ": "L", "ɬ": "L", "ɮ": "L", "ɭ": "L", "ɺ": "L", "ʎ": "Y",
    "ɹ": "R", "ɻ": "R", "r": "R",
    # Tongue at the palate and behind.
    "j": "Y", "ʝ": "Y", "ɟ": "G", "c": "K", "ç": "SH", "ɲ": "N", "k": "K", "g": "G", "ɡ": "G",
    "ŋ": "NG", "ɠ": "G", "x": "K", "ɣ": "G", "ɰ": "G", "q": "K", "ɢ": "G", "ɴ": "NG", "χ": "K",
    "ʁ": "G", "ʀ": "G", "h": "HH", "ɦ": "HH", "ħ": "HH", "ʕ": "AA", "ʔ": SILENCE, "ʜ": "HH",
}  # fmt: skip
"""Each IPA symbol and the ARPAbet phone that looks like it."""

_LONGEST = max(map(len, IPA_TO_ARPABET))


def ipa_phones(text: str) -> list[str]:
    """Return the ARPAbet phones of the IPA in `text`; unknown marks are passed over.

    Length, stress, tone and diacritics change no mouth shape and are dropped.
    """
    bare = "".join(
        letter
        for letter in unicodedata.normalize("NFD", text)
        if not unicodedata.combining(letter) or letter == "\u0327"
    )
    letters = unicodedata.normalize("NFC", bare)
    phones, at = [], 0
    while at < len(letters):
        for length in range(_LONGEST, 0, -1):
            phone = IPA_TO_ARPABET.get(letters[at : at + length])
            if phone is not None:
                phones.append(phone)
                at += length
                break
        else:
            at += 1
    return phones
