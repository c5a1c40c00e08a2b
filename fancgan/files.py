"""Every file that this program writes: whole or not at all, and never over an input."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fancgan.errors import UserError

Content = bytes | memoryview | Iterable[bytes]  # of a file, at once or in parts
PART = ".part"  # ends the hidden name that something has until it is whole


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a name beside `path` to write to; the file takes its place when the block ends.

    After an error the old file stays and nothing else is left. The folder is made where missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}{PART}")
    try:
        yield part
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder beside `path` that takes its place when the block ends.

    After an error the old folder stays and nothing else is left. What a killed process left of the
    same folder goes. Whether an old folder may be replaced at all is for the caller to ask.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}{PART}")
    old = part.with_suffix(".old")
    remove(part)
    part.mkdir()
    try:
        yield part
        if path.exists():
            remove(old)
            os.replace(path, old)
        os.replace(part, path)
        remove(old)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def remove(path: Path) -> None:
    """Remove a file or a whole folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def writing(path: Path, advice: str = "") -> Iterator[None]:
    """Say in one sentence (UserError) that `path` cannot be written, and why; advice ends it."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}{advice}.") from error


def write_whole(path: Path, content: Content, *, advice: str = "") -> None:
    """Write a file whole or not at all; content may come in parts.

    Its folder is made where missing. Raises UserError where the system refuses; `advice` says what
    to do about it.
    """
    with writing(path, advice), whole_file(path) as part, part.open("wb") as file:
        file.writelines(_parts(content))


def _parts(content: Content) -> Iterable[bytes | memoryview]:
    return [content] if isinstance(content, bytes | memoryview) else content


def protect_inputs(outputs: list[Path], inputs: list[Path]) -> None:
    """Raise UserError where an output would replace an input."""
    taken = {path.resolve() for path in inputs}
    for path in outputs:
        if path.resolve() in taken:
            raise UserError(f"{path} is an input; choose another --out, it is not overwritten.")


def zip_entry(name: str) -> zipfile.ZipInfo:
    """A zip entry whose bytes do not depend on the time of day."""
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def zipped(files: Iterable[tuple[str, Content]]) -> bytes:
    """Return a zip of files by name, equal for equal files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(zip_entry(name), b"".join(_parts(content)))
    return buffer.getvalue()
