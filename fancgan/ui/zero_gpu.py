"""ZeroGPU, the Hub's shared GPUs: what a Space must do to be started there."""

from __future__ import annotations

import contextlib


def register() -> None:
    """Declare a GPU function where the package `spaces` is, which ZeroGPU provides; else nothing.

    ZeroGPU refuses a Space without one. None is called: the networks answer on two processor
    cores in a third of a second, sooner than a GPU is lent, and a visitor's quota stays whole.
    To be called before torch is imported.
    """
    with contextlib.suppress(ImportError):
        import spaces

        spaces.GPU(_unused)


def _unused() -> None:
    """The function that ZeroGPU wants to see."""
