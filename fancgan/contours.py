"""Thin closed curves drawn from noise: what residue on a substrate looks like.

Rings and scalloped fronts that droplets leave are one or two pixels thin and tens of pixels long.
Convolutions that are given white noise alone make short strokes of it, all in one direction.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

RINGS = (2, 1.5, 1.2)  # grid in px, sigma in steps of the grid, level in standard deviations
FRONTS = (4, 2.0, 0.4)
LINE_PX = 0.8
LINE_HEIGHT = 8.0  # Adam moves all weights alike: what is rare and thin must be high to be learned


class NoiseContours(nn.Module):
    """Level lines of smoothed noise: [N, C >= 3, H, W] -> [N, CHANNELS, H, W].

    Channels: rings of about 5 to 15 px, fronts of tens of pixels, the smooth field whose level
    lines the fronts are, and another smooth field, by which layers above can open the curves. The
    noise is standard normal; H and W are multiples of 4 and at least 28.
    """

    channels = 4

    def __init__(self):
        super().__init__()
        self.register_buffer("narrow", _unit_gaussian(RINGS[1]), persistent=False)
        self.register_buffer("wide", _unit_gaussian(FRONTS[1]), persistent=False)
        self.ring_grid, self.front_grid = RINGS[0], FRONTS[0]
        self.ring_level, self.front_level = RINGS[2], FRONTS[2]
        self.height, self.sharpness = LINE_HEIGHT, 0.5 / LINE_PX**2

    def forward(self, noise: Tensor) -> Tensor:
        noise = noise.float()
        small = self._smooth(noise[:, :1], self.narrow, self.ring_grid)
        large = self._smooth(noise[:, 1:2], self.wide, self.front_grid)
        other = self._smooth(noise[:, 2:3], self.wide, self.front_grid)
        rings = self._line(small, self.ring_level)
        fronts = self._line(large, self.front_level)
        return torch.cat([rings, fronts, large, other], dim=1)

    def _smooth(self, noise: Tensor, kernel: Tensor, grid: int) -> Tensor:
        """A field of unit variance on the grid, scaled up to pixels."""
        x = F.avg_pool2d(noise, grid) * grid
        r = kernel.shape[-1] // 2
        kernel = kernel.to(x.dtype)
        x = F.conv2d(F.pad(x, [r, r, r, r], "reflect"), kernel)
        return F.interpolate(
            F.conv2d(x, kernel.transpose(2, 3)).float(), scale_factor=float(grid), mode="bilinear"
        )

    def _line(self, field: Tensor, level: float) -> Tensor:
        """Height of a line along a level, by the first-order distance to it in pixels."""
        padded = F.pad(field, [1, 1, 1, 1], "replicate")
        across = (padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]) / 2
        down = (padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]) / 2
        slope = across.square() + down.square() + 1e-6
        return self.height * torch.exp((field - level).square() / slope * -self.sharpness)


def _unit_gaussian(sigma: float) -> Tensor:
    """Gaussian [1, 1, 1, n] with a sum of squares of 1: white noise keeps its variance."""
    radius = round(3 * sigma)
    line = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigma) ** 2)
    return (line / line.square().sum().sqrt())[None, None, None]
