"""The study: arms of the training on equal terms, in one table with plots.

    python benchmarks/study.py --data data/tio2 --out runs/study
    python benchmarks/study.py --data data/tio2 --out runs/study --minutes 60 --only help
    python benchmarks/study.py --data data/tio2 --out runs/study --report docs/study.md
    python benchmarks/study.py --data data/cells --out runs/study-cells
    python benchmarks/study.py --quick --out runs/study-quick

The same command again goes on where it stopped: every cell, an arm with a number of fields and a
seed, has a folder, and one that is finished is not done again. With --report nothing is trained:
the table is made again from what is there, and the tables and plots of that page with it.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from functools import cached_property
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import train
from benchmarks import study_data
from benchmarks.study_arms import ALL, Arm, Cell, study
from benchmarks.study_report import RESULT, WHY, write_report
from fancgan.datasets.fields import Listing, list_files, load_field
from fancgan.errors import UserError
from fancgan.files import write_whole
from fancgan.hardware import tune_allocator

# Equal for all: small crops, so that a short budget has many steps.
TERMS = "--crop-px 128 --batch-size 2 --segmenter-batch 2 --random-batch 1 --tracker none"
TERMS += " --eval-every-steps 1000000 --save-every-steps 100"
TINY = "--widths 8 8 16 --critic patch --perceptual none --warmup-steps 1"
SECONDS = "seconds.txt"  # that a cell has been trained for, over all its parts
POINT_FIELDS = 2  # of the training fields that choose the operating point


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="folder of image / mask pairs, or DIR:MODALITY")
    parser.add_argument("--out", type=Path, required=True, help="folder of the study")
    parser.add_argument("--quick", action="store_true", help="tiny networks on drawn pictures")
    parser.add_argument(
        "--report", type=Path, metavar="MD", help="fill in this page; train nothing"
    )
    parser.add_argument("--only", nargs="+", default=[""], help="cells whose names begin so")
    parser.add_argument("--minutes", type=float, default=1e9, help="begin no cell after these")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--segmenter-steps", type=int, default=800, help="of arms without painter")
    parser.add_argument("--steps", type=int, default=100, help="of arms with one")
    parser.add_argument(
        "--painter", help="bundle that paints the synthetic pairs [tio2-sem for that modality]"
    )
    parser.add_argument(
        "--painter-steps",
        type=int,
        default=0,
        help="train the painter on the same fields; 0: --painter, which has seen all of them",
    )
    parser.add_argument("--pairs", type=int, default=56, help="synthetic pairs")
    parser.add_argument("--pair-size", type=int, nargs=2, default=[512, 768], metavar=("H", "W"))
    parser.add_argument("--more", default="", help="flags of train.py for all, in quotes")
    args = parser.parse_args(argv)
    if args.quick:
        args.seeds, args.segmenter_steps, args.steps, args.painter_steps = [0], 3, 2, 2
        args.pairs, args.pair_size = 4, [study_data.SIDE_PX] * 2
    elif not (args.data or args.report):
        parser.error("--data is missing: the folder to train and judge on (or --quick)")
    return args


class Study:
    """The data of a study and its cells, in a folder."""

    def __init__(self, args: argparse.Namespace):
        from fancgan.datasets.sources import parse_source

        self.args, self.out = args, args.out.resolve()
        self.sets = self.out / "data"
        self.sets.mkdir(parents=True, exist_ok=True)
        if args.quick:
            args.data = str(study_data.draw_set(self.sets / "drawn"))
        source = parse_source(args.data)
        self.listing: Listing = list_files(source.path, source.modality)
        self.train, self.val = self.listing.stems("train"), self.listing.stems("val")
        shipped = {"sem": "tio2-sem", "tsem": "tio2-tsem"}.get(self.listing.modality or "")
        self.painter = args.painter or (None if args.painter_steps else shipped)

    @cached_property
    def halves(self) -> dict[str, tuple[list[str], list[str]]]:
        return study_data.coverage_halves(self.listing)

    def flags(self, arm: Arm) -> list[str]:
        """What train.py is told, beside data, run and seed; the arm has the last word."""
        args = self.args
        flags = [*TERMS.split(), "--segmenter-steps", str(args.segmenter_steps)]
        flags += ["--steps", str(args.steps), *shlex.split(args.more), *arm.flags]
        return flags + (TINY.split() if args.quick else [])

    def fit(self, arm: Arm, fields: int, seed: int, data: Path, run: Path) -> None:
        """Train by train.py's own code; raise KeyboardInterrupt where it was asked to stop."""
        argv = ["--data", str(data), "--run", str(run), "--seed", str(seed), *self.flags(arm)]
        if not train.train(train.parse_arguments(argv)):
            raise KeyboardInterrupt

    def data_for(self, cell: Cell) -> tuple[Path, list[tuple[Listing, str]]]:
        """The folder that a cell learns from, and the fields that choose its operating point."""
        kind, k = cell.arm.data, cell.fields
        if k >= len(self.train):
            raise UserError(f"{len(self.train)} fields are annotated: k = {k} is no fewer.")
        uneven = kind in ("sparse", "dense")
        stems = self.halves[kind][0] if uneven else study_data.spread(self.train, k)
        real = [(self.listing, stem) for stem in stems]
        made: list[tuple[Listing, str]] = []
        if kind in ("synthetic", "both"):
            made = self.synthetic(cell, stems)
        often = max(1, round(len(made) / len(real))) if kind == "both" else 1
        learned = [(*pair, often) for pair in real] if kind != "synthetic" else []
        learned += [(*pair, 1) for pair in made]
        # train.py wants something to validate on; nothing is chosen by it.
        name = f"{kind}-k{k or 'all'}" + (f"-s{cell.seed}" if made else "")
        folder = study_data.link_set(self.sets / name, learned, [(self.listing, self.val[0])])
        return folder, (made if kind == "synthetic" else real)[:POINT_FIELDS]

    def synthetic(self, cell: Cell, stems: list[str]) -> list[tuple[Listing, str]]:
        """Synthetic pairs of a cell, by a painter that has seen no other field than the cell's."""
        args, k = self.args, cell.fields
        bundle, layout, name = self.painter, (), f"painted-k{k or 'all'}-s{cell.seed}"
        if args.painter_steps:
            bundle = str(self.out / "painters" / f"k{k or 'all'}-s{cell.seed}")
            layout = study_data.layout_flags(self.listing, stems)
            self.fit_painter(Path(bundle), cell, stems)
        elif k != ALL:
            raise UserError(
                "the painter has seen all fields; --painter-steps trains one on the same few"
            )
        if bundle is None:
            raise UserError("no painter of this material ships; give --painter or --painter-steps")
        size = tuple(args.pair_size)
        listing = study_data.synthetic_set(
            self.sets / name, bundle, n=args.pairs, size=size, seed=1000 * cell.seed, layout=layout
        )
        return [(listing, stem) for stem in listing.stems("train")]

    def fit_painter(self, bundle: Path, cell: Cell, stems: list[str]) -> None:
        from fancgan.publishing.export_run import export_run

        if bundle.exists():
            return
        real = [(self.listing, stem, 1) for stem in stems]
        name = f"real-k{cell.fields or 'all'}"
        data = study_data.link_set(self.sets / name, real, [(self.listing, self.val[0])])
        steps = ("--steps", str(self.args.painter_steps), "--segmenter-steps", "0")
        run = bundle.with_name(f"{bundle.name}-run")
        self.fit(Arm("", "", "", steps), cell.fields, cell.seed, data, run)
        export_run(run, bundle)

    def settings(self, cell: Cell) -> dict:
        """What a finished cell must have been made with to count."""
        args = self.args
        made = [self.painter, args.painter_steps, args.pairs, *args.pair_size]
        facts = {"flags": self.flags(cell.arm), "data": args.data, "bundle": cell.arm.bundle}
        return facts | ({"painter": made} if cell.arm.data in ("synthetic", "both") else {})

    def do(self, cell: Cell) -> None:
        """Train and judge a cell, unless that has been done."""
        folder = self.out / "cells" / cell.name
        wanted = self.settings(cell)
        if (folder / RESULT).exists():
            known = json.loads((folder / RESULT).read_text(encoding="utf-8"))
            if known["settings"] != wanted:
                raise UserError(
                    f"{folder} was made with other settings; choose another --out, or remove it."
                )
            return
        folder.mkdir(parents=True, exist_ok=True)
        started, spent = time.monotonic(), folder / SECONDS
        before = float(spent.read_text(encoding="utf-8")) if spent.exists() else 0.0
        point: list[tuple[Listing, str]] = []
        try:
            if not cell.arm.bundle:
                data, point = self.data_for(cell)
                self.fit(cell.arm, cell.fields, cell.seed, data, folder / "run")
        finally:
            trained = before + time.monotonic() - started
            write_whole(spent, f"{trained:.1f}".encode())
        report = self.judge(cell, folder, point)
        seconds = {"training": round(trained, 1), "judging": report.pop("seconds")}
        result = {"settings": wanted, "arm": cell.arm.name, "group": cell.arm.group}
        result |= {"fields": cell.fields or len(self.train), "seed": cell.seed, "seconds": seconds}
        if not cell.arm.bundle:
            config = json.loads((folder / "run/config.json").read_text(encoding="utf-8"))
            result["hardware"] = config["hardware"]
        text = json.dumps(result | report, indent=1) + "\n"
        write_whole(folder / RESULT, text.encode())

    def judge(self, cell: Cell, folder: Path, point: list[tuple[Listing, str]]) -> dict:
        """Figures by the code of `fancgan evaluate`; the operating point is not chosen on val."""
        from fancgan.evaluation.evaluate import evaluate_bundle
        from fancgan.pipeline import Pipeline
        from fancgan.publishing.export_run import choose_operating_point, export_run

        if cell.arm.bundle:
            pipe = Pipeline.from_pretrained(cell.arm.bundle)
        else:
            bundle = folder / "bundle"
            if not bundle.exists():
                export_run(folder / "run", bundle, say=lambda line: None)
            pipe = Pipeline.from_pretrained(str(bundle))
            own = [load_field(listing, stem) for listing, stem in point]
            pipe.config["operating_point"] = choose_operating_point(pipe, own)
        judged, more = self.val, {}
        if cell.arm.group == "extrapolation":
            judged = [stem for _, stems in self.halves.values() for stem in stems]
            more = {"judged": {name: stems for name, (_, stems) in self.halves.items()}}
        fields = [load_field(self.listing, stem) for stem in judged]
        paints = cell.arm.group == "cycle"
        known = [load_field(self.listing, stem) for stem in self.train] if paints else None
        report = evaluate_bundle(
            pipe, fields, known, seeds=2 if paints else 0, full=paints and not self.args.quick
        )
        more["operating_point"] = pipe.config.get("operating_point")
        if cell.arm.data == "synthetic":  # what a little of real data would change
            real = study_data.spread(self.train, cell.fields)[:POINT_FIELDS]
            own = [load_field(self.listing, stem) for stem in real]
            pipe.config["operating_point"] = choose_operating_point(pipe, own)
            tuned = evaluate_bundle(pipe, fields, seeds=0)
            report["seconds"] += tuned.pop("seconds")
            more["at_real_point"] = tuned | {"operating_point": pipe.config["operating_point"]}
        return more | report


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    tune_allocator()
    started = time.monotonic()
    try:
        cells = study(args.seeds)
        if args.report:
            write_report(args.out, cells, args.report)
            return 0
        work = Study(args)
        for cell in cells:
            if cell.arm.empty or not cell.name.startswith(tuple(args.only)):
                continue
            if time.monotonic() - started > 60 * args.minutes:
                break
            why = work.out / "cells" / cell.name / WHY
            try:
                print(f"... {cell.name}", flush=True)
                work.do(cell)
                why.unlink(missing_ok=True)
            except UserError as error:  # this cell cannot be had; the others can
                why.parent.mkdir(parents=True, exist_ok=True)
                why.write_text(str(error), encoding="utf-8")
                print(f"{cell.name}: {error}", file=sys.stderr, flush=True)
            write_report(work.out, cells, None)
        write_report(work.out, cells, None)
    except UserError as error:
        print(f"study.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("study.py: stopped; the same command goes on", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
