"""Checkpoints to resume from, and weights to export."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from fancgan.errors import UserError
from fancgan.files import write_whole
from fancgan.training.config import FULL_DISK_ADVICE


def save_checkpoint(path: Path, state: dict) -> None:
    write_whole(path, lambda p: torch.save(state, p), advice=FULL_DISK_ADVICE)


def load_checkpoint(path: Path) -> dict:
    """Read a checkpoint as plain tensors and numbers (nothing in it is executed)."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise UserError(
            f"The checkpoint {path} cannot be read ({type(error).__name__}); delete it to start "
            "the run anew, or restore it from a copy."
        ) from error


def save_weights(path: Path, networks: dict[str, nn.Module]) -> None:
    """Write the networks' parameters and buffers as safetensors, keys "name.parameter"."""
    from safetensors.torch import save_file

    tensors: dict[str, Tensor] = {
        f"{name}.{key}": value.detach().cpu().contiguous()
        for name, network in networks.items()
        for key, value in network.state_dict().items()
    }
    write_whole(path, lambda p: save_file(tensors, p), advice=FULL_DISK_ADVICE)


# What may differ when a run is resumed: it changes how the run is watched, not what it learns.
FREE_ON_RESUME = (
    "steps",
    "segmenter_steps",
    "workers",
    "accumulate",  # RunFolder.check counts the micro-batches of all processes
    "tracker",
    "log_every_steps",
    "eval_every_steps",
    "save_every_steps",
)


def check_same_run(then: dict, now: dict, run_dir: Path) -> None:
    """Refuse to resume a run whose model, settings or data differ from the stored ones."""
    for part in ("model", "train", "data"):
        for key, value in now[part].items():
            before = then.get(part, {}).get(key, value)
            if before != value and key not in FREE_ON_RESUME:
                raise UserError(
                    f"The run {run_dir} was started with {key} = {before}, not {value}; give the "
                    "same settings to resume it, or another --run to start anew."
                )
