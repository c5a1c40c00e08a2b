"""The logs of a run: JSON lines, and TensorBoard where it is installed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from fancgan.checkpoint import write_atomically

LOGS = ("log", "val")


class Journal:
    """Appends to log.jsonl (losses) and val.jsonl (validation) of a run folder.

    Lines after `last_step`, which a resumed run will write again, are dropped on opening.
    """

    def __init__(self, run_dir: Path, last_step: int):
        self.run_dir = run_dir
        for name in LOGS:
            trim_log(run_dir / f"{name}.jsonl", last_step)
        self.board = _open_tensorboard(run_dir, last_step)

    def append(self, name: str, step: int, values: dict[str, float]) -> None:
        line = {"step": step, **{key: round(value, 6) for key, value in values.items()}}
        with open(self.run_dir / f"{name}.jsonl", "a") as log:
            log.write(json.dumps(line) + "\n")
        if self.board is not None:
            for key, value in values.items():
                self.board.add_scalar(f"{name}/{key}", value, step)


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
    write_atomically(path, lambda p: p.write_text("".join(f"{line}\n" for line in kept)))


def _open_tensorboard(run_dir: Path, last_step: int):
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        print(
            "tensorboard is not installed: the curves go to log.jsonl and val.jsonl alone.",
            file=sys.stderr,
        )
        return None
    return SummaryWriter(str(run_dir / "tensorboard"), purge_step=last_step + 1)
