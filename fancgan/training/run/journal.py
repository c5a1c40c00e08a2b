"""The logs of a run: JSON lines, and the same curves in TensorBoard, Trackio, Weights & Biases."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from fancgan.errors import UserError
from fancgan.files import write_whole, writing
from fancgan.training.config import FULL_DISK_ADVICE

LOGS = ("log", "val")
PROJECT = "fancgan"


class Tracker:
    """Made of the run's folder, the step it stands at, and the settings to show it with."""

    run: Any  # of the service's package

    def log(self, values: dict[str, float], step: int) -> None:
        """Add a point at `step` to each of the named curves."""
        self.run.log(values, step=step)

    def close(self) -> None:
        """Send or write what is not yet out."""
        self.run.finish()


class TensorBoard(Tracker):
    """Event files in the run's folder; a resumed run hides the points that it draws again.

    Written at once: the thread of a SummaryWriter meets a full disk where nobody can catch it.
    """

    def __init__(self, run_dir: Path, last_step: int, settings: dict):
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog

        folder, now = run_dir / "tensorboard", time.time_ns()
        self.path = folder / f"events.out.tfevents.{now // 10**9}.{now % 10**9:09d}.{os.getpid()}"
        start = Event(session_log=SessionLog(status=SessionLog.START))
        with writing(self.path, FULL_DISK_ADVICE):
            folder.mkdir(parents=True, exist_ok=True)
            self._append([Event(file_version="brain.Event:2"), start], last_step + 1)

    def log(self, values: dict[str, float], step: int) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from torch.utils.tensorboard.summary import scalar

        with writing(self.path, FULL_DISK_ADVICE):
            self._append([Event(summary=scalar(key, value)) for key, value in values.items()], step)

    def _append(self, events: list, step: int) -> None:
        from tensorboard.summary.writer.record_writer import RecordWriter

        with open(self.path, "ab") as file:
            for event in events:
                event.step, event.wall_time = step, time.time()
                RecordWriter(file).write(event.SerializeToString())

    def close(self) -> None:
        """Everything is out."""


class Trackio(Tracker):
    """A local database, or a Space (TRACKIO_SPACE_ID); a kill leaves points that come twice."""

    def __init__(self, run_dir: Path, last_step: int, settings: dict):
        import trackio

        name = f"{run_dir.resolve().name}-{run_id(run_dir)[:6]}"
        self.run = trackio.init(PROJECT, name=name, config=settings, resume="allow")


class WandB(Tracker):
    """Needs a login, or WANDB_MODE=offline; steps that it has already are not drawn again."""

    def __init__(self, run_dir: Path, last_step: int, settings: dict):
        import wandb

        try:
            self.run = wandb.init(
                project=PROJECT,
                name=run_dir.resolve().name,
                id=run_id(run_dir),
                resume="allow",
                dir=str(run_dir),
                config=settings,
            )
        except wandb.Error as error:
            words = " ".join(str(error).split()).rstrip(".")
            raise UserError(
                f"--tracker wandb could not start ({words}); log in, set "
                "WANDB_MODE=offline, or choose another --tracker."
            ) from error


TRACKERS = {"tensorboard": TensorBoard, "trackio": Trackio, "wandb": WandB}


def check_tracker(name: str) -> None:
    """Raise UserError where the package of an asked tracker is missing.

    TensorBoard is asked for by default: without it `open_tracker` says so and a training goes on.
    """
    if name not in ("none", "tensorboard") and not _is_installed(name):
        raise UserError(f"{_missing(name)}; install it, or choose another --tracker.")


def open_tracker(name: str, run_dir: Path, last_step: int, settings: dict) -> Tracker | None:
    """The named tracker, None where there is none; UserError where the service refuses the run."""
    if name == "none":
        return None
    if not _is_installed(name):
        logs = "the curves go to log.jsonl and val.jsonl alone"
        print(f"{_missing(name)}: {logs}.", file=sys.stderr)
        return None
    return TRACKERS[name](run_dir, last_step, settings)


def _is_installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _missing(name: str) -> str:
    return f"--tracker {name} needs the package {name} (pip install {name})"


def run_id(run_dir: Path) -> str:
    """What a tracker knows the run of this folder by, the same when it is resumed."""
    path = run_dir / "tracker_id"
    if not path.exists():
        write_whole(path, uuid.uuid4().hex[:16].encode(), advice=FULL_DISK_ADVICE)
    return path.read_text()


class Journal:
    """Appends to log.jsonl (losses) and val.jsonl (validation) of a run folder.

    Lines after `last_step`, which a resumed run will write again, are dropped on opening.
    """

    def __init__(self, run_dir: Path, last_step: int, tracker: str, settings: dict):
        """settings: what the named tracker shows the run to have been started with."""
        self.run_dir = run_dir
        self.tracker = open_tracker(tracker, run_dir, last_step, settings)
        for name in LOGS:
            trim_log(run_dir / f"{name}.jsonl", last_step)

    def append(self, name: str, step: int, values: dict[str, float]) -> None:
        line = {"step": step, **{key: round(value, 6) for key, value in values.items()}}
        path = self.run_dir / f"{name}.jsonl"
        with writing(path, FULL_DISK_ADVICE), open(path, "a") as log:
            log.write(json.dumps(line) + "\n")
        if self.tracker is not None:
            self.tracker.log({f"{name}/{key}": value for key, value in values.items()}, step)

    def close(self) -> None:
        if self.tracker is not None:
            self.tracker.close()


def mean_terms(
    recent: list[dict[str, Tensor]], accelerator: Accelerator, step: int
) -> dict[str, float]:
    """Return the means of the terms of some steps over these and over all processes.

    Raises UserError where one is not finite: the training has diverged.
    """
    means = {k: torch.stack([terms[k].float() for terms in recent]).mean() for k in recent[0]}
    values = accelerator.reduce(torch.stack(list(means.values())), "mean").tolist()
    line = dict(zip(means, values, strict=True))
    if not all(np.isfinite(v) for v in values):
        bad = ", ".join(k for k, v in line.items() if not np.isfinite(v))
        raise UserError(
            f"The training diverged at step {step} ({bad} is not finite); start a new "
            "run with lower learning rates or --precision float32."
        )
    return line


def trim_log(path: Path, last_step: int) -> None:
    """Drop the lines of a JSON-lines log that lie after a step, or that are cut or damaged."""
    if not path.exists():
        return
    kept = []
    for line in path.read_bytes().splitlines():
        try:
            if json.loads(line)["step"] <= last_step:
                kept.append(line)
        except (ValueError, KeyError, TypeError):
            continue
    content = b"".join(line + b"\n" for line in kept)
    write_whole(path, content, advice=FULL_DISK_ADVICE)
