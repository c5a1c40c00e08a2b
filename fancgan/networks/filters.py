"""Filters of images and masks that losses, statistics and augmentation share."""

from __future__ import annotations

from functools import lru_cache

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
    kernel = _gaussian(sigma, x.device)
    radius = kernel.shape[-1] // 2
    with torch.autocast(x.device.type, enabled=False):
        x = F.pad(x.float(), (radius, radius, radius, radius), mode="reflect")
        return F.conv2d(F.conv2d(x, kernel), kernel.transpose(2, 3))


@lru_cache
@torch.inference_mode(False)
def _gaussian(sigma: float, device: torch.device) -> Tensor:
    """Gaussian [1, 1, 1, n] of sum 1, made once: many small kernels keep a GPU waiting.

    Never an inference tensor, wherever it is first asked for: a training could not use it.
    """
    radius = max(1, round(3 * sigma))
    t = torch.arange(-radius, radius + 1, device=device, dtype=torch.float32)
    line = torch.exp(-0.5 * (t / sigma) ** 2)
    return (line / line.sum())[None, None, None]
