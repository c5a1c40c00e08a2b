"""Filters of images and masks that losses, statistics and augmentation share."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def dilate(mask: Tensor, radius: int) -> Tensor:
    """Grow a mask [N, 1, H, W] in {0, 1} by `radius` pixels (chessboard metric)."""
    size = 2 * radius + 1
    rows = F.max_pool2d(mask, (size, 1), 1, (radius, 0))
    return F.max_pool2d(rows, (1, size), 1, (0, radius))


def gaussian_blur(x: Tensor, sigma: float) -> Tensor:
    """Separable Gaussian blur of [N, 1, H, W] in float32, reflected at the border; 0 is none."""
    if sigma == 0:
        return x.float()
    radius = max(1, round(3 * sigma))
    t = torch.arange(-radius, radius + 1, device=x.device, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (t / sigma) ** 2)
    kernel = (kernel / kernel.sum())[None, None, None]
    with torch.autocast(x.device.type, enabled=False):
        x = F.pad(x.float(), (radius, radius, radius, radius), mode="reflect")
        return F.conv2d(F.conv2d(x, kernel), kernel.transpose(2, 3))
