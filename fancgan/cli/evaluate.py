"""Measure a bundle on annotated images."""

from __future__ import annotations

import argparse
from pathlib import Path

from fancgan.cli import add_bundle_arguments

HELP = "measure a bundle on annotated images: segmentation, cycle, style, fidelity"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_bundle_arguments(parser, pin="revision")
    parser.add_argument("--data", required=True, help="folder of image / mask pairs")
    parser.add_argument("--split", default="val", choices=("val", "train", "all", "test"))
    parser.add_argument("--modality", choices=("sem", "tsem"), help="default: the bundle's own")
    parser.add_argument("--json", metavar="FILE", help="write the figures to this file too")
    parser.add_argument("--full", action="store_true", help="measure the fidelity of images too")
    parser.add_argument("--seed", type=int, default=0, help="first seed (default: 0)")
    parser.add_argument(
        "--seeds", type=int, default=8, help="synthetic images per mask (default: 8)"
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

    from fancgan.datasets.fields import load_fields
    from fancgan.errors import UserError
    from fancgan.evaluation.evaluate import evaluate_bundle
    from fancgan.evaluation.report import format_report
    from fancgan.files import write_whole
    from fancgan.pipeline import Pipeline

    if args.json and not Path(args.json).absolute().parent.is_dir():
        raise UserError(f"The folder of {args.json} does not exist; make it first.")
    pipe = Pipeline.from_pretrained(args.bundle, revision=args.revision)
    modality = args.modality or pipe.config.get("data", {}).get("modality")
    fields = load_fields(args.data, args.split, modality)
    # Real train against real val says nothing where the training images are among the judged.
    unseen = args.split in ("val", "test")
    train_fields = load_fields(args.data, "train", modality) if unseen else None
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
    )
    report = {"data": args.data, "split": args.split, "modality": modality} | report
    print(f"{len(fields)} images of {args.split}, bundle {report['bundle']}, seed {args.seed}")
    print(format_report(report))
    if args.json:
        write_whole(Path(args.json), (json.dumps(report, indent=1) + "\n").encode())
