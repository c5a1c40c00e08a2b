"""How the particle network is trained: what travels with its run."""

from __future__ import annotations

from dataclasses import dataclass

from fancgan.training.flags import flag
from fancgan.training.run.crop_config import CropTrainConfig

PRESET = "particles"
ENCODER_STARTS = ("imagenet", "random")


@dataclass(frozen=True)
class ParticleTrainConfig(CropTrainConfig):
    """Settings of `--preset particles`; the weights of its losses are LOSS_WEIGHTS (losses.py)."""

    seed: int = flag(0, "seed of weights and crops")
    batch_size: int = flag(6, "crops per step and process", least=1)
    strange_share: float = flag(
        0.05, "share of crops from drawn pictures without particles: noise, films, letters"
    )
    encoder: str = flag(
        "imagenet", "first weights of the encoder, without --init", choices=ENCODER_STARTS
    )
    aside_every: int = flag(
        8, "one source of images in so many is kept from the network, to judge its maps by"
    )

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
