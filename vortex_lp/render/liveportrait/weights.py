"""Weight files → networks, strictly: nothing missing, nothing extra, every number finite.

No pickle is ever executed: ``.safetensors`` holds numbers only, and ``.pth`` is read with torch's
``weights_only``.
"""

import dataclasses
import json
import pickle
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from vortex_lp.errors import WeightsError
from vortex_lp.render.liveportrait.blocks import fold_spectral_norm
from vortex_lp.render.liveportrait.files import WeightFiles, check_record
from vortex_lp.render.liveportrait.manifest import (
    HEAD_GROUPS,
    HEADS_STEM,
    check_shapes,
    flat_key,
    networks_of,
)
from vortex_lp.render.liveportrait.networks import Networks, build_networks
from vortex_lp.render.liveportrait.sizes import RELEASED, LivePortraitSizes

_AGAIN = "run `vortex-lp download --force`"
_DAMAGE = (
    OSError,
    RuntimeError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    OverflowError,
    MemoryError,
    struct.error,
    pickle.UnpicklingError,
)
"""What torch raises on a damaged file, whose harmless functions then get senseless arguments;
found by changing bytes at random."""


def load_networks(files: WeightFiles) -> Networks:
    """Return the networks that `files` hold, in float32 on the CPU, spectral norm folded.

    Raises:
        WeightsError: A file cannot be read or is not what was downloaded, a tensor is missing,
            extra, misshapen or not finite; the message names the file and the tensor.
    """
    check_record(files)
    sizes = read_sizes(files.sizes_file) if files.sizes_file else RELEASED
    networks = build_networks(sizes)
    modules: Mapping[str, torch.nn.Module] = dict(networks.by_name().items())
    for stem, path in files.by_stem.items():
        tensors = read_tensors(path, stem=stem)
        check_tensors(tensors, _expected(modules, stem), file_name=path.name)
        for network in networks_of(stem):
            state = {
                name: tensors[flat_key(stem, network, name=name)]
                for name in modules[network].state_dict()
            }
            modules[network].load_state_dict(state, strict=True, assign=True)
            modules[network].requires_grad_(requires_grad=False)
    fold_spectral_norm(networks.generator)
    for name, weight in networks.generator.named_parameters():
        if not torch.isfinite(weight).all():
            raise WeightsError(f"spade_generator: {name!r} has no finite spectral norm; {_AGAIN}")
    return networks


def check_weight_file(path: Path, *, stem: str, sizes_file: Path | None) -> None:
    """Check that the file `path` holds exactly the tensors of `stem`, all of them finite.

    Raises:
        WeightsError: As `load_networks`.
    """
    sizes = read_sizes(sizes_file) if sizes_file else RELEASED
    modules: Mapping[str, torch.nn.Module] = dict(build_networks(sizes).by_name().items())
    check_tensors(read_tensors(path, stem=stem), _expected(modules, stem), file_name=path.name)


def _expected(modules: Mapping[str, torch.nn.Module], stem: str) -> dict[str, tuple[int, ...]]:
    return {
        flat_key(stem, network, name=name): tuple(tensor.shape)
        for network in networks_of(stem)
        for name, tensor in modules[network].state_dict().items()
    }


def check_tensors(
    tensors: Mapping[str, Tensor], expected: Mapping[str, tuple[int, ...]], *, file_name: str
) -> None:
    """Check names, shapes and that every number is finite.

    Raises:
        WeightsError: As `vortex_lp.render.liveportrait.manifest.check_shapes`, or a tensor holds
            a number that is not finite.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    check_shapes(shapes, expected, file_name=file_name)
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise WeightsError(
                f"{file_name}: the tensor {name!r} holds numbers that are not finite; {_AGAIN}"
            )


def read_tensors(path: Path, *, stem: str) -> dict[str, Tensor]:
    """Return the tensors of one weight file under the names of the ``.safetensors`` layout.

    Floating-point tensors come as float32, whatever the file holds.

    Raises:
        WeightsError: The file cannot be read.
    """
    if path.suffix == ".safetensors":
        tensors = _read_safetensors(path)
    else:
        tensors = _flatten_official(_read_pth(path), stem=stem, file_name=path.name)
    return {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in tensors.items()
    }


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path.name} cannot be read ({error}); {_AGAIN}") from error


def _read_pth(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except _DAMAGE as error:
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else "damaged"
        raise WeightsError(f"{path.name} cannot be read safely ({first_line}); {_AGAIN}") from error


def _flatten_official(content: Any, *, stem: str, file_name: str) -> dict[str, Tensor]:
    """Return an official file's tensors under their names in the ``.safetensors`` layout."""
    if stem != HEADS_STEM:
        return _tensors_of(content, file_name=file_name)
    flat: dict[str, Tensor] = {}
    for group in HEAD_GROUPS.values():
        if not isinstance(content, Mapping) or group not in content:
            raise WeightsError(f"{file_name} lacks the group {group!r}; {_AGAIN}")
        # Distributed training left each name with a prefix, and some both with it and without.
        for name, tensor in _tensors_of(content[group], file_name=file_name).items():
            key = f"{group}_module.{name.removeprefix('module.')}"
            if key in flat and not torch.equal(flat[key], tensor):
                raise WeightsError(f"{file_name} holds two different tensors {key!r}; {_AGAIN}")
            flat[key] = tensor
    return flat


def _tensors_of(content: Any, *, file_name: str) -> dict[str, Tensor]:
    if not isinstance(content, Mapping):
        raise WeightsError(f"{file_name} holds no table of tensors; {_AGAIN}")
    for name, tensor in content.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise WeightsError(f"{file_name}: {name!r} is no tensor; {_AGAIN}")
    return dict(content)


def read_sizes(path: Path) -> LivePortraitSizes:
    """Return the network sizes that the JSON file `path` holds.

    Raises:
        WeightsError: The file is no JSON of `LivePortraitSizes`.
    """
    try:
        data = json.loads(path.read_text("utf-8"))
        sizes: LivePortraitSizes = _sizes_from(LivePortraitSizes, data)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise WeightsError(
            f"{path} does not describe LivePortrait sizes ({error}); delete it for the published "
            "sizes"
        ) from error
    return sizes


def write_sizes(sizes: LivePortraitSizes, path: Path) -> None:
    """Write `sizes` as JSON, so that weights of other widths can be found with `find_weights`."""
    path.write_text(json.dumps(dataclasses.asdict(sizes), indent=1) + "\n", "utf-8")


def _sizes_from(kind: Any, data: Mapping[str, Any]) -> Any:
    fields = {field.name: field.type for field in dataclasses.fields(kind)}
    if set(fields) != set(data):
        raise ValueError(f"the keys of {kind.__name__} are {sorted(fields)}")
    values: dict[str, Any] = {}
    for name, annotation in fields.items():
        value = data[name]
        if dataclasses.is_dataclass(annotation):
            values[name] = _sizes_from(annotation, value)
        elif isinstance(value, list):
            values[name] = tuple(int(item) for item in value)
        else:
            values[name] = int(value)
    return kind(**values)
