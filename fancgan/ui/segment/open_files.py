"""One visitor's open micrographs: what is kept between two clicks, and what a click does.

Nothing here knows gradio. They live in the visitor's session and end with it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fancgan.errors import UserError
from fancgan.measuring.analysis import Analysis, Measured
from fancgan.measuring.corrections import check_edits
from fancgan.measuring.distribution import WEIGHTINGS
from fancgan.measuring.results import QUANTITIES
from fancgan.measuring.settings import Settings
from fancgan.microscopy.micrograph import InColour, Micrograph, read_micrograph
from fancgan.ui.limits import Budget
from fancgan.ui.segment.history import History, State
from fancgan.ui.segment.open_file import OpenFile, for_model

if TYPE_CHECKING:
    from fancgan.ui.models import Models

MAX_OPEN_PX = 32_000_000
MAX_FILES = 32
BUDGET = Budget(400_000_000)  # of the open files of all visitors
BYTES_PER_PX = 10  # beside the pixels as read: two pictures of grey levels, two of labels
_CHANGEABLE = (
    *("nm_per_px", "bar_rows", "top_rows", "invert", "rescale", "split", "min_area_px"),
    *("diameter_px", "show_anyway", "scale_bar", "regions", "written", "threshold"),
)


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
            case {"do": "taught", "name": str(name)}:
                self._take_taught(models, name)
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

    def _take_taught(self, models: Models, name: str) -> None:
        """Find particles with another bundle from now on; what is corrected stays as it is."""
        pipe = models.get(name)
        for file in self.files:
            _, settings = file.chosen
            if not settings.edits:
                file.chosen = name, for_model(settings, pipe)
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
