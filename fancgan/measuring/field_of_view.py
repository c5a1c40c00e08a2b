"""A micrograph without its info bar, as it is measured."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fancgan.errors import UserError
from fancgan.measuring.settings import Settings
from fancgan.microscopy.micrograph import MIN_SIDE_PX, Micrograph, read_micrograph, to_grey8
from fancgan.microscopy.scale_bar import ScaleBar, find_scale_bar


@dataclass(frozen=True, eq=False)
class FieldOfView:
    """A micrograph without its info bar: pixels [H, W] native, grey [H, W] uint8.

    An info bar at the top stays, so that places are those of the picture: nothing is sought or
    measured in its top_rows.
    """

    name: str
    pixels: NDArray
    nm_per_px: float | None
    nm_source: str | None
    bar_rows: int
    pages: int
    synthetic: bool = False
    top_rows: int = 0

    @cached_property
    def grey(self) -> NDArray[np.uint8]:
        return to_grey8(self.pixels)

    @cached_property
    def sought(self) -> NDArray[np.uint8]:
        """Grey levels [H - top_rows, W] where particles are sought."""
        return to_grey8(self.pixels[self.top_rows :]) if self.top_rows else self.grey


def read_field(path: str | Path, settings: Settings | None = None) -> FieldOfView:
    """Read a microscope file and cut off its info bar. Raises UserError."""
    settings = settings or Settings()
    return cut_field(
        read_micrograph(path, settings.page, settings.channel), Path(path).stem, settings
    )


def cut_field(micrograph: Micrograph, name: str, settings: Settings) -> FieldOfView:
    """Cut the info bar off, as found or as the settings say. Raises UserError."""
    height, width = micrograph.pixels.shape
    found = height - len(micrograph.field)
    rows = found if settings.bar_rows is None else settings.bar_rows
    top = micrograph.top_rows if settings.top_rows is None else settings.top_rows
    if min(height - rows - top, width) < MIN_SIDE_PX:
        raise UserError(
            f"{name} has {height} rows: cutting off {rows + top} leaves fewer than {MIN_SIDE_PX}."
        )
    nm_per_px, nm_source = micrograph.nm_per_px, micrograph.nm_source
    if settings.nm_per_px:
        by = f"scale bar, {settings.scale_bar}" if settings.scale_bar else "entered by hand"
        nm_per_px, nm_source = settings.nm_per_px, by
    return FieldOfView(
        name=name,
        pixels=micrograph.pixels[: height - rows],
        nm_per_px=nm_per_px,
        nm_source=nm_source,
        bar_rows=rows,
        pages=micrograph.pages,
        synthetic="synthetic" in name.lower(),
        top_rows=top,
    )


def offered_bar(micrograph: Micrograph, settings: Settings) -> ScaleBar | None:
    """Return the scale bar of a picture whose pixel size nobody says; None where that is in doubt.

    Raises UserError where the package that reads its label is missing.
    """
    if micrograph.nm_per_px or settings.nm_per_px:
        return None
    return find_scale_bar(to_grey8(micrograph.pixels))


def scale_of(bar: ScaleBar) -> dict:
    """Return the values of the settings that take a bar."""
    return {"nm_per_px": float(f"{bar.nm_per_px:.6g}"), "scale_bar": bar.reading}
