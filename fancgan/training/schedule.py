"""What a training step is given by its number alone: learning rates and random numbers."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from fancgan.training.config import TrainConfig


def learning_rate_factor(step: int, config: TrainConfig) -> float:
    """Linear warm-up, then constant, then linear decay to zero over the last share.

    Once for the cycle, and once more for the steps of the segmenter alone.
    """
    steps = config.steps
    if step >= steps:
        step, steps = step - steps, config.segmenter_steps
    return trapezium(step, steps, config.warmup_steps, config.decay_share)


def trapezium(step: int, steps: int, warmup_steps: int, decay_share: float) -> float:
    """Rise linearly over the first steps, stay at 1, fall linearly to 0 over the last share."""
    decay_steps = max(1.0, decay_share * steps)
    return min(1.0, (step + 1) / warmup_steps, (steps - step) / decay_steps)


def step_generator(seed: int, step: int, slot: int) -> torch.Generator:
    """Random numbers of one micro-batch: a function of these three numbers alone.

    slot: the micro-batch's place among those of the step, over all processes.
    """
    state = np.random.SeedSequence([seed, step, slot]).generate_state(2, np.uint32)
    return torch.Generator().manual_seed(int(state[0]) << 31 | int(state[1]) >> 1)


def standard_normal(shape: tuple[int, ...], rng: torch.Generator, device: torch.device) -> Tensor:
    """Standard normal numbers drawn on the device that wants them, from a generator of the CPU.

    Noise for a batch of crops is millions of numbers: drawn on the CPU they keep a GPU waiting.
    """
    if device.type != "cpu":
        seed = int(torch.randint(2**62, (), generator=rng))
        rng = torch.Generator(device).manual_seed(seed)
    return torch.randn(shape, generator=rng, device=device)
