"""The folder of a run: what it was started with, where it stands, what it has learned."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image
from torch import nn

from fancgan.errors import UserError
from fancgan.files import write_whole
from fancgan.training.config import FULL_DISK_ADVICE
from fancgan.training.run.checkpoint import (
    check_same_run,
    load_checkpoint,
    save_checkpoint,
    save_weights,
)


class RunFolder:
    """config.json, checkpoint.pt, weights.safetensors and samples/, each whole or not at all."""

    def __init__(self, path: Path):
        self.path = path
        self.described, self.checkpoint = path / "config.json", path / "checkpoint.pt"

    def check(self, identity: dict, micro_batches: int) -> None:
        """Refuse to go on with another model, other settings or data, or steps of another size.

        identity: "model", "train" and "data" of the training. micro_batches: of a step, over all
        processes; how they are dealt to processes may change.
        """
        if not self.described.exists():
            return
        then = json.loads(self.described.read_text())
        check_same_run(then, json.loads(json.dumps(identity)), self.path)
        processes = then.get("hardware", {}).get("processes", micro_batches)
        before = processes * then.get("train", {}).get("accumulate", 1)
        if before != micro_batches:
            raise UserError(
                f"The run {self.path} was started with {before} micro-batches a step (processes "
                f"times --accumulate), not {micro_batches}; choose --accumulate so that it is as "
                "many again, or another --run to start anew."
            )

    def load(self) -> dict | None:
        """The checkpoint, None where there is none yet."""
        return load_checkpoint(self.checkpoint) if self.checkpoint.exists() else None

    def describe(self, identity: dict, hardware: dict) -> None:
        content = json.dumps({**identity, "hardware": hardware}, indent=1) + "\n"
        write_whole(self.described, content.encode(), advice=FULL_DISK_ADVICE)

    def save(self, state: dict, networks: dict[str, nn.Module]) -> None:
        """state: what a checkpoint holds. networks: those to export, averaged."""
        save_checkpoint(self.checkpoint, state)
        save_weights(self.path / "weights.safetensors", networks)

    def add_sample(self, step: int, sheet: Image.Image) -> None:
        path = self.path / "samples" / f"{step:07d}_synthetic.png"
        write_whole(path, lambda p: sheet.save(p, format="PNG"), advice=FULL_DISK_ADVICE)
