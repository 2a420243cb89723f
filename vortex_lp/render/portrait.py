"""Reading pictures that users bring: any common format in, one upright RGB portrait out.

What is done to a picture, in this order: its size is checked before a pixel is decoded, the first
frame of an animation is taken, the EXIF rotation is applied, an embedded colour profile is
converted to sRGB, 16 bits become 8, and what is transparent is laid over a light neutral grey.
"""

import io
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from vortex_lp.errors import PortraitError
from vortex_lp.settings import LimitSettings
from vortex_lp.uploads import open_upload
from vortex_lp.values import Frame, Portrait

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
"""What may be read, recognised by content; everything else that Pillow knows stays shut, because
each decoder is one more thing that a hostile file can attack."""

BACKDROP_RGB = (214, 214, 214)
"""What shows through a transparent picture: a light neutral grey, as behind a studio portrait."""

_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    struct.error,
    zlib.error,
)
"""What Pillow's decoders raise on damaged files (SyntaxError is its word for a broken header)."""


def read_portrait(path: Path | str, *, limits: LimitSettings) -> Portrait:
    """Return the picture that the file `path` holds, upright and in sRGB.

    Raises:
        PortraitError: There is no such file; it is no plain file, no picture, of an unknown format,
            damaged or cut short; it has more bytes than `limits.max_picture_bytes` or more pixels
            than `limits.max_pixels` (refused unread), or a side shorter than `limits.min_face_px`.
    """
    path = Path(path)
    with open_upload(
        path,
        what="picture",
        advice="give the path of a JPEG, PNG or WebP",
        max_bytes=limits.max_picture_bytes,
        error=PortraitError,
    ) as source:
        return _read(source, name=path.name, limits=limits)


def _read(source: BinaryIO, *, name: str, limits: LimitSettings) -> Portrait:
    try:
        with warnings.catch_warnings():
            # Pillow only warns from 89 megapixels on; our own limit refuses before decoding.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(source, formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise PortraitError(
            f"{name} claims to be far larger than the limit of "
            f"{limits.max_pixels / 1e6:.0f} megapixels; make it smaller"
        ) from error
    except UnidentifiedImageError as error:
        raise PortraitError(
            f"{name} is not a picture that can be read; use JPEG, PNG, WebP, BMP, TIFF or GIF"
        ) from error
    except _DAMAGE as error:
        raise PortraitError(f"{name} cannot be read ({error}); save the picture again") from error
    with picture:
        _check_size(*picture.size, name=name, limits=limits)
        try:
            pixels = _to_srgb(picture)
        except _DAMAGE as error:
            raise PortraitError(
                f"{name} is damaged or cut short ({error}); save or upload the picture again"
            ) from error
    return Portrait(image=pixels, name=name)


def portrait_from_array(image: npt.NDArray[Any], name: str = "the picture") -> Portrait:
    """Return a portrait of pixels that are decoded already.

    Args:
        image: (H, W), (H, W, 3) or (H, W, 4) uint8: grey, RGB or RGB with alpha, which is laid
            over `BACKDROP_RGB`. The pixels are copied.
        name: What to call it in messages.

    Raises:
        PortraitError: Another shape or type, or no pixels.
    """
    array = np.asarray(image)
    is_picture = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if not is_picture or array.dtype != np.uint8 or array.size == 0:
        raise PortraitError(
            f"{name} must be (H, W), (H, W, 3) or (H, W, 4) of uint8, "
            f"not {array.shape} of {array.dtype}"
        )
    if array.ndim == 2:
        return Portrait(image=np.repeat(array[:, :, None], 3, axis=2), name=name)
    if array.shape[2] == 4:
        return Portrait(image=_flatten(Image.fromarray(array)), name=name)
    return Portrait(image=array.copy(), name=name)


def _check_size(width: int, height: int, *, name: str, limits: LimitSettings) -> None:
    if width * height > limits.max_pixels:
        raise PortraitError(
            f"{name} has {width}x{height} px, more than the limit of "
            f"{limits.max_pixels / 1e6:.0f} megapixels; make it smaller"
        )
    if min(width, height) < limits.min_face_px:
        raise PortraitError(
            f"{name} is too small ({width}x{height} px); "
            "use a picture with a face at least 256 px wide"
        )


def _to_srgb(picture: Image.Image) -> Frame:
    picture.seek(0)
    profile = picture.info.get("icc_profile")
    upright = ImageOps.exif_transpose(picture)
    upright = _eight_bits(upright)
    if profile:
        upright = _managed(upright, profile)
    if upright.mode == "P":
        upright = upright.convert("RGBA" if "transparency" in upright.info else "RGB")
    if "A" in upright.getbands() or "a" in upright.getbands() or "transparency" in upright.info:
        return _flatten(upright.convert("RGBA"))
    return np.asarray(upright.convert("RGB"))


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Return 16-bit grey as 8-bit grey; other modes as they are.

    Pillow's own conversion clips at 255 instead of scaling, which turns such pictures white.
    """
    if picture.mode.startswith("I;16") or picture.mode == "I":
        wide = np.asarray(picture)
        if wide.min() < 0 or wide.max() > 65535:
            raise ValueError("32-bit pictures are not supported")
        return Image.fromarray(((wide.astype(np.uint32) + 128) // 257).astype(np.uint8))
    if picture.mode == "F":
        raise ValueError("floating-point pictures are not supported")
    return picture


def _managed(picture: Image.Image, profile: bytes) -> Image.Image:
    """Return `picture` with its embedded colour profile converted to sRGB.

    A profile that is broken, or that belongs to another kind of picture, is left out, as every
    browser does.
    """
    alpha = picture.getchannel("A") if "A" in picture.getbands() else None
    if picture.mode in ("RGBA", "LA"):
        picture = picture.convert(picture.mode[:-1])
    if picture.mode not in ("RGB", "L", "CMYK"):
        return picture
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        managed = ImageCms.profileToProfile(
            picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        managed = None
    picture = managed or picture.convert("RGB")
    if alpha is not None:
        picture.putalpha(alpha)
    return picture


def _flatten(picture: Image.Image) -> Frame:
    """Return an RGBA picture laid over `BACKDROP_RGB`."""
    backdrop = Image.new("RGBA", picture.size, (*BACKDROP_RGB, 255))
    return np.asarray(Image.alpha_composite(backdrop, picture).convert("RGB"))
