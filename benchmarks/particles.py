"""Time of finding particles of any kind against the segmenter for one material.

    python benchmarks/particles.py                            # particles against tio2-sem
    python benchmarks/particles.py --bundle runs/bundle --repeats 11 --threads 1

512 x 768 pixels: all looks and the decoding of the one, against the network of the other alone.
1024 x 768 pixels: from the picture to its particles, by each. The pictures are painted by the other
bundle. Both take turns; quote the median ratios: seconds differ between machines and hours.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

WARM_UP = 1


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", default="particles")
    parser.add_argument("--against", default="tio2-sem", help="a bundle that paints")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    return parser.parse_args()


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the wall clock, and of the processor in all threads."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def compare(a: Callable[[], object], b: Callable[[], object], repeats: int) -> None:
    """Print the medians of both, taken in turns, and of the ratios of neighbours."""
    pairs = [(timed(a), timed(b)) for _ in range(WARM_UP + repeats)][WARM_UP:]
    for k, clock in enumerate(("wall", "processor")):
        first, second = ([pair[i][k] for pair in pairs] for i in (0, 1))
        ratios = [x / y for x, y in zip(first, second, strict=True)]
        print(
            f"  {clock:10}{statistics.median(first):8.3f} s against "
            f"{statistics.median(second):.3f} s: {statistics.median(ratios):.2f} times "
            f"({min(ratios):.2f} to {max(ratios):.2f})"
        )


def main() -> None:
    args = parse_args()
    from fancgan.hardware import tune_allocator

    tune_allocator()
    import torch

    from fancgan import Pipeline
    from fancgan.layouts.config import LayoutConfig
    from fancgan.layouts.layout import make_layout

    torch.set_num_threads(args.threads)
    finder, other = (Pipeline.from_pretrained(name) for name in (args.bundle, args.against))

    def painted(height: int, width: int) -> np.ndarray:
        layout = make_layout(LayoutConfig(height=height, width=width, seed=1))
        return other.synthesize(layout, seed=1)

    print(f"{args.threads} threads, median of {args.repeats}; {args.bundle} against {args.against}")
    picture = painted(512, 768)
    print(f"512 x 768: {finder.find(picture).labels.max()} particles, against the network alone")
    compare(lambda: finder.find(picture), lambda: other.segment(picture), args.repeats)
    large = painted(768, 1024)
    print(f"1024 x 768: {finder.find(large).labels.max()} particles, both find them")
    compare(lambda: finder.find(large), lambda: other.find(large), args.repeats)


if __name__ == "__main__":
    main()
