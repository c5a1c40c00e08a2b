"""Time of one image on the CPU: the paper's size as published against ours as served.

    python benchmarks/speed.py                  # two threads, 256 x 256 and 512 x 768
    python benchmarks/speed.py --repeats 11 --threads 4

Weights are random: they do not change the time. Every case runs in a process of its own, because
the allocator setting of one would help the other. Quote the ratios: milliseconds differ from one
machine to the next, and from one quarter of an hour to the next on a shared one.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# name: preset, frozen TorchScript in channels-last with our allocator, bfloat16 where it pays
CASES = {
    "paper": ("paper", False, False),
    "small, float32": ("small", True, False),
    "small, as served": ("small", True, True),
}
SIZES = ((256, 256), (512, 768))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    parser.add_argument("--network", choices=("generator", "segmenter"), help=argparse.SUPPRESS)
    return parser.parse_args()


def measure(case: str, network: str, threads: int, repeats: int) -> dict:
    """Return median seconds per size, peak memory and parameters, measured in this process."""
    preset, served, half = CASES[case]
    if served:
        from fancgan.hardware import tune_allocator

        tune_allocator()
    import torch

    from fancgan.hardware import bf16_pays
    from fancgan.networks.config import PRESETS
    from fancgan.networks.deploy import Networks
    from fancgan.networks.torchscript import load_scripted, quiet_torchscript, script_bytes

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    config = PRESETS[preset]
    module = Networks(config).eval().requires_grad_(False).deployed()[f"{network}.pt"]
    if served:
        module = load_scripted(script_bytes(module)).to(memory_format=torch.channels_last)
        with quiet_torchscript():
            module = torch.jit.freeze(module)
    bf16 = half and bf16_pays(torch.device("cpu"))
    result: dict = {"bf16": bf16}
    for height, width in SIZES:
        blocks = torch.rand(1, 1, height // 32, width // 32) > 0.6
        mask = blocks.float().repeat_interleave(32, 2).repeat_interleave(32, 3)
        inputs = [255 * mask]
        if network == "generator":
            noise = torch.randn(1, config.noise_channels, height, width)
            inputs = [mask, torch.randn(1, config.style_dim), noise]
        autocast = torch.autocast("cpu", torch.bfloat16, enabled=bf16)
        with torch.inference_mode(), autocast, torch.jit.optimized_execution(False):
            seconds = [timed(module, inputs) for _ in range(repeats + 2)]
        result[f"{height} x {width}"] = statistics.median(seconds[2:])
    result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    result["parameters"] = sum(p.numel() for p in getattr(Networks(config), network).parameters())
    return result


def timed(module, inputs: list) -> float:
    start = time.perf_counter()
    module(*inputs)
    return time.perf_counter() - start


def main() -> None:
    args = parse_args()
    if args.case:
        print(json.dumps(measure(args.case, args.network, args.threads, args.repeats)))
        return
    print(f"{args.threads} threads, median of {args.repeats}, seconds an image")
    sizes = [f"{height} x {width}" for height, width in SIZES]
    for network in ("generator", "segmenter"):
        print(f"\n{network:24}{'parameters':>12}{'peak MB':>9}", *(f"{s:>18}" for s in sizes))
        paper: dict = {}
        for case in CASES:
            command = [sys.executable, __file__, "--case", case, "--network", network]
            command += ["--threads", str(args.threads), "--repeats", str(args.repeats)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            row = json.loads(done.stdout.splitlines()[-1])
            paper = paper or row
            times = [f"{row[s]:9.3f} ({paper[s] / row[s]:5.1f}x)" for s in sizes]
            name = f"{case}{' (bf16)' if row['bf16'] else ''}"
            print(f"{name:24}{row['parameters']:>12,}{row['peak_mb']:>9.0f}", *times)


if __name__ == "__main__":
    main()
