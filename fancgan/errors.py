"""What ends work early: a mistake that people can mend, and that nobody waits any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class UserError(Exception):
    """A fault in the user's input, in one sentence: what is wrong, where, and what to do.

    Scripts print it and exit with code 2; the app shows it as a toast. Anything else that is
    raised, but Stopped, is a defect of the program.
    """


class Stopped(Exception):
    """Nobody waits for this work any more."""


_asked: ContextVar[Callable[[], bool]] = ContextVar("_asked", default=lambda: False)


@contextmanager
def stopped_by(asked: Callable[[], bool]) -> Iterator[None]:
    """Let `check_stopped` inside the block raise Stopped once asked() is true, too."""
    outer = _asked.get()
    before = _asked.set(lambda: outer() or asked())
    try:
        yield
    finally:
        _asked.reset(before)


def check_stopped() -> None:
    """Raise Stopped where the caller no longer wants the work; long loops call it each round."""
    if _asked.get()():
        raise Stopped
