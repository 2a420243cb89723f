from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from vortex_lp.errors import PortraitError
from vortex_lp.render.portrait import BACKDROP_RGB, portrait_from_array, read_portrait
from vortex_lp.resources import resource_folder
from vortex_lp.settings import LimitSettings, load_settings

LIMITS = load_settings().limits
ASTRONAUT = resource_folder("assets") / "astronaut.jpg"


def halves(width: int = 80, height: int = 120) -> Image.Image:
    """Left half red, right half blue; taller than wide, so that every turn shows."""
    picture = Image.new("RGB", (width, height), (200, 20, 30))
    picture.paste((10, 40, 220), (width // 2, 0, width, height))
    return picture


def close_to(pixels: np.ndarray, colour: tuple[int, int, int], tolerance: int = 4) -> bool:
    return bool(np.abs(pixels.astype(int) - colour).max() <= tolerance)


@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "bmp", "tiff", "gif"])
def test_common_formats_are_read(tmp_path: Path, extension: str) -> None:
    halves().save(tmp_path / f"p.{extension}")
    portrait = read_portrait(tmp_path / f"p.{extension}", limits=LIMITS)
    assert portrait.image.shape == (120, 80, 3)
    assert portrait.name == f"p.{extension}"
    assert close_to(portrait.image[60, 10], (200, 20, 30), 12)
    assert close_to(portrait.image[60, 70], (10, 40, 220), 12)


def test_the_format_is_told_by_content_not_by_name(tmp_path: Path) -> None:
    halves().save(tmp_path / "really_a_png.jpg", format="PNG")
    assert read_portrait(tmp_path / "really_a_png.jpg", limits=LIMITS).image.shape == (120, 80, 3)


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [
        (2, Image.Transpose.FLIP_LEFT_RIGHT),
        (3, Image.Transpose.ROTATE_180),
        (4, Image.Transpose.FLIP_TOP_BOTTOM),
        (5, Image.Transpose.TRANSPOSE),
        (6, Image.Transpose.ROTATE_90),
        (7, Image.Transpose.TRANSVERSE),
        (8, Image.Transpose.ROTATE_270),
    ],
)
def test_every_exif_rotation_comes_out_upright(
    tmp_path: Path, orientation: int, turn: Image.Transpose
) -> None:
    upright = halves()
    upright.paste((0, 200, 0), (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = orientation
    # The stored pixels are turned the other way, so that the tag brings them back.
    upright.transpose(turn).save(tmp_path / "turned.png", exif=exif)
    portrait = read_portrait(tmp_path / "turned.png", limits=LIMITS)
    np.testing.assert_array_equal(portrait.image, np.asarray(upright))


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    halves().convert("CMYK").save(tmp_path / "print.jpg", quality=98, subsampling=0)
    portrait = read_portrait(tmp_path / "print.jpg", limits=LIMITS)
    assert close_to(portrait.image[60, 10], (200, 20, 30), 8)


def test_greyscale_becomes_rgb(tmp_path: Path) -> None:
    grey = halves().convert("L")
    grey.save(tmp_path / "grey.png")
    portrait = read_portrait(tmp_path / "grey.png", limits=LIMITS)
    np.testing.assert_array_equal(portrait.image, np.asarray(grey.convert("RGB")))


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 100 * 100).reshape(100, 100).astype(np.uint16)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    portrait = read_portrait(tmp_path / "deep.png", limits=LIMITS)
    np.testing.assert_allclose(portrait.image[..., 1], ramp / 257, atol=0.51)


def test_floating_point_pixels_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((100, 100), np.float32)).save(tmp_path / "float.tiff")
    with pytest.raises(PortraitError, match="floating-point"):
        read_portrait(tmp_path / "float.tiff", limits=LIMITS)


def test_a_palette_with_a_transparent_colour_is_read(tmp_path: Path) -> None:
    palette = halves().quantize(4)
    transparent = palette.getpixel((10, 10))
    palette.save(tmp_path / "palette.png", transparency=transparent)
    portrait = read_portrait(tmp_path / "palette.png", limits=LIMITS)
    assert close_to(portrait.image[60, 10], BACKDROP_RGB, 0)
    assert close_to(portrait.image[60, 70], (10, 40, 220), 8)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_laid_over_light_grey(tmp_path: Path, mode: str) -> None:
    picture = halves().convert(mode)
    alpha = Image.new("L", picture.size, 255)
    alpha.paste(0, (0, 0, 80, 40))
    alpha.paste(128, (0, 40, 80, 80))
    picture.putalpha(alpha)
    picture.save(tmp_path / "cut.png")
    image = read_portrait(tmp_path / "cut.png", limits=LIMITS).image
    opaque = image[100, 10].astype(int)
    assert close_to(image[20, 10], BACKDROP_RGB, 0)
    assert close_to(image[60, 10], tuple((opaque + BACKDROP_RGB) // 2), 2)


def test_an_animation_gives_its_first_frame(tmp_path: Path) -> None:
    later = Image.new("RGB", (80, 120), "white")
    halves().save(tmp_path / "a.gif", save_all=True, append_images=[later, later], duration=50)
    assert close_to(
        read_portrait(tmp_path / "a.gif", limits=LIMITS).image[60, 10], (200, 20, 30), 12
    )


def test_an_embedded_profile_is_converted_to_srgb(tmp_path: Path) -> None:
    # L* = 53.39 is the grey 128 of sRGB; Lab is a profile that little-cms makes without a file.
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    halves().save(tmp_path / "tagged.png", icc_profile=profile)
    tagged = read_portrait(tmp_path / "tagged.png", limits=LIMITS).image
    assert np.abs(tagged.astype(int) - np.asarray(halves())).max() <= 1


def test_a_swapped_profile_changes_the_colours(tmp_path: Path) -> None:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # Exchange the names of the red and the blue primary: a profile of a display wired wrongly.
    red, blue = profile.index(b"rXYZ"), profile.index(b"bXYZ")
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    halves().save(tmp_path / "swapped.png", icc_profile=bytes(profile))
    image = read_portrait(tmp_path / "swapped.png", limits=LIMITS).image
    assert close_to(image[60, 10], (30, 20, 200), 3)


def test_a_broken_profile_is_left_out(tmp_path: Path) -> None:
    halves().save(tmp_path / "broken.png", icc_profile=b"not a profile at all" * 10)
    image = read_portrait(tmp_path / "broken.png", limits=LIMITS).image
    np.testing.assert_array_equal(image, np.asarray(halves()))


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    Image.new("1", (9000, 9000)).save(tmp_path / "bomb.png")
    with pytest.raises(PortraitError, match="9000x9000 px, more than the limit of 50 megapixels"):
        read_portrait(tmp_path / "bomb.png", limits=LIMITS)


def test_a_bomb_that_pillow_itself_refuses_is_refused_in_our_words(tmp_path: Path) -> None:
    header = bytearray(60)
    header[:2] = b"BM"
    header[10:14] = (54).to_bytes(4, "little")
    header[14:18] = (40).to_bytes(4, "little")
    header[18:26] = (60000).to_bytes(4, "little") * 2
    header[26:30] = b"\x01\x00\x18\x00"
    (tmp_path / "huge.bmp").write_bytes(header)
    with pytest.raises(PortraitError, match=r"huge.bmp claims to be far larger .* 50 megapixels"):
        read_portrait(tmp_path / "huge.bmp", limits=LIMITS)


def test_forty_megapixels_are_read(tmp_path: Path) -> None:
    Image.new("L", (8000, 5000), 90).save(tmp_path / "large.png")
    assert read_portrait(tmp_path / "large.png", limits=LIMITS).image.shape == (5000, 8000, 3)


def test_one_pixel_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    with pytest.raises(PortraitError, match=r"dot.png is too small \(1x1 px\)"):
        read_portrait(tmp_path / "dot.png", limits=LIMITS)


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.jpg").write_text("this is not a picture")
    with pytest.raises(PortraitError, match="not a picture that can be read; use JPEG"):
        read_portrait(tmp_path / "notes.jpg", limits=LIMITS)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    with pytest.raises(PortraitError, match="empty file"):
        read_portrait(tmp_path / "empty.png", limits=LIMITS)


def test_a_format_outside_the_list_is_refused(tmp_path: Path) -> None:
    halves().save(tmp_path / "picture.ppm")
    with pytest.raises(PortraitError, match="not a picture that can be read"):
        read_portrait(tmp_path / "picture.ppm", limits=LIMITS)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.png", tmp_path):
        with pytest.raises(PortraitError, match=r"there is no picture|cannot be opened"):
            read_portrait(path, limits=LIMITS)


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    whole = ASTRONAUT.read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(PortraitError, match=r"cut.jpg is damaged or cut short"):
        read_portrait(tmp_path / "cut.jpg", limits=LIMITS)


@pytest.mark.parametrize("extension", ["png", "gif", "tiff", "webp", "jpg"])
def test_damage_anywhere_never_escapes_as_another_error(tmp_path: Path, extension: str) -> None:
    halves().save(tmp_path / f"p.{extension}")
    whole = (tmp_path / f"p.{extension}").read_bytes()
    random = np.random.default_rng(1)
    messages = []
    for _ in range(60):
        damaged = bytearray(whole[: int(random.integers(1, len(whole) + 1))])
        for at in random.integers(0, len(damaged), 3):
            damaged[at] ^= int(random.integers(1, 256))
        (tmp_path / "damaged").write_bytes(damaged)
        try:
            read_portrait(tmp_path / "damaged", limits=LIMITS)
        except PortraitError as error:
            messages.append(str(error))
    assert messages
    assert not any("\n" in message for message in messages)


def test_limits_come_from_the_settings(tmp_path: Path) -> None:
    halves().save(tmp_path / "p.png")
    strict = LimitSettings(**{**LIMITS.model_dump(), "max_pixels": 9000})
    with pytest.raises(PortraitError, match="80x120 px"):
        read_portrait(tmp_path / "p.png", limits=strict)


def test_arrays_become_portraits() -> None:
    rgb = np.asarray(halves())
    np.testing.assert_array_equal(portrait_from_array(rgb, "webcam").image, rgb)
    assert portrait_from_array(rgb[..., 0], "webcam").image.shape == (120, 80, 3)
    clear = np.dstack([rgb, np.zeros((120, 80), np.uint8)])
    assert close_to(portrait_from_array(clear).image, BACKDROP_RGB, 0)


def test_a_portrait_does_not_share_the_callers_array() -> None:
    rgb = np.asarray(halves()).copy()
    portrait = portrait_from_array(rgb, "webcam")
    rgb[:] = 0
    assert portrait.image.max() > 0


@pytest.mark.parametrize(
    "array",
    [np.zeros((4, 4, 3)), np.zeros((4, 4, 2), np.uint8), np.zeros((0, 4, 3), np.uint8)],
    ids=["float", "two channels", "empty"],
)
def test_other_arrays_are_refused_with_their_shape(array: np.ndarray) -> None:
    with pytest.raises(PortraitError, match=r"webcam must be .* not \("):
        portrait_from_array(array, "webcam")
