"""Serve the demo.

    python app.py
    python app.py --bundle fancgan/bundles/tio2-sem --host 0.0.0.0 --port 7860
    python app.py --bundle OWNER/NAME@COMMIT

Without --bundle the environment variable FANCGAN_BUNDLE (OWNER/NAME@COMMIT) names it.

The page asks nothing from outside, keeps nothing of a visitor, and stops with Ctrl-C.
"""

from __future__ import annotations

import argparse
import inspect
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from threading import Event
from typing import Any

from fancgan.errors import UserError
from fancgan.hardware import return_memory_regularly, tune_allocator
from fancgan.ui.leftovers import UPLOADS, served_folder


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Serve the F-ANcGAN demo.")
    parser.add_argument(
        "--bundle",
        metavar="DIR",
        help="bundle folder or name, or OWNER/NAME@REVISION on the Hub; it paints, and one of your "
        "own is also the Segment tab's first model (default: the environment variable "
        "FANCGAN_BUNDLE, else those that ship)",
    )
    parser.add_argument("--host", default=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"))
    parser.add_argument("--port", type=int, default=os.environ.get("GRADIO_SERVER_PORT", "7860"))
    parser.add_argument(
        "--mcp",
        action="store_true",
        help="offer tools to MCP clients at /gradio_api/mcp/ (gradio[mcp])",
    )
    return parser.parse_args(argv)


def check_address(host: str, port: int) -> None:
    """Raise UserError unless a server can listen there (before the model is loaded)."""
    if not 1 <= port <= 65535:
        raise UserError(f"{port} is no port: take one from 1 to 65535 with --port.")
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise UserError(
            f"Cannot listen on {host} port {port} ({error.strerror}): choose another with "
            "--host or --port."
        ) from error


def check_mcp() -> None:
    """Raise UserError unless the package that an MCP server needs is there."""
    if find_spec("mcp") is None:
        raise UserError("--mcp needs one more package: pip install 'gradio[mcp]'.")


@contextmanager
def without_stubs() -> Iterator[None]:
    """Let gradio be imported without its stubs for editors.

    It parses the source of each of its components to write a .pyi beside it, at every start: a
    seventh of the time until the page answers.
    """
    getfile = inspect.getfile

    def unknown_of_gradio(object: Any) -> str:
        if str(getattr(object, "__module__", "")).startswith("gradio."):
            raise OSError
        return getfile(object)

    inspect.getfile = unknown_of_gradio
    try:
        yield
    finally:
        inspect.getfile = getfile


def serve(args: argparse.Namespace, folder: Path) -> None:
    """Load the bundle, build the page and serve it until interrupted; uploads go to folder."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_TEMP_DIR"] = str(folder / UPLOADS)

    from fancgan.ui import zero_gpu

    zero_gpu.register()  # before torch

    from fancgan import Pipeline
    from fancgan.pretrained.served import bundle_to_serve

    with without_stubs():
        from fancgan.ui.page import launch_options
        from fancgan.ui.site import build

    bundle, notice = bundle_to_serve(args.bundle, os.environ)
    if notice:
        print(f"app.py: {notice}", file=sys.stderr, flush=True)
    pipe = Pipeline(bundle)
    source = f" of {pipe.origin}" if pipe.origin else ""
    print(f"serving {pipe.config['name']}, revision {pipe.revision}{source}", file=sys.stderr)
    demo = build(pipe, stands_in=bool(notice), mcp=args.mcp)
    _, url, _ = demo.launch(
        server_name=args.host,
        server_port=args.port,
        prevent_thread_lock=True,
        mcp_server=args.mcp,
        **launch_options(),
    )
    return_memory_regularly(Event())
    print(f"F-ANcGAN is at {url} (Ctrl-C stops it)", flush=True)
    demo.block_thread()


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    tune_allocator()
    # A service manager's stop is Ctrl-C too: the folder of uploads goes with the server.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        check_address(args.host, args.port)
        if args.mcp:
            check_mcp()
        with served_folder() as folder:
            serve(args, folder)
    except UserError as error:
        print(f"app.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
