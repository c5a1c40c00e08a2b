"""Micrographs become label images, outlines and particle counts."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fancgan.errors import UserError

if TYPE_CHECKING:
    from fancgan.pipeline import Pipeline

HELP = "find, part and count the particles in micrographs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="TIFF, PNG, JPEG or BMP")
    parser.add_argument(
        "--out", required=True, metavar="DIR", help="for NAME_labels.tif and NAME_outlined.png"
    )
    parser.add_argument(
        "--nm-per-px", type=float, metavar="NM", help="pixel size (default: from the file)"
    )
    parser.add_argument(
        "--bundle", help="folder, name or Hub repository (default: the shipped one)"
    )
    parser.add_argument("--revision", help="commit of a Hub repository")


def run(args: argparse.Namespace) -> None:
    from fancgan.allocator import tune_allocator
    from fancgan.outputs import protect_inputs
    from fancgan.pipeline import Pipeline

    tune_allocator()
    files, folder = [Path(name) for name in args.files], Path(args.out)
    stems = [path.stem for path in files]
    twice = next((stem for stem in stems if stems.count(stem) > 1), None)
    if twice:
        raise UserError(f"Two files are called {twice}: their results would overwrite each other.")
    if args.nm_per_px is not None and not 0 < args.nm_per_px < 1e6:
        raise UserError("--nm-per-px must be a positive number of nanometres.")
    protect_inputs([path for stem in stems for path in result_paths(folder, stem)], files)
    pipe = Pipeline.from_pretrained(args.bundle, revision=args.revision)
    bad = 0
    for path in files:
        try:
            print(f"{path}: {segment_file(pipe, path, folder, args.nm_per_px)}", flush=True)
        except UserError as error:
            bad += 1
            print(f"{path}: {error}", file=sys.stderr, flush=True)
    if bad:
        raise UserError(f"{bad} of {len(files)} files could not be segmented; the rest is done.")


def result_paths(folder: Path, stem: str) -> tuple[Path, Path]:
    return folder / f"{stem}_labels.tif", folder / f"{stem}_outlined.png"


def segment_file(pipe: Pipeline, path: Path, folder: Path, nm_per_px: float | None) -> str:
    """Write the labels and the outlines of one micrograph; return what was found, in words."""
    from fancgan.micrograph import read_micrograph, to_grey8
    from fancgan.outputs import label_tiff, png_bytes, write_whole
    from fancgan.pictures import composite, outline_layer

    micrograph = read_micrograph(path)
    grey = to_grey8(micrograph.field)
    labels = pipe.instances(grey)
    scale = nm_per_px or micrograph.nm_per_px
    source = "given" if nm_per_px else micrograph.nm_source
    label_path, outline_path = result_paths(folder, path.stem)
    write_whole(label_path, label_tiff(labels, scale))
    outlined = composite(grey, outline_layer(labels))
    write_whole(outline_path, png_bytes(outlined, {"Software": "F-ANcGAN"}, level=6))
    words = [f"{labels.max()} particle{'' if labels.max() == 1 else 's'}"]
    words.append(f"{scale:.4g} nm per pixel ({source})" if scale else "pixel size unknown")
    if micrograph.info_bar_row is not None:
        words.append(f"info bar cut off at row {micrograph.info_bar_row}")
    return ", ".join(words)
