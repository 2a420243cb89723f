"""Copy the two public-domain sample portraits out of the packages that carry them into assets/.

Run once, in a throw-away environment with scikit-image and matplotlib; neither is a dependency of
vortex_lp. Where each picture comes from stands in assets/README.md.

    python scripts/make_sample_portraits.py
"""

import shutil
from pathlib import Path

import matplotlib
import skimage
from PIL import Image

ASSETS = Path(__file__).parent.parent / "assets"
JPEG_QUALITY = 95
"""Keeps the 512 x 512 photograph, a PNG of 790 kB, under 150 kB without visible loss."""


def main() -> None:
    """Write assets/astronaut.jpg and assets/grace_hopper.jpg."""
    astronaut = Path(skimage.__file__).parent / "data" / "astronaut.png"
    with Image.open(astronaut) as picture:
        picture.convert("RGB").save(
            ASSETS / "astronaut.jpg", quality=JPEG_QUALITY, subsampling=0, optimize=True
        )
    hopper = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    shutil.copyfile(hopper, ASSETS / "grace_hopper.jpg")
    for name in ("astronaut.jpg", "grace_hopper.jpg"):
        print(f"{ASSETS / name}: {(ASSETS / name).stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
