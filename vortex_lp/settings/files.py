"""What comes in and what goes out: limits, video files, what they say about themselves."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from vortex_lp.settings.base import Positive, Strict


class LimitSettings(Strict):
    """What is accepted from a user."""

    max_pixels: int
    """Pixels of a picture; larger ones are refused unread."""

    min_face_px: int
    """Smaller faces (longer side of the landmarks' box) are refused."""

    max_yaw_deg: float
    """Faces turned further than this are refused as profiles."""

    max_mirror_error: Positive
    """A face whose landmarks move by more than this share of its size when the picture is mirrored
    is refused as not human; where the number comes from stands in `vortex_lp.face.source`."""

    max_detect_px: int
    """Faces are looked for on a copy whose longer side is at most this [px]."""

    max_picture_bytes: Annotated[int, Field(ge=1)]
    """Larger picture files are refused unread."""

    max_audio_bytes: Annotated[int, Field(ge=1)]
    """Larger files of sound are refused unread."""

    max_audio_s: float
    """Longest recording [s]."""

    decode_stall_s: Positive
    """Decoding that brings no sound for so long is stopped [s]."""

    render_stall_s: Positive
    """A renderer that brings no frame for so long is given up [s]."""

    max_timeline_bytes: Annotated[int, Field(ge=1)]
    """Larger timeline files are refused unread."""

    max_clips: Annotated[int, Field(ge=1)]
    """Most entries of an expression timeline."""


class VideoSettings(Strict):
    """How the finished video is encoded."""

    fps: Annotated[float, Field(ge=1.0, le=120.0)]
    """Frames a second where nobody asks for another rate."""

    crf: Annotated[int, Field(ge=0, le=51)]
    """x264's constant rate factor: 0 loses nothing, 18 is hard to tell from the original, 51 is
    worst."""

    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"]
    """x264's trade of speed for size."""

    keyframe_s: Positive
    """Longest time between frames that a player can jump to [s]."""

    audio_kbps: Annotated[int, Field(ge=16, le=320)]
    """Bit rate of the AAC sound, which is mono [kbit/s]."""

    stall_s: Positive
    """An encoder that takes no frame, or does not finish, for so long is stopped [s]."""


OTHER_RENDERER = "other"
"""The key under `ProvenanceSettings.source_types` for renderers that are not named there."""


def _with_other(words: dict[str, str]) -> dict[str, str]:
    if OTHER_RENDERER not in words:
        raise ValueError(f"the key {OTHER_RENDERER!r} is missing; it stands for any other renderer")
    return words


class ProvenanceSettings(Strict):
    """What a video says about itself; see `vortex_lp.video.provenance`."""

    credentials: bool
    """Whether Content Credentials (C2PA) are put into every video."""

    notice: Annotated[str, Field(min_length=1, max_length=500)]
    """What the video is, in a sentence."""

    source_types: Annotated[dict[str, str], AfterValidator(_with_other)]
    """Renderer → IPTC's word for what it makes; `OTHER_RENDERER` stands for any not named."""

    label: Annotated[str, Field(max_length=80)]
    """Words in a corner of the picture; empty for none."""
