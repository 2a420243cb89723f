"""Damaged files, drawn by chance from a seed: the same seed damages the same way."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

_HARD_BYTES = (0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF)
_HARD_NUMBERS = (0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


@dataclass(frozen=True)
class Case:
    """One damaged file."""

    name: str
    """What it was, how it was damaged, and which try it is: enough to find it again."""

    data: bytes
    """What it holds."""


def cases(seeds: dict[str, bytes], *, n_cases: int, seed: int) -> Iterator[Case]:
    """Yield `n_cases` damaged copies of `seeds`, taken in turns."""
    names = sorted(seeds)
    for number in range(n_cases):
        name = names[number % len(names)]
        chance = random.Random(f"{seed} {number}")
        how = chance.choice(sorted(DAMAGES))
        data = seeds[name]
        for _ in range(chance.choice((1, 1, 2, 4))):
            data = DAMAGES[how](data, chance, seeds[chance.choice(names)])
        yield Case(f"{name} {how} {number}", data)


def _flip_bits(data: bytes, chance: random.Random, other: bytes) -> bytes:
    held = bytearray(data)
    for _ in range(chance.choice((1, 3, 20))):
        if held:
            held[chance.randrange(len(held))] ^= 1 << chance.randrange(8)
    return bytes(held)


def _hard_byte(data: bytes, chance: random.Random, other: bytes) -> bytes:
    """Put an awkward byte near the beginning, where headers are."""
    held = bytearray(data)
    if held:
        held[chance.randrange(min(len(held), 200))] = chance.choice(_HARD_BYTES)
    return bytes(held)


def _hard_number(data: bytes, chance: random.Random, other: bytes) -> bytes:
    """Put an awkward length or count anywhere."""
    place = chance.randrange(max(1, min(len(data), chance.choice((64, 400, len(data) + 1)))))
    order = chance.choice(("big", "little"))
    width = chance.choice((2, 4))
    number = chance.choice(_HARD_NUMBERS) & ((1 << (8 * width)) - 1)
    return data[:place] + number.to_bytes(width, order) + data[place + width :]


def _cut_off(data: bytes, chance: random.Random, other: bytes) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _cut_out(data: bytes, chance: random.Random, other: bytes) -> bytes:
    start = chance.randrange(len(data) + 1)
    return data[:start] + data[start + chance.choice((1, 4, 64, 1000)) :]


def _repeat(data: bytes, chance: random.Random, other: bytes) -> bytes:
    start = chance.randrange(len(data) + 1)
    return data[:start] + data[start : start + 64] * chance.choice((2, 20)) + data[start:]


def _splice(data: bytes, chance: random.Random, other: bytes) -> bytes:
    """Go on with another file, perhaps of another kind."""
    return data[: chance.randrange(len(data) + 1)] + other[chance.randrange(len(other) + 1) :]


def _zero(data: bytes, chance: random.Random, other: bytes) -> bytes:
    start = chance.randrange(len(data) + 1)
    n_zeros = min(chance.choice((4, 64, 2000)), len(data) - start)
    return data[:start] + bytes(n_zeros) + data[start + n_zeros :]


def _noise(data: bytes, chance: random.Random, other: bytes) -> bytes:
    """Keep the first bytes, by which the kind is told, and fill the rest with chance."""
    n_kept = chance.choice((0, 4, 12, 64))
    return data[:n_kept] + chance.randbytes(chance.choice((0, 10, 3000)))


def _swap_tokens(data: bytes, chance: random.Random, other: bytes) -> bytes:
    """Exchange pieces between commas, which is where text files break."""
    pieces = data.split(b",")
    for _ in range(3):
        a, b = chance.randrange(len(pieces)), chance.randrange(len(pieces))
        pieces[a], pieces[b] = pieces[b], pieces[a]
    return b",".join(pieces)


def _hard_word(data: bytes, chance: random.Random, other: bytes) -> bytes:
    """Put a word where a parser expects another."""
    words = (b"NaN", b"-1", b"1e999", b"null", b"[]", b"{}", b'"', b"\xff\xfe", b"[" * 2000)
    place = chance.randrange(len(data) + 1)
    return data[:place] + chance.choice(words) + data[place + chance.choice((0, 1, 5)) :]


DAMAGES = {
    "flip bits": _flip_bits,
    "hard byte": _hard_byte,
    "hard number": _hard_number,
    "cut off": _cut_off,
    "cut out": _cut_out,
    "repeat": _repeat,
    "splice": _splice,
    "zero": _zero,
    "noise": _noise,
    "swap tokens": _swap_tokens,
    "hard word": _hard_word,
}
