"""Make the bundle of a training run; publish bundle and demo on the Hugging Face Hub.

python export.py --run runs/tio2-sem --out fancgan/bundles/tio2-sem --data DATA/tio2
python export.py --run runs/mine --out bundles/mine --formats torchscript,export,onnx
python export.py --run runs/a runs/b --out bundles/mean
python export.py --run runs/particles runs/painter --out bundles/particles --data DATA/emps
python export.py --bundle particles --bioimageio particles.zip
python export.py --bundle bundles/mine --push OWNER/NAME --tag v1 [--private] [--dry-run]
python export.py --space OWNER/DEMO --bundle-repo OWNER/NAME@v1 [--dry-run]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fancgan.errors import UserError
from fancgan.files import write_whole
from fancgan.hardware import tune_allocator


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Make the bundle of a training run; publish bundle and demo on the Hub."
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--run",
        metavar="DIR",
        nargs="+",
        help="folder of the training run; needs --out. Of several, fine-tuned from the same bundle "
        "on the same data, the mean of the weights is taken; of --preset particles its run, and "
        "behind it that of a --preset painter to paint with",
    )
    what.add_argument(
        "--bundle", metavar="DIR", help="a bundle that is there; for --push, --bioimageio"
    )
    what.add_argument("--space", metavar="OWNER/NAME", help="publish the demo as this Space")
    parser.add_argument("--out", metavar="DIR", help="the bundle; one that is there is replaced")
    parser.add_argument(
        "--data",
        metavar="DIR",
        nargs="+",
        help="data set of the run: chooses the operating point and measures the bundle on val; of "
        "--preset particles several, DIR:MODALITY too",
    )
    parser.add_argument("--name", help="name of the bundle (default: that of the folder)")
    parser.add_argument(
        "--formats",
        metavar="F,F",
        help="torchscript is always written; export adds torch.export's programs (.pt2), onnx adds "
        "ONNX files, both for other programs than this one (default: torchscript)",
    )
    parser.add_argument(
        "--bioimageio",
        metavar="ZIP",
        help="write the bundle's segmenter as a model of bioimage.io (with --run or --bundle)",
    )
    hub = parser.add_argument_group("on the Hub (log in with hf auth login, or set HF_TOKEN)")
    hub.add_argument("--push", metavar="OWNER/NAME", help="publish the bundle in one commit")
    hub.add_argument("--tag", help="tag the commit; a tag that exists is never moved")
    hub.add_argument("--private", action="store_true", help="make the repository a private one")
    hub.add_argument(
        "--bundle-repo",
        metavar="OWNER/NAME@REV",
        help="bundle that the Space serves; a tag is pinned to its commit of now (default: the "
        "Space's variable stays as it is, without one the bundle that ships is served)",
    )
    hub.add_argument("--dry-run", action="store_true", help="list what would be sent; send nothing")
    hub.add_argument(
        "--timeout", type=float, default=60, metavar="S", help="seconds of silence (default: 60)"
    )
    args = parser.parse_args(argv)
    _check_combination(parser, args)
    return args


def _check_combination(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    if args.run and not args.out:
        parser.error("--run needs --out, the folder of the bundle")
    if args.bundle and not args.push and not args.bioimageio:
        parser.error("--bundle needs --push, the repository to publish it in, or --bioimageio")
    if args.space and args.bioimageio:
        parser.error("--bioimageio belongs to --run or --bundle")
    if not args.run and (args.out or args.data or args.name or args.formats):
        parser.error("--out, --data, --name and --formats belong to --run")
    if args.space and (args.push or args.tag):
        parser.error("--push and --tag publish a bundle; run that first, then --space")
    if args.bundle_repo and not args.space:
        parser.error("--bundle-repo belongs to --space")
    if not args.space and not args.push and (args.tag or args.private or args.dry_run):
        parser.error("--tag, --private and --dry-run belong to --push or --space")


def export_and_push(args: argparse.Namespace) -> None:
    from fancgan.pretrained.find import find_bundle

    if args.push:
        from fancgan.publishing import upload

        upload.check_name(args.push)
        if args.tag:
            upload.check_tag(args.tag)
        if not args.dry_run:
            upload.check_login(args.push, args.timeout)
    if args.run:
        from fancgan.publishing.export_run import export_run

        formats = (args.formats or "torchscript").split(",")
        export_run(args.run, args.out, data=args.data, name=args.name, formats=formats)
    if args.bioimageio:
        from fancgan.publishing.bioimageio import package

        write_whole(Path(args.bioimageio), package(find_bundle(args.out or args.bundle)))
        print(f"wrote {args.bioimageio}")
    if args.push:
        upload.push_bundle(
            find_bundle(args.out or args.bundle),
            args.push,
            private=args.private,
            tag=args.tag,
            dry_run=args.dry_run,
        )


def publish_space(args: argparse.Namespace) -> None:
    from fancgan.publishing import space

    space.publish(
        args.space,
        bundle=args.bundle_repo,
        private=args.private,
        dry_run=args.dry_run,
        timeout_s=args.timeout,
    )


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    tune_allocator()
    try:
        if args.space:
            publish_space(args)
        else:
            export_and_push(args)
    except UserError as error:
        print(f"export.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("export.py: interrupted; the same command again finishes it", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
