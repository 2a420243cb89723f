import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vortex_lp.video.unsalted import unsalted

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))


def box(kind: bytes, body: bytes) -> bytes:
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def superbox(label: bytes, *inside: bytes) -> bytes:
    return box(b"jumb", box(b"jumd", bytes(16) + b"\x03" + label + b"\0") + b"".join(inside))


@pytest.mark.parametrize(
    "store",
    [
        b"",
        b"\0\0\0\x04jumb",
        b"\xff\xff\xff\xffjumb" + bytes(64),
        superbox(b"c2pa"),
        superbox(b"c2pa", superbox(b"urn:c2pa:1")),
        superbox(
            b"c2pa",
            superbox(
                b"urn:c2pa:1",
                superbox(b"c2pa.assertions", superbox(b"c2pa.actions.v2", box(b"cbor", b"\xa0"))),
                superbox(b"c2pa.claim.v2", box(b"cbor", b"\xa0")),
                superbox(b"c2pa.signature", box(b"cbor", b"\xd2\x84\x41x" + bytes(80))),
            ),
        ),
    ],
)
def test_another_layout_is_refused_and_not_guessed_at(store: bytes) -> None:
    with pytest.raises(ValueError, match="boxes"):
        unsalted(store, seed=b"seed", key=KEY)
