"""DiffAugment for the critics (Zhao et al. 2020, arXiv:2006.10738), image and mask alike.

Only translation and cutout: a shift of brightness or contrast would hide from the critic what
the style has to get right.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

DRAWS = 6


def diff_augment(x: Tensor, draws: Tensor, probability: float = 0.3) -> Tensor:
    """Shift and cut out the same way in all channels of each sample: [N, C, H, W] -> the same.

    draws [N, DRAWS], uniform in [0, 1): the same draws repeat the same augmentation. Shifts reach
    an eighth of the size, filled by reflection; the cut square has a quarter of the side.
    Differentiable with respect to x.
    """
    h, w = x.shape[2:]
    reach_y, reach_x = h // 8, w // 8
    padded = F.pad(x, (reach_x, reach_x, reach_y, reach_y), mode="reflect")
    samples = []
    for i, (shift, cut, dy, dx, cy, cx) in enumerate(draws.tolist()):
        y0 = int(dy * (2 * reach_y + 1)) if shift < probability else reach_y
        x0 = int(dx * (2 * reach_x + 1)) if shift < probability else reach_x
        sample = padded[i, :, y0 : y0 + h, x0 : x0 + w]
        if cut < probability:
            keep = x.new_ones(1, h, w)
            top, left = int(cy * (h - h // 4)), int(cx * (w - w // 4))
            keep[:, top : top + h // 4, left : left + w // 4] = 0
            sample = sample * keep
        samples.append(sample)
    return torch.stack(samples)
