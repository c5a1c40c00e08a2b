"""Small trainings for the tests: a network of a few channels on drawn discs."""

from __future__ import annotations

import json
from pathlib import Path

from fancgan.datasets.fields import Field
from fancgan.networks.config import ModelConfig
from fancgan.training.config import TrainConfig
from fancgan.training.loop import Training

TINY = ModelConfig(
    preset="tiny",
    widths=(8, 8, 16),
    z_dim=2,
    w_dim=8,
    critic="patch",
    disc_widths=(8, 8),
    disc_mask_widths=(8, 8),
)


def tiny_config(**changes) -> TrainConfig:
    values = {
        "steps": 4,
        "segmenter_steps": 0,
        "seed": 3,
        "batch_size": 2,
        "segmenter_batch": 1,
        "random_batch": 2,
        "cycle_batch": 1,
        "crop_px": 128,
        "perceptual": "none",
        "procedural_share": 0.5,
        "w_kernel": 0.0,
        "warmup_steps": 1,
        "log_every_steps": 1,
        "eval_every_steps": 2,
        "save_every_steps": 2,
    }
    return TrainConfig(**{**values, **changes})


def tiny_flags(steps: int) -> list[str]:
    """Command-line flags of train.py for the same small training."""
    flags = ["--widths", "8", "8", "16", "--critic", "patch"]
    for key, value in tiny_config(steps=steps).__dict__.items():
        flags += [f"--{key.replace('_', '-')}", str(value)]
    return flags


def read_log(run: Path, name: str = "log.jsonl") -> list[dict]:
    """The lines of a log of a run."""
    return [json.loads(line) for line in (run / name).read_text().splitlines()]


def tiny_training(
    run_dir: Path,
    fields: list[Field],
    model: ModelConfig = TINY,
    *,
    data: dict | None = None,
    initial: dict | None = None,
    **changes,
):
    return Training(
        model,
        tiny_config(**changes),
        run_dir=run_dir,
        train_fields=fields[1:],
        val_fields=fields[:1],
        data={"name": "discs"} | (data or {}),
        initial=initial,
    )
