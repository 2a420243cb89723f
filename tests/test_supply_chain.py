"""Models are what they were when they were accepted."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from tests.render.liveportrait.recipe import TOY
from tests.render.liveportrait.weights_folder import write_safetensors_folder
from vortex_lp.errors import WeightsError
from vortex_lp.face.model import MODEL_SHA256, find_face_model
from vortex_lp.render.liveportrait.files import RECORD_NAME, find_weights
from vortex_lp.render.liveportrait.weights import load_networks


def test_the_face_model_is_the_official_one_and_no_other(tmp_path: Path) -> None:
    model = find_face_model()
    assert hashlib.sha256(model.read_bytes()).hexdigest() == MODEL_SHA256
    changed = tmp_path / model.name
    data = bytearray(model.read_bytes())
    data[len(data) // 2] ^= 1
    changed.write_bytes(data)
    with pytest.raises(WeightsError, match="sha256"):
        find_face_model(changed)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small weights as if they had been downloaded."""
    folder = write_safetensors_folder(tmp_path_factory.mktemp("weights") / "toy", TOY)
    files = [
        {"name": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
        for file in folder.glob("*.safetensors")
    ]
    assert len(files) == 5
    (folder / RECORD_NAME).write_text(json.dumps({"files": files}), "utf-8")
    return folder


def test_weights_are_hashed_when_they_are_used(recorded: Path, tmp_path: Path) -> None:
    load_networks(find_weights(recorded))
    folder = shutil.copytree(recorded, tmp_path / "changed")
    file = folder / "spade_generator.safetensors"
    data = bytearray(file.read_bytes())
    # The last bytes belong to a number, so that nothing but the hash can tell.
    data[-4] ^= 1
    file.write_bytes(data)
    with pytest.raises(WeightsError, match=r"spade_generator\.safetensors has changed"):
        load_networks(find_weights(folder))


def test_weights_without_a_record_are_taken_as_they_are(recorded: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(recorded, tmp_path / "own")
    (folder / RECORD_NAME).unlink()
    load_networks(find_weights(folder))


def test_a_damaged_record_is_no_leave_to_load(recorded: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(recorded, tmp_path / "damaged")
    (folder / RECORD_NAME).write_text('{"files": [{}]}', "utf-8")
    with pytest.raises(WeightsError, match="cannot be read"):
        load_networks(find_weights(folder))
