"""What all groups of settings share."""

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
)

from vortex_lp.values import ARKIT_INDEX

Share: TypeAlias = Annotated[float, Field(ge=0.0, le=1.0)]
"""A number from 0 to 1."""


Positive: TypeAlias = Annotated[float, Field(gt=0.0)]


def known_shapes(shape: Mapping[str, float]) -> Mapping[str, float]:
    """Return `shape`; raises ValueError if a name is no ARKit blendshape."""
    for name in shape:
        if name not in ARKIT_INDEX:
            raise ValueError(f"{name!r} is no ARKit blendshape{nearest(name, ARKIT_INDEX)}")
    return shape


class Strict(BaseModel):
    """A frozen group of settings that accepts no unknown key."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


def rising(pair: tuple[float, float]) -> tuple[float, float]:
    """Return `pair`; raises ValueError unless it is two numbers, the smaller one first."""
    if not 0.0 <= pair[0] <= pair[1]:
        raise ValueError(f"{list(pair)} must be two numbers, not negative, the smaller one first")
    return pair


Range: TypeAlias = Annotated[tuple[float, float], AfterValidator(rising)]
"""The least and the most of something that is drawn by chance."""


def nearest(name: str, known: Mapping[str, Any] | list[str]) -> str:
    """Return the end of a sentence that names the known name nearest to `name`."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.0)
    return f"; the nearest known one is {close[0]!r}" if close else ""
