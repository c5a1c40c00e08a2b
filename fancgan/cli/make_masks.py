"""`python -m fancgan make-masks --n 5 --out DIR`: procedural layouts as masks and label images."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fancgan.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from fancgan.layouts.config import LayoutConfig

HELP = "make particle masks with instance labels"
MANIFEST = "manifest.jsonl"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write to")
    parser.add_argument("--n", type=int, default=1, help="how many layouts (default 1)")
    add_layout_arguments(parser)


def add_layout_arguments(parser: argparse.ArgumentParser, side_px: int | None = None) -> None:
    """Add the flags of a LayoutConfig; side_px: the default of both sides, in the help."""
    sides = {"height": side_px or 512, "width": side_px or 768}
    parser.add_argument("--seed", type=int, help="seed of the first; the next count up (default 0)")
    for name, side in sides.items():
        parser.add_argument(f"--{name}", type=int, metavar="PX", help=f"default {side}")
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--count", type=int, help="visible particles per layout")
    amount.add_argument("--coverage", type=float, help="share of the area, such as 0.3")
    size = parser.add_argument_group("particles (default: as in the training masks)")
    size.add_argument(
        "--shape",
        help="grains, spheres, core-shell, rods, cubes, octahedra, tetrahedra, plates or polyhedra",
    )
    size.add_argument(
        "--d50-nm",
        type=float,
        help="median equal-area diameter; of rods the length, of cubes, octahedra and tetrahedra "
        "the edge length, of polyhedra the diameter of the sphere of equal surface",
    )
    size.add_argument("--gsd", type=float, help="geometric standard deviation, log-normal")
    size.add_argument("--sizes-nm", type=float, nargs="+", help="sizes to draw from instead")
    size.add_argument("--nm-per-px", type=float, help="pixel size")
    size.add_argument("--aspect-mean", type=float, help="minor / major axis of grains")
    size.add_argument("--aspect-sd", type=float)
    size.add_argument("--roughness", type=float, help="0 ellipses, 1 as in the training masks")
    size.add_argument("--facets", type=float, help="0 rounded to 1 flat-sided")
    size.add_argument(
        "--aspect-ratio", type=float, help="length / width of rods, diameter / thickness of plates"
    )
    size.add_argument("--aspect-ratio-gsd", type=float)
    size.add_argument(
        "--flexibility", type=float, help="of rods: length / persistence length, 0 straight"
    )
    size.add_argument(
        "--tilted", type=float, help="share of bodies turned at random; others lie on a face"
    )
    size.add_argument("--rounding", type=float, help="of the corners, 0 sharp to 1 round")
    size.add_argument("--shell", type=float, help="wall thickness / outer radius of core-shell")
    size.add_argument(
        "--parts", help="of core-shell: filled outline, shell alone, or both labelled as a pair"
    )
    place = parser.add_argument_group("arrangement")
    place.add_argument(
        "--agglomeration", help="mix, single, chains or clusters; monolayers: hexagonal, packed"
    )
    place.add_argument("--disorder", type=float, help="of hexagonal sites, in spacings")
    place.add_argument("--vacancies", type=float, help="share of hexagonal sites left empty")
    place.add_argument(
        "--overlap", type=float, help="of neighbours, share of the diameter (grains) or the area"
    )
    place.add_argument(
        "--overlap-shown", help="upper: it hides the lower one; both: outlines of both (TEM)"
    )
    place.add_argument("--border", help="cut: the frame cuts particles; inside: none is cut")


def layout_from(
    args: argparse.Namespace, nm_per_px: float | None = None, side_px: int | None = None
) -> LayoutConfig:
    """Return the layout of the flags, with these defaults where given; raise UserError."""
    from fancgan.layouts.config import LayoutConfig

    names = [field.name for field in dataclasses.fields(LayoutConfig)]
    defaults = {"nm_per_px": nm_per_px, "height": side_px, "width": side_px}
    chosen: dict[str, Any] = {name: value for name, value in defaults.items() if value is not None}
    chosen |= {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    if "sizes_nm" in chosen:
        chosen["sizes_nm"] = tuple(chosen["sizes_nm"])
    return LayoutConfig(**chosen)


def run(args: argparse.Namespace) -> None:
    from fancgan.files import write_whole
    from fancgan.layouts.layout import make_layout

    if args.n < 1:
        raise UserError(f"--n is {args.n}; ask for at least one layout.")
    first = layout_from(args)
    out = Path(args.out)
    if (out / MANIFEST).exists():
        raise UserError(f"{out} already holds layouts; choose another folder for --out.")
    lines = []
    for number in range(args.n):
        config = dataclasses.replace(first, seed=first.seed + number)
        labels = make_layout(config)
        entry = write_layout(out, labels, config)
        lines.append(json.dumps(entry))
        print(f"{entry['mask']}: {entry['count']} particles, {entry['coverage']:.1%} covered")
        if config.coverage and entry["coverage"] < 0.95 * config.coverage:
            print(
                f"  less than the {config.coverage:.1%} asked for: no more fit in this arrangement"
            )
        if config.count and entry["count"] < config.count:
            print(f"  fewer than the {config.count} asked for: no more fit in this arrangement")
    write_whole(out / MANIFEST, ("\n".join(lines) + "\n").encode())


def write_layout(out: Path, labels: np.ndarray, config: LayoutConfig) -> dict:
    """Write a mask PNG (0 and 255) and a label TIFF (16 bit, calibrated); return their entry."""
    from PIL import Image

    from fancgan.files import write_whole
    from fancgan.layouts.layout import to_mask
    from fancgan.microscopy.image_files import label_tiff, png_bytes

    mask = to_mask(labels)
    note = {
        "Software": "F-ANcGAN",
        "Synthetic": "true",
        "Description": "Particle mask made by a program; not a measurement.",
        "Layout": json.dumps(config.to_dict()),
    }
    name = f"layout_synthetic_seed{config.seed}"
    entry = {
        "mask": f"{name}_mask.png",
        "labels": f"{name}_labels.tif",
        "synthetic": True,
        "count": int(labels.max()),
        "coverage": round(float(mask.mean()), 5),
        "layout": config.to_dict(),
    }
    write_whole(
        out / f"{name}_mask.png", png_bytes(Image.fromarray(mask.astype("uint8") * 255), note)
    )
    write_whole(out / f"{name}_labels.tif", label_tiff(labels, config.nm_per_px))
    return entry
