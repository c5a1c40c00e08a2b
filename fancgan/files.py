"""Every file that this program writes: whole or not at all, and never over an input."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from fancgan.errors import UserError


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under a temporary name, then rename it; its folder is made where missing."""
    partial = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        os.replace(partial, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise UserError(f"{path} cannot be written: {error.strerror}.") from error


def protect_inputs(outputs: list[Path], inputs: list[Path]) -> None:
    """Raise UserError where an output would replace an input."""
    taken = {path.resolve() for path in inputs}
    for path in outputs:
        if path.resolve() in taken:
            raise UserError(f"{path} is an input; choose another --out, it is not overwritten.")


def write_atomically(path: Path, write) -> None:
    """Call write(temporary path), then rename: readers see the old file or the whole new one."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(
            f"{path} cannot be written: {error.strerror}; free some space or choose another --run."
        ) from error


def write_json(path: Path, value: object) -> None:
    write_atomically(path, lambda p: p.write_text(json.dumps(value, indent=1) + "\n"))
