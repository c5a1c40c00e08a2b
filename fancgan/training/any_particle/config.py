"""How the particle network is trained: what travels with its run."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from fancgan.errors import UserError
from fancgan.training.config import TRACKER_NAMES
from fancgan.training.flags import check_flags, flag

PRESET = "particles"
ENCODER_STARTS = ("imagenet", "random")
CROP_MULTIPLE = 32  # that of the network


@dataclass(frozen=True)
class ParticleTrainConfig:
    """Settings of `--preset particles`; the weights of its losses are LOSS_WEIGHTS (losses.py)."""

    steps: int = flag(8000, "steps; the learning rates decay towards the end", least=1)
    seed: int = flag(0, "seed of weights and crops")
    batch_size: int = flag(6, "crops per step and process", least=1)
    crop_px: int = flag(256, "side of a crop, a multiple of 32", least=64)
    strange_share: float = flag(
        0.05, "share of crops from drawn pictures without particles: noise, films, letters"
    )
    encoder: str = flag(
        "imagenet", "first weights of the encoder, without --init", choices=ENCODER_STARTS
    )
    precision: str = flag(
        "auto", "auto is bf16 where the hardware has it", choices=("auto", "bf16", "float32")
    )
    aside_every: int = flag(
        8, "one source of images in so many is kept from the network, to judge its maps by"
    )
    workers: int = flag(0, "processes that prepare crops, per training process")

    lr: float = flag(1.5e-3, "learning rate of all but the encoder (AdamW)")
    lr_encoder: float = flag(4e-4, "learning rate of the encoder (AdamW)")
    weight_decay: float = flag(1e-4, "decay of the weights (AdamW)")
    warmup_steps: int = flag(60, "steps over which the learning rates rise", least=1)
    decay_share: float = flag(0.5, "last share of the steps over which they fall to zero")
    ema: float = flag(0.998, "decay of the exponential moving average of the weights")

    val_crops: int = flag(32, "validation crops whose losses are logged")
    val_pictures: int = flag(8, "whole validation images that Dice and AP50 are taken on")
    judge_pictures: int = flag(
        64, "training images that the judgement of its maps is learned from at the end; 0: none is"
    )
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
