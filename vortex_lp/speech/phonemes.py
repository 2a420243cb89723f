"""Phones: what they are called, what they look like, and which look alike."""

import difflib
import functools
from collections.abc import Mapping

import numpy as np

from vortex_lp.settings import Settings, load_settings
from vortex_lp.values import FloatArray

CLOSURES = frozenset({"P", "B", "M"})
"""Phones that are made with both lips shut."""

TUCKS = frozenset({"F", "V"})
"""Phones that are made with the lower lip at the upper teeth."""

VOWELS = frozenset(
    {"AA", "AE", "AH", "AO", "AW", "AX", "AXR", "AY", "EH", "ER"}
    | {"EY", "IH", "IX", "IY", "OW", "OY", "UH", "UW", "UX"}
)

VISEME_CLASSES: Mapping[str, frozenset[str]] = {
    "silence": frozenset({"SIL"}),
    "PP": CLOSURES,
    "FF": TUCKS,
    "TH": frozenset({"TH", "DH"}),
    "DD": frozenset({"T", "D", "L", "DX"}),
    "kk": frozenset({"K", "G", "NG", "HH"}),
    "CH": frozenset({"CH", "JH", "SH", "ZH"}),
    "SS": frozenset({"S", "Z"}),
    "nn": frozenset({"N"}),
    "RR": frozenset({"R", "ER", "AXR"}),
    "aa": frozenset({"AA", "AY", "AW", "AE", "AH", "AX"}),
    "E": frozenset({"EH", "EY"}),
    "I": frozenset({"IH", "IY", "IX", "Y"}),
    "O": frozenset({"AO", "OW", "OY"}),
    "U": frozenset({"UW", "UX", "UH", "W"}),
}
"""The 15 groups of phones that look alike, by the names of the common 15-viseme set."""

_CLASS_OF = {phone: name for name, phones in VISEME_CLASSES.items() for phone in phones}


def viseme_class(phone: str) -> str:
    """Return the group of `VISEME_CLASSES` that `phone` (without stress) belongs to."""
    return _CLASS_OF[phone]


def base_phone(phone: str, *, settings: Settings | None = None) -> str:
    """Return `phone` in capitals and without its stress digit, if it is a known one.

    Raises:
        ValueError: It is not; the message names the nearest known phone.
    """
    known = (settings or load_settings()).phones
    name = phone.strip().upper()
    if name and name[-1] in "012":
        name = name[:-1]
    if name in known:
        return name
    nearest = difflib.get_close_matches(name, list(known), n=1, cutoff=0.0)[0]
    raise ValueError(f"{phone!r} is no ARPAbet phone; the nearest is {nearest!r}")


def phoneme_to_viseme(phone: str) -> FloatArray:
    """Return ``[jaw_open, lip_width, lip_rounding]`` of `phone`, (3,) float32 in [0, 1].

    Stress digits are ignored: ``"AA1"`` and ``"AA"`` are the same.

    Raises:
        ValueError: `phone` is no ARPAbet phone; the message names the nearest.
    """
    return _viseme(base_phone(phone)).copy()


@functools.cache
def _viseme(name: str) -> FloatArray:
    return np.array(load_settings().phones[name].visemes, np.float32)
