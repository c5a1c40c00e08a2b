"""A lock with a queue of limited length, for what goes past gradio's queue."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock

from fancgan.errors import UserError


class QueuedLock:
    """Lets one caller in, up to `waiting` in all wait, and others hear that there are too many."""

    def __init__(self, waiting: int):
        self._lock, self._waiting = Lock(), BoundedSemaphore(waiting)

    @contextmanager
    def held(self) -> Iterator[None]:
        if not self._waiting.acquire(blocking=False):
            raise UserError("Many people are at work just now: please try again in a moment.")
        try:
            with self._lock:
                yield
        finally:
            self._waiting.release()
