"""An open micrograph: as read, what was chosen for it, and what was found with that."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fancgan.measuring.analysis import Analysis, filtered, measure_field
from fancgan.measuring.corrections import apply_edits
from fancgan.measuring.doubts import Judged, judge
from fancgan.measuring.field_of_view import FieldOfView, cut_field
from fancgan.measuring.predicting import Seen, network_zoom, predict
from fancgan.measuring.settings import Settings
from fancgan.microscopy.micrograph import Micrograph, to_grey8
from fancgan.microscopy.scale_bar import ScaleBar, find_scale_bar
from fancgan.microscopy.words import can_read
from fancgan.ui import wire
from fancgan.ui.limits import ByteCache

if TYPE_CHECKING:
    from fancgan.pipeline import Pipeline
    from fancgan.ui.models import Models

CACHED_MAPS_BYTES = 200_000_000


def maps_cache(limit_bytes: int = CACHED_MAPS_BYTES) -> ByteCache[Seen]:
    """Return a cache for what was seen of the fields last looked at, of all visitors."""
    return ByteCache(limit_bytes, lambda seen: seen.prediction.nbytes)


CACHE = maps_cache()


@dataclass(frozen=True, eq=False)
class Found:
    """The particles before any correction by hand, what they were found with, and for where."""

    key: tuple
    regions: tuple[dict, ...]
    judged: Judged
    token: str = field(default_factory=wire.token)


@dataclass(eq=False)
class OpenFile:
    """An open micrograph: as read, the settings chosen for it, and its analysis."""

    name: str
    micrograph: Micrograph
    settings: Settings
    path: Path | None
    model: str
    wanted: tuple[str, Settings] | None = None  # what it is to be read with, when there is time
    token: str = field(default_factory=wire.token)  # another picture, another token
    analysis: Analysis | None = None
    found: Found | None = None
    corrected: np.ndarray | None = None  # labels [H, W] after corrections, of all the picture

    @cached_property
    def grey(self) -> np.ndarray:
        """The whole picture with its info bar, uint8 [H, W]."""
        return to_grey8(self.micrograph.pixels)

    @cached_property
    def scale_bar(self) -> ScaleBar | None:
        """The scale bar in the picture, where that can be read."""
        return find_scale_bar(self.grey) if can_read() else None

    @property
    def result(self) -> Analysis:
        """The analysis of a file in OpenFiles: each was analysed before it got there."""
        assert self.analysis is not None
        return self.analysis

    @property
    def finding(self) -> Found:
        """What its outlines were before corrections; see `result`."""
        assert self.found is not None
        return self.found

    def look(self, pipe: Pipeline, settings: Settings) -> tuple[FieldOfView, Found]:
        """Return the field and what a model finds there; what the network saw is kept."""
        view = cut_field(self.micrograph, self.name, settings)
        scale = (settings.diameter_px,)
        if not pipe.any_scale:
            scale = (network_zoom(view, pipe.nm_per_px) if settings.rescale else 1.0,)
        rows = (view.top_rows, view.bar_rows)
        look = (self.token, pipe.revision, rows, settings.invert, scale)
        decoded = (settings.split, settings.threshold, settings.min_area_px)
        key = (look, decoded, settings.written)
        known = self.found if self.found is not None and self.found.key == key else None
        if known and known.regions == settings.regions:
            return view, known
        seen = CACHE.get(look)
        if seen is None:
            seen = predict(pipe, view, settings)
            CACHE.put(look, seen)
        judged = judge(seen, settings, known.judged.found if known else None)
        return view, Found(key, settings.regions, judged)

    def analyse(self, pipe: Pipeline, settings: Settings) -> None:
        """Analyse anew with other settings; they are kept only if that succeeds."""
        same_model = self.found is not None and self.found.key[0][1] == pipe.revision
        if self.analysis and same_model and same_but_filters(self.settings, settings):
            self.analysis = filtered(self.analysis.everything, settings)
            self.settings = settings
            return
        view, found = self.look(pipe, settings)
        labels = apply_edits(found.judged.found.labels, settings.edits)
        self.analysis = measure_field(view, labels, settings, found.judged)
        self.settings, self.found, self.corrected = settings, found, labels

    @property
    def chosen(self) -> tuple[str, Settings]:
        """Model and settings, as they are or will be when it has been read again."""
        return self.wanted or (self.model, self.settings)

    @chosen.setter
    def chosen(self, wanted: tuple[str, Settings]) -> None:
        self.wanted = None if wanted == (self.model, self.settings) else wanted

    def read_again(self, models: Models) -> None:
        """Read it as is wanted; where that fails, it stays as it is."""
        (model, settings), self.wanted = self.chosen, None
        if (model, settings) != (self.model, self.settings):
            self.analyse(models.get(model), settings)
            self.model = model


def same_but_filters(one: Settings, other: Settings) -> bool:
    return dataclasses.replace(one, filters=other.filters) == other


def for_model(settings: Settings, pipe: Pipeline) -> Settings:
    """Return the settings for another model: without corrections and what it does not take."""
    settings = dataclasses.replace(settings, edits=(), show_anyway=False)
    if pipe.any_scale:
        return dataclasses.replace(settings, invert=False, rescale=True)
    return dataclasses.replace(settings, diameter_px=None)
