"""The script that draws what a renderer makes of portraits, run as a user runs it."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from tests.report.made import PORTRAIT
from vortex_lp.errors import SettingsError
from vortex_lp.settings import load_settings

SCRIPT = Path(__file__).parents[2] / "scripts" / "contact_sheet.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("contact_sheet", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_every_pose_is_a_frame_of_its_own(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out_file = tmp_path / "new" / "sheet.png"
    monkeypatch.setattr(
        sys, "argv", ["contact_sheet", str(PORTRAIT), "-o", str(out_file), "--column-px", "64"]
    )
    assert script.main() == 0
    sheet = np.asarray(Image.open(out_file))
    n_poses = len(script.poses(load_settings()))
    assert sheet.shape == (script.LABEL_PX + 64, script.SIDE_PX + 64 * n_poses, 3)
    cells = np.split(sheet[script.LABEL_PX :, script.SIDE_PX :], n_poses, axis=1)
    assert len({cell.tobytes() for cell in cells}) == n_poses


def test_a_phone_without_a_shape_is_named(script: ModuleType) -> None:
    settings = load_settings()
    fewer = {phone: shape for phone, shape in settings.phones.items() if phone != "UW"}
    with pytest.raises(SettingsError, match="no ARKit shape for the phone 'UW'"):
        script.poses(settings.model_copy(update={"phones": fewer}))


def test_a_picture_of_nothing_is_a_sentence(
    script: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Image.new("RGB", (300, 300)).save(tmp_path / "black.png")
    monkeypatch.setattr(sys, "argv", ["x", str(tmp_path / "black.png"), "-o", "never.png"])
    assert script.main() == 2
    assert "no face" in capsys.readouterr().err
