"""One visitor's open micrographs: what is kept between two clicks, and what a click does.

Nothing here knows gradio. They live in the visitor's session and end with it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fancgan.errors import UserError
from fancgan.measuring.analysis import Analysis, Measured, filtered, measure_field
from fancgan.measuring.corrections import apply_edits, check_edits
from fancgan.measuring.distribution import WEIGHTINGS
from fancgan.measuring.doubts import Judged, judge
from fancgan.measuring.field_of_view import FieldOfView, cut_field
from fancgan.measuring.predicting import Seen, network_zoom, predict
from fancgan.measuring.results import QUANTITIES
from fancgan.measuring.settings import Settings
from fancgan.microscopy.micrograph import InColour, Micrograph, read_micrograph, to_grey8
from fancgan.microscopy.scale_bar import ScaleBar, find_scale_bar
from fancgan.microscopy.words import can_read
from fancgan.ui import wire
from fancgan.ui.limits import Budget, ByteCache
from fancgan.ui.segment.history import History, State

if TYPE_CHECKING:
    from fancgan.pipeline import Pipeline
    from fancgan.ui.models import Models

MAX_OPEN_PX = 32_000_000
MAX_FILES = 32
CACHED_MAPS_BYTES = 200_000_000
BUDGET = Budget(400_000_000)  # of the open files of all visitors
BYTES_PER_PX = 10  # beside the pixels as read: two pictures of grey levels, two of labels
_CHANGEABLE = (
    *("nm_per_px", "bar_rows", "top_rows", "invert", "rescale", "split", "min_area_px"),
    *("diameter_px", "show_anyway", "scale_bar", "regions", "written", "threshold"),
)


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


@dataclass(eq=False)
class OpenFiles:
    """The files of one visitor, the one on top, and the quantity whose distribution is shown.

    by: one of WEIGHTINGS. asked: (path, name) of pictures in colour that wait for a word by what
    they are measured. model: name of the bundle that finds particles in the next file. stored:
    by the name of a file, model and settings of an earlier result that wait for it. saved: what
    everything was when it was last saved. said: one line for the page.
    """

    model: str
    files: list[OpenFile] = field(default_factory=list)
    current: int = 0
    quantity: str = "ecd"
    by: str = "number"
    pooled: bool = False
    asked: list[tuple[Path, str]] = field(default_factory=list)
    history: History[OpenFile] = field(default_factory=History)
    stored: dict[str, tuple[str, Settings]] = field(default_factory=dict)
    saved: State[OpenFile] | None = None
    said: str = ""
    given_up: bool = False

    def give_up(self) -> None:
        """Put the files away; the next one who asks for them hears why."""
        self.files, self.current, self.given_up = [], 0, True
        self.history = History()

    def use(self) -> None:
        """Say that they are in use; others that are not may be put away for it (`BUDGET`)."""
        pixels = [file.micrograph.pixels for file in self._kept()]
        BUDGET.use(self, sum(p.nbytes + BYTES_PER_PX * p.size for p in pixels))

    @property
    def file(self) -> OpenFile:
        if self.given_up:
            self.given_up = False
            raise UserError(
                "Many people are at work just now, and your pictures had to be put away for "
                "theirs: please drop them again."
            )
        if not self.files:
            raise UserError("There is no micrograph: drop one first.")
        return self.files[self.current]

    @property
    def counted(self) -> list[Analysis]:
        """What the distribution is of: the file on top, or all."""
        files = self.files if self.pooled else [self.file]
        return [file.analysis for file in files if file.analysis]

    @property
    def measured(self) -> list[Measured]:
        return [analysis.measured for analysis in self.counted]

    @property
    def analyses(self) -> list[Analysis]:
        return [file.analysis for file in self.files if file.analysis]

    def open(self, models: Models, path: Path, name: str, kept: Path | None = None) -> None:
        """Read a file and put it on top; one in colour waits in `asked`.

        kept: where the file is later on, if it is elsewhere.

        Raises UserError, and then nothing is changed.
        """
        try:
            self._read(models, path, name, kept or path)
        except InColour:
            self.asked.append((kept or path, name))

    def _read(
        self, models: Models, path: Path, name: str, kept: Path, channel: str | None = None
    ) -> None:
        """Read a file with the settings that wait for it, if there are any."""
        model, settings = self.stored.get(name, (self.model, Settings()))
        settings = dataclasses.replace(settings, channel=channel or settings.channel)
        micrograph = read_micrograph(path, settings.page, settings.channel)
        self._add(models, micrograph, name, settings, kept, model)
        self.stored.pop(name, None)

    def _open_asked(self, models: Models, channel: str | None) -> None:
        """Open the pictures in colour that wait, by a channel; None leaves them."""
        asked, self.asked = self.asked, []
        for path, name in asked if channel else []:
            self._read(models, path, name, path, channel)

    def put(self, models: Models, pixels: np.ndarray, name: str, nm_per_px: float | None) -> None:
        """Put an image [H, W] uint8 that was painted here on top."""
        source = "the model's training images" if nm_per_px else None
        micrograph = Micrograph(pixels, nm_per_px, source, None)
        self._add(models, micrograph, name, Settings(bar_rows=0, top_rows=0), None)

    def _add(
        self,
        models: Models,
        micrograph: Micrograph,
        name: str,
        settings: Settings,
        path: Path | None,
        model: str | None = None,
    ) -> None:
        pixels = micrograph.pixels.size + sum(s.micrograph.pixels.size for s in self.files)
        if pixels > MAX_OPEN_PX or len(self.files) >= MAX_FILES:
            raise UserError(
                f"{name} was not opened: the page holds up to {MAX_FILES} pictures and "
                f"{MAX_OPEN_PX // 10**6} megapixels at a time; clear the list, or use 'python -m "
                "fancgan segment' for more."
            )
        taken = {file.name for file in self.files}
        numbered = (f"{name}_{k}" for k in range(2, MAX_FILES + 2))
        unique = next(n for n in (name, *numbered) if n not in taken)
        file = OpenFile(unique, micrograph, settings, path, model or self.model)
        file.analyse(models.get(file.model), settings)
        self.history.include(file, file.chosen)
        self.files.append(file)
        self.current, self.given_up = len(self.files) - 1, False
        self.use()

    @property
    def state(self) -> State[OpenFile]:
        return State(
            tuple(self.files), tuple(f.chosen for f in self.files), self.model, self.current
        )

    @property
    def waiting(self) -> list[OpenFile]:
        """The files that are to be read again."""
        return [file for file in self.files if file.wanted]

    @property
    def is_unsaved(self) -> bool:
        """Whether there is work of a person in it that no saved file holds."""
        chosen = [settings for _, settings in self.state.chosen]
        worked = any(s.edits or s.regions or s.filters or s.written is not None for s in chosen)
        return worked and not (self.saved and self.saved.is_like(self.state))

    def act(self, models: Models, action: object) -> None:
        """Do what the page asks for. Raises UserError, and then nothing is changed.

        What goes for all files is done for the one on top, and waits in the others for "reread".
        """
        if self.given_up:
            _ = self.file  # which says so
        self.use()
        before = self.state
        if action != {"do": "reread"}:
            self.said = ""
        try:
            self._act(models, action)
        except UserError:
            self._go_to(before)
            raise
        match action:
            case {"do": "undo" | "redo" | "stop" | "reread" | "colour"}:
                return
            case {"do": "filter", "name": name}:
                self.history.remember(before, self.state, ("filter", name), live=True)
            case {"do": "set", "values": dict(values), **rest}:
                live = rest.get("live") is True
                self.history.remember(before, self.state, tuple(sorted(values)), live)
            case _:
                self.history.remember(before, self.state)
        past = self.history.past
        while past and sum(f.micrograph.pixels.size for f in self._kept()) > 2 * MAX_OPEN_PX:
            del past[0]

    def _kept(self) -> set[OpenFile]:
        """The files that are open, and those that undo would open again."""
        return {*self.files, *(file for state in self.history.past for file in state.files)}

    def _act(self, models: Models, action: object) -> None:
        match action:
            case {"do": "show", "file": int(number)} if 0 <= number < len(self.files):
                self.current = number
            case {"do": "close", "file": int(number)} if 0 <= number < len(self.files):
                del self.files[number]
                self.current = min(self.current, max(len(self.files) - 1, 0))
            case {"do": "clear"}:
                self.files, self.current = [], 0
            case {"do": "quantity", "name": str(name)} if name in QUANTITIES:
                self.quantity = name
            case {"do": "by", "name": str(name)} if name in WEIGHTINGS:
                self.by = name
            case {"do": "pool", "all": bool(pooled)}:
                self.pooled = pooled
            case {"do": "model", "name": str(name), **rest}:
                self._take_model(models, name, rest.get("all") is True)
            case {"do": "set", "values": dict(values), **rest} if set(values) <= set(_CHANGEABLE):
                values = ({"scale_bar": ""} if "nm_per_px" in values else {}) | values
                for file in self.files if rest.get("all") is True else [self.file]:
                    model, settings = file.chosen
                    file.chosen = model, Settings.from_dict(settings.to_dict() | values)
            case {"do": "colour", "channel": str() | None as channel}:
                self._open_asked(models, channel)
            case {"do": "filter", "name": str(name), "ends": ends}:
                self._filter(models, name, ends)
            case {"do": "page", "number": int(number)}:
                self._turn(models, number)
            case {"do": "edit", "edit": edit}:
                self._edit(models, check_edits([edit])[0])
            case {"do": "undo"}:
                self._go_to(self.history.back(self.state))
            case {"do": "redo"}:
                self._go_to(self.history.forth(self.state))
            case {"do": "reread"}:
                for file in self.waiting[:1]:
                    file.read_again(models)
            case {"do": "stop"}:
                for file in self.waiting:
                    file.wanted = None
            case _:
                raise UserError(f"The page asked for what cannot be done: {str(action)[:80]}.")
        if self.files:
            self.file.read_again(models)

    def _go_to(self, state: State[OpenFile]) -> None:
        """Open the files of a state; what has to be read again waits."""
        self.files, self.model, self.current = list(state.files), state.model, state.current
        for file, chosen in zip(state.files, state.chosen, strict=True):
            file.chosen = chosen

    def _take_model(self, models: Models, name: str, everywhere: bool) -> None:
        """Find particles with another bundle; corrections, which fit those found before, go."""
        pipe = models.get(name)
        for file in self.files if everywhere else [self.file]:
            model, settings = file.chosen
            file.chosen = (
                (model if model == name else name),
                (settings if model == name else for_model(settings, pipe)),
            )
        if everywhere or len(self.files) == 1:
            self.model = name

    def _edit(self, models: Models, edit: dict) -> None:
        """Correct the file on top; what changes nothing is no correction."""
        file = self.file
        before, labels = (file.settings, file.analysis), file.corrected
        settings = dataclasses.replace(file.settings, edits=(*file.settings.edits, edit))
        file.analyse(models.get(file.model), settings)
        assert labels is not None and file.corrected is not None
        if np.array_equal(labels, file.corrected):
            file.settings, file.analysis = before
            self.said = "Nothing lies there that this would change."

    def _filter(self, models: Models, name: str, ends: object) -> None:
        """Change one filter of the files that the distribution is of; ends None takes it away."""
        unit = self.file.result.measured.unit
        alike = [file for file in self.files if file.result.measured.unit == unit]
        files = alike if self.pooled else [self.file]
        for file in files:
            is_current, (model, settings) = not file.wanted, file.chosen
            values = settings.to_dict()
            values["filters"] = values["filters"] | {name: ends}
            file.chosen = model, Settings.from_dict(values)
            if is_current:  # which takes no time
                file.read_again(models)

    def _turn(self, models: Models, number: int) -> None:
        """Another page of the same file, with the settings but without the corrections."""
        old = self.file
        if not old.path or not old.path.is_file():
            raise UserError("The uploaded file is no longer here: drop it again to turn its pages.")
        settings = dataclasses.replace(old.settings, page=number, written=None, edits=())
        page = read_micrograph(old.path, number, settings.channel)
        file = OpenFile(old.name, page, settings, old.path, old.model)
        file.analyse(models.get(file.model), settings)
        self.files[self.current] = file
