"""`python -m fancgan download tio2 --out DIR`: fetch the public data set."""

from __future__ import annotations

import argparse

HELP = "fetch the public TiO2 data set, checked and resumable"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", choices=("tio2",), help="the data set")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to fill")
    parser.add_argument("--base-url", help=argparse.SUPPRESS)
    parser.add_argument("--checksums", help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> None:
    from fancgan.datasets.download import TIO2_NOTICE, download_tio2

    mirror = {"base_url": args.base_url, "checksums": args.checksums}
    print(TIO2_NOTICE)
    out = download_tio2(args.out, **{key: value for key, value in mirror.items() if value})
    print(f"Complete and verified: {out}. Check it with: python -m fancgan check {out}")
