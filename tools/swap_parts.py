"""Which part of the synthetic images is far from the real ones? Swap parts, measure KID again.

    python tools/swap_parts.py --data data/tio2 [--bundle tio2-sem]

Every `val` image is painted in its own measured style. Then one part of the real image is put
into the synthetic one, or the other way round: the coarse or the fine scales (a Gaussian of
SCALE_PX parts them), the particles with their halo or the substrate.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from scipy.ndimage import binary_dilation, gaussian_filter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fancgan import Pipeline
from fancgan.datasets.fields import load_fields
from fancgan.evaluation.distances import KernelTable
from fancgan.evaluation.features import load_extractor, patches

SCALE_PX = 2.0
HALO_PX = 8


def coarse(image: np.ndarray) -> np.ndarray:
    return gaussian_filter(image.astype(np.float64), SCALE_PX)


def to_uint8(image: np.ndarray) -> np.ndarray:
    return image.round().clip(0, 255).astype(np.uint8)


def mixed_scales(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return to_uint8(coarse(low) + high - coarse(high))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--bundle", default=None)
    parser.add_argument("--modality", default="sem")
    args = parser.parse_args()
    fields = load_fields(args.data, "val", args.modality)
    pipe = Pipeline.from_pretrained(args.bundle)
    extractor = load_extractor()

    def features(images: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        parts = [extractor(patches(image)) for image in images]
        return np.concatenate(parts), np.repeat(np.arange(len(parts)), [len(p) for p in parts])

    real = [f.image for f in fields]
    fake = [pipe.synthesize(f.mask, seed=i, style=f.image) for i, f in enumerate(fields)]
    near = [binary_dilation(f.mask, iterations=HALO_PX) for f in fields]
    triples = list(zip(fake, real, near, strict=True))
    y, groups_y = features(real)
    for name, images in {
        "synthetic": fake,
        "real training images": [f.image for f in load_fields(args.data, "train", args.modality)],
        "real fine scales on synthetic coarse ones": [mixed_scales(f, r) for f, r, _ in triples],
        "synthetic fine scales on real coarse ones": [mixed_scales(r, f) for f, r, _ in triples],
        "synthetic particles on real substrate": [np.where(n, f, r) for f, r, n in triples],
        "real particles on synthetic substrate": [np.where(n, r, f) for f, r, n in triples],
    }.items():
        x, groups_x = features(images)
        print(f"{1000 * KernelTable(x, y, groups_x, groups_y).kid():8.1f}  {name}, n = {len(x)}")


if __name__ == "__main__":
    main()
