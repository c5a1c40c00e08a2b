"""Files that arrive as text: links that this server gave out, and data URLs."""

from __future__ import annotations

import base64
import binascii
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

from fancgan.errors import UserError

SERVED = "/gradio_api/file="
MAX_BYTES = 64 * 2**20
DATA = re.compile(r"data:[\w.+/-]*;base64,")


@contextmanager
def opened(text: str, cache: str | Path) -> Iterator[Path]:
    """Give the path of the file that text stands for; what came as data is gone afterwards.

    text: a data URL (base64), or a link or path into cache, the folder of the files that the
    server received or made. Raises UserError for anything else: nothing is fetched.
    """
    text = text.strip()
    data = DATA.match(text)
    if not data:
        yield _served(text, Path(cache))
        return
    if len(text) > MAX_BYTES * 4 / 3:
        raise UserError(f"A file may hold {MAX_BYTES // 2**20} MB; this one is larger.")
    try:
        content = base64.b64decode(text[data.end() :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise UserError("The data URL is not whole: its base64 does not decode.") from error
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        path = Path(folder) / "image"
        path.write_bytes(content)
        yield path


def _served(text: str, cache: Path) -> Path:
    path = Path(unquote(text.partition(SERVED)[2]) or text)
    try:
        found = path.resolve().is_relative_to(cache.resolve()) and path.is_file()
    except (OSError, ValueError):
        found = False
    if not found:
        raise UserError(
            "There is no such file on this server: give a data URL, or a link or path that the "
            "server gave within the last quarter of an hour."
        )
    return path
