"""Content Credentials without chance, so that the same video is the same file.

The C2PA library strews random salt into its boxes, against guessing what a removed assertion said.
Ours hold nothing that anybody would have to guess. Here the salt is replaced by bytes that follow
from the video, the hashes over it are renewed, and the claim is signed again. Every box keeps its
size and place.

The layout is that of ISO 19566-5 (JUMBF), the C2PA specification 2.2 (A.5, 11, 13) and RFC 9052.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_HAS_ID, _HAS_HASH, _HAS_PRIVATE = 4, 8, 16
"""Toggles of a JUMBF description box: what follows its label."""

_UNKNOWN = "the C2PA library lays out its boxes in a way that is not known here"


@dataclass(frozen=True, slots=True)
class _Box:
    """One JUMBF box: where it is and what it holds."""

    kind: bytes
    start: int
    stop: int

    @property
    def body(self) -> slice:
        return slice(self.start + 8, self.stop)


def unsalted(store: bytes, *, seed: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return the manifest store `store`, signed by `key`, with salt that follows from `seed`.

    Args:
        store: A JUMBF box of one manifest, as it stands in a file.
        seed: What the salt follows from.
        key: The key that `store` is signed with.

    Raises:
        ValueError: The boxes are not as the specification lays them out.
    """
    data = bytearray(store)
    manifest = _child(data, _whole(data), b"urn:")
    claim = _child(data, manifest, b"c2pa.claim")
    signature = _child(data, manifest, b"c2pa.signature")
    assertions = list(_superboxes(data, _child(data, manifest, b"c2pa.assertions")))
    claimed = _content(data, claim).body
    then = [hashlib.sha256(data[box.body]).digest() for box in assertions]
    for number, salt in enumerate(_salts(data, _whole(data))):
        length = salt.stop - salt.start
        data[salt] = hashlib.sha256(seed + number.to_bytes(4, "big")).digest()[:length]
    for old, box in zip(then, assertions, strict=True):
        if data[claimed].count(old) != 1:
            raise ValueError(_UNKNOWN)
        new = hashlib.sha256(data[box.body]).digest()
        data[claimed] = data[claimed].replace(old, new)
    _sign_again(data, _content(data, signature), claimed, before=store, key=key)
    return bytes(data)


def _sign_again(
    data: bytearray, cose: _Box, claimed: slice, *, before: bytes, key: Ed25519PrivateKey
) -> None:
    """Put a fresh signature of what is `claimed` into the COSE_Sign1 structure."""
    body = data[cose.body]
    if body[:2] != b"\xd2\x84" or body[-66:-64] != b"\x58\x40":
        raise ValueError(_UNKNOWN)
    protected = _byte_string(bytes(body[2:]))
    head = b"\x84\x6aSignature1" + protected + b"\x40"
    try:
        key.public_key().verify(bytes(body[-64:]), head + _as_byte_string(before[claimed]))
    except InvalidSignature as error:
        raise ValueError(_UNKNOWN) from error
    data[cose.stop - 64 : cose.stop] = key.sign(head + _as_byte_string(bytes(data[claimed])))


def _byte_string(data: bytes) -> bytes:
    """Return the CBOR byte string that `data` begins with, its own head included."""
    short = data[0] - 0x40
    if 0 <= short < 24:
        return data[: 1 + short]
    n_head = {0x58: 1, 0x59: 2}.get(data[0])
    if n_head is None:
        raise ValueError(_UNKNOWN)
    return data[: 1 + n_head + int.from_bytes(data[1 : 1 + n_head], "big")]


def _as_byte_string(data: bytes) -> bytes:
    """Return `data` as a CBOR byte string in its shortest form."""
    n = len(data)
    if n < 24:
        return bytes([0x40 + n]) + data
    if n < 1 << 8:
        return b"\x58" + n.to_bytes(1, "big") + data
    if n < 1 << 16:
        return b"\x59" + n.to_bytes(2, "big") + data
    return b"\x5a" + n.to_bytes(4, "big") + data


def _whole(data: bytearray) -> _Box:
    for box in _boxes(data, 0, len(data)):
        return box
    raise ValueError(_UNKNOWN)


def _boxes(data: bytearray, start: int, stop: int) -> Iterator[_Box]:
    while start < stop:
        size = int.from_bytes(data[start : start + 4], "big")
        if size < 8 or start + size > stop:
            raise ValueError(_UNKNOWN)
        yield _Box(bytes(data[start + 4 : start + 8]), start, start + size)
        start += size


def _inside(data: bytearray, box: _Box) -> Iterator[_Box]:
    return _boxes(data, box.start + 8, box.stop)


def _superboxes(data: bytearray, box: _Box) -> Iterator[_Box]:
    return (inner for inner in _inside(data, box) if inner.kind == b"jumb")


def _content(data: bytearray, box: _Box) -> _Box:
    """Return the CBOR box in a superbox."""
    for inner in _inside(data, box):
        if inner.kind == b"cbor":
            return inner
    raise ValueError(_UNKNOWN)


def _child(data: bytearray, box: _Box, label: bytes) -> _Box:
    """Return the superbox whose label begins with `label`."""
    for inner in _superboxes(data, box):
        if data[next(_inside(data, inner)).body][17:].startswith(label):
            return inner
    raise ValueError(_UNKNOWN)


def _salts(data: bytearray, box: _Box) -> Iterator[slice]:
    """Yield where salt stands in the description of `box` and of every superbox in it."""
    description = next(_inside(data, box))
    toggles = data[description.start + 24]
    if toggles & _HAS_PRIVATE:
        # A type of 16 bytes, the toggles, a label that a zero ends, and perhaps an id and a hash.
        place = data.index(0, description.start + 25) + 1
        place += 4 * bool(toggles & _HAS_ID) + 32 * bool(toggles & _HAS_HASH)
        for private in _boxes(data, place, description.stop):
            if private.kind == b"c2sh":
                yield private.body
    for inner in _superboxes(data, box):
        yield from _salts(data, inner)
