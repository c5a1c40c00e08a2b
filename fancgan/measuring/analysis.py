"""From a micrograph to measured particles, step by step: read, predict, find, measure.

Each step can be repeated alone: another split strength needs no network, a correction no watershed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fancgan.errors import UserError
from fancgan.measuring.corrections import apply_edits
from fancgan.measuring.distribution import OF_SIZES, Distribution, cautions, describe
from fancgan.measuring.doubts import doubt_of, kept_confidence
from fancgan.measuring.field_of_view import FieldOfView, read_field
from fancgan.measuring.predicting import predict
from fancgan.measuring.properties import RATIOS, SIZES, length_unit, measure_particles
from fancgan.measuring.settings import Settings
from fancgan.particles.labels import equal_area_diameter
from fancgan.segmentation.finding import Found

if TYPE_CHECKING:
    from fancgan.pipeline import Pipeline


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured in one micrograph, without its pixels: thousands of these fit in memory.

    table: one row per particle (properties.py); its column "confidence", where the model has one,
    is empty for what was corrected by hand. covered: share of the field that is particle.
    cautions: what speaks against the numbers, in sentences. confidence: the F1 score to expect of
    the outlines; diameter_px: the typical diameter; both None where the model does not say.
    doubt: why statistics are withheld unless they are asked for, in a sentence; "" if they are not.
    """

    name: str
    width_px: int
    height_px: int
    nm_per_px: float | None
    nm_source: str | None
    bar_rows: int
    synthetic: bool
    settings: Settings
    table: pd.DataFrame
    covered: float
    cautions: tuple[str, ...]
    confidence: float | None = None
    diameter_px: float | None = None
    doubt: str = ""

    @property
    def withheld(self) -> bool:
        return bool(self.doubt) and not self.settings.show_anyway

    @property
    def unit(self) -> str:
        return length_unit(self.nm_per_px)

    @property
    def whole(self) -> pd.DataFrame:
        """The particles that the frame does not cut: the ones of the statistics."""
        return self.table[~self.table["touches_border"]]

    def column(self, quantity: str) -> str:
        """Return the table's column of a quantity: "ecd" is "ecd_nm" where the scale is known."""
        for name in (quantity, f"{quantity}_{self.unit}", f"{quantity}_{self.unit}2"):
            if name in self.table:
                return name
        raise UserError(f"There is no quantity {quantity!r}.")

    def unit_of(self, quantity: str) -> str:
        """Return "nm", "px", "nm2" or "px2", "" for a ratio."""
        if quantity in RATIOS:
            return ""
        return f"{self.unit}2" if quantity == "area" else self.unit


@dataclass(frozen=True, eq=False)
class Analysis:
    """The particles of a field: labels int32 [H, W], 0 = background, and what was measured."""

    field: FieldOfView
    labels: NDArray[np.int32]
    measured: Measured


def measure_field(
    field: FieldOfView,
    labels: NDArray,
    settings: Settings,
    warnings: Iterable[str] = (),
    found: Found | None = None,
    doubt: str = "",
) -> Analysis:
    """Measure the particles of labels [H, W] in a field; warnings come before the cautions.

    found: what the labels were before corrections, for the confidence.
    """
    table = measure_particles(labels, field.nm_per_px, field.pixels)
    if found is not None and found.confidence is not None:
        table["confidence"] = kept_confidence(found, labels)[table["label"].to_numpy()]
    across = equal_area_diameter(table["area_px"].to_numpy())
    height, width = labels.shape
    measured = Measured(
        name=field.name,
        width_px=width,
        height_px=height,
        nm_per_px=field.nm_per_px,
        nm_source=field.nm_source,
        bar_rows=field.bar_rows,
        synthetic=field.synthetic,
        settings=settings,
        table=table,
        covered=float((labels > 0).mean()),
        cautions=(*warnings, *cautions(across, table["border_weight"].to_numpy())),
        confidence=found.picture_confidence if found else None,
        diameter_px=found.diameter_px if found else None,
        doubt=doubt,
    )
    return Analysis(field, labels, measured)


def pooled_values(measured: Sequence[Measured], quantity: str) -> tuple[NDArray, NDArray, NDArray]:
    """Return (values, weights, number of the micrograph) of a quantity, uncut particles only.

    Raises UserError where some micrographs have a scale and others not.
    """
    columns = {m.column(quantity) for m in measured}
    if len(columns) > 1:
        raise UserError("Some pictures have a scale and others not: give the pixel size of all.")
    column = columns.pop()
    tables = [m.whole for m in measured]
    values = np.concatenate([t[column].to_numpy(float) for t in tables])
    weights = np.concatenate([t["border_weight"].to_numpy(float) for t in tables])
    images = np.repeat(np.arange(len(tables)), [len(t) for t in tables])
    known = np.isfinite(values) & (values > 0)
    return values[known], weights[known], images[known]


def distribution_of(measured: Sequence[Measured], quantity: str = "ecd") -> Distribution:
    """Describe a quantity of the uncut particles, weighted for those that the frame cut.

    Intervals are over micrographs where there are three or more, otherwise over particles. What is
    no size has neither a log-normal fit nor the moments of one.
    """
    found = describe(*pooled_values(measured, quantity))
    if quantity in SIZES:
        return found
    estimates = {name: e for name, e in found.estimates.items() if name not in OF_SIZES}
    return dataclasses.replace(found, estimates=estimates, fit_distance=float("nan"))


def analyse(pipe: Pipeline, path: str | Path, settings: Settings | None = None) -> Analysis:
    """Read, predict, find and measure in one go. Raises UserError."""
    settings = settings or Settings()
    field = read_field(path, settings)
    seen = predict(pipe, field, settings)
    found = seen.find(settings)
    labels = apply_edits(found.labels, settings.edits)
    return measure_field(field, labels, settings, seen.warnings, found, doubt_of(seen, found))
