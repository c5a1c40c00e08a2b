"""F-ANcGAN: realistic SEM images of nanoparticles from masks, and masks back from images."""

from __future__ import annotations

__version__ = "0.1.0"
__all__ = ["Pipeline", "UserError", "__version__"]

from fancgan.errors import UserError


def __getattr__(name: str):
    # Pipeline pulls in torch: a help text or a file check should not wait for it.
    if name == "Pipeline":
        from fancgan.pipeline import Pipeline

        return Pipeline
    raise AttributeError(f"module 'fancgan' has no attribute {name!r}")
