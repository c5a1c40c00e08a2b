"""The folder of a run: what it was started with, where it stands, what it has learned."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from fancgan.errors import UserError
from fancgan.files import write_whole
from fancgan.training.config import FULL_DISK_ADVICE

# What may differ when a run is resumed: it changes how the run is watched, not what it learns.
FREE_ON_RESUME = (
    "steps",
    "segmenter_steps",
    "workers",
    "accumulate",  # RunFolder.check counts the micro-batches of all processes
    "tracker",
    "log_every_steps",
    "eval_every_steps",
    "val_crops",
    "val_pictures",
    "judge_pictures",
    "save_every_steps",
)


def load_checkpoint(path: Path) -> dict:
    """Read a checkpoint: plain tensors and numbers, nothing in it is executed."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise UserError(
            f"The checkpoint {path} cannot be read ({type(error).__name__}); delete it to start "
            "the run anew, or restore it from a copy."
        ) from error


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
        then, now = json.loads(self.described.read_text()), json.loads(json.dumps(identity))
        for part in ("model", "train", "data"):
            for key, value in now[part].items():
                before = then.get(part, {}).get(key, value)
                if before != value and key not in FREE_ON_RESUME:
                    raise UserError(
                        f"The run {self.path} was started with {key} = {before}, not {value}; give "
                        "the same settings to resume it, or another --run to start anew."
                    )
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
        """state: what a checkpoint holds. networks: those to export, averaged.

        Their parameters and buffers are safetensors, keys "name.parameter"; one of the name ""
        keeps its own keys.
        """
        write_whole(self.checkpoint, lambda p: torch.save(state, p), advice=FULL_DISK_ADVICE)
        tensors = {
            (f"{name}.{key}" if name else key): value.detach().cpu().contiguous()
            for name, network in networks.items()
            for key, value in network.state_dict().items()
        }
        weights = self.path / "weights.safetensors"
        write_whole(weights, lambda p: save_file(tensors, p), advice=FULL_DISK_ADVICE)

    def add_sample(self, step: int, sheet: Image.Image) -> None:
        path = self.path / "samples" / f"{step:07d}_synthetic.png"
        write_whole(path, lambda p: sheet.save(p, format="PNG"), advice=FULL_DISK_ADVICE)
