"""Settings that trainings on crops of several data sets have in common."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from fancgan.errors import UserError
from fancgan.training.config import TRACKER_NAMES
from fancgan.training.flags import check_flags, flag

CROP_MULTIPLE = 32  # that of the particle network, which also reads what the painter paints


@dataclass(frozen=True)
class CropTrainConfig:
    """Crops, precision, and how often a run says and saves how far it is."""

    steps: int = flag(8000, "steps; the learning rates decay towards the end", least=1)
    crop_px: int = flag(256, "side of a crop, a multiple of 32", least=64)
    precision: str = flag(
        "auto", "auto is bf16 where the hardware has it", choices=("auto", "bf16", "float32")
    )
    workers: int = flag(0, "processes that prepare crops, per training process")
    tracker: str = flag(
        "tensorboard", "where the curves go besides log.jsonl and val.jsonl", choices=TRACKER_NAMES
    )
    log_every_steps: int = flag(10, "steps between two lines of log.jsonl", least=1)
    eval_every_steps: int = flag(500, "steps between two validations", least=1)
    save_every_steps: int = flag(50, "steps between two checkpoints", least=1)

    def __post_init__(self) -> None:
        check_flags(self)
        if self.crop_px % CROP_MULTIPLE:
            raise UserError(
                f"--crop-px {self.crop_px} is no multiple of {CROP_MULTIPLE}; give one that is."
            )

    @property
    def all_steps(self) -> int:
        return self.steps

    def to_dict(self) -> dict:
        return dataclasses.asdict(self)
