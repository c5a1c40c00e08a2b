"""From a micrograph to measured particles, step by step: read, predict, find, measure.

Each step can be repeated alone: another split strength needs no network, a correction no watershed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fancgan.errors import UserError
from fancgan.measuring.corrections import apply_edits
from fancgan.measuring.distribution import (
    AMOUNTS,
    OF_SIZES,
    Distribution,
    cautions,
    common_column,
    describe,
    known_values,
)
from fancgan.measuring.doubts import Judged, judge, kept_confidence
from fancgan.measuring.field_of_view import FieldOfView, read_field
from fancgan.measuring.filters import guarded_weights, passing, without
from fancgan.measuring.predicting import predict
from fancgan.measuring.properties import RATIOS, SIZES, length_unit, measure_particles
from fancgan.measuring.settings import Settings
from fancgan.microscopy.regions import as_rectangle, window_weights, without_boxes
from fancgan.particles.arrangement import (
    Field,
    nearest_neighbours,
    neighbour_weights,
    radial_distribution,
)
from fancgan.particles.labels import equal_area_diameter, with_centroid_in

if TYPE_CHECKING:
    from fancgan.pipeline import Pipeline

MIN_FOR_RADIAL = 30  # particles: fewer make a radial distribution of noise


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured in one micrograph, without its pixels: thousands of these fit in memory.

    table: one row per particle (properties.py); its column "confidence", where the model has one,
    is empty for what was corrected by hand. area_px: of the part that is measured, the field
    without top_rows, words and what regions leave out; covered: its share that is particle;
    rectangle: (left, top, right, bottom) of the field or region, None where it has another shape.
    cautions: what speaks against the numbers, in sentences. confidence: the F1 score to expect of
    the outlines; diameter_px: the typical diameter; both None where the model does not say.
    doubt: why statistics are withheld unless they are asked for, in a sentence; "" if they are not.
    left_out: how many particles the filters of the settings leave out: they are in nothing else.
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
    area_px: int = 0
    top_rows: int = 0
    rectangle: tuple[int, int, int, int] | None = None
    left_out: int = 0

    @property
    def withheld(self) -> bool:
        return bool(self.doubt) and not self.settings.show_anyway

    @property
    def count(self) -> int:
        """How many particles count."""
        return len(self.table)

    @property
    def field_px(self) -> int:
        return self.width_px * self.height_px

    @property
    def unit(self) -> str:
        return length_unit(self.nm_per_px)

    @property
    def whole(self) -> pd.DataFrame:
        """The particles that the frame does not cut: the ones of the statistics."""
        return self.table[~self.table["touches_border"]]

    @property
    def frame(self) -> Field | None:
        """How the uncut particles lie in the rectangle that is measured, in `unit`; None if it is
        none. Those of a region belong to it by their centroid alone.
        """
        if self.rectangle is None:
            return None
        left, top, right, bottom = self.rectangle
        scale, whole = self.nm_per_px or 1.0, self.whole
        centres = (self._centres - (left, top)) * scale
        boxes = whole[["left_px", "top_px", "right_px", "bottom_px"]].to_numpy(float)
        boxes = (boxes - (left, top, left, top)) * scale
        reach = np.hstack([centres, centres]) if self.settings.regions else boxes
        return Field((right - left) * scale, (bottom - top) * scale, centres, reach)

    @property
    def _centres(self) -> NDArray:
        """Where the uncut particles lie, [n, 2] as (x, y) from the corner of the picture."""
        return self.whole[["centroid_x_px", "centroid_y_px"]].to_numpy() + 0.5

    @property
    def per_um2(self) -> float | None:
        """Particles per square micrometre, those that the frame cuts weighted for."""
        if not self.nm_per_px:
            return None
        return float(self.whole["border_weight"].sum() / (self.area_px * self.nm_per_px**2) * 1e6)

    def weights(self, quantity: str) -> NDArray:
        """What each uncut particle stands for: there are others that the frame cuts or hides."""
        if quantity == "neighbour_distance":
            scale, top = self.nm_per_px or 1.0, self.top_rows
            apart = self.whole[self.column(quantity)].to_numpy(float) / scale
            sides = (self.width_px, self.height_px - top)
            return neighbour_weights(apart, self._centres - (0, top), *sides)
        return self.whole["border_weight"].to_numpy(float)

    def column(self, quantity: str) -> str:
        """Return the table's column of a quantity: "ecd" is "ecd_nm" where the scale is known."""
        for name in (quantity, f"{quantity}_{self.unit}", f"{quantity}_{self.unit}2"):
            if name in self.table:
                return name
        raise UserError(f"There is no quantity {quantity!r}.")

    def unit_of(self, quantity: str) -> str:
        """Return "nm", "px", "nm2" or "px2", "" for what has no unit."""
        if quantity in (*RATIOS, "mean_grey", "confidence"):
            return ""
        return f"{self.unit}2" if quantity == "area" else self.unit


@dataclass(frozen=True, eq=False)
class Analysis:
    """The particles of a field: labels int32 [H, W], 0 = background, and what was measured.

    where: bool [H, W], the part that is measured. unfiltered: the analysis without the filters of
    the settings, where there are some.
    """

    field: FieldOfView
    labels: NDArray[np.int32]
    measured: Measured
    where: NDArray[np.bool_] | None = None
    unfiltered: Analysis | None = None

    @property
    def everything(self) -> Analysis:
        """The analysis without filters."""
        return self.unfiltered or self


def measure_field(
    field: FieldOfView,
    labels: NDArray,
    settings: Settings,
    judged: Judged | None = None,
) -> Analysis:
    """Measure the particles of labels [H, W] in a field, those with their centroid in a region.

    judged: what the labels were before corrections.
    """
    top, region = field.top_rows, judged.where if judged else None
    everywhere = np.ones(labels.shape, bool)
    where = without_boxes(
        everywhere if region is None else region, judged.written if judged else (), top
    )
    covered = float((labels[where] > 0).mean()) if where.any() else 0.0
    table = measure_particles(labels[top:], field.nm_per_px, field.pixels[top:])
    if region is not None:
        labels = with_centroid_in(labels, region)
        table = table[np.isin(table["label"], np.unique(labels))].reset_index(drop=True)
        table["border_weight"] = _weights_in(region[top:], table)
    table[["centroid_y_px", "top_px", "bottom_px"]] += top
    found = judged.found if judged else None
    if found is not None and found.confidence is not None:
        table["confidence"] = kept_confidence(found, labels)[table["label"].to_numpy()]
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
        covered=covered,
        cautions=(*(judged.warnings if judged else ()), *_cautions_of(table)),
        confidence=judged.confidence if judged else None,
        diameter_px=found.diameter_px if found else None,
        doubt=judged.doubt if judged else "",
        area_px=int(where.sum()),
        top_rows=top,
        rectangle=(0, top, width, height) if region is None else as_rectangle(region),
    )
    return filtered(Analysis(field, labels, measured, where), settings)


def _weights_in(region: NDArray[np.bool_], table: pd.DataFrame) -> NDArray[np.float64]:
    """Weights of particles measured in a frame of which region [H, W] counts; 0 of cut ones."""
    x, y = (table[f"centroid_{axis}_px"] + 0.5 for axis in "xy")
    reach = (
        x - table["left_px"],
        y - table["top_px"],
        table["right_px"] - x,
        table["bottom_px"] - y,
    )
    weights = window_weights(region, *(side.to_numpy(float) for side in reach))
    return np.where(table["touches_border"], 0.0, weights)


def _cautions_of(table: pd.DataFrame) -> list[str]:
    across = equal_area_diameter(table["area_px"].to_numpy())
    return cautions(across, table["border_weight"].to_numpy())


def filtered(everything: Analysis, settings: Settings) -> Analysis:
    """Return an analysis of which those particles count that the filters of settings let through.

    It is made without filters, and with these settings otherwise. Neighbours are those that count.
    """
    all_of = everything.measured
    if not settings.filters:
        return replace(everything, measured=replace(all_of, settings=settings))
    passed = passing(all_of.table, settings.filters, all_of.nm_per_px)
    table = all_of.table[passed].reset_index(drop=True)
    apart = nearest_neighbours(table[["centroid_x_px", "centroid_y_px"]].to_numpy())
    table[all_of.column("neighbour_distance")] = apart * (all_of.nm_per_px or 1.0)
    if not settings.regions:
        sides = (all_of.width_px, all_of.height_px - all_of.top_rows)
        table["border_weight"] = guarded_weights(table, settings.filters, all_of.nm_per_px, sides)
    counts = np.zeros(int(everything.labels.max(initial=0)) + 1, bool)
    counts[table["label"]] = True
    labels = np.where(counts[everything.labels], everything.labels, 0)
    share = (labels > 0).sum() / max((everything.labels > 0).sum(), 1)
    warnings = all_of.cautions[: len(all_of.cautions) - len(_cautions_of(all_of.table))]
    measured = replace(
        all_of,
        settings=settings,
        table=table,
        covered=all_of.covered * float(share),
        cautions=(*warnings, *_cautions_of(table)),
        left_out=int((~passed).sum()),
    )
    return replace(everything, labels=labels, measured=measured, unfiltered=everything)


def unfiltered_by(analysis: Analysis, quantity: str) -> Measured:
    """Return what was measured without the filter of that quantity; only the table is sure."""
    measured, everything = analysis.measured, analysis.everything.measured
    others = without(measured.settings.filters, quantity)
    passed = passing(everything.table, others, everything.nm_per_px)
    return replace(measured, table=everything.table[passed])


def pooled_values(
    measured: Sequence[Measured], quantity: str, by: str = "number"
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Return (values, weights, number of the micrograph, amounts) of a quantity, uncut ones only.

    amounts: what each particle counts in a distribution by WEIGHTINGS. Raises UserError where some
    micrographs have a scale and others not.
    """
    column = common_column({m.column(quantity) for m in measured}, {m.unit for m in measured}, by)
    tables = [m.whole for m in measured]
    values = np.concatenate([t[column].to_numpy(float) for t in tables])
    weights = np.concatenate([m.weights(quantity) for m in measured])
    images = np.repeat(np.arange(len(tables)), [len(t) for t in tables])
    sizes = np.concatenate([m.whole[m.column("ecd")].to_numpy(float) for m in measured])
    ratios = np.concatenate([t["aspect_ratio"].to_numpy(float) for t in tables])
    return known_values(values, weights, images, AMOUNTS[by](sizes, ratios))


def distribution_of(
    measured: Sequence[Measured], quantity: str = "ecd", by: str = "number"
) -> Distribution:
    """Describe a quantity of the uncut particles, weighted for those that the frame cut.

    by: one of WEIGHTINGS. Intervals are over micrographs where there are three or more, otherwise
    over particles. What is no size has neither a log-normal fit nor the moments of one.
    """
    return described(pooled_values(measured, quantity, by), quantity)


def described(
    pooled: tuple[NDArray, NDArray, NDArray, NDArray], quantity: str = "ecd"
) -> Distribution:
    """Describe pooled values of a quantity, see `distribution_of`."""
    values, weights, images, amounts = pooled
    found = describe(values, weights, images, amounts=amounts)
    if quantity in SIZES:
        return found
    estimates = {name: e for name, e in found.estimates.items() if name not in OF_SIZES}
    return replace(found, estimates=estimates, fit_distance=float("nan"))


def radial_of(measured: Sequence[Measured]) -> tuple[NDArray, NDArray]:
    """Return (distances [k + 1] in the micrographs' unit, g between them [k]) of uncut particles.

    Empty where there are fewer than MIN_FOR_RADIAL of them, or some have a scale and others not.
    """
    framed = all(one.rectangle for one in measured)  # no region of another shape
    if not framed or len({m.unit for m in measured}) > 1:
        return np.zeros(1), np.zeros(0)
    fields = _Frames(measured)
    if sum(len(field.centres) for field in fields) < MIN_FOR_RADIAL:
        return np.zeros(1), np.zeros(0)
    return radial_distribution(fields)


class _Frames:
    """The frames of micrographs, one in memory at a time."""

    def __init__(self, measured: Sequence[Measured]):
        self._measured = measured

    def __iter__(self) -> Iterator[Field]:
        return filter(None, (one.frame for one in self._measured))


def analyse(pipe: Pipeline, path: str | Path, settings: Settings | None = None) -> Analysis:
    """Read, predict, find and measure in one go. Raises UserError."""
    settings = settings or Settings()
    field = read_field(path, settings)
    seen = predict(pipe, field, settings)
    judged = judge(seen, settings)
    return measure_field(field, apply_edits(judged.found.labels, settings.edits), settings, judged)
