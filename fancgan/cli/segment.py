"""Micrographs become label images, outlines, tables of particles and a size distribution."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fancgan.cli import add_bundle_arguments
from fancgan.errors import UserError

if TYPE_CHECKING:
    from fancgan.measuring.results import Results
    from fancgan.measuring.settings import Settings

ANYWAY = "--show-anyway counts them all the same."
HELP = "find, part, count and measure the particles in micrographs"
FIELD_ENDS = ("measured.png", "labels.tif", "overlay.png", "rois.zip")
SHARED = (
    *("particles.csv", "statistics.csv", "files.csv", "radial.csv"),
    *("particles.xlsx", "report.pdf"),
)


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
        help="settings.json of an earlier result: each file as it was done then; flags go before",
    )
    add_bundle_arguments(parser, default="particles")


def run(args: argparse.Namespace) -> None:
    from fancgan.files import protect_inputs
    from fancgan.hardware import tune_allocator
    from fancgan.measuring.distribution import WEIGHTINGS
    from fancgan.measuring.results import QUANTITIES, Results, bundle_facts
    from fancgan.pipeline import Pipeline
    from fancgan.pretrained.find import SEGMENTER

    tune_allocator()
    if args.by not in WEIGHTINGS:
        raise UserError(f"--by is one of {', '.join(WEIGHTINGS)}.")
    if args.quantity not in QUANTITIES:
        raise UserError(f"--quantity is one of {', '.join(QUANTITIES)}.")
    files, folder = find_files(args.files), Path(args.out)
    chosen = {path: settings_for(path, args) for path in files}
    outputs = [path for file in files for path in result_paths(folder, file.stem)]
    protect_inputs([*outputs, *(folder / name for name in SHARED)], files)
    pipe = Pipeline.from_pretrained(args.bundle or SEGMENTER, revision=args.revision)
    results = Results(bundle_facts(pipe.config, pipe.revision))
    bad = 0
    try:
        for number, path in enumerate(files, 1):
            try:
                settings, said = with_scale_bar(path, chosen[path], args.scale_bar)
                words = segment_file(pipe, path, folder, settings, results)
                print(f"[{number}/{len(files)}] {path}: {words}{said}", flush=True)
            except UserError as error:
                bad += 1
                print(f"[{number}/{len(files)}] {path}: {error}", file=sys.stderr, flush=True)
    finally:  # interrupted: what is done is reported
        write_shared(results, folder, args.quantity, args.by)
    if bad:
        raise UserError(f"{bad} of {len(files)} files could not be segmented; the rest is done.")


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
    stems = [path.stem for path in files]
    twice = next((stem for stem in stems if stems.count(stem) > 1), None)
    if twice:
        raise UserError(f"Two files are called {twice}: their results would overwrite each other.")
    return files


def settings_for(path: Path, args: argparse.Namespace) -> Settings:
    """Return the settings of one file: those stored with an earlier result, then the flags."""
    from fancgan.measuring.settings import Settings
    from fancgan.microscopy.regions import parse_region

    stored = stored_settings(Path(args.settings)).get(path.stem, {}) if args.settings else {}
    names = (
        *("nm_per_px", "split", "min_area_px", "bar_rows", "top_rows", "page", "invert"),
        *("diameter_px", "show_anyway"),
    )
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    if args.as_it_is:
        given["rescale"] = False
    drawn = {"include": args.region or [], "exclude": args.exclude or []}
    regions = [parse_region(words, use) for use, each in drawn.items() for words in each]
    if regions:
        given["regions"] = regions
    return Settings.from_dict(stored | given)


def stored_settings(path: Path) -> dict[str, dict]:
    """Return {name: settings} of a settings.json; raise UserError where it is none."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return {name: field["settings"] for name, field in document["fields"].items()}
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is no settings.json of an earlier result.") from error


def result_paths(folder: Path, stem: str) -> list[Path]:
    return [folder / f"{stem}_{end}" for end in FIELD_ENDS]


def segment_file(pipe, path: Path, folder: Path, settings: Settings, results: Results) -> str:
    """Write the files of one micrograph and add it to results; return in words what was found."""
    from fancgan.files import write_whole
    from fancgan.measuring.analysis import analyse
    from fancgan.measuring.results import field_files

    analysis = analyse(pipe, path, settings)
    results.add(analysis)
    for name, content in field_files(analysis):
        write_whole(folder / name, content)
    return describe_result(analysis.measured)


def with_scale_bar(path: Path, settings: Settings, how: str | None) -> tuple[Settings, str]:
    """Return the settings with the scale bar of a file, if that is to be taken, and what to say."""
    from fancgan.measuring.field_of_view import offered_bar, scale_of
    from fancgan.microscopy.micrograph import read_micrograph

    bar = offered_bar(read_micrograph(path, settings.page), settings) if how else None
    if bar is None:
        return settings, ""
    if how == "print":
        return settings, f". Scale bar, not taken: {bar.words}"
    return dataclasses.replace(settings, **scale_of(bar)), f". Scale bar, taken: {bar.words}"


def describe_result(measured) -> str:
    """Return one line for people: count, median size, scale, and what speaks against it."""
    from fancgan.measuring.analysis import distribution_of

    if measured.withheld:
        return f"{len(measured.table)} outlines; statistics withheld. {measured.doubt} {ANYWAY}"
    count = len(measured.table)
    words = [f"{count} particle{'' if count == 1 else 's'}"]
    median = distribution_of([measured]).estimates["median"]
    if median.value == median.value:
        words[-1] += f", median diameter {median.value:.4g} {measured.unit}"
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


def write_shared(results: Results, folder: Path, quantity: str, by: str) -> None:
    from fancgan.files import write_whole

    left = set(SHARED)
    for name, content in results.files(quantity, by):
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
