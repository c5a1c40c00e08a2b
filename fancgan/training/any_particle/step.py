"""One step of the training of the particle network."""

from __future__ import annotations

from typing import cast

import torch
from accelerate import Accelerator
from torch import Tensor

from fancgan.training.any_particle.build import Learner, learning_rates
from fancgan.training.any_particle.config import ParticleTrainConfig
from fancgan.training.any_particle.losses import LOSS_WEIGHTS, map_losses
from fancgan.training.schedule import trapezium

MAX_GRADIENT = 3.0  # a norm beyond is clipped


class ParticleStep:
    """Call it with the crops of a step; network and average have learned when it returns."""

    def __init__(self, config: ParticleTrainConfig, accelerator: Accelerator, learner: Learner):
        self.config, self.accelerator, self.learner = config, accelerator, learner

    def __call__(self, crops: dict[str, Tensor], step: int) -> dict[str, Tensor]:
        """Take step number `step`; return its named, unweighted terms and their weighted total."""
        config, learner = self.config, self.learner
        factor = trapezium(step, config.steps, config.warmup_steps, config.decay_share)
        groups = learner.optimiser.param_groups
        for group, rate in zip(groups, learning_rates(config), strict=True):
            group["lr"] = rate * factor
        crops = on_device(crops, self.accelerator.device)
        with self.accelerator.autocast():
            maps = learner.network(crops["image"])
        terms = map_losses(maps.float(), crops["targets"], crops["weights"])
        total = weighted_total(terms)
        learner.optimiser.zero_grad(set_to_none=True)
        self.accelerator.backward(total)
        self.accelerator.clip_grad_norm_(learner.bare.parameters(), MAX_GRADIENT)
        learner.optimiser.step()
        learner.ema.update(learner.bare, step)
        return {name: term.detach() for name, term in {**terms, "total": total}.items()}


def weighted_total(terms: dict[str, Tensor]) -> Tensor:
    return cast(Tensor, sum(weight * terms[name] for name, weight in LOSS_WEIGHTS.items()))


def on_device(crops: dict[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    image = crops["image"].to(device, memory_format=torch.channels_last, non_blocking=True)
    rest = {k: v.to(device, non_blocking=True) for k, v in crops.items() if k != "image"}
    return {"image": image, **rest}
