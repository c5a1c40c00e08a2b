"""A particle mask becomes a synthetic micrograph."""

from __future__ import annotations

import argparse
from pathlib import Path

from fancgan.cli import add_bundle_arguments, choose_painter
from fancgan.errors import UserError

HELP = "paint a synthetic micrograph from a particle mask"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--mask", required=True, metavar="FILE", help="binary or instance-labelled mask"
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="PNG or TIFF, or a folder (default: MASK_synthetic_seedN.png in this folder)",
    )
    parser.add_argument("--seed", type=int, default=0, help="look and noise (default: 0)")
    parser.add_argument("--style", metavar="IMAGE", help="take the look of this micrograph over")
    add_bundle_arguments(parser, default="tio2-sem; particles with --style")


def run(args: argparse.Namespace) -> None:
    from PIL import Image

    from fancgan.files import protect_inputs, write_whole
    from fancgan.hardware import tune_allocator
    from fancgan.microscopy.image_files import imagej_tiff, png_bytes, synthetic_text
    from fancgan.microscopy.micrograph import read_micrograph
    from fancgan.particles.labels import read_mask, separate
    from fancgan.pipeline import Pipeline

    tune_allocator()
    choose_painter(args)
    out = output_path(args.out, Path(args.mask), args.seed)
    protect_inputs([out], [Path(name) for name in (args.mask, args.style) if name])
    mask = separate(read_mask(args.mask)) > 0
    style = read_micrograph(args.style).field if args.style else None
    pipe = Pipeline.from_pretrained(args.bundle, revision=args.revision)
    image = pipe.synthesize(mask, seed=args.seed, style=style)
    text = synthetic_text(pipe.revision, args.seed, pipe.nm_per_px)
    if out.suffix.lower() == ".png":
        write_whole(out, png_bytes(Image.fromarray(image), text, level=6))
    else:
        write_whole(out, imagej_tiff(image, text, pipe.nm_per_px))
    name, height, width = pipe.config["name"], *image.shape
    print(f"{out}: synthetic, {width} x {height}, seed {args.seed}, bundle {name} {pipe.revision}")


def output_path(out: str | None, mask: Path, seed: int) -> Path:
    """Return the file to write; UserError for a name that is neither PNG nor TIFF."""
    default = f"{mask.stem}_synthetic_seed{seed}.png"
    if out is None:
        return Path(default)
    path = Path(out)
    if path.is_dir() or out.endswith("/"):
        return path / default
    if path.suffix.lower() not in (".png", ".tif", ".tiff"):
        raise UserError(f"{path} must end in .png, .tif or .tiff; other formats lose grey levels.")
    return path
