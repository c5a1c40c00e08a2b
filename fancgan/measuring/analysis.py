"""From a micrograph to measured particles, step by step: read, predict, find, measure.

Each step can be repeated alone: another split strength needs no network, a correction no watershed.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fancgan.errors import UserError
from fancgan.measuring.corrections import apply_edits, check_edits
from fancgan.measuring.distribution import Distribution, cautions, describe
from fancgan.measuring.properties import length_unit, measure_particles
from fancgan.microscopy.micrograph import (
    MAX_PIXELS,
    MIN_SIDE_PX,
    Micrograph,
    read_micrograph,
    to_grey8,
)
from fancgan.networks.config import STAT_INDEX
from fancgan.particles.instances import decode_instances
from fancgan.particles.labels import equal_area_diameter

if TYPE_CHECKING:
    from fancgan.pipeline import Pipeline

SAME_SCALE = 1.15  # scales that differ by less are the network's own
SMALLEST_CORE = 1 / 8  # of the operating point's, at the strongest split
UNLIKE_SD = 5.0
CROWDED = 0.7  # more of a field than that is no particle layer that the bundles know
MAX_NM_PER_PX = 1e6


@dataclass(frozen=True)
class Settings:
    """What a user may choose. Stored with every result: with the file it gives the same again.

    nm_per_px: pixel size in nm; None is what the file says. bar_rows: rows cut off at the bottom;
    None is as found. page: of a file with several. invert: dark particles on bright ground.
    rescale: let the network see the picture at the scale of its training images, if both are known.
    split: -1 merges what touches, 1 splits most, 0 is the bundle's operating point.
    min_area_px: smaller particles are left out; None is the bundle's. edits: see corrections.py.
    """

    nm_per_px: float | None = None
    bar_rows: int | None = None
    page: int = 0
    invert: bool = False
    rescale: bool = True
    split: float = 0.0
    min_area_px: int | None = None
    edits: tuple[dict, ...] = ()

    def __post_init__(self) -> None:
        if self.nm_per_px is not None and not 0 < self.nm_per_px < MAX_NM_PER_PX:
            raise UserError("The pixel size must be a positive number of nanometres, such as 7.34.")
        if self.bar_rows is not None and self.bar_rows < 0:
            raise UserError("The rows to cut off at the bottom cannot be fewer than 0.")
        if self.page < 0:
            raise UserError("Pages are counted from 0.")
        if not -1 <= self.split <= 1:
            raise UserError("The split strength lies between -1 (merge) and 1 (split).")
        if self.min_area_px is not None and self.min_area_px < 1:
            raise UserError("The smallest area of a particle is 1 pixel or more.")
        object.__setattr__(self, "edits", tuple(check_edits(self.edits)))

    def to_dict(self) -> dict:
        return dataclasses.asdict(self) | {"edits": list(self.edits)}

    @classmethod
    def from_dict(cls, values: object) -> Settings:
        """Return the settings of `to_dict`; raise UserError for anything else."""
        names = {f.name for f in dataclasses.fields(cls)}
        if not isinstance(values, dict) or not set(values) <= names:
            raise UserError(f"Settings may hold {', '.join(sorted(names))}, and nothing else.")
        try:
            return cls(**values)
        except TypeError as error:
            raise UserError(f"A setting is of the wrong kind: {error}.") from error


@dataclass(frozen=True, eq=False)
class FieldOfView:
    """A micrograph without its info bar: pixels [H, W] native, grey [H, W] uint8."""

    name: str
    pixels: NDArray
    nm_per_px: float | None
    nm_source: str | None
    bar_rows: int
    pages: int
    synthetic: bool = False

    @cached_property
    def grey(self) -> NDArray[np.uint8]:
        return to_grey8(self.pixels)


@dataclass(frozen=True, eq=False)
class Maps:
    """What the network says of a field: particle and core probabilities, float32 [H, W].

    zoom: by how much the picture was enlarged for the network. warnings: in sentences.
    """

    prob: NDArray[np.float32]
    core: NDArray[np.float32]
    zoom: float = 1.0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured in one micrograph, without its pixels: thousands of these fit in memory.

    table: one row per particle (properties.py). covered: share of the field that is particle.
    cautions: what speaks against the numbers, in sentences.
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


@dataclass(frozen=True, eq=False)
class Analysis:
    """The particles of a field: labels int32 [H, W], 0 = background, and what was measured."""

    field: FieldOfView
    labels: NDArray[np.int32]
    measured: Measured


def measure_field(
    field: FieldOfView, labels: NDArray, settings: Settings, warnings: Iterable[str] = ()
) -> Analysis:
    """Measure the particles of labels [H, W] in a field; warnings come before the cautions."""
    table = measure_particles(labels, field.nm_per_px, field.pixels)
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

    Intervals are over micrographs where there are three or more, otherwise over particles.
    """
    return describe(*pooled_values(measured, quantity))


def read_field(path: str | Path, settings: Settings | None = None) -> FieldOfView:
    """Read a microscope file and cut off its info bar. Raises UserError."""
    settings = settings or Settings()
    return cut_field(read_micrograph(path, settings.page), Path(path).stem, settings)


def cut_field(micrograph: Micrograph, name: str, settings: Settings) -> FieldOfView:
    """Cut the info bar off, as found or as the settings say. Raises UserError."""
    height, width = micrograph.pixels.shape
    found = height - len(micrograph.field)
    rows = found if settings.bar_rows is None else settings.bar_rows
    if min(height - rows, width) < MIN_SIDE_PX:
        raise UserError(
            f"{name} has {height} rows: cutting off {rows} leaves fewer than {MIN_SIDE_PX}."
        )
    nm_per_px, nm_source = micrograph.nm_per_px, micrograph.nm_source
    if settings.nm_per_px:
        nm_per_px, nm_source = settings.nm_per_px, "entered by hand"
    return FieldOfView(
        name=name,
        pixels=micrograph.pixels[: height - rows],
        nm_per_px=nm_per_px,
        nm_source=nm_source,
        bar_rows=rows,
        pages=micrograph.pages,
        synthetic="synthetic" in name.lower(),
    )


def network_zoom(field: FieldOfView, nm_per_px: float | None) -> float:
    """Return by how much to enlarge a field for a network trained at nm_per_px; 1 is as it is.

    Held so that the picture neither grows beyond MAX_PIXELS nor shrinks below MIN_SIDE_PX.
    """
    if not nm_per_px or not field.nm_per_px:
        return 1.0
    zoom = field.nm_per_px / nm_per_px
    if 1 / SAME_SCALE < zoom < SAME_SCALE:
        return 1.0
    most = math.sqrt(MAX_PIXELS / field.pixels.size)
    return min(max(zoom, MIN_SIDE_PX / min(field.pixels.shape)), most)


def predict(pipe: Pipeline, field: FieldOfView, settings: Settings) -> Maps:
    """Run the network over a field, at the scale that it knows; maps are in native pixels."""
    from skimage.transform import resize

    grey = 255 - field.grey if settings.invert else field.grey
    zoom = network_zoom(field, pipe.nm_per_px) if settings.rescale else 1.0
    seen = grey
    if zoom != 1:
        sides = [max(MIN_SIDE_PX, round(side * zoom)) for side in grey.shape]
        seen = resize(grey, sides, order=1, preserve_range=True, anti_aliasing=zoom < 1)
        seen = np.rint(seen).astype(np.uint8)
    maps: Sequence[NDArray] = pipe.segment_with_cores(seen)
    warnings = tuple(_warnings(pipe, seen, maps[0], zoom))
    if zoom != 1:
        maps = [resize(m, grey.shape, order=1, anti_aliasing=zoom > 1) for m in maps]
    prob, core = (m.astype(np.float32, copy=False) for m in maps)
    return Maps(prob, core, zoom, warnings)


def operating_point(point: dict, settings: Settings, zoom: float = 1.0) -> dict:
    """Return the arguments of `decode_instances` for a split strength, in native pixels.

    Above 0 smaller cores come apart; below 0 only larger ones do, and the cores grow together
    until, at -1, what is connected is one particle.
    """
    area = 1 / zoom**2  # native pixels for each pixel that the network saw
    joined = max(1 + min(settings.split, 0.0), 1e-6)  # 1 at 0 and above, to nothing at -1
    core_px = point["min_core_px"] * area / joined * SMALLEST_CORE ** max(settings.split, 0.0)
    return {
        "threshold": point["threshold"],
        "core_threshold": point["core_threshold"] * joined,
        "min_core_px": max(1, round(core_px)),
        "min_area_px": settings.min_area_px or max(1, round(point["min_area_px"] * area)),
    }


def find_particles(maps: Maps, point: dict, settings: Settings) -> NDArray[np.int32]:
    """Return labels int32 [H, W] of the maps, before any correction by hand."""
    return decode_instances(maps.prob, maps.core, **operating_point(point, settings, maps.zoom))


def analyse(pipe: Pipeline, path: str | Path, settings: Settings | None = None) -> Analysis:
    """Read, predict, find and measure in one go. Raises UserError."""
    settings = settings or Settings()
    field = read_field(path, settings)
    maps = predict(pipe, field, settings)
    labels = find_particles(maps, pipe.config["operating_point"], settings)
    return measure_field(field, apply_edits(labels, settings.edits), settings, maps.warnings)


def _warnings(pipe: Pipeline, grey: NDArray, prob: NDArray, zoom: float) -> list[str]:
    """What is odd about a picture [H, W] as the network saw it."""
    particle = prob > pipe.threshold
    if not particle.any():
        return ["No particle was found: is the picture like those that the model knows?"]
    style = pipe.measure_style(grey, particle)  # in deviations of the training images
    levels = np.abs(style[[STAT_INDEX["background_mean"], STAT_INDEX["particle_mean"]]])
    words = []
    if particle.mean() > CROWDED or (levels > UNLIKE_SD).any():
        words.append(
            "This picture looks unlike those that the model knows: judge the outlines by eye. For "
            "particles darker than their ground choose 'dark particles' (--invert), or a model "
            "trained on such pictures."
        )
    if zoom != 1:
        words.append(
            f"The network saw the picture at {zoom:.2g} times its size, the scale of its training "
            "images; sizes are measured in the picture itself."
        )
    return words
