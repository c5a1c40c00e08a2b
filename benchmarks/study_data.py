"""The data sets of the study: folders of links to the annotated images, and synthetic ones."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from fancgan.datasets.fields import Listing, list_files, load_field
from fancgan.errors import UserError
from fancgan.layouts.config import LayoutConfig
from fancgan.layouts.layout import make_layout
from fancgan.training.crops import WHOLE_OVER_VISIBLE, median_diameter_px

ROOT = Path(__file__).resolve().parent.parent
SIDE_PX = 192  # of the drawn pictures


def link_set(
    out: Path,
    train: Sequence[tuple[Listing, str, int]],
    val: Sequence[tuple[Listing, str]],
) -> Path:
    """Make a data set of links: (listing, stem, how often), and what it is validated on.

    A field that is there several times is drawn several times as often.
    """
    if out.exists():
        return out
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    split: dict[str, list[str]] = {"train": [], "val": []}
    wanted = [("train", listing, stem, n) for listing, stem, n in train]
    wanted += [("val", listing, stem, 1) for listing, stem in val]
    for name, listing, stem, often in wanted:
        for number in range(often):
            link = stem if not number else f"{stem}_again{number}"
            split[name].append(link)
            for kind, files in (("images", listing.images), ("masks", listing.masks)):
                (part / kind).mkdir(parents=True, exist_ok=True)
                path = files[stem].resolve()
                (part / kind / f"{link}{path.suffix}").symlink_to(path)
    (part / "split.json").write_text(json.dumps(split, indent=1), encoding="utf-8")
    part.rename(out)
    return out


def spread(stems: Sequence[str], count: int) -> list[str]:
    """`count` of the stems, evenly spread over their order; all where count is 0."""
    if not count:
        return list(stems)
    return [stems[i * len(stems) // count] for i in range(count)]


def coverage_halves(listing: Listing) -> dict[str, tuple[list[str], list[str]]]:
    """Sparse and dense training fields by coverage: of each half (to train on, to judge on)."""
    stems = listing.stems("train")
    if len(stems) < 4:
        raise UserError(f"{len(stems)} annotated fields have no sparse and dense halves.")
    covered = {stem: float(load_field(listing, stem).mask.mean()) for stem in stems}
    ordered = sorted(stems, key=covered.__getitem__)
    middle = len(ordered) // 2
    halves = {"sparse": ordered[:middle], "dense": ordered[middle:]}
    return {name: (half[::2], half[1::2]) for name, half in halves.items()}


def synthetic_set(
    out: Path, bundle: str, *, n: int, size: tuple[int, int], seed: int, layout: Sequence[str] = ()
) -> Listing:
    """Pairs painted by a bundle on drawn layouts, by the verb make-dataset; resumes."""
    command = [sys.executable, "-m", "fancgan", "make-dataset", "--out", str(out), "--n", str(n)]
    command += ["--height", str(size[0]), "--width", str(size[1]), "--val-share", "0"]
    command += ["--bundle", bundle, "--seed", str(seed), "--workers", "1", *layout]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"make-dataset: {done.stderr.strip().splitlines()[-1]}")
    return list_files(out)


def layout_flags(listing: Listing, stems: Sequence[str]) -> tuple[str, ...]:
    """Layouts of particles as large as in these fields, for a painter of another material."""
    diameter = median_diameter_px([load_field(listing, stem) for stem in stems])
    return "--nm-per-px", "1", "--d50-nm", f"{WHOLE_OVER_VISIBLE * diameter:.1f}"


def draw_set(out: Path, n: int = 8) -> Path:
    """Drawn pictures with their masks, for --quick: grey particles, soft edges and noise."""
    from scipy.ndimage import gaussian_filter

    for number in range(n):
        # Half of them are sparse.
        layout = LayoutConfig(
            height=SIDE_PX,
            width=SIDE_PX,
            seed=number,
            d50_nm=24.0,
            nm_per_px=1.0,
            coverage=0.1 + 0.2 * (number % 2),
        )
        labels = make_layout(layout)
        rng = np.random.default_rng(number)
        image = 31 + 100 * gaussian_filter((labels > 0).astype(float), 0.8)
        image += gaussian_filter(rng.normal(0, 8, labels.shape), 0.6)
        for kind, array in (
            ("images", image.clip(0, 255).astype(np.uint8)),
            ("masks", labels.astype(np.uint16)),
        ):
            (out / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(out / kind / f"drawn{number}.png")
    return out
