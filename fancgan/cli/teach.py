"""Teach a bundle one's own pictures: corrected outlines in, a bundle of one's own out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from fancgan.errors import UserError

if TYPE_CHECKING:
    from fancgan.pretrained.bundle import Bundle
    from fancgan.training.teach.teaching import Scores

HELP = "teach a bundle your own pictures, from the corrected outlines of one to ten"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "corrected",
        metavar="CORRECTED",
        nargs="+",
        help="zip or folder of results with your corrections, folder with images/ and masks/, or "
        "PICTURE=LABELS",
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="the new bundle")
    parser.add_argument(
        "--bundle", default="particles", help="what to teach: a bundle's folder or name [particles]"
    )
    parser.add_argument("--steps", type=int, default=60, help="of each of the trainings [60]")
    parser.add_argument("--seed", type=int, default=0, help="of crops and painting [0]")
    parser.add_argument(
        "--no-synthetic",
        action="store_true",
        help="learn without pairs painted in their look, which come with one or two pictures",
    )
    parser.add_argument(
        "--no-trial",
        action="store_true",
        help="leave out the trial, which keeps pictures aside to compare before with after",
    )
    parser.add_argument(
        "--work", metavar="DIR", help="where the work lies until it is done [OUT.teaching]"
    )


def run(args: argparse.Namespace) -> None:
    import shutil

    from fancgan.hardware import tune_allocator
    from fancgan.pretrained.find import find_bundle

    out = Path(args.out)
    if out.exists():
        raise UserError(f"{out} exists; choose another --out, or remove it.")
    if args.steps < 1:
        raise UserError(f"--steps {args.steps} is too small; give 1 or more.")
    tune_allocator()
    folder = Path(args.work) if args.work else out.with_name(f"{out.name}.teaching")
    base = find_bundle(args.bundle)
    if not teach(args, base, out, folder):
        print("Stopped; the same command goes on from there.")
        return
    shutil.rmtree(folder)
    print(f"wrote {out}")


def teach(args: argparse.Namespace, base: Bundle, out: Path, folder: Path) -> bool:
    """Teach and write the bundle; return False where that was asked to stop."""
    from fancgan.pipeline import Pipeline
    from fancgan.publishing.export_taught import export_taught
    from fancgan.training.teach.lessons import read_lessons
    from fancgan.training.teach.progress import Progress
    from fancgan.training.teach.teaching import (
        TRIAL,
        WHOLE,
        Settings,
        Teaching,
        kept_aside,
    )

    lessons = read_lessons(args.corrected)
    settings = Settings(args.steps, args.seed, not args.no_synthetic)
    teaching = Teaching(lessons, Pipeline(base), folder, settings)
    aside = [] if args.no_trial else kept_aside(lessons)[1]
    parts = (TRIAL, WHOLE) if aside else (WHOLE,)
    progress = Progress(folder, parts, args.steps)
    print(f"{len(lessons)} corrected pictures with {teaching.particles} particles.", flush=True)
    scores = None
    if aside:
        print(f"A trial that keeps {', '.join(field.stem for field in aside)} aside:", flush=True)
        scores = teaching.try_out(progress)
        if scores is None:
            return False
        print(compared(*scores), flush=True)
    elif not args.no_trial:
        print("Nothing can be kept aside: look at its outlines before you trust it.", flush=True)
    print("Learning from all:", flush=True)
    if not teaching.learn(progress):
        return False
    facts = {
        "base": teaching.source,
        "pictures": len(lessons),
        "particles": teaching.particles,
        "synthetic": teaching.synthetic,
        "before": vars(scores[0]) if scores else None,
        "after": vars(scores[1]) if scores else None,
    }
    export_taught(base, teaching.learned(WHOLE), folder / WHOLE, out, facts)
    return True


def compared(before: Scores, after: Scores) -> str:
    """Return in a sentence what the trial was worth."""
    words = (
        f"On {before.n} kept aside: Dice {before.dice:.3f} before, {after.dice:.3f} after; "
        f"AP50 {before.ap50:.3f} before, {after.ap50:.3f} after."
    )
    worse = after.ap50 < before.ap50
    return words + " It got worse: correct more pictures, or stay with what there was." * worse
