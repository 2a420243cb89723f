"""Loading weights: both formats, and every way in which a checkpoint can be wrong."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.render.liveportrait.recipe import TOY, recipe_networks
from tests.render.liveportrait.weights_folder import (
    write_official_folder,
    write_safetensors_folder,
)
from vortex_lp.errors import WeightsError
from vortex_lp.render.liveportrait.files import SIZES_NAME, STEMS, find_weights
from vortex_lp.render.liveportrait.manifest import published_shapes
from vortex_lp.render.liveportrait.networks import build_networks
from vortex_lp.render.liveportrait.sizes import RELEASED
from vortex_lp.render.liveportrait.weights import load_networks, read_sizes, read_tensors


@pytest.fixture
def toy_folder(tmp_path: Path) -> Path:
    return write_safetensors_folder(tmp_path / "toy", TOY)


def test_every_network_has_exactly_the_published_tensors() -> None:
    built = build_networks(RELEASED).by_name()
    published = published_shapes()
    assert set(built) == set(published)
    for name, module in built.items():
        shapes = {key: tuple(tensor.shape) for key, tensor in module.state_dict().items()}
        assert shapes == published[name], name


@pytest.mark.parametrize("write", [write_safetensors_folder, write_official_folder])
def test_both_layouts_load_the_same_networks(tmp_path: Path, write: Callable[..., Path]) -> None:
    networks = load_networks(find_weights(write(tmp_path / "weights", TOY)))
    expected = recipe_networks(TOY).by_name()
    for name, module in networks.by_name().items():
        state = module.state_dict()
        for key, tensor in expected[name].state_dict().items():
            torch.testing.assert_close(state[key], tensor, rtol=0, atol=0)


def test_two_different_copies_of_a_tensor_are_refused(tmp_path: Path) -> None:
    folder = write_official_folder(tmp_path / "weights", TOY)
    path = folder / "liveportrait/retargeting_models/stitching_retargeting_module.pth"
    groups = torch.load(path, weights_only=True)
    eye = groups["retarget_eye"]
    eye["mlp.0.bias"] = eye["module.mlp.0.bias"].clone()
    torch.save(groups, path)
    load_networks(find_weights(folder))
    eye["mlp.0.bias"] += 1
    torch.save(groups, path)
    with pytest.raises(
        WeightsError, match=r"two different tensors 'retarget_eye_module\.mlp\.0\.bias"
    ):
        load_networks(find_weights(folder))


def test_a_weight_without_spectral_norm_is_refused(toy_folder: Path) -> None:
    path = toy_folder / "spade_generator.safetensors"
    tensors = load_file(path)
    tensors["up_0.conv_0.weight_u"].zero_()
    save_file(tensors, path)
    with pytest.raises(WeightsError, match=r"up_0\.conv_0"):
        load_networks(find_weights(toy_folder))


def test_half_precision_files_load_as_float32(toy_folder: Path) -> None:
    path = toy_folder / "spade_generator.safetensors"
    save_file({name: tensor.half() for name, tensor in load_file(path).items()}, path)
    networks = load_networks(find_weights(toy_folder))
    assert {tensor.dtype for tensor in networks.generator.state_dict().values()} == {torch.float32}


Change = Callable[[dict[str, Tensor], str], None]


def _drop(tensors: dict[str, Tensor], name: str) -> None:
    del tensors[name]


def _add(tensors: dict[str, Tensor], name: str) -> None:
    tensors[f"{name}.surplus"] = torch.zeros(1)


def _reshape(tensors: dict[str, Tensor], name: str) -> None:
    tensors[name] = torch.zeros(3, 2)


def _spoil(tensors: dict[str, Tensor], name: str) -> None:
    tensors[name].view(-1)[-1] = float("nan")


@pytest.mark.parametrize(
    ("change", "said"),
    [(_drop, "lacks"), (_add, "too many"), (_reshape, "shape"), (_spoil, "not finite")],
)
@pytest.mark.parametrize("stem", STEMS)
def test_a_wrong_tensor_is_refused_by_name(
    toy_folder: Path, stem: str, change: Change, said: str
) -> None:
    path = toy_folder / f"{stem}.safetensors"
    tensors = load_file(path)
    name = next(key for key in tensors if key.endswith("bias"))
    change(tensors, name)
    save_file(tensors, path)
    with pytest.raises(WeightsError, match=said) as caught:
        load_networks(find_weights(toy_folder))
    assert name in str(caught.value)
    assert path.name in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"not weights", b"\x80\x02cos\nsystem\n(S'true'\ntR."])
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_rubbish_is_refused_and_never_executed(
    toy_folder: Path, content: bytes, suffix: str
) -> None:
    (toy_folder / "motion_extractor.safetensors").unlink()
    (toy_folder / f"motion_extractor{suffix}").write_bytes(content)
    with pytest.raises(WeightsError, match="motion_extractor"):
        load_networks(find_weights(toy_folder))


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("kind", ["zip.pth", "legacy.pth", "plain.safetensors"])
def test_a_damaged_file_is_read_or_refused_and_nothing_else(tmp_path: Path, kind: str) -> None:
    tensors = {f"layer.{number}.weight": torch.ones(4, 3) for number in range(4)}
    file = tmp_path / kind
    if kind.endswith("safetensors"):
        save_file(tensors, file)
    else:
        torch.save(tensors, file, _use_new_zipfile_serialization=kind.startswith("zip"))
    whole, random = file.read_bytes(), Random(7)
    outcomes = set()
    for _ in range(150):
        damaged = bytearray(whole[: random.choice((len(whole), random.randrange(len(whole))))])
        for _ in range(min(len(damaged), random.choice((1, 2, 8)))):
            damaged[random.randrange(min(len(damaged), 600))] = random.randrange(256)
        file.write_bytes(damaged)
        try:
            read_tensors(file, stem="motion_extractor")
            outcomes.add("read")
        except WeightsError as error:
            outcomes.add("refused")
            assert "\n" not in str(error)  # noqa: PT017 (either outcome is right)
    assert "refused" in outcomes


def test_an_incomplete_folder_names_the_first_missing_file(toy_folder: Path) -> None:
    (toy_folder / "warping_module.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"warping_module\.safetensors"):
        find_weights(toy_folder)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="nowhere"):
        find_weights(tmp_path / "nowhere")


def test_sizes_survive_the_file(toy_folder: Path) -> None:
    assert read_sizes(toy_folder / SIZES_NAME) == TOY


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"appearance": 3}'])
def test_a_wrong_sizes_file_is_refused(toy_folder: Path, text: str) -> None:
    (toy_folder / SIZES_NAME).write_text(text)
    with pytest.raises(WeightsError, match="sizes"):
        load_networks(find_weights(toy_folder))
