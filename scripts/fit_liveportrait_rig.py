"""Fit how LivePortrait's 21 keypoints follow the 51 ARKit weights, and say how well that works.

    python scripts/fit_liveportrait_rig.py MOTION_PAIRS.npz [--figure docs/liveportrait_rig.png]

MOTION_PAIRS.npz holds, for the videos d1, d2, d5 and d8 of the LivePortrait repository, their
published motion (`*_exp`, `*_R`, `*_t`, `*_scale`) and MediaPipe's weights on the same frames
(`*_arkit`), and further published motion without videos, which sets the limits.

Method. Each video's mean is removed. For the keypoints of one part of the face the weights of that
part are fitted by ridge regression that shrinks towards a prior; all other weights keep the prior.
The prior are the slider formulas of the public user interfaces in ARKit units: which keypoints move
and in what proportion is theirs; how much a unit is lies within the sliders' range and was set by
eye on these very videos, so the scores of the prior are a little flattered. Keypoint 5 in x and y
shifts the whole head in those formulas, so the rig leaves it alone, and what published masks leave
out.
Left out one video at a time, the prior must beat plain ridge on both long videos.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vortex_lp.render.liveportrait.sizes import N_KEYPOINTS
from vortex_lp.values import ARKIT_INDEX, ARKIT_NAMES, N_BLENDSHAPES

PAIRED = ("d1", "d2", "d5", "d8")
PLAIN_RIDGE = 1.0
RIDGE = 10.0
LIMIT_MARGIN = 1.25
TABLE = Path(__file__).parents[1] / "vortex_lp/render/liveportrait/motion_rig.npz"
AXES = "xyz"

LIPS, EYES, BROWS, CHEEKS = (6, 12, 14, 17, 19, 20), (11, 13, 15, 16, 18), (1, 2), (3, 7)
"""Keypoints; lips and eyes as the published code lists them, brows and cheeks by the formulas."""

NEVER_MOVED = ((5, "x"), (5, "y"), (8, "x"), (8, "y"), (9, "x"))
"""The head's own shift, and entries that the published expression masks leave out."""

Arrays = Mapping[str, np.ndarray]


def slider_prior() -> np.ndarray:
    """Return the published slider formulas per unit of ARKit weight: (51, 63).

    The sliders' extremes in the public interfaces: open mouth 120 · 0.001, blink 20 · 0.001, gaze
    15 · 0.001, smile 1.3, pout 15 · 0.001, grin 15 · 0.001, eyebrow 15 · 0.001.
    """
    prior = np.zeros((N_BLENDSHAPES, N_KEYPOINTS, 3))

    def put(name: str, *moves: tuple[int, str, float]) -> None:
        for keypoint, axis, amount in moves:
            prior[ARKIT_INDEX[name], keypoint, AXES.index(axis)] += amount

    put("jawOpen", (19, "y", 0.09), (19, "z", 0.009), (17, "y", -0.009))
    # ARKit's mouthClose shuts what jawOpen opens; a funnel parts the lips.
    put("mouthClose", (19, "y", -0.09))
    put("mouthFunnel", (19, "y", 0.02))
    put("jawLeft", (19, "x", 0.03))
    put("jawRight", (19, "x", -0.03))
    put("mouthLeft", (19, "x", 0.03))
    put("mouthRight", (19, "x", -0.03))
    for name, size in (("mouthPucker", 0.015), ("mouthFunnel", 0.010)):
        put(name, (14, "y", size), (3, "y", -size / 2), (7, "y", -size / 2), (17, "z", -size / 2))
    put("browInnerUp", (1, "y", 0.010), (2, "y", -0.010))
    for side, lid, below, cheek in (("Left", 15, 16, 7), ("Right", 11, 13, 3)):
        put(f"eyeBlink{side}", (lid, "y", 0.022), (below, "y", -0.0066))
        put(f"eyeWide{side}", (lid, "y", -0.005), (below, "y", 0.0015))
        put(f"eyeLookUp{side}", (lid, "y", -0.010), (below, "y", -0.003))
        put(f"eyeLookDown{side}", (lid, "y", 0.010), (below, "y", 0.003))
        put(f"mouthSmile{side}", (20, "y", -0.005), (14, "y", -0.010), (17, "y", 0.00325))
        put(f"mouthSmile{side}", (17, "z", 0.0015), (below, "y", -0.00275), (cheek, "y", -0.0035))
        put(f"mouthStretch{side}", (20, "z", -0.007), (20, "y", -0.007), (14, "y", -0.007))
        put(f"mouthPress{side}", (19, "y", -0.010))
        put(f"browOuterUp{side}", (1, "y", 0.005), (2, "y", -0.005))
        put(f"browDown{side}", (1, "x", 0.007), (1, "y", -0.0021))
        put(f"browDown{side}", (2, "x", -0.007), (2, "y", 0.0021))
    # The gaze formulas move the eye that looks outwards further than the one that looks inwards.
    put("eyeLookOutLeft", (15, "x", 0.012))
    put("eyeLookInRight", (11, "x", 0.0084))
    put("eyeLookOutRight", (11, "x", -0.012))
    put("eyeLookInLeft", (15, "x", -0.0084))
    return prior.reshape(N_BLENDSHAPES, -1)


def columns(keypoints: Sequence[int]) -> list[int]:
    """Return the columns of δ, flattened to 63, that belong to `keypoints`."""
    return [3 * keypoint + axis for keypoint in keypoints for axis in range(3)]


def parts() -> list[tuple[list[int], list[int]]]:
    """Return (columns of δ, weights that may move them) for each part of the face."""
    placed = {*LIPS, *EYES, *BROWS, *CHEEKS}
    never = {3 * keypoint + AXES.index(axis) for keypoint, axis in NEVER_MOVED}
    others = [number for number in range(N_KEYPOINTS) if number not in placed]
    mouth = columns((*LIPS, *CHEEKS)) + [c for c in columns(others) if c not in never]

    def weights(*beginnings: str) -> list[int]:
        return [n for n, name in enumerate(ARKIT_NAMES) if name.startswith(beginnings)]

    return [
        (mouth, weights("jaw", "mouth", "cheek", "nose")),
        (columns(EYES), weights("eye")),
        (columns(BROWS), weights("brow")),
    ]


def ridge(x: np.ndarray, y: np.ndarray, *, strength: float) -> np.ndarray:
    """Return the ridge regression of `y` (N, C) on `x` (N, F): (F, C)."""
    return np.linalg.solve(x.T @ x + strength * np.eye(x.shape[1]), x.T @ y)


def fit(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the rig (51, 63) from weights (N, 51) and δ (N, 63), both without their means."""
    prior = slider_prior()
    rig = prior.copy()
    left_over = y - x @ prior
    for moved, by in parts():
        rig[np.ix_(by, moved)] += ridge(x[:, by], left_over[:, moved], strength=RIDGE)
    return rig


def centred(arrays: Arrays, video: str) -> tuple[np.ndarray, np.ndarray]:
    """Return weights (T, 51) and δ (T, 63) of a video without their means."""
    weights = arrays[f"{video}_arkit"][:, 1:].astype(np.float64)
    delta = arrays[f"{video}_exp"].reshape(len(weights), -1).astype(np.float64)
    return weights - weights.mean(axis=0), delta - delta.mean(axis=0)


def stacked(arrays: Arrays, videos: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return weights and δ of several videos, each without its mean."""
    pairs = [centred(arrays, video) for video in videos]
    return np.concatenate([x for x, _ in pairs]), np.concatenate([y for _, y in pairs])


def explained(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Return R² over all columns together; `truth` has mean 0."""
    return 1 - float(((truth - predicted) ** 2).sum() / (truth**2).sum())


def print_left_out(arrays: Arrays) -> dict[str, float]:
    """Print R² of each video by a rig that was fitted on the others; return it."""
    regions = {"all": list(range(3 * N_KEYPOINTS)), "lips": columns(LIPS), "eyes": columns(EYES)}
    regions |= {"brows": columns(BROWS), "cheeks": columns(CHEEKS)}
    print("R² on a video that the fit has not seen (its mean removed)")
    print(f"{'video':6s}{'frames':>7s}{'ridge':>8s}{'prior':>8s}", *(f"{r:>8s}" for r in regions))
    result = {}
    for video in PAIRED:
        x, y = centred(arrays, video)
        seen_x, seen_y = stacked(arrays, [other for other in PAIRED if other != video])
        plain = explained(y, x @ ridge(seen_x, seen_y, strength=PLAIN_RIDGE))
        alone = explained(y, x @ slider_prior())
        predicted = x @ fit(seen_x, seen_y)
        scores = [explained(y[:, c], predicted[:, c]) for c in regions.values()]
        print(f"{video:6s}{len(x):7d}{plain:8.3f}{alone:8.3f}", *(f"{s:8.3f}" for s in scores))
        result[video] = scores[0]
    print("ridge: plain ridge; prior: the slider formulas alone; all and parts: this rig\n")
    return result


def head_angles(rotations: np.ndarray) -> np.ndarray:
    """Return published rotations (T, 3, 3) as our pitch, yaw, roll (T, 3) [deg]."""
    turned = np.swapaxes(rotations.astype(np.float64), 1, 2)
    pitch = np.arctan2(turned[:, 2, 1], turned[:, 2, 2])
    yaw = np.arcsin(np.clip(turned[:, 2, 0], -1, 1))
    roll = np.arctan2(turned[:, 1, 0], turned[:, 0, 0])
    return np.degrees(np.stack((pitch, yaw, roll), axis=1))


def print_head_signs(arrays: Arrays, folder: Path) -> None:
    """Print MediaPipe's head angles on the videos against the published rotations."""
    import cv2

    from vortex_lp.face.landmarker import FaceLandmarker

    print("head angles, MediaPipe on the video against the published rotation (correlation)")
    with FaceLandmarker() as landmarker:
        for video in PAIRED:
            capture = cv2.VideoCapture(str(folder / f"{video}.mp4"))
            measured = []
            while (picture := capture.read())[0]:
                measured.append(landmarker.faces(picture[1][:, :, ::-1].copy())[0].head_deg)
            ours = np.array(measured, np.float64)
            theirs = head_angles(arrays[f"{video}_R"])
            line = []
            for number, name in enumerate(("pitch", "yaw", "roll")):
                r = np.corrcoef(ours[:, number], theirs[:, number])[0, 1]
                line.append(f"{name} {r:+.2f} (moves {ours[:, number].std():.1f} deg)")
            print(f"  {video}: " + ", ".join(line))
    print("where a head moves by less than half a degree, the correlation is noise\n")


def fit_shift(arrays: Arrays) -> np.ndarray:
    """Return how the head's place follows its angles: (3, 2) x, y per degree, in units of s.

    Only yaw moves it sideways and only pitch up and down, as a head that turns about its neck;
    ridge keeps the little that noise suggests small.
    """
    angles, places = [], []
    for video in (key[:-2] for key in arrays if key.endswith("_R")):
        angle = head_angles(arrays[f"{video}_R"])
        place = arrays[f"{video}_t"][:, :2].astype(np.float64) / arrays[f"{video}_scale"].mean()
        angles.append(angle - angle.mean(axis=0))
        places.append(place - place.mean(axis=0))
    x, y = np.concatenate(angles), np.concatenate(places)
    full = ridge(x, y, strength=100.0)
    shift = np.zeros((3, 2))
    shift[1, 0], shift[0, 1] = full[1, 0], full[0, 1]
    return shift


def find_limits(arrays: Arrays, rig: np.ndarray) -> np.ndarray:
    """Return (21, 3): the largest change that published motion or one full weight shows."""
    seen = np.zeros(3 * N_KEYPOINTS)
    for key in arrays:
        if key.endswith("_exp"):
            delta = arrays[key].reshape(-1, 3 * N_KEYPOINTS).astype(np.float64)
            seen = np.maximum(seen, np.abs(delta - np.median(delta, axis=0)).max(axis=0))
    moved = np.abs(rig).max(axis=0)
    return np.where(moved > 0, LIMIT_MARGIN * np.maximum(seen, moved), 0.0).reshape(N_KEYPOINTS, 3)


def draw(arrays: Arrays, *, video: str, file: Path) -> None:
    """Draw the published motion of `video` and what a rig predicts that has not seen it."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    x, y = centred(arrays, video)
    seen_x, seen_y = stacked(arrays, [other for other in PAIRED if other != video])
    predicted = x @ fit(seen_x, seen_y)
    shown = ((19, "y", "lower lip"), (20, "y", "mouth"), (14, "y", "mouth corners"))
    shown += ((15, "y", "left eyelid"), (11, "y", "right eyelid"))
    time_s = np.arange(len(x)) / float(arrays[f"{video}_fps"])
    figure, axes = pyplot.subplots(len(shown), 1, sharex=True, figsize=(9, 9))
    for axis, (keypoint, direction, name) in zip(axes, shown, strict=True):
        column = 3 * keypoint + AXES.index(direction)
        r2 = explained(y[:, column], predicted[:, column])
        axis.plot(time_s, y[:, column], color="0.35", label="published")
        axis.plot(time_s, predicted[:, column], color="tab:orange", label="predicted")
        axis.set_ylabel(f"{name}\nkeypoint {keypoint} {direction}")
        axis.set_title(f"R² {r2:.2f}", loc="right", fontsize=9)
    axes[0].legend(loc="upper left", ncols=2, frameon=False)
    axes[0].set_title(f"{video}: fitted without it", loc="left")
    axes[-1].set_xlabel("time [s]")
    figure.tight_layout()
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=110)
    print(f"figure: {file}")


def main() -> None:
    """Print how well the fit predicts, and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("pairs", type=Path, help="motion_pairs.npz, the videos beside it")
    parser.add_argument("--figure", type=Path, help="where to draw predicted against published")
    parser.add_argument("--video", default="d5", choices=PAIRED, help="the video of the figure")
    options = parser.parse_args()
    with np.load(options.pairs, allow_pickle=False) as loaded:
        arrays = {name: loaded[name] for name in loaded}
    names = [str(name) for name in arrays["arkit_names"]]
    if names[1:] != list(ARKIT_NAMES):
        raise SystemExit(f"{options.pairs} lists other ARKit weights, or in another order")
    print_left_out(arrays)
    print_head_signs(arrays, options.pairs.parent)
    rig = fit(*stacked(arrays, PAIRED))
    shift = fit_shift(arrays)
    print(f"the head's shift per degree: x {shift[1, 0]:+.4f} (yaw), y {shift[0, 1]:+.4f} (pitch)")
    np.savez_compressed(
        TABLE,
        offsets=rig.reshape(N_BLENDSHAPES, N_KEYPOINTS, 3).astype(np.float16),
        limits=find_limits(arrays, rig).astype(np.float32),
        shift_per_deg=shift.astype(np.float32),
    )
    print(f"table: {TABLE} ({TABLE.stat().st_size} bytes)")
    if options.figure:
        draw(arrays, video=options.video, file=options.figure)


if __name__ == "__main__":
    main()
