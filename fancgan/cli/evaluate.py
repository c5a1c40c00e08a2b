"""Measure a bundle on annotated images."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from fancgan.cli import add_bundle_arguments
from fancgan.errors import UserError

if TYPE_CHECKING:
    from fancgan.datasets.fields import Field, Listing

HELP = "measure a bundle on annotated images: segmentation, cycle, style, fidelity"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_bundle_arguments(parser, pin="revision")
    parser.add_argument("--data", required=True, help="folder of image / mask pairs, or DIR:tsem")
    parser.add_argument("--split", default="val", choices=("val", "train", "all", "test"))
    parser.add_argument("--modality", choices=("sem", "tsem"), help="default: the bundle's own")
    parser.add_argument("--json", metavar="FILE", help="write the figures to this file too")
    parser.add_argument(
        "--sheet",
        metavar="PNG",
        help="draw all images with their true (green) and found (red) outlines; it shows the data",
    )
    parser.add_argument("--full", action="store_true", help="measure the fidelity of images too")
    parser.add_argument("--seed", type=int, default=0, help="first seed (default: 0)")
    parser.add_argument(
        "--seeds",
        type=int,
        default=8,
        help="synthetic images per mask (default: 8); 0: segmentation alone",
    )
    parser.add_argument(
        "--features",
        default="efficientnet_lite1",
        help="network behind KID and Frechet distance: efficientnet_lite1 (offline, default), "
        "inception or dinov2 (their weights are downloaded once)",
    )
    parser.add_argument(
        "--lpips", action="store_true", help="with --full: LPIPS too (weights are downloaded once)"
    )


def run(args: argparse.Namespace) -> None:
    import json
    import sys

    from fancgan.datasets.fields import MODALITIES, list_files, read_papers
    from fancgan.datasets.sources import parse_source
    from fancgan.evaluation.contact_sheet import ContactSheet
    from fancgan.evaluation.evaluate import evaluate_bundle
    from fancgan.evaluation.report import format_images, format_report
    from fancgan.files import write_whole
    from fancgan.pipeline import Pipeline

    for out in (args.json, args.sheet):
        if out and not Path(out).absolute().parent.is_dir():
            raise UserError(f"The folder of {out} does not exist; make it first.")
    source = parse_source(args.data)
    if source.weight != 1:
        raise UserError(
            f"An evaluation weighs all images alike; leave the weight out of {args.data}."
        )
    pipe = Pipeline.from_pretrained(args.bundle, revision=args.revision)
    own = pipe.config.get("data", {}).get("modality")
    modality = source.modality or args.modality or (own if own in MODALITIES else None)
    listing = list_files(source.path, modality)
    fields = list(readable_fields(listing, args.split))
    if not fields:
        raise UserError(f"{source.path} has no {args.split} images that can be read.")
    paints = pipe.paints and args.seeds > 0
    if not pipe.paints:
        print(f"The bundle {pipe.config['name']} has no generator: its segmentation is measured.")
    # Real train against real val says nothing where the training images are among the judged.
    unseen = paints and args.split in ("val", "test")
    train_fields = list(readable_fields(listing, "train")) if unseen else None
    sheet = ContactSheet()
    report = evaluate_bundle(
        pipe,
        fields,
        train_fields,
        seeds=args.seeds,
        full=args.full,
        seed=args.seed,
        features=args.features,
        lpips=args.lpips,
        progress=lambda line: print(f"... {line}", file=sys.stderr, flush=True),
        sources=read_papers(listing.root),
        seen=sheet.add if args.sheet else None,
    )
    report = {"data": args.data, "split": args.split, "modality": modality} | report
    print(f"{len(fields)} images of {args.split}, bundle {report['bundle']}, seed {args.seed}")
    print(format_images(report))
    print(format_report(report))
    if args.json:
        write_whole(Path(args.json), (json.dumps(report, indent=1) + "\n").encode())
    if args.sheet:
        sheet.save(Path(args.sheet))


def readable_fields(listing: Listing, split: str) -> Iterator[Field]:
    """Load the fields of a split; one that cannot be read is named on stderr and left out."""
    import sys

    from fancgan.datasets.fields import load_field

    for stem in listing.stems(split):
        try:
            yield load_field(listing, stem)
        except UserError as error:
            print(f"{stem} is left out. {error}", file=sys.stderr)
