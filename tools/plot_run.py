"""Draw the curves of a training run, and a sheet of what its bundle paints.

    python tools/plot_run.py --run runs/tio2-sem --out docs/training.png
    python tools/plot_run.py --bundle tio2-sem --out docs/looks.png

Needs matplotlib for the curves. The sheet shows drawn layouts alone, no mask of a data set.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

PANELS = {
    "image, paired": ("paired_l1", "paired_perceptual", "grey_levels", "profile"),
    "style and noise": ("style_statistics", "spectrum", "grain", "kernel", "latent"),
    "masks": ("paired_mask", "paired_core", "cycle_mask", "cycle_core"),
    "critics": ("critic_image", "adv_image", "critic_mask", "adv_mask"),
}
LOOKS = 4


def read_lines(path: Path) -> list[dict]:
    """The lines of a record by step; one that a kill has cut short is left out."""
    lines = []
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
        with contextlib.suppress(ValueError):
            lines.append(json.loads(text))
    return [line for line in lines if isinstance(line, dict) and "step" in line]


def plot_curves(run: Path, out: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    losses, val = read_lines(run / "log.jsonl"), read_lines(run / "val.jsonl")
    figure, axes = plt.subplots(2, 3, figsize=(13, 7), constrained_layout=True)
    for axis, (title, names) in zip(axes.flat, PANELS.items(), strict=False):
        for name in names:
            # A term of weight 0 is not computed, and the segmenter's last steps have only its own.
            known = [(line["step"], line[name]) for line in losses if line.get(name)]
            if known:
                axis.plot(*zip(*known, strict=True), lw=0.9, label=name)
        axis.set_title(title)
        if title != "critics":
            axis.set_yscale("log")
    for axis, names in zip(
        axes.flat[4:],
        (("dice", "cycle_dice", "area_ratio"), ("background_mean_sd", "noise_ratio")),
        strict=True,
    ):
        for name in names:
            known = [(v["step"], v[name]) for v in val if name in v]
            if known:
                axis.plot(*zip(*known, strict=True), "o-", label=name)
        axis.set_title(f"val, n = {val[-1]['n'] if val else 0} fields")
    for axis in axes.flat:
        axis.set_xlabel("step")
        axis.legend(fontsize=8)
    figure.savefig(out, dpi=80)


def paint_sheet(bundle: str, out: Path) -> None:
    import numpy as np
    from PIL import Image

    from fancgan import Pipeline
    from fancgan.files import write_whole
    from fancgan.layouts.layout import example_layouts, make_layout, to_mask
    from fancgan.microscopy.image_files import png_bytes, synthetic_text

    pipe = Pipeline.from_pretrained(bundle)
    rows = []
    for _, layout in example_layouts(256, 320)[:LOOKS]:
        mask = to_mask(make_layout(layout))
        looks = [pipe.synthesize(mask, seed=seed) for seed in range(LOOKS)]
        rows.append(np.hstack([mask.astype(np.uint8) * 255, *looks]))
    text = synthetic_text(pipe.revision, 0, pipe.nm_per_px)
    write_whole(out, png_bytes(Image.fromarray(np.vstack(rows)), text, level=9))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, help="folder of a run: draw its curves")
    parser.add_argument("--bundle", help="bundle: paint a sheet of layouts in four looks")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    if args.run:
        plot_curves(args.run, args.out)
    if args.bundle:
        paint_sheet(args.bundle, args.out)


if __name__ == "__main__":
    main()
