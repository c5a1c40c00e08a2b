"""Small trainings of the painter for the tests: crops of 64 px, a few channels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fancgan.networks.painter.config import PainterConfig
from fancgan.training.any_look.config import PainterTrainConfig
from fancgan.training.any_look.loop import PainterTraining
from fancgan.training.any_particle.pictures import PictureSet
from fancgan.training.flags import flag_name

TINY_PAINTER = PainterConfig(
    widths=(4, 4, 8, 8, 8), encoder_widths=(4, 8), code_dim=4, w_dim=8, mapping_dim=8
)
TINY = {
    "steps": 4,
    "seed": 3,
    "batch_size": 2,
    "crop_px": 64,
    "warmup_steps": 1,
    "w_cycle": 0.0,
    "looks": 2,
    "looks_crops": 2,
    "val_pictures": 1,
    "tracker": "none",
    "log_every_steps": 1,
    "eval_every_steps": 2,
    "save_every_steps": 2,
}


def tiny_config(**changes) -> PainterTrainConfig:
    return PainterTrainConfig(**{**TINY, **changes})


def tiny_flags(**changes) -> list[str]:
    """Command-line flags of train.py for the same small training."""
    pairs = [(flag_name(name), str(value)) for name, value in {**TINY, **changes}.items()]
    widths = ["--widths", *map(str, TINY_PAINTER.widths)]
    return ["--preset", "painter", *widths, *(word for pair in pairs for word in pair)]


def tiny_training(run_dir: Path, sets: Sequence[PictureSet], **changes) -> PainterTraining:
    given = {name: changes.pop(name) for name in ("initial", "source") if name in changes}
    config = tiny_config(**changes)
    return PainterTraining(TINY_PAINTER, config, run_dir=run_dir, sets=list(sets), **given)
