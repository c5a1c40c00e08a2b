"""The logs of a run: JSON lines, and the same curves in a tracker."""

from __future__ import annotations

import json
from pathlib import Path

from fancgan.files import write_whole
from fancgan.training.config import FULL_DISK_ADVICE
from fancgan.training.run.trackers import Tracker

LOGS = ("log", "val")


class Journal:
    """Appends to log.jsonl (losses) and val.jsonl (validation) of a run folder.

    Lines after `last_step`, which a resumed run will write again, are dropped on opening.
    """

    def __init__(self, run_dir: Path, last_step: int, tracker: Tracker | None = None):
        self.run_dir, self.tracker = run_dir, tracker
        for name in LOGS:
            trim_log(run_dir / f"{name}.jsonl", last_step)

    def append(self, name: str, step: int, values: dict[str, float]) -> None:
        line = {"step": step, **{key: round(value, 6) for key, value in values.items()}}
        with open(self.run_dir / f"{name}.jsonl", "a") as log:
            log.write(json.dumps(line) + "\n")
        if self.tracker is not None:
            self.tracker.log({f"{name}/{key}": value for key, value in values.items()}, step)

    def close(self) -> None:
        if self.tracker is not None:
            self.tracker.close()


def trim_log(path: Path, last_step: int) -> None:
    """Drop the lines of a JSON-lines log that lie after a step, or that a kill cut short."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text().splitlines():
        try:
            if json.loads(line)["step"] <= last_step:
                kept.append(line)
        except (ValueError, KeyError):
            continue
    content = "".join(f"{line}\n" for line in kept)
    write_whole(path, content.encode(), advice=FULL_DISK_ADVICE)
