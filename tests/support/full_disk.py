"""A disk that is full, as far as one file is concerned."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager

FULL = "File too large"


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """While this lasts no file grows beyond `room` bytes: the system refuses it (FULL)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
