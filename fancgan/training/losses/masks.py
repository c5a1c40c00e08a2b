"""Segmentations against masks: logits [N, 2, H, W] or core logits, masks [N, 1, H, W] in {0, 1}."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

FOCAL_GAMMA = 2.0
TVERSKY_FP, TVERSKY_FN = 0.4, 0.6  # paper, section 2: alpha and beta


def cross_entropy(logits: Tensor, mask: Tensor, reduction: str = "mean") -> Tensor:
    """Pixel-wise cross-entropy."""
    return F.cross_entropy(logits, mask[:, 0].long(), reduction=reduction)


def focal_cross_entropy(logits: Tensor, mask: Tensor, gamma: float = FOCAL_GAMMA) -> Tensor:
    """Focal loss (Lin et al. 2017, arXiv:1708.02002, eq. 4)."""
    ce = cross_entropy(logits, mask, "none")
    return ((1 - torch.exp(-ce)) ** gamma * ce).mean()


def tversky_loss(
    logits: Tensor, mask: Tensor, fp_weight: float = TVERSKY_FP, fn_weight: float = TVERSKY_FN
) -> Tensor:
    """Return 1 - soft Tversky index of the particle class over the batch; 0.5, 0.5: soft Dice.

    Salehi et al. 2017, arXiv:1706.05721, eq. 3.
    """
    prob = logits.softmax(dim=1)[:, 1:]
    tp, fp, fn = (prob * mask).sum(), (prob * (1 - mask)).sum(), ((1 - prob) * mask).sum()
    return 1 - (tp + 1) / (tp + fp_weight * fp + fn_weight * fn + 1)


def focal_tversky_loss(logits: Tensor, mask: Tensor, gamma: float = 0.75) -> Tensor:
    """(1 - Tversky index) ** gamma (Abraham and Khan 2019, arXiv:1810.07842, eq. 4)."""
    return tversky_loss(logits, mask).clamp(min=1e-6) ** gamma


MASK_LOSSES = {
    "focal_ce_tversky": lambda logits, mask: (
        focal_cross_entropy(logits, mask) + tversky_loss(logits, mask)
    ),
    "ce_dice": lambda logits, mask: (
        cross_entropy(logits, mask) + tversky_loss(logits, mask, 0.5, 0.5)
    ),
    "ce": cross_entropy,
    "tversky": tversky_loss,
    "focal_tversky": focal_tversky_loss,
}


def core_loss(
    core_logits: Tensor,
    core: Tensor,
    mask: Tensor,
    weight: Tensor | None = None,
    line_weight: float = 4.0,
) -> Tensor:
    """Binary cross-entropy of the cores, heavier on the rim of the particles and around it.

    core_logits, core, mask and the optional further weight of each pixel [N, 1, H, W]. The rims
    are what parts touching particles.
    """
    pixels = 1 + (line_weight - 1) * F.max_pool2d(mask - core, 3, 1, 1)
    if weight is not None:
        pixels = pixels * weight
    return F.binary_cross_entropy_with_logits(core_logits, core, weight=pixels)
