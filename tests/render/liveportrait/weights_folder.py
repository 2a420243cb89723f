"""Folders of recipe weights in both layouts, for tests of the public path."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.render.liveportrait.recipe import recipe_state
from vortex_lp.render.liveportrait.files import SIZES_NAME, STEMS
from vortex_lp.render.liveportrait.manifest import (
    HEAD_GROUPS,
    HEADS_STEM,
    flat_key,
    networks_of,
)
from vortex_lp.render.liveportrait.networks import NetworkName, build_networks
from vortex_lp.render.liveportrait.sizes import RELEASED, LivePortraitSizes
from vortex_lp.render.liveportrait.weights import write_sizes


def recipe_states(sizes: LivePortraitSizes) -> dict[NetworkName, dict[str, Tensor]]:
    return {
        name: dict(recipe_state(name, module))
        for name, module in build_networks(sizes).by_name().items()
    }


def write_safetensors_folder(folder: Path, sizes: LivePortraitSizes) -> Path:
    states = recipe_states(sizes)
    folder.mkdir(parents=True)
    for stem in STEMS:
        tensors = {
            flat_key(stem, network, name=name): tensor.contiguous()
            for network in networks_of(stem)
            for name, tensor in states[network].items()
        }
        save_file(tensors, folder / f"{stem}.safetensors")
    if sizes != RELEASED:
        write_sizes(sizes, folder / SIZES_NAME)
    return folder


def write_official_folder(folder: Path, sizes: LivePortraitSizes) -> Path:
    """Write the official layout, prefixes of distributed training included."""
    states = recipe_states(sizes)
    base = folder / "liveportrait" / "base_models"
    heads = folder / "liveportrait" / "retargeting_models"
    for made in (base, heads):
        made.mkdir(parents=True)
    for stem in STEMS:
        if stem != HEADS_STEM:
            torch.save(states[stem], base / f"{stem}.pth")
    groups = {
        group: {f"module.{name}": tensor for name, tensor in states[network].items()}
        for network, group in HEAD_GROUPS.items()
    }
    torch.save(groups, heads / f"{HEADS_STEM}.pth")
    if sizes != RELEASED:
        write_sizes(sizes, folder / SIZES_NAME)
    return folder
