"""`python -m fancgan make-dataset --n 10000 --out DIR`: synthetic micrographs with labels."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from fancgan.cli import add_bundle_arguments, choose_painter
from fancgan.cli.make_masks import add_layout_arguments, layout_from
from fancgan.errors import UserError

if TYPE_CHECKING:
    from fancgan.datasets.synthetic import Folder, Plan
    from fancgan.pipeline import Pipeline

HELP = "make a labelled synthetic data set: images, instance labels, COCO, YOLO, manifest"
SIDE_PX = 256
FORMATS = ("folder", "zip", "webdataset")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write to")
    parser.add_argument("--n", type=int, default=100, help="how many pairs (default 100)")
    parser.add_argument("--val-share", type=float, default=0.1, help="for validation, default 0.1")
    parser.add_argument("--style", metavar="IMAGE", help="all in the look of this micrograph")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="folder",
        help="a folder, OUT.zip, or a folder of WebDataset shards (tar files of 1000 pairs)",
    )
    parser.add_argument(
        "--strip",
        action="store_true",
        help="write 'synthetic' into a strip under each picture, where the info bar would be",
    )
    parser.add_argument(
        "--workers", type=int, help="processes of one thread each (default: one per core)"
    )
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16"),
        default="auto",
        help="float32 gives the same on every machine of a kind; auto is the fastest here",
    )
    add_bundle_arguments(parser, default="tio2-sem; particles with --style")
    parser.add_argument(
        "--again",
        nargs=2,
        metavar=("MANIFEST", "N"),
        help="make pair N of a manifest.jsonl again, and nothing else",
    )
    add_layout_arguments(parser, side_px=SIDE_PX)


def run(args: argparse.Namespace) -> None:
    from tqdm import tqdm

    from fancgan.datasets.archives import working_folder
    from fancgan.datasets.synthetic import Folder
    from fancgan.datasets.workers import Share, make_missing, wait_for_all
    from fancgan.hardware import one_thread, tune_allocator
    from fancgan.pipeline import Pipeline

    tune_allocator()
    workers = args.workers if args.workers is not None else os.cpu_count() or 1
    if workers < 1:
        raise UserError(f"--workers is {workers}; give one or more.")
    if args.again:
        return make_again(args)
    share = Share.from_environment()
    choose_painter(args)
    pipe = Pipeline.from_pretrained(args.bundle, revision=args.revision, precision=args.precision)
    with one_thread():
        plan = make_plan(args, pipe)
    folder = Folder(working_folder(Path(args.out), args.format), plan)
    if args.format != "folder" and is_packed(args, plan):
        return None
    folder.begin()
    todo = folder.missing(share.rank, share.world_size)
    if folder.finished and args.format == "folder":
        print(f"{folder.root} is complete: {folder.plan.n} pairs.")
        return None
    del pipe
    mine = len(range(share.rank, folder.plan.n, share.world_size))
    making = make_missing(folder, args.bundle, args.revision, workers=workers, share=share)
    try:
        with tqdm(total=mine, initial=mine - len(todo), unit="pair") as bar:
            for _ in making:
                bar.update()
    except KeyboardInterrupt:
        making.close()
        print("Stopped. The same command goes on where it stopped.")
        raise
    if share.rank == 0:
        if not folder.finished:
            wait_for_all(folder)
            folder.finish()
        print(f"{deliver(args, folder)}: {plan.n} synthetic pairs, {plan.licence}")
    return None


def is_packed(args: argparse.Namespace, plan: Plan) -> bool:
    """Whether the zip or the shards are there already; UserError where others are."""
    from fancgan.datasets.archives import packed_path, packed_plan

    path = packed_path(Path(args.out), args.format)
    found = packed_plan(path)
    if found is None:
        return False
    if found != plan.to_dict():
        raise UserError(f"{path} holds a data set made with other settings; choose another --out.")
    print(f"{path} is complete: {plan.n} pairs.")
    return True


def deliver(args: argparse.Namespace, folder: Folder) -> Path:
    """Pack the finished folder where that was asked for; return where the data set lies."""
    import shutil

    from fancgan.datasets.archives import pack, packed_path

    if args.format == "folder":
        return folder.root
    path = packed_path(Path(args.out), args.format)
    pack(folder, path, args.format)
    shutil.rmtree(folder.root)
    return path


def make_plan(args: argparse.Namespace, pipe: Pipeline) -> Plan:
    """Return the plan of the arguments; raise UserError for what cannot be."""
    from fancgan.datasets.synthetic import plan_for
    from fancgan.microscopy.micrograph import read_micrograph

    layout = layout_from(args, nm_per_px=pipe.nm_per_px, side_px=SIDE_PX)
    style = pipe.measure_style(read_micrograph(args.style).field) if args.style else None
    chosen = {"n": args.n, "seed": args.seed or 0, "val_share": args.val_share}
    return plan_for(pipe, layout, **chosen, style=style, strip=args.strip)


def make_again(args: argparse.Namespace) -> None:
    """Write the files of one pair of a manifest into --out."""
    from fancgan.datasets.synthetic import make_pair, read_line
    from fancgan.files import protect_inputs, write_whole
    from fancgan.hardware import one_thread
    from fancgan.pipeline import Pipeline

    manifest, number = args.again
    if not number.isdigit():
        raise UserError(f"--again takes the number of a pair, not {number}.")
    line = read_line(Path(manifest), int(number))
    pipe = Pipeline.from_pretrained(
        args.bundle, revision=args.revision, precision=line["precision"]
    )
    with one_thread():
        files = dict(make_pair(pipe, line).files())
    out = Path(args.out)
    protect_inputs([out / name for name in files], [Path(manifest).parent / n for n in files])
    for name, content in files.items():
        write_whole(out / name, content)
        print(out / name)
