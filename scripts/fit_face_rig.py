"""Fit the face rig (51 blendshapes -> displacements of 478 landmarks) from footage of faces.

    python scripts/fit_face_rig.py FOLDER [FOLDER…] [-o vortex_lp/render/mesh/face_rig.npz]

Every frame of every video is measured by MediaPipe, turned upright and to one size on the
canonical face (weighted Procrustes on the model's own basis landmarks), and each person's mean is
taken off; what is left is explained by ridge regression on the ARKit weights that MediaPipe
measures on the same frame, and made symmetric. Prints the share of variance that is explained,
leaving one video out, by face region.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vortex_lp.face.landmarker import FaceLandmarker
from vortex_lp.face.model import N_CANONICAL, canonical_face
from vortex_lp.values import ARKIT_NAMES, N_BLENDSHAPES, N_LANDMARKS, Frame

RIDGE = 2.0
"""Strength of the ridge, in units of squared weight summed over frames."""

MAX_TURN_DEG = 25.0
"""Frames turned further are left out: the hidden half of the face is guessed there."""

REGIONS = {
    "lips": [0, 13, 14, 17, 37, 39, 40, 61, 78, 82, 84, 87, 91, 181, 267, 269, 270, 291, 308, 312],
    "jaw": [148, 152, 172, 175, 176, 199, 377, 397, 400],
    "eyes": [33, 133, 145, 153, 159, 160, 263, 362, 374, 380, 386, 387],
    "brows": [52, 55, 65, 66, 105, 107, 282, 285, 295, 296, 334, 336],
}

UNSEEN = (
    ("cheekPuff", (5.0, -3.5), 1.8, (0.7, 0.0, 0.6)),
    ("cheekPuff", (-5.0, -3.5), 1.8, (-0.7, 0.0, 0.6)),
    ("cheekSquintLeft", (3.6, 0.6), 1.3, (0.1, 0.45, 0.15)),
    ("cheekSquintRight", (-3.6, 0.6), 1.3, (-0.1, 0.45, 0.15)),
    ("noseSneerLeft", (1.3, -0.6), 0.9, (0.05, 0.45, 0.1)),
    ("noseSneerRight", (-1.3, -0.6), 0.9, (-0.05, 0.45, 0.1)),
    ("jawForward", (0.0, -7.5), 2.4, (0.0, 0.0, 0.9)),
)
"""Shapes that MediaPipe never reports above 0.01 and that no footage can teach: a soft push of
`push_cm` round a point of the face. A heuristic, after the pictures in Apple's documentation of
ARFaceAnchor.BlendShapeLocation: name, centre (x, y) [cm], reach [cm], push (x, y, z) [cm]."""


def frames_of(path: Path) -> Iterator[Frame]:
    """Yield the frames of a video."""
    import imageio_ffmpeg

    reader = imageio_ffmpeg.read_frames(str(path), pix_fmt="rgb24")
    width, height = next(reader)["size"]
    try:
        for data in reader:
            yield np.frombuffer(data, np.uint8).reshape(height, width, 3)
    finally:
        reader.close()


def align(landmarks: np.ndarray) -> np.ndarray:
    """Return landmarks (478, 3) [px, y down] on the canonical face [cm, y up]."""
    canon = canonical_face()
    points = landmarks * np.array([1, -1, -1])
    weight = canon.basis_weights[:, None].astype(np.float64)
    weight = weight / weight.sum()
    a, b = points[canon.basis].astype(np.float64), canon.vertices[canon.basis].astype(np.float64)
    mean_a, mean_b = (weight * a).sum(0), (weight * b).sum(0)
    a, b = a - mean_a, b - mean_b
    u, s, vt = np.linalg.svd((weight * a).T @ b)
    sign = np.diag([1, 1, np.sign(np.linalg.det(u @ vt))])
    rotation = u @ sign @ vt
    scale = (s * np.diag(sign)).sum() / (weight * a * a).sum()
    return scale * (points - mean_a) @ rotation + mean_b


def measure(path: Path, landmarker: FaceLandmarker) -> tuple[np.ndarray, np.ndarray]:
    """Return aligned landmarks (F, 478, 3) and weights (F, 51) of the usable frames of a video."""
    shapes, weights = [], []
    for frame in frames_of(path):
        for face in landmarker.faces(frame)[:1]:
            if abs(face.head_deg[:2]).max() < MAX_TURN_DEG:
                shapes.append(align(face.landmarks))
                weights.append(face.weights)
    if not shapes:
        return np.zeros((0, N_LANDMARKS, 3)), np.zeros((0, N_BLENDSHAPES))
    return np.array(shapes), np.array(weights)


def mirror_landmarks(mean: np.ndarray) -> np.ndarray:
    """Return for every landmark the number of its mirror image."""
    mirrored = mean * np.array([-1, 1, 1])
    distance = np.linalg.norm(mean[None, :N_CANONICAL] - mirrored[:N_CANONICAL, None], axis=-1)
    partner = np.arange(N_LANDMARKS)
    partner[:N_CANONICAL] = distance.argmin(axis=1)
    # Iris centre, then its right, top, left and bottom edge, for the one eye and for the other.
    partner[468:478] = [473, 476, 475, 474, 477, 468, 471, 470, 469, 472]
    return partner


def mirror_weights() -> np.ndarray:
    """Return for every blendshape the number of its mirror image."""

    def swap(name: str) -> str:
        if name.endswith("Left"):
            return name.removesuffix("Left") + "Right"
        return name.removesuffix("Right") + "Left" if name.endswith("Right") else name

    return np.array([ARKIT_NAMES.index(swap(name)) for name in ARKIT_NAMES])


def fit(weights: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    """Return the ridge solution (51, 478, 3) for centred weights and displacements."""
    gram = weights.T @ weights + RIDGE * np.eye(N_BLENDSHAPES)
    solution = np.linalg.solve(gram, weights.T @ shapes.reshape(len(shapes), -1))
    return solution.reshape(N_BLENDSHAPES, N_LANDMARKS, 3)


def main() -> None:
    """Fit, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument(
        "-o", "--out", type=Path, default=Path("vortex_lp/render/mesh/face_rig.npz")
    )
    parser.add_argument("--measurements", type=Path, help="keep the measured frames in this .npz")
    options = parser.parse_args()
    clips = {}
    if options.measurements and options.measurements.exists():
        with np.load(options.measurements) as kept:
            for name in kept["names"]:
                clips[str(name)] = (kept[f"{name}/shapes"], kept[f"{name}/weights"])
    else:
        with FaceLandmarker() as landmarker:
            for folder in options.folders:
                for path in sorted(folder.glob("*.mp4")):
                    shapes, weights = measure(path, landmarker)
                    print(f"{path.name}: {len(shapes)} frames")
                    if len(shapes) > 10:
                        clips[path.stem] = (shapes, weights)
        if options.measurements:
            arrays = {f"{n}/shapes": c[0].astype(np.float32) for n, c in clips.items()}
            arrays |= {f"{n}/weights": c[1].astype(np.float32) for n, c in clips.items()}
            np.savez(options.measurements, names=list(clips), **arrays)
    save(clips, options.out)


def region_mask(neutral: np.ndarray) -> np.ndarray:
    """Return (51, 478): 1 where a blendshape may move a landmark, fading to 0 elsewhere.

    People raise brows while they talk, so the fit finds lips in the brows' shapes and the other way
    round; anatomy says otherwise.
    """
    height = neutral[:, 1]
    upper = 1 / (1 + np.exp(-(height + 0.6) / 0.35))
    lower = 1 / (1 + np.exp((height - 0.6) / 0.35))
    of_eyes = [name.startswith(("brow", "eye")) for name in ARKIT_NAMES]
    return np.where(np.array(of_eyes)[:, None], upper, lower)


def save(clips: dict[str, tuple[np.ndarray, np.ndarray]], out: Path) -> None:
    """Fit on all clips, print how good leave-one-out is, and write the rig."""
    partner, swap = None, mirror_weights()
    mean = np.mean([shapes.mean(axis=0) for shapes, _ in clips.values()], axis=0)
    partner = mirror_landmarks(mean)
    flip = np.array([-1, 1, 1])
    centred = {}
    for name, (shapes, weights) in clips.items():
        moved, weight = shapes - shapes.mean(axis=0), weights - weights.mean(axis=0)
        both = np.concatenate([moved, moved[:, partner] * flip])
        centred[name] = (both, np.concatenate([weight, weight[:, swap]]))

    def stack(skip: str | None) -> tuple[np.ndarray, np.ndarray]:
        kept = [pair for name, pair in centred.items() if name != skip]
        return np.concatenate([k[1] for k in kept]), np.concatenate([k[0] for k in kept])

    print(f"{'left out':12s} frames  all   " + "  ".join(f"{region:5s}" for region in REGIONS))
    for name, (shapes, weights) in centred.items():
        rig = fit(*stack(name))
        error = shapes - np.tensordot(weights, rig, axes=1)
        scores = [1 - (error**2).sum() / (shapes**2).sum()]
        for region in REGIONS.values():
            scores.append(1 - (error[:, region] ** 2).sum() / (shapes[:, region] ** 2).sum())
        print(
            f"{name:12s} {len(shapes) // 2:6d}  " + "  ".join(f"{score:5.2f}" for score in scores)
        )
    weights, shapes = stack(None)
    rig = fit(weights, shapes)
    error = shapes - np.tensordot(weights, rig, axes=1)
    print(f"all, in sample: R² {1 - (error**2).sum() / (shapes**2).sum():.3f}")
    mean_weights = np.mean([weights.mean(axis=0) for _, weights in clips.values()], axis=0)
    neutral = mean - np.tensordot(mean_weights, rig, axes=1)
    neutral = (neutral + neutral[partner] * flip) / 2
    rig *= region_mask(neutral)[:, :, None]
    for name, centre, reach_cm, push_cm in UNSEEN:
        spread = np.exp(-(((neutral[:, :2] - np.array(centre)) / reach_cm) ** 2).sum(axis=1) / 2)
        rig[ARKIT_NAMES.index(name)] += spread[:, None] * np.array(push_cm)
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out, rig=rig.astype(np.float16), neutral=neutral.astype(np.float32))
    print(json.dumps({"out": str(out), "bytes": out.stat().st_size}))


if __name__ == "__main__":
    main()
