"""Written English as spoken words: numbers, symbols and abbreviations spelled out."""

import re
import unicodedata

_ONES = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen"),
]
_TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"))
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
    "nine": "ninth", "twelve": "twelfth",
}  # fmt: skip
_SYMBOLS = {
    "&": "and", "@": "at", "+": "plus", "=": "equals", "%": "percent", "#": "number",
    "°": "degrees", "×": "times", "÷": "divided by", "<": "less than", ">": "greater than",
}  # fmt: skip
_MONEY = {
    "$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pound", "penny"),
}  # fmt: skip
_SHORT = {
    "mr": "mister", "mrs": "missus", "ms": "miss", "dr": "doctor", "prof": "professor",
    "st": "saint", "vs": "versus", "etc": "et cetera", "jr": "junior", "sr": "senior",
    "e.g": "for example", "i.e": "that is", "no": "number", "approx": "approximately",
}  # fmt: skip
_TOKEN = re.compile(
    r"(?P<money>[$€£])\s?(?P<amount>\d[\d,]*(?:\.\d+)?)(?:\s(?P<scale>thousand|million|billion))?"
    r"|(?P<hour>\d{1,2}):(?P<minute>\d\d)"
    r"|(?P<ordinal>\d[\d,]*)(?:st|nd|rd|th)\b"
    r"|(?P<number>\d[\d,]*(?:\.\d+)?)(?P<plural>'?s\b)?"
    r"|(?P<short>\b(?:mr|mrs|ms|dr|prof|st|vs|etc|jr|sr|e\.g|i\.e|approx)\.|\bno\.(?=\s?\d))"
    r"|(?P<word>[^\W\d_]+(?:'[^\W\d_]+)*'?)"
    r"|(?P<symbol>[&@+=%#°×÷<>])",
    re.IGNORECASE,
)
_YEAR = range(1100, 2100)


def spoken_words(text: str) -> list[str]:
    """Return the words that a reader of `text` says, in small letters; apostrophes stay.

    Letters keep their accents: pronouncing them is somebody else's business.
    """
    plain = unicodedata.normalize("NFKC", text).replace("’", "'").replace("‘", "'")
    words: list[str] = []
    for match in _TOKEN.finditer(plain):
        words += _said(match).split()
    return words


def _said(match: re.Match[str]) -> str:
    group = match.groupdict()
    if group["money"]:
        return _money(group["money"], group["amount"], group["scale"])
    if group["hour"]:
        return _clock(int(group["hour"]), int(group["minute"]))
    if group["ordinal"]:
        return ordinal(int(group["ordinal"].replace(",", "")))
    if group["number"]:
        said = number(group["number"])
        if not group["plural"]:
            return said
        return f"{said[:-1]}ies" if said.endswith("y") else f"{said}s"
    if group["short"]:
        return _SHORT[group["short"].rstrip(".").lower()]
    if group["symbol"]:
        return _SYMBOLS[group["symbol"]]
    word = group["word"]
    # Capitals without a vowel are letters read one by one, such as "TV".
    if len(word) > 1 and word.isupper() and not set(word) & set("AEIOUY"):
        return " ".join(f"{letter.lower()}." for letter in word)
    return word.lower().strip("'") or ""


def number(digits: str) -> str:
    """Return how `digits`, such as ``"1,234.5"`` or the year ``"1984"``, is said."""
    whole, _, decimals = digits.replace(",", "").partition(".")
    value = int(whole)
    is_year = len(whole) == 4 and "," not in digits and not decimals and value in _YEAR
    said = _year(value) if is_year and value % 1000 >= 100 else cardinal(value)
    if whole.startswith("0") and len(whole) > 1:
        said = " ".join(_ONES[int(digit)] for digit in whole)
    if decimals:
        said += " point " + " ".join(_ONES[int(digit)] for digit in decimals)
    return said


def cardinal(value: int) -> str:
    """Return a whole number from 0 on in words."""
    for scale, name in _SCALES:
        if value >= scale:
            rest = f" {cardinal(value % scale)}" if value % scale else ""
            return f"{cardinal(value // scale)} {name}{rest}"
    if value >= 100:
        rest = f" and {cardinal(value % 100)}" if value % 100 else ""
        return f"{_ONES[value // 100]} hundred{rest}"
    if value >= 20:
        rest = f" {_ONES[value % 10]}" if value % 10 else ""
        return _TENS[value // 10] + rest
    return _ONES[value]


def ordinal(value: int) -> str:
    """Return a whole number as a place in a row, such as ``"twenty first"``."""
    head, _, last = cardinal(value).rpartition(" ")
    if last in _ORDINALS:
        last = _ORDINALS[last]
    elif last.endswith("y"):
        last = f"{last[:-1]}ieth"
    else:
        last = f"{last}th"
    return f"{head} {last}".strip()


def _year(value: int) -> str:
    century, rest = divmod(value, 100)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def _clock(hour: int, minute: int) -> str:
    if minute == 0:
        return f"{cardinal(hour)} o'clock"
    return f"{cardinal(hour)} {'oh ' if minute < 10 else ''}{cardinal(minute)}"


def _money(symbol: str, amount: str, scale: str | None) -> str:
    whole_name, part_name = _MONEY[symbol]
    if scale:
        return f"{number(amount)} {scale} {whole_name}s"
    whole, _, part = amount.replace(",", "").partition(".")
    said = f"{cardinal(int(whole))} {whole_name}{'' if int(whole) == 1 else 's'}"
    cents = int(part[:2].ljust(2, "0")) if part else 0
    if cents:
        many = "pence" if part_name == "penny" else f"{part_name}s"
        said += f" and {cardinal(cents)} {part_name if cents == 1 else many}"
    return said
