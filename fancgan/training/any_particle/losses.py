"""How far the maps of the particle network are from what they should say."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

LOSS_WEIGHTS = {
    "particle": 1.0,
    "dice": 1.0,
    "outline": 1.0,
    "depth": 3.0,
    "diameter": 0.4,
    "offset": 0.6,
}
DICE_SMOOTH_PX = 50.0
BETA = {"depth": 0.1, "diameter": 0.2, "offset": 0.1}  # where smooth L1 turns from square to linear


def map_losses(maps: Tensor, targets: Tensor, weights: Tensor) -> dict[str, Tensor]:
    """Return the named, unweighted losses; LOSS_WEIGHTS weighs them.

    maps and targets [N, 6, H, W]; weights [N, 3, H, W] as crops.Crop has them.
    """
    by_size, by_rim, whole = weights[:, :1], weights[:, 1:2], weights[:, 2:3]

    def cross_entropy(channel: int, weight: Tensor) -> Tensor:
        part = slice(channel, channel + 1)
        loss = F.binary_cross_entropy_with_logits(maps[:, part], targets[:, part], reduction="none")
        return (weight * loss).sum() / weight.sum().clamp_min(1)

    def distance(channels: slice, weight: Tensor, beta: float) -> Tensor:
        loss = F.smooth_l1_loss(
            maps[:, channels], targets[:, channels], beta=beta, reduction="none"
        )
        return (weight * loss).sum() / weight.sum().clamp_min(1)

    return {
        "particle": cross_entropy(0, by_size),
        "dice": soft_dice_loss(maps[:, :1], targets[:, :1], (by_size > 0).float()),
        "outline": cross_entropy(1, by_rim),
        "depth": distance(slice(2, 3), by_size, BETA["depth"]),
        "diameter": distance(slice(3, 4), whole, BETA["diameter"]),
        "offset": distance(slice(4, 6), whole, BETA["offset"]),
    }


def soft_dice_loss(logits: Tensor, target: Tensor, seen: Tensor) -> Tensor:
    """Return 1 - soft Dice of each sample, averaged; only where `seen` is 1. All [N, 1, H, W]."""
    prob = torch.sigmoid(logits)
    overlap = (prob * target * seen).sum((1, 2, 3))
    total = ((prob + target) * seen).sum((1, 2, 3))
    return (1 - (2 * overlap + DICE_SMOOTH_PX) / (total + DICE_SMOOTH_PX)).mean()
