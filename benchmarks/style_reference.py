"""How well a style reference is followed: background, contrast and noise, result against reference.

    python benchmarks/style_reference.py --data data/tio2
    python benchmarks/style_reference.py --data data/tio2 --bundle runs/bundle --seeds 4

Each validation field is the reference of every other field's mask, and again darker or lighter and
with more noise, by a global map. Both images are measured alike, with their own masks, by the
definitions of fancgan/style.py.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

ASKED = 0.15
# name: factor on the grey levels, grey levels added, noise added (grey levels)
VARIANTS = {"as it is": (1.0, 0.0, 0.0), "darker": (0.85, 0.0, 0.0), "noisier": (1.0, 8.0, 2.0)}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, metavar="DIR")
    parser.add_argument("--modality", choices=("sem", "tsem"))
    parser.add_argument("--bundle")
    parser.add_argument("--seeds", type=int, default=2)
    return parser.parse_args()


def varied(image: np.ndarray, factor: float, added: float, noise: float) -> np.ndarray:
    draws = np.random.default_rng(0).normal(0, noise or 1e-9, image.shape)
    return np.clip(factor * image + added + draws, 0, 255).round().astype(np.uint8)


def levels(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Background mean, contrast and noise [3] of image [H, W] with particles mask [H, W]."""
    import torch

    from fancgan.networks.config import GREY_PER_UNIT
    from fancgan.networks.style import measure_style
    from fancgan.networks.style_vector import BACKGROUND, NOISE, PARTICLE

    tensor = torch.from_numpy(image.astype(np.float32))[None, None] / GREY_PER_UNIT - 1
    stats, valid = measure_style(tensor, torch.from_numpy(mask.astype(np.float32))[None, None])
    values = torch.where(valid, stats, torch.full_like(stats, float("nan")))[0].numpy()
    ground = values[BACKGROUND]
    return np.array([ground, values[PARTICLE] - ground, values[NOISE]])


def main() -> None:
    args = parse_args()
    from fancgan import Pipeline
    from fancgan.datasets.fields import load_fields

    pipe = Pipeline.from_pretrained(args.bundle)
    fields = load_fields(args.data, "val", args.modality)
    print(f"{pipe.config['name']} {pipe.revision}, {len(fields)} fields, {args.seeds} seeds")
    print(f"{'reference':12}{'':12}{'mean error':>12}{'mean |error|':>14}{'within 15 %':>13}   n")
    for variant, change in VARIANTS.items():
        errors = []
        for reference in fields:
            image = varied(reference.image, *change)
            wanted = levels(image, reference.mask)
            style = pipe.measure_style(image)
            for field in fields:
                if field.stem == reference.stem:
                    continue
                for seed in range(args.seeds):
                    made = pipe.synthesize(field.mask, seed=seed, style=style)
                    errors.append(levels(made, field.mask) / wanted - 1)
        table = np.array(errors)
        for name, column in zip(("background", "contrast", "noise"), table.T, strict=True):
            column = column[np.isfinite(column)]
            within = (np.abs(column) <= ASKED).mean()
            print(
                f"{variant:12}{name:12}{column.mean():>+12.1%}{np.abs(column).mean():>14.1%}"
                f"{within:>13.0%}{len(column):>5}"
            )


if __name__ == "__main__":
    main()
