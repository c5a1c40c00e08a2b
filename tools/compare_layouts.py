"""Compare default layouts with the training masks: two-sample figures and a plot.

    python tools/compare_layouts.py --data DIR [--n 200] [--plot docs/layouts.png] [--json FILE]

Needs matplotlib for the plot. The plot shows distributions only, no mask.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fancgan.datasets.fields import load_fields
from fancgan.files import write_whole
from fancgan.layouts.config import LayoutConfig
from fancgan.layouts.layout import make_layout, to_mask
from fancgan.layouts.mask_statistics import MaskStatistics, compare, measure_mask, pooled_statistic

PANELS = {
    "ecd_px": ("equal-area diameter of what is visible / px", 0, 65),
    "aspect": ("minor / major axis", 0, 1),
    "solidity": ("area / convex area", 0.4, 1),
    "contacts": ("particles in contact", 0, 10),
    "neighbour_px": ("distance to the nearest centre / px", 0, 60),
    "agglomerates": ("particles per agglomerate", 1, 300),
    "coverage": ("coverage", 0, 0.4),
    "count": ("particles per field", 0, 600),
}


def values(fields: list[MaskStatistics], name: str) -> np.ndarray:
    if name in ("coverage", "count"):
        return np.array([getattr(field, name) for field in fields], float)
    pooled = pooled_statistic(fields, name).astype(float)
    return pooled[np.isfinite(pooled)]


def plot(real: list[MaskStatistics], made: list[MaskStatistics], path: str) -> None:
    """Draw the cumulative distributions of both groups, and each training field as a thin line."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 4, figsize=(14, 6.4), layout="constrained")
    share = np.linspace(0, 1, 201)
    for axis, (name, (label, low, high)) in zip(axes.flat, PANELS.items(), strict=True):
        if name not in ("coverage", "count"):
            for field in real:
                axis.plot(np.quantile(values([field], name), share), share, c="0.85", lw=0.7)
        axis.plot(np.quantile(values(real, name), share), share, c="k", label="training masks")
        axis.plot(np.quantile(values(made, name), share), share, c="C1", label="default layouts")
        axis.set(xlabel=label, xlim=(low, high), ylim=(0, 1))
        if name == "agglomerates":
            axis.set_xscale("log")
    axes[0, 0].set_ylabel("cumulative share")
    axes[1, 0].set_ylabel("cumulative share")
    axes[0, 0].legend(loc="lower right", frameon=False)
    figure.savefig(path, dpi=80)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--n", type=int, default=200, help="layouts to make")
    parser.add_argument("--plot", metavar="PNG")
    parser.add_argument("--json", metavar="FILE")
    args = parser.parse_args()
    masks = [field.mask for field in load_fields(args.data, "train", "sem")]
    real = [measure_mask(mask) for mask in masks]
    height, width = masks[0].shape
    made = [
        measure_mask(to_mask(make_layout(LayoutConfig(height, width, seed=10_000 + n))))
        for n in range(args.n)
    ]
    figures = compare(real, made)
    print(f"{'':13} {'training':>9} {'layouts':>9} {'KS':>7} {'shuffled':>9} {'p':>7}   (medians)")
    for name, figure in figures.items():
        medians = [np.median(values(group, name)) for group in (real, made)]
        print(
            f"{name:13} {medians[0]:9.3f} {medians[1]:9.3f} {figure['ks']:7.3f} "
            f"{figure['ks_shuffled']:9.3f} {figure['p']:7.3f}"
        )
    if args.json:
        write_whole(Path(args.json), (json.dumps(figures, indent=1) + "\n").encode())
    if args.plot:
        plot(real, made, args.plot)


if __name__ == "__main__":
    main()
