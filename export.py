"""Make the bundle of a training run.

python export.py --run runs/tio2-sem --out fancgan/bundles/tio2-sem --data DATA/tio2
"""

from __future__ import annotations

import argparse
import sys

from fancgan.allocator import tune_allocator
from fancgan.errors import UserError


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make the bundle of a training run.")
    parser.add_argument("--run", required=True, metavar="DIR", help="folder of the training run")
    parser.add_argument(
        "--out", required=True, metavar="DIR", help="the bundle; one that is there is replaced"
    )
    parser.add_argument(
        "--data",
        metavar="DIR",
        help="data set of the run: chooses the operating point and measures the bundle on val",
    )
    parser.add_argument("--name", help="name of the bundle (default: that of the folder)")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    tune_allocator()
    try:
        from fancgan.publish import export_run

        export_run(args.run, args.out, data=args.data, name=args.name)
    except UserError as error:
        print(f"export.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
