"""What every reader of files gives: samples as they are stored, and what the file tells of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fancgan.errors import UserError
from fancgan.microscopy.pixel_size import PixelSize, UnknownScale

MAX_PIXELS = 80_000_000


@dataclass(frozen=True, eq=False)
class Stored:
    """One page of a file.

    samples: [H, W] or [H, W, C], as a viewer shows them: upright, more is brighter.
    bar_row: first row of the info bar, where the file says so.
    doubt: why the pixel size that the file states is not taken.
    other_page: a page that holds a grey picture, where this one is in colour.
    """

    samples: np.ndarray
    pages: int = 1
    pixel_size: PixelSize | None = None
    bar_row: int | None = None
    doubt: str | None = None
    other_page: int | None = None


def scale_or_doubt(state: Callable[[], PixelSize | None]) -> tuple[PixelSize | None, str | None]:
    """Return what `state` finds, or why it is not taken: a scale never costs the picture."""
    try:
        return state(), None
    except UnknownScale as error:
        return None, str(error)
    except Exception:  # whatever stands in the metadata, the pixels are still read
        return None, "the file's metadata cannot be read"


def check_page(path: Path, page: int, pages: int) -> None:
    if not pages:
        raise UserError(f"{path.name} holds no picture.")
    if not 0 <= page < pages:
        raise UserError(f"{path.name} has {pages} page(s), so there is no page {page}.")


def plane_of(path: Path, page: int, planes: list[int]) -> tuple[int, int]:
    """Which image of a file a page belongs to, and which of its planes it is; raises UserError."""
    check_page(path, page, sum(planes))
    image = 0
    while page >= planes[image]:
        page -= planes[image]
        image += 1
    return image, page


def check_size(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise UserError(too_large(path, f"{width} x {height} pixels,"))


def too_large(path: Path, by: str) -> str:
    return f"{path.name} is {by} larger than {MAX_PIXELS // 10**6} megapixels; crop it first."
