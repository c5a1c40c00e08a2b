"""Small trainings of the particle network for the tests: crops of 64 px, no pretrained weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fancgan.datasets.sources import parse_source
from fancgan.training.any_particle.config import ParticleTrainConfig
from fancgan.training.any_particle.loop import ParticleTraining
from fancgan.training.any_particle.pictures import PictureSet, load_sets
from fancgan.training.flags import flag_name

TINY = {
    "steps": 4,
    "seed": 3,
    "batch_size": 2,
    "crop_px": 64,
    "encoder": "random",
    "warmup_steps": 1,
    "val_crops": 3,
    "val_pictures": 1,
    "judge_pictures": 0,
    "tracker": "none",
    "log_every_steps": 1,
    "eval_every_steps": 2,
    "save_every_steps": 2,
}


def tiny_config(**changes) -> ParticleTrainConfig:
    return ParticleTrainConfig(**{**TINY, **changes})


def tiny_flags(**changes) -> list[str]:
    """Command-line flags of train.py for the same small training."""
    pairs = [(flag_name(name), str(value)) for name, value in {**TINY, **changes}.items()]
    return ["--preset", "particles", *(word for pair in pairs for word in pair)]


def sets_of(*words: str | Path) -> list[PictureSet]:
    return load_sets([parse_source(str(w)) for w in words], aside_every=0)


def tiny_training(run_dir: Path, sets: Sequence[PictureSet], **changes) -> ParticleTraining:
    given = {name: changes.pop(name) for name in ("initial", "source") if name in changes}
    return ParticleTraining(tiny_config(**changes), run_dir=run_dir, sets=list(sets), **given)
