"""`python -m fancgan check DIR`: is this folder fit for training?"""

from __future__ import annotations

import argparse

from fancgan.errors import UserError

HELP = "check a folder of image / mask pairs before training"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", metavar="DIR", help="folder with images/ and masks/")
    parser.add_argument(
        "--modality", choices=("sem", "tsem"), help="which one, where the folder has both"
    )
    parser.add_argument(
        "--preset",
        choices=("small", "paper", "particles", "painter"),
        default="small",
        help="of train.py: particles and painter learn from any pictures and ask for less",
    )
    parser.add_argument(
        "--crop-px", type=int, metavar="PX", help="as for train.py (default: the preset's)"
    )


def run(args: argparse.Namespace) -> None:
    from fancgan.datasets.check import preflight
    from fancgan.datasets.fields import list_files
    from fancgan.training.any_look.config import PRESET as PAINTER
    from fancgan.training.any_look.config import PainterTrainConfig
    from fancgan.training.any_particle.config import PRESET as PARTICLES
    from fancgan.training.any_particle.config import ParticleTrainConfig
    from fancgan.training.config import TRAINING_PRESETS

    crops = {name: preset.crop_px for name, preset in TRAINING_PRESETS.items()}
    crops |= {PARTICLES: ParticleTrainConfig.crop_px, PAINTER: PainterTrainConfig.crop_px}
    crop_px, paints = args.crop_px or crops[args.preset], args.preset in TRAINING_PRESETS
    findings = preflight(args.data, args.modality, crop_px=crop_px, paints=paints)
    for finding in findings:
        print(f"{finding.level}: {finding.sentence}")
    errors = sum(finding.level == "error" for finding in findings)
    if errors:
        raise UserError(
            f"{args.data} is not ready for training; put the {errors} error(s) right first."
        )
    listing = list_files(args.data, args.modality)
    train, val = (len(listing.stems(part)) for part in ("train", "val"))
    what = f" {listing.modality.upper()}" if listing.modality else ""
    print(f"{args.data} is ready: {train}{what} images to train with, {val} to validate.")
