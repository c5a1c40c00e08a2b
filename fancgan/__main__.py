"""`python -m fancgan VERB ...`, installed `fancgan VERB ...`: the pipeline for the shell."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from pathlib import Path

import fancgan
import fancgan.cli
from fancgan.errors import UserError


def build_parser() -> argparse.ArgumentParser:
    installed = Path(sys.argv[0]).stem == "fancgan"
    prog = "fancgan" if installed else "python -m fancgan"
    parser = argparse.ArgumentParser(prog=prog, description=fancgan.__doc__)
    parser.add_argument("--version", action="version", version=fancgan.__version__)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for info in sorted(pkgutil.iter_modules(fancgan.cli.__path__), key=lambda m: m.name):
        module = importlib.import_module(f"fancgan.cli.{info.name}")
        verb = verbs.add_parser(
            info.name.replace("_", "-"), help=module.HELP, description=module.HELP
        )
        module.add_arguments(verb)
        verb.set_defaults(run=module.run)
    return parser


def main(argv: list[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    try:
        args.run(args)
    except UserError as error:
        print(f"fancgan {args.verb}: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "fancgan":
            raise
        print(
            f"fancgan {args.verb}: this needs the package {error.name}, which is not installed; "
            "fancgan[all] has everything.",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print(f"fancgan {args.verb}: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
