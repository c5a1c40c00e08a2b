"""How far a teaching is, in a file that others may read while it works."""

from __future__ import annotations

import json
from pathlib import Path
from time import monotonic

from fancgan.files import write_whole
from fancgan.training.config import FULL_DISK_ADVICE

FILE = "progress.json"


class Progress:
    """Call it with a part and the step that it has reached; parts follow each other.

    FILE then holds the part, `done` of `of` steps, and seconds_left at the pace of this process,
    null before its second step.
    """

    def __init__(self, run: Path, parts: tuple[str, ...], steps: int):
        self.path, self.parts, self.steps = run / FILE, parts, steps
        self.begun: tuple[float, int] | None = None

    def __call__(self, part: str, step: int) -> None:
        done, of = self.parts.index(part) * self.steps + step, len(self.parts) * self.steps
        now = monotonic()
        began, first = self.begun = self.begun or (now, done)
        left = (now - began) / (done - first) * (of - done) if done > first else None
        said = {"part": part, "done": done, "of": of, "seconds_left": left}
        write_whole(self.path, json.dumps(said).encode(), advice=FULL_DISK_ADVICE)
