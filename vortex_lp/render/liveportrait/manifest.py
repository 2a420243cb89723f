"""What the published checkpoints hold: network → tensor name → shape; nothing here imports torch.

``weights_manifest.json`` lists the published checkpoints' own names and shapes; nothing else may
be in a checkpoint and nothing of it may be missing.
"""

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from vortex_lp.errors import WeightsError

Shape: TypeAlias = tuple[int, ...]

HEAD_GROUPS = {
    "stitching": "retarget_shoulder",
    "lip": "retarget_mouth",
    "eye": "retarget_eye",
}
"""Head → what it is called in the file of the stitching and retargeting heads."""

HEADS_STEM = "stitching_retargeting_module"


@functools.lru_cache(maxsize=1)
def published_shapes() -> Mapping[str, Mapping[str, Shape]]:
    """Return network → tensor name → shape of the published checkpoints."""
    text = Path(__file__).with_name("weights_manifest.json").read_text("utf-8")
    return {
        network: {name: tuple(shape) for name, shape in tensors.items()}
        for network, tensors in json.loads(text).items()
    }


def networks_of(stem: str) -> tuple[str, ...]:
    """Return the networks that the weight file `stem` holds."""
    return tuple(HEAD_GROUPS) if stem == HEADS_STEM else (stem,)


def flat_key(stem: str, network: str, *, name: str) -> str:
    """Return what the tensor `name` of `network` is called in a ``.safetensors`` file."""
    return f"{HEAD_GROUPS[network]}_module.{name}" if stem == HEADS_STEM else name


def check_shapes(
    found: Mapping[str, Shape], expected: Mapping[str, Shape], *, file_name: str
) -> None:
    """Check that a file's tensors are exactly the expected ones.

    Raises:
        WeightsError: One is missing, extra or of another shape; the message names the first.
    """
    advice = "it belongs to another network or version; run `vortex-lp download --force`"
    for name, shape in expected.items():
        if name not in found:
            raise WeightsError(f"{file_name} lacks the tensor {name!r}; {advice}")
        if found[name] != shape:
            raise WeightsError(
                f"{file_name}: the tensor {name!r} has shape {found[name]}, not {shape}; {advice}"
            )
    for name in found:
        if name not in expected:
            raise WeightsError(f"{file_name} has a tensor {name!r} too many; {advice}")
