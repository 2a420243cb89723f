"""How fast LivePortrait is on this machine, and what it holds in GPU memory.

    python -m benchmarks.liveportrait_latency --baseline --profile-vram --output FILE.json

Untrained weights are used, made on the spot: the networks' sizes decide the time, not what they
learnt. Without an NVIDIA GPU every GPU figure is "not measured", and a few frames on the CPU say
how the fast path compares with the plain published graph there.
"""

import argparse
import json
import math
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.liveportrait_flop import count_flop
from vortex_lp.render.liveportrait.blocks import SpectralConv2d, fold_spectral_norm
from vortex_lp.render.liveportrait.engine import EngineSource, FastEngine, PlainEngine
from vortex_lp.render.liveportrait.memory import draw_frames, plan_batch
from vortex_lp.render.liveportrait.networks import Networks, build_networks
from vortex_lp.render.liveportrait.sizes import RELEASED, LivePortraitSizes
from vortex_lp.settings import load_settings

NOT_MEASURED = "not measured: no NVIDIA GPU"
CPU_FRAMES = 2
BASELINE_FRAMES = 48
"""Frames that stand for the plain path, which is too slow for whole clips."""

MATRIX_SIDE = 8192

Row = dict[str, Any]


def main() -> None:
    """Measure, print a table, write JSON."""
    options = _arguments()
    flop = count_flop()
    result: Row = {"machine": describe_machine(), "gflop": _in_gflop(flop)}
    networks = make_networks(RELEASED)
    if torch.cuda.is_available():
        result["gpu"] = measure_gpu(networks, flop=flop, options=options)
    else:
        result["gpu"] = NOT_MEASURED
        print(f"GPU: {NOT_MEASURED}; a short clip of {CPU_FRAMES} frames on the CPU instead")
        result["cpu"] = measure_cpu(networks)
    print(json.dumps(result, indent=1))
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
        print(f"written: {options.output}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--iterations", type=int, default=50, help="how many times the clip")
    parser.add_argument("--warmup", type=int, default=3, help="times that do not count")
    parser.add_argument("--duration", type=float, default=45, help="length of the clip [s]")
    parser.add_argument("--fps", type=float, default=24)
    parser.add_argument("--profile-vram", action="store_true", help="print PyTorch's memory report")
    parser.add_argument("--baseline", action="store_true", help="the plain path too, and compiled")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    return parser.parse_args()


def make_networks(sizes: LivePortraitSizes) -> Networks:
    """Return networks with seeded random weights of a size that keeps numbers ordinary."""
    random = torch.Generator().manual_seed(0)
    networks = build_networks(sizes)
    for module in networks.by_name().values():
        state = {name: _weight(name, like, random) for name, like in module.state_dict().items()}
        module.load_state_dict(state, strict=True, assign=True)
        for part in module.modules():
            if isinstance(part, SpectralConv2d):
                _set_spectral_norm_to_one(part)
        module.requires_grad_(requires_grad=False)
    fold_spectral_norm(networks.generator)
    return networks


def _weight(name: str, like: Tensor, random: torch.Generator) -> Tensor:
    if name.endswith("num_batches_tracked"):
        return torch.zeros((), dtype=torch.int64)
    if name.endswith("running_var") or (like.dim() == 1 and name.endswith("weight")):
        return torch.ones(like.shape)
    normal = torch.randn(like.shape, generator=random)
    if like.dim() <= 1:
        return 0.02 * normal
    return normal / math.sqrt(math.prod(like.shape[1:]))


def _set_spectral_norm_to_one(conv: SpectralConv2d) -> None:
    u, v = (torch.nn.functional.normalize(x, dim=0) for x in (conv.weight_u, conv.weight_v))
    conv.weight_u, conv.weight_v = u, v
    conv.weight_orig.data += torch.outer(u, v).view_as(conv.weight_orig)
    conv.weight_orig.data /= u @ conv.weight_orig.flatten(1) @ v


def measure_cpu(networks: Networks) -> Row:
    """Return processor seconds per frame of both paths in float32, one frame at a time.

    Processor time, not the clock's: a machine that does other things too gives the same answer.
    """
    row: Row = {"threads": torch.get_num_threads(), "frames": CPU_FRAMES}
    for name, kind in (("plain", PlainEngine), ("fast", FastEngine)):
        engine = kind(networks, device=torch.device("cpu"), precision="fp32")
        source, driven = _clip(engine, n_frames=CPU_FRAMES)
        times = []
        for point in driven:
            start = time.process_time()
            engine.draw(source, point[None])
            times.append(time.process_time() - start)
        row[f"{name}_frame_cpu_s"] = round(min(times), 2)
    row["plain_over_fast"] = round(row["plain_frame_cpu_s"] / row["fast_frame_cpu_s"], 2)
    return row


def measure_gpu(networks: Networks, *, flop: dict[str, float], options: argparse.Namespace) -> Row:
    """Return everything that is measured on the first CUDA device."""
    device = torch.device("cuda:0")
    n_frames = math.ceil(options.duration * options.fps)
    engine = FastEngine(networks, device=device, precision="fp16")
    source, driven = _clip(engine, n_frames=n_frames)
    settings = load_settings().liveportrait
    batch = plan_batch(engine, source, settings=settings)
    torch.cuda.reset_peak_memory_stats()

    def clip() -> None:
        for _ in draw_frames(engine, source, iter((driven,)), batch=batch):
            pass

    for _ in range(options.warmup):
        clip()
    times = [_seconds(clip) for _ in range(options.iterations)]
    rate = matrix_rate(device)
    frame_flop = flop["W fast"] + flop["G fast"]
    clip_s = statistics.median(times)
    row: Row = {
        "frames": n_frames,
        "batch": batch,
        "clip_s": _spread(times),
        "frames_per_s": round(n_frames / clip_s, 1),
        "peak_allocated_gb": round(torch.cuda.max_memory_allocated() / 1e9, 3),
        "peak_reserved_gb": round(torch.cuda.max_memory_reserved() / 1e9, 3),
        "matrix_tflop_per_s": round(rate / 1e12, 1),
        "share_of_matrix_rate": round(frame_flop * n_frames / clip_s / rate, 3),
        "networks_ms": _network_times(engine, source, driven[:batch]),
    }
    if options.baseline:
        row["baseline"] = _baselines(networks, device=device, fast_frame_s=clip_s / n_frames)
    if options.profile_vram:
        print(torch.cuda.memory_summary(device, abbreviated=True))
    return row


def _network_times(engine: FastEngine, source: EngineSource, driven: Tensor) -> Row:
    """Return milliseconds of W and G per frame, at the batch size of `driven`, and of F and M."""
    side = RELEASED.picture_px
    picture = torch.rand(1, 3, side, side)
    with torch.inference_mode():
        features = engine.warp(source.warp, driven)
        works: dict[str, tuple[Callable[[], object], int]] = {
            "W": (lambda: engine.warp(source.warp, driven), len(driven)),
            "G": (lambda: engine.generator(features), len(driven)),
            "F and M, once a portrait": (lambda: engine.analyse(picture), 1),
        }
        times = {}
        for name, (work, n_frames) in works.items():
            work()
            seconds = statistics.median(_seconds(work) for _ in range(10))
            times[name] = round(1000 * seconds / n_frames, 3)
    return times


def _baselines(networks: Networks, *, device: torch.device, fast_frame_s: float) -> Row:
    """Return the plain path, one frame at a time, as it is and compiled."""
    row: Row = {}
    for name in ("eager", "compiled"):
        engine = PlainEngine(networks, device=device, precision="fp16")
        if name == "compiled":
            engine.warping.compile(mode="max-autotune")
            engine.generator.compile(mode="max-autotune")
        source, driven = _clip(engine, n_frames=BASELINE_FRAMES)
        engine.draw(source, driven[:5])
        clip_s = _seconds(lambda e=engine, s=source, d=driven: e.draw(s, d))
        frame_s = clip_s / BASELINE_FRAMES
        row[f"{name}_frame_ms"] = round(1000 * frame_s, 3)
        row[f"fast_is_times_{name}"] = round(frame_s / fast_frame_s, 2)
    return row


def _clip(engine: FastEngine | PlainEngine, *, n_frames: int) -> tuple[EngineSource, Tensor]:
    """Return a portrait of noise and keypoints that wander about its own."""
    random = torch.Generator().manual_seed(1)
    picture = torch.rand(1, 3, RELEASED.picture_px, RELEASED.picture_px, generator=random)
    source = engine.analyse(picture)
    wander = 0.05 * torch.randn(n_frames, 21, 3, generator=random)
    return source, source.motion.posed + wander.to(engine.device)


def matrix_rate(device: torch.device) -> float:
    """Return the half-precision matrix rate of `device` [FLOP/s], the best of several runs."""
    a, b = (
        torch.randn(MATRIX_SIDE, MATRIX_SIDE, device=device, dtype=torch.float16) for _ in range(2)
    )
    torch.mm(a, b)
    best = min(_seconds(lambda: torch.mm(a, b)) for _ in range(20))
    return 2 * MATRIX_SIDE**3 / best


def _seconds(work: Callable[[], object]) -> float:
    """Return how long `work` takes, everything that it started on the GPU included."""
    _wait()
    start = time.perf_counter()
    work()
    _wait()
    return time.perf_counter() - start


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _spread(times: list[float]) -> Row:
    ordered = sorted(times)

    def percentile(share: float) -> float:
        return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]

    numbers = {
        "mean": statistics.fmean(times),
        "median": statistics.median(times),
        "stdev": statistics.pstdev(times),
        "min": ordered[0],
        "max": ordered[-1],
        "p50": percentile(0.50),
        "p95": percentile(0.95),
        "p99": percentile(0.99),
    }
    return {name: round(value, 4) for name, value in numbers.items()}


def describe_machine() -> Row:
    """Return what ran: commit, versions, processor, card and driver."""
    row: Row = {
        "commit": _first_line(["git", "rev-parse", "HEAD"]),
        "changed": bool(_first_line(["git", "status", "--porcelain", "--untracked-files=no"])),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "processor": platform.machine(),
    }
    if torch.cuda.is_available():
        query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        row |= {"card": torch.cuda.get_device_name(0), "driver": _first_line(query)}
    return row


def _first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return ""
    return next(_lines(done.stdout), "")


def _lines(text: str) -> Iterator[str]:
    return (line.strip() for line in text.splitlines())


def _in_gflop(flop: dict[str, float]) -> dict[str, float]:
    return {name: round(value / 1e9, 1) for name, value in flop.items()}


if __name__ == "__main__":
    main()
