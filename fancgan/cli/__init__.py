"""The verbs of `python -m fancgan`, one module each.

A verb module offers HELP (one line), add_arguments(parser) and run(args). Heavy imports belong
inside run, so that --help answers at once.
"""

from __future__ import annotations

import argparse


def add_bundle_arguments(
    parser: argparse.ArgumentParser, pin: str = "commit", default: str = "tio2-sem"
) -> None:
    """Add the flags by which a verb is told its bundle; pin: what --revision takes, in words."""
    parser.add_argument("--bundle", help=f"folder, name or Hub repository (default: {default})")
    parser.add_argument("--revision", help=f"{pin} of a Hub repository")


def choose_painter(args: argparse.Namespace) -> None:
    """Take the bundle that paints any look where a look is asked for and no bundle named."""
    if args.bundle is None and args.style:
        args.bundle = "particles"
