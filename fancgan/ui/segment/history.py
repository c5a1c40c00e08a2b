"""What a visitor did, step by step: each can be undone and done again, whatever it was."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from fancgan.measuring.settings import Settings

MAX_STEPS = 200
File = TypeVar("File")


@dataclass(frozen=True)
class State(Generic[File]):
    """Which files are open, and the model and the settings of each."""

    files: tuple[File, ...]
    chosen: tuple[tuple[str, Settings], ...]
    model: str
    current: int

    def is_like(self, other: State[File]) -> bool:
        """Whether both hold the same files, read in the same way."""
        return self.files == other.files and self.chosen == other.chosen


@dataclass(eq=False)
class History(Generic[File]):
    """States to go back to, and those that were gone back from."""

    past: list[State[File]] = field(default_factory=list)
    undone: list[State[File]] = field(default_factory=list)
    live: tuple[str, ...] = ()

    def remember(
        self,
        before: State[File],
        after: State[File],
        names: tuple[str, ...] = (),
        live: bool = False,
    ) -> None:
        """Take a step, if it changed anything. names: of the settings that were made; while they
        are live, on their way to another value, they and the end of that way are one step.
        """
        if not before.is_like(after):
            if not (names and names == self.live):
                self.past.append(before)
                del self.past[:-MAX_STEPS]
            self.undone.clear()
        self.live = names if live else ()

    def include(self, file: File, chosen: tuple[str, Settings]) -> None:
        """A file is opened: going back does not close it again."""
        for states in (self.past, self.undone):
            states[:] = [
                replace(state, files=(*state.files, file), chosen=(*state.chosen, chosen))
                for state in states
            ]

    def back(self, now: State[File]) -> State[File]:
        """Return the state before the last step, or now if there is none."""
        return self._move(now, self.past, self.undone)

    def forth(self, now: State[File]) -> State[File]:
        """Return the state after the step that was undone last, or now if there is none."""
        return self._move(now, self.undone, self.past)

    def _move(self, now: State[File], start: list, end: list) -> State[File]:
        self.live = ()
        if not start:
            return now
        end.append(now)
        return start.pop()
