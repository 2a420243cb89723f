"""What every test may ask for: our own samples, and the team's reference data where it is there."""

import atexit
import os
import shutil
import tempfile
import wave
from pathlib import Path

import numpy as np
import pytest

from vortex_lp.resources import resource_folder

ROOT = Path(__file__).parent.parent

# Gradio reads both when it is imported, by whichever test does that first in this process.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["GRADIO_TEMP_DIR"] = tempfile.mkdtemp(prefix="vortex-lp-tests-")
atexit.register(shutil.rmtree, os.environ["GRADIO_TEMP_DIR"], ignore_errors=True)


@pytest.fixture(scope="session")
def assets() -> Path:
    return resource_folder("assets")


@pytest.fixture(scope="session")
def portrait_file(assets: Path) -> Path:
    return assets / "astronaut.jpg"


@pytest.fixture(scope="session")
def short_speech_file(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second of a sample, so that whole videos stay quick."""
    file = tmp_path_factory.mktemp("speech") / "second.wav"
    with wave.open(str(assets / "welcome_slt.wav")) as whole, wave.open(str(file), "wb") as second:
        second.setparams(whole.getparams())
        second.writeframes(whole.readframes(whole.getframerate()))
    return file


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The team's reference data; tests that need it are marked ``shared``."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the team's reference data is not beside this checkout")
    return folder


def write_wav(
    file: Path, samples: np.ndarray, *, rate_hz: int = 16_000, n_channels: int = 1
) -> Path:
    """Write float samples in [-1, 1] as 16-bit WAV and return the file."""
    with wave.open(str(file), "wb") as sink:
        sink.setnchannels(n_channels)
        sink.setsampwidth(2)
        sink.setframerate(rate_hz)
        sink.writeframes(np.round(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return file
