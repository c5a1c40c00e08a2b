"""Micrographs become label images, outlines, tables of particles and a size distribution."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from fancgan.cli import add_bundle_arguments
from fancgan.errors import UserError

if TYPE_CHECKING:
    from fancgan.measuring.batch.records import Records
    from fancgan.measuring.results import Results
    from fancgan.measuring.settings import Settings

ANYWAY = "--show-anyway counts them all the same."
HELP = "find, part, count and measure the particles in micrographs"
FIELD_ENDS = ("measured.png", "labels.tif", "overlay.png", "rois.zip")
SHARED = (
    *("particles.csv", "statistics.csv", "files.csv", "radial.csv"),
    *("particles.xlsx", "report.pdf"),
)
PARQUET = ("particles.parquet", "files.parquet")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="pictures of microscopes, or a folder of these"
    )
    parser.add_argument(
        "--out",
        required=True,
        metavar="DIR",
        help="for NAME_measured.png, NAME_labels.tif, NAME_overlay.png, NAME_rois.zip (ImageJ), "
        "particles.csv, statistics.csv, files.csv, radial.csv, particles.xlsx, report.pdf, "
        "annotations_coco.json, settings.json",
    )
    parser.add_argument(
        "--nm-per-px", type=float, metavar="NM", help="pixel size (default: from the file)"
    )
    parser.add_argument(
        "--scale-bar",
        choices=("print", "take"),
        help="where a file says no pixel size: read the scale bar in the picture, and print or "
        "take what it says (needs pip install rapidocr onnxruntime)",
    )
    parser.add_argument(
        "--split",
        type=float,
        metavar="S",
        help="-1 merges what touches, 1 splits most (default: 0, the model's)",
    )
    parser.add_argument(
        "--diameter-px",
        type=float,
        metavar="PX",
        help="typical particle, across (default: as the model finds; for models of any scale)",
    )
    parser.add_argument(
        "--show-anyway",
        action="store_true",
        default=None,
        help="statistics also of files whose outlines the model doubts",
    )
    parser.add_argument(
        "--threshold", type=float, metavar="T", help="of the foreground, 0 to 1 (the model's)"
    )
    parser.add_argument(
        "--filter",
        action="append",
        metavar="NAME=FROM:TO",
        help="count only particles within, such as ecd_nm=10:50 or solidity=0.9: (repeatable)",
    )
    parser.add_argument(
        "--min-area-px", type=int, metavar="PX", help="leave out smaller particles (the model's)"
    )
    parser.add_argument(
        "--bar-rows", type=int, metavar="N", help="rows to cut off at the bottom (as found)"
    )
    parser.add_argument(
        "--top-rows", type=int, metavar="N", help="rows to leave out at the top (as found)"
    )
    parser.add_argument(
        "--region",
        action="append",
        metavar="POINTS",
        help="measure there alone: 'X,Y X,Y', corners of a rectangle, or three points and more, "
        "in pixels; may be repeated",
    )
    parser.add_argument(
        "--exclude", action="append", metavar="POINTS", help="leave out what lies there"
    )
    parser.add_argument("--page", type=int, metavar="N", help="of a file with several, from 0")
    parser.add_argument(
        "--channel", metavar="NAME", help="of pictures in colour: luminance, red, green or blue"
    )
    parser.add_argument(
        "--invert", action="store_true", default=None, help="particles darker than their ground"
    )
    parser.add_argument(
        "--as-it-is",
        action="store_true",
        help="do not bring the picture to the scale of the model's training images",
    )
    parser.add_argument(
        "--quantity", default="ecd", metavar="NAME", help="of the report: ecd, feret_max, ..."
    )
    parser.add_argument(
        "--by",
        default="number",
        metavar="WHAT",
        help="distributions by number, area, volume (of spheres) or spheroid (volume, prolate)",
    )
    parser.add_argument(
        "--settings",
        metavar="JSON",
        help="settings.json or zip of an earlier result: each file as it was then; flags go before",
    )
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="for very many files: so many processes of one thread each (default: this one alone)",
    )
    parser.add_argument(
        "--parquet",
        action="store_true",
        help="particles and files also as Parquet (needs pip install pyarrow)",
    )
    add_bundle_arguments(parser, default="particles")


def run(args: argparse.Namespace) -> None:
    from fancgan.datasets.workers import Share
    from fancgan.files import protect_inputs
    from fancgan.hardware import tune_allocator
    from fancgan.measuring.batch.processes import segment_all, segment_one
    from fancgan.measuring.batch.records import Records
    from fancgan.measuring.distribution import WEIGHTINGS
    from fancgan.measuring.results import QUANTITIES, bundle_facts
    from fancgan.measuring.settings import stored_settings
    from fancgan.measuring.tables.spreadsheets import parquet_library
    from fancgan.pipeline import Pipeline
    from fancgan.pretrained.find import SEGMENTER

    tune_allocator()
    if args.by not in WEIGHTINGS:
        raise UserError(f"--by is one of {', '.join(WEIGHTINGS)}.")
    if args.quantity not in QUANTITIES:
        raise UserError(f"--quantity is one of {', '.join(QUANTITIES)}.")
    if args.parquet:
        parquet_library()
    files, folder = find_files(args.files), Path(args.out)
    earlier = stored_settings(Path(args.settings)) if args.settings else {}
    stored = {name: settings.to_dict() for name, (_, settings) in earlier.items()}
    chosen = {path: settings_for(stored.get(path.stem, {}), args) for path in files}
    outputs = [path for file in files for path in result_paths(folder, file.stem)]
    protect_inputs([*outputs, *(folder / name for name in (*SHARED, *PARQUET))], files)
    source, share = args.bundle or SEGMENTER, Share.from_environment()
    pipe = Pipeline.from_pretrained(source, revision=args.revision)
    records = Records(folder, chosen, f"{pipe.revision} {args.scale_bar}")
    todo = records.missing(share.rank, share.world_size)
    done = len(range(share.rank, len(files), share.world_size)) - len(todo)
    if done:
        print(f"{done} files were done before: going on.", flush=True)
    orders = [(number, chosen[files[number]], args.scale_bar) for number in todo]
    if args.workers:
        doing = segment_all(records, orders, source, args.revision, args.workers)
    else:
        doing = (segment_one(pipe, records, *order) for order in orders)
    bad = 0
    try:
        for number in doing:
            say(records, number)
        if share.rank == 0:
            records.wait_for_all()
    finally:  # interrupted: what is done is reported
        if share.rank == 0:
            bad = pool(records, bundle_facts(pipe.config, pipe.revision), args)
    if share.rank == 0:
        records.finish()
    if bad:
        raise UserError(f"{bad} of {len(files)} files could not be segmented; the rest is done.")


def say(records: Records, number: int) -> None:
    """Print one line on a file that is done, or that could not be."""
    measured, said = records.measured(number)
    place = f"[{number + 1}/{len(records.files)}] {records.files[number]}"
    if measured is None:
        print(f"{place}: {said}", file=sys.stderr, flush=True)
    else:
        print(f"{place}: {describe_result(measured)}{said}", flush=True)


def pool(records: Records, bundle: dict, args: argparse.Namespace) -> int:
    """Write the tables of all files that are done; return how many could not be."""
    from fancgan.measuring.results import Results

    results, bad = Results(bundle), 0
    for number in range(len(records.files)):
        bad += records.add_to(results, number)
    write_shared(results, records.out, args)
    return bad


def find_files(names: list[str]) -> list[Path]:
    """Return the named files, and the pictures of named folders, sorted; raise UserError."""
    from fancgan.microscopy.micrograph import SUFFIXES

    files: list[Path] = []
    for name in names:
        path = Path(name)
        if not path.is_dir():
            files.append(path)
            continue
        inside = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES)
        if not inside:
            raise UserError(f"There is no picture ({', '.join(SUFFIXES)}) in the folder {path}.")
        files += inside
    twice, count = Counter(path.stem for path in files).most_common(1)[0]
    if count > 1:
        raise UserError(f"Two files are called {twice}: their results would overwrite each other.")
    return files


def settings_for(stored: dict, args: argparse.Namespace) -> Settings:
    """Return the settings of one file: those stored with an earlier result, then the flags."""
    from fancgan.measuring.filters import read_filter
    from fancgan.measuring.settings import Settings
    from fancgan.microscopy.regions import parse_region

    names = (
        *("nm_per_px", "split", "min_area_px", "bar_rows", "top_rows", "page", "invert"),
        *("diameter_px", "show_anyway", "threshold", "channel"),
    )
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    if args.filter:
        given["filters"] = dict(map(read_filter, args.filter))
    if args.as_it_is:
        given["rescale"] = False
    drawn = {"include": args.region or [], "exclude": args.exclude or []}
    regions = [parse_region(words, use) for use, each in drawn.items() for words in each]
    if regions:
        given["regions"] = regions
    return Settings.from_dict(stored | given)


def result_paths(folder: Path, stem: str) -> list[Path]:
    return [folder / f"{stem}_{end}" for end in FIELD_ENDS]


def describe_result(measured) -> str:
    """Return one line for people: count, median size, scale, and what speaks against it."""
    from fancgan.measuring.analysis import pooled_values
    from fancgan.measuring.distribution import median_of

    if measured.withheld:
        return f"{len(measured.table)} outlines; statistics withheld. {measured.doubt} {ANYWAY}"
    count = len(measured.table)
    words = [f"{count} particle{'' if count == 1 else 's'}"]
    values, weights, *_ = pooled_values([measured], "ecd")
    if len(values):
        words[-1] += f", median diameter {median_of(values, weights):.4g} {measured.unit}"
    if measured.left_out:
        words[-1] += f" ({measured.left_out} left out by filters)"
    if measured.nm_per_px:
        words.append(f"{measured.nm_per_px:.4g} nm per pixel ({measured.nm_source})")
    else:
        words.append(
            "pixel size unknown" + (f": {measured.nm_source}" if measured.nm_source else "")
        )
    if measured.diameter_px and measured.confidence is not None:
        words.append(f"typical diameter {measured.diameter_px:.3g} px")
        words.append(f"confidence {measured.confidence:.2f}")
    if measured.bar_rows:
        words.append(f"{measured.bar_rows} rows of info bar cut off")
    if measured.top_rows:
        words.append(f"{measured.top_rows} rows of info bar at the top left out")
    if measured.settings.regions:
        words.append(f"measured in {measured.area_px} of {measured.field_px} pixels")
    return ". ".join(["; ".join(words), *(caution.rstrip(".") for caution in measured.cautions)])


def write_shared(results: Results, folder: Path, args: argparse.Namespace) -> None:
    from fancgan.files import write_whole

    left = {*SHARED, *PARQUET}
    for name, content in results.files(args.quantity, args.by, args.parquet):
        write_whole(folder / name, content)
        left.discard(name)
    for name in left:  # of an earlier result, and no longer true
        (folder / name).unlink(missing_ok=True)
    if results.measured and all(one.withheld for one in results.measured):
        print(f"No statistics: the model doubts all outlines. {ANYWAY}", file=sys.stderr)
    if len({one.unit for one in results.measured}) > 1:
        print(
            "Some files have a pixel size and others not, so there is no common size distribution "
            "and no report: give --nm-per-px.",
            file=sys.stderr,
        )
