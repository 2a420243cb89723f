"""What kind of recording a file is, told by its first bytes alone.

ffmpeg knows hundreds of kinds, among them lists of other files and addresses, and asks a file's own
content which one to believe. Here only the kinds in `CONTAINERS` exist, and ffmpeg is told which
one to use instead of choosing.
"""

import re

HEAD_BYTES = 4096
"""How much of a file is looked at."""

# Signatures are those of the formats' own specifications. `.` stands for any byte (DOTALL).
CONTAINERS: tuple[tuple[str, bytes], ...] = (
    ("wav", rb"(RIFF|RF64|BW64|RIFX)....WAVE"),
    ("avi", rb"RIFF....AVI[ \x19X]"),
    ("aiff", rb"FORM....AIF[FC]"),
    ("flac", rb"fLaC"),
    ("ogg", rb"OggS\x00"),
    ("matroska", rb"\x1aE\xdf\xa3"),
    ("mov", rb"....(ftyp|moov|mdat|wide|free|skip|pnot)"),
    ("caf", rb"caff\x00"),
    ("au", rb"\.snd"),
    ("amr", rb"#!AMR"),
    ("asf", rb"0&\xb2u\x8ef\xcf\x11\xa6\xd9\x00\xaa\x00b\xcel"),
    ("flv", rb"FLV\x01"),
    ("mpeg", rb"\x00\x00\x01\xba"),
    ("mpegts", rb"G.{187}G.{187}G"),
    ("ac3", rb"\x0bw"),
    # Layer bits 00 mean AAC, the others the layers of MPEG audio; a version of 01 and a bit rate of
    # all ones exist in neither.
    ("aac", rb"\xff[\xf0\xf1\xf8\xf9]"),
    ("mp3", rb"\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff][\x00-\xef]"),
)
"""ffmpeg's name of each container and what its files begin with."""

PICTURES = rb"\xff\xd8\xff|\x89PNG|GIF8|RIFF....WEBP|BM|II\*\x00|MM\x00\*"
"""What pictures begin with; they get a kinder message."""

_ID3_HEADER_BYTES = 10
_UNKNOWN_AFTER_TAG = "mp3"
"""What a file with ID3 tags holds where they are longer than the head: nearly always this."""


def container_of(head: bytes) -> str | None:
    """Return ffmpeg's name of the container that begins with `head`, or None for no known one."""
    body = head
    while tag_bytes := _tag_bytes(body):
        body = body[tag_bytes:]
        if not body:
            return _UNKNOWN_AFTER_TAG
    # Some encoders put zeros before the first frame of an MP3, and for nothing else is it allowed.
    padded = body.lstrip(b"\0")
    for name, signature in CONTAINERS:
        if re.match(signature, padded if name == "mp3" else body, re.DOTALL):
            return name
    return None


def is_picture(head: bytes) -> bool:
    """Return whether `head` is the beginning of a picture."""
    return re.match(PICTURES, head, re.DOTALL) is not None


def _tag_bytes(head: bytes) -> int:
    """Return the length of the ID3v2 tag at the beginning of `head`, 0 where there is none."""
    if not head.startswith(b"ID3") or len(head) < _ID3_HEADER_BYTES:
        return 0
    # Four bytes of seven bits each, the most significant first.
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte & 0x7F
    return _ID3_HEADER_BYTES + size
