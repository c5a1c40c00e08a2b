"""What visitors leave behind goes: with the server, while it runs, and after it was killed."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

try:
    import fcntl
except ImportError:  # Windows: there, a killed server's folder stays
    fcntl = None  # type: ignore[assignment]

PREFIX = "fancgan-served-"
LOCK = "lock"  # held by the living server
UPLOADS = "uploads"
KEPT_SECONDS = 900
CUT_OFF_SECONDS = 120  # of an upload that no longer grows
EVERY_SECONDS = 60


@contextmanager
def served_folder() -> Iterator[Path]:
    """Give the folder of all that a server writes, temporary files included.

    It goes when the block ends, with what the server's processes still write there; and those of
    servers that were killed go first.
    """
    remove_dead(Path(tempfile.gettempdir()))
    folder, before, ended = Path(tempfile.mkdtemp(prefix=PREFIX)), tempfile.tempdir, Event()
    uploads = folder / UPLOADS
    uploads.mkdir()
    tempfile.tempdir = str(folder)
    with (folder / LOCK).open("w") as lock:
        if fcntl:
            fcntl.flock(lock, fcntl.LOCK_EX)
        Thread(target=_sweep, args=(uploads, ended), daemon=True).start()
        try:
            yield folder
        finally:
            ended.set()
            tempfile.tempdir = before
            for child in multiprocessing.active_children():
                child.kill()
                child.join()
            while folder.exists():  # a thread may be writing its last file
                shutil.rmtree(folder, ignore_errors=True)


def remove_dead(place: Path) -> None:
    """Remove the folders in `place` whose server no longer lives."""
    for folder in place.glob(f"{PREFIX}*") if fcntl else ():
        with contextlib.suppress(OSError), (folder / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)


def remove_old(uploads: Path, now: float) -> None:
    """Remove what is older than it is kept; a file beside the folders is one not yet whole."""
    for place, _, names in os.walk(uploads, topdown=False):
        kept = CUT_OFF_SECONDS if Path(place) == uploads else KEPT_SECONDS
        for path in (Path(place, name) for name in names):
            with contextlib.suppress(OSError):
                if now - path.stat().st_mtime > kept:
                    path.unlink()
        if Path(place) != uploads:
            with contextlib.suppress(OSError):
                Path(place).rmdir()  # if it is empty


def _sweep(uploads: Path, ended: Event) -> None:
    while not ended.wait(EVERY_SECONDS):
        remove_old(uploads, time.time())
