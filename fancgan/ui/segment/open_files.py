"""One visitor's open micrographs: what is kept between two clicks, and what a click does.

Nothing here knows gradio. A bench lives in the visitor's session and ends with it.
"""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from fancgan.errors import UserError
from fancgan.measuring.analysis import (
    Analysis,
    Maps,
    Measured,
    Settings,
    cut_field,
    find_particles,
    measure_field,
    network_zoom,
    predict,
)
from fancgan.measuring.corrections import apply_edits, check_edits
from fancgan.measuring.properties import SIZES
from fancgan.measuring.results import QUANTITIES
from fancgan.microscopy.micrograph import Micrograph, read_micrograph, to_grey8
from fancgan.ui import wire

if TYPE_CHECKING:
    import numpy as np

    from fancgan.pipeline import Pipeline
    from fancgan.ui.models import Models

MAX_BENCH_PX = 32_000_000
MAX_SHEETS = 32
CACHED_MAPS_BYTES = 1_500_000_000
_CHANGEABLE = ("nm_per_px", "bar_rows", "invert", "rescale", "split", "min_area_px")


class MapsCache:
    """Maps of the fields last looked at, of all visitors; what is dropped is predicted again."""

    def __init__(self, limit_bytes: int = CACHED_MAPS_BYTES):
        self._limit, self._kept, self._lock = limit_bytes, OrderedDict(), Lock()

    def get(self, key: tuple) -> Maps | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: tuple, maps: Maps) -> None:
        with self._lock:
            self._kept[key] = maps
            while sum(m.prob.nbytes + m.core.nbytes for m in self._kept.values()) > self._limit:
                if len(self._kept) == 1:
                    break
                self._kept.popitem(last=False)


CACHE = MapsCache()


@dataclass(frozen=True, eq=False)
class Found:
    """Labels [H, W] before any correction by hand, and what they were found with."""

    key: tuple
    labels: np.ndarray
    warnings: tuple[str, ...]


@dataclass(eq=False)
class Sheet:
    """An open micrograph: as read, the settings chosen for it, and its analysis."""

    name: str
    micrograph: Micrograph
    settings: Settings
    path: Path | None
    undone: list[dict] = field(default_factory=list)
    token: str = field(default_factory=wire.token)  # another picture, another token
    analysis: Analysis | None = None
    found: Found | None = None

    @cached_property
    def grey(self) -> np.ndarray:
        """The whole picture with its info bar, uint8 [H, W]."""
        return to_grey8(self.micrograph.pixels)

    def analyse(self, pipe: Pipeline, settings: Settings) -> None:
        """Analyse anew with other settings; they are kept only if that succeeds."""
        view = cut_field(self.micrograph, self.name, settings)
        zoom = network_zoom(view, pipe.nm_per_px) if settings.rescale else 1.0
        seen = (self.token, pipe.revision, view.bar_rows, settings.invert, zoom)
        found = self.found
        if found is None or found.key != (seen, settings.split, settings.min_area_px):
            maps = CACHE.get(seen)
            if maps is None:
                maps = predict(pipe, view, settings)
                CACHE.put(seen, maps)
            key = (seen, settings.split, settings.min_area_px)
            labels = find_particles(maps, pipe.config["operating_point"], settings)
            found = Found(key, labels, maps.warnings)
        labels = apply_edits(found.labels, settings.edits)
        self.analysis = measure_field(view, labels, settings, found.warnings)
        self.settings, self.found = settings, found


@dataclass(eq=False)
class Bench:
    """The sheets of one visitor, the one on top, and the quantity whose distribution is shown.

    model: name of the bundle that all sheets are segmented with.
    """

    model: str
    sheets: list[Sheet] = field(default_factory=list)
    current: int = 0
    quantity: str = "ecd"
    pooled: bool = False

    @property
    def sheet(self) -> Sheet:
        if not self.sheets:
            raise UserError("There is no micrograph: drop one first.")
        return self.sheets[self.current]

    @property
    def measured(self) -> list[Measured]:
        """What the distribution is of: the sheet on top, or all."""
        sheets = self.sheets if self.pooled else [self.sheet]
        return [sheet.analysis.measured for sheet in sheets if sheet.analysis]

    @property
    def analyses(self) -> list[Analysis]:
        return [sheet.analysis for sheet in self.sheets if sheet.analysis]

    def open(self, models: Models, path: Path, name: str) -> None:
        """Read a file and put it on top. Raises UserError, and then nothing is changed."""
        self._add(models, read_micrograph(path), name, Settings(), path)

    def put(self, models: Models, pixels: np.ndarray, name: str, nm_per_px: float | None) -> None:
        """Put an image [H, W] uint8 that was painted here on top."""
        source = "the model's training images" if nm_per_px else None
        micrograph = Micrograph(pixels, nm_per_px, source, None)
        self._add(models, micrograph, name, Settings(bar_rows=0), None)

    def _add(
        self,
        models: Models,
        micrograph: Micrograph,
        name: str,
        settings: Settings,
        path: Path | None,
    ) -> None:
        pixels = micrograph.pixels.size + sum(s.micrograph.pixels.size for s in self.sheets)
        if pixels > MAX_BENCH_PX or len(self.sheets) >= MAX_SHEETS:
            raise UserError(
                f"{name} was not opened: the page holds up to {MAX_SHEETS} pictures and "
                f"{MAX_BENCH_PX // 10**6} megapixels at a time; clear the list, or use 'python -m "
                "fancgan segment' for more."
            )
        taken = {sheet.name for sheet in self.sheets}
        numbered = (f"{name}_{k}" for k in range(2, MAX_SHEETS + 2))
        unique = next(n for n in (name, *numbered) if n not in taken)
        sheet = Sheet(unique, micrograph, settings, path)
        sheet.analyse(models.get(self.model), settings)
        self.sheets.append(sheet)
        self.current = len(self.sheets) - 1

    def act(self, models: Models, action: object) -> None:
        """Do what the page asks for. Raises UserError, and then nothing is changed."""
        match action:
            case {"do": "show", "sheet": int(number)} if 0 <= number < len(self.sheets):
                self.current = number
            case {"do": "close", "sheet": int(number)} if 0 <= number < len(self.sheets):
                del self.sheets[number]
                self.current = min(self.current, max(len(self.sheets) - 1, 0))
            case {"do": "clear"}:
                self.sheets, self.current = [], 0
            case {"do": "quantity", "name": str(name)} if name in QUANTITIES:
                self.quantity = name
            case {"do": "pool", "all": bool(pooled)}:
                self.pooled = pooled
            case {"do": "model", "name": str(name)}:
                self._take_model(models, name)
            case {"do": "set", "values": dict(values)} if set(values) <= set(_CHANGEABLE):
                self._change(models, values)
            case {"do": "page", "number": int(number)}:
                self._turn(models, number)
            case {"do": "edit", "edit": edit}:
                self._edit(models, [*self.sheet.settings.edits, *check_edits([edit])])
                self.sheet.undone.clear()
            case {"do": "undo"} if self.sheet.settings.edits:
                *left, last = self.sheet.settings.edits
                self._edit(models, left)
                self.sheet.undone.append(last)
            case {"do": "redo"} if self.sheet.undone:
                self._edit(models, [*self.sheet.settings.edits, self.sheet.undone[-1]])
                self.sheet.undone.pop()
            case {"do": "undo" | "redo"}:
                pass
            case _:
                raise UserError(f"The page asked for what cannot be done: {str(action)[:80]}.")

    def _take_model(self, models: Models, name: str) -> None:
        """Segment every sheet with another bundle; corrections, which fit its particles, go."""
        pipe = models.get(name)
        fresh = []
        for old in self.sheets:
            settings = dataclasses.replace(old.settings, edits=())
            sheet = dataclasses.replace(old, settings=settings, undone=[], found=None)
            sheet.analyse(pipe, settings)
            fresh.append(sheet)
        self.model, self.sheets = name, fresh

    def _change(self, models: Models, values: dict) -> None:
        sheet = self.sheet
        settings = Settings.from_dict(sheet.settings.to_dict() | values)
        sheet.analyse(models.get(self.model), settings)

    def _turn(self, models: Models, number: int) -> None:
        """Another page of the same file, with the settings but without the corrections."""
        old = self.sheet
        if not old.path or not old.path.is_file():
            raise UserError("The uploaded file is no longer here: drop it again to turn its pages.")
        settings = dataclasses.replace(old.settings, page=number, edits=())
        sheet = Sheet(old.name, read_micrograph(old.path, number), settings, old.path)
        sheet.analyse(models.get(self.model), settings)
        self.sheets[self.current] = sheet

    def _edit(self, models: Models, edits: list[dict]) -> None:
        sheet = self.sheet
        settings = dataclasses.replace(sheet.settings, edits=tuple(edits))
        sheet.analyse(models.get(self.model), settings)


def offered_quantities() -> list[str]:
    """Quantities in the order of the page: sizes first."""
    return [*SIZES, *(name for name in QUANTITIES if name not in SIZES)]
