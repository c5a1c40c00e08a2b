"""What the generator's decoder is given at each of its levels beside the mask: noise above all."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fancgan.networks.config import ModelConfig

RINGS = (2, 1.5, 1.2)  # grid in px, sigma in steps of the grid, level in standard deviations
FRONTS = (4, 2.0, 0.4)
LINE_PX = 0.8
LINE_HEIGHT = 8.0  # Adam moves all weights alike: what is rare and thin must be high to be learned


def grain_kernel(sigma: float) -> Tensor:
    """Gaussian [1, 1, 3, 3] that blurs white noise and keeps its variance; sigma 0 is no blur."""
    side = math.exp(-0.5 / sigma**2) if sigma > 0 else 0.0
    line = torch.tensor([side, 1.0, side])
    line = line / line.square().sum().sqrt()
    return (line[:, None] * line[None])[None, None]


class NoisePyramid(nn.Module):
    """Standard normal noise [N, C, H, W] -> one [N, channels, h, w] a level, fine to coarse.

    The noise is blurred to the grain of a detector; coarser levels see it averaged over 2 x 2
    pixels and scaled to unit variance again. Curves drawn from it (NoiseContours) go along, and the
    brightness [N, 1, H, W] of each particle (particle_brightness.py), both averaged.
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.levels = len(config.widths)
        beside = config.contours * NoiseContours.channels + config.brightness
        self.channels = config.noise_channels + beside
        self.contours = NoiseContours() if config.contours else nn.Identity()
        self.has_curves, self.has_brightness = config.contours, config.brightness
        self.grain = nn.Buffer(grain_kernel(config.grain_px), persistent=False)
        gain = torch.tensor([2.0] * config.noise_channels + [1.0] * beside)
        self.gain = nn.Buffer(gain[None, :, None, None], persistent=False)

    def forward(self, noise: Tensor, brightness: Tensor | None = None) -> list[Tensor]:
        """brightness: None for particles that are all alike."""
        kernel = self.grain.to(noise.dtype).expand(noise.shape[1], -1, -1, -1)
        level = F.conv2d(noise, kernel, padding=1, groups=noise.shape[1])
        if self.has_curves:
            level = torch.cat([level, self.contours(noise).to(level.dtype)], dim=1)
        if self.has_brightness:
            given = torch.zeros_like(noise[:, :1]) if brightness is None else brightness
            level = torch.cat([level, given.to(level.dtype)], dim=1)
        found = [level]
        for _ in range(self.levels - 1):
            level = F.avg_pool2d(level, 2) * self.gain.to(level.dtype)
            found.append(level)
        return found


class NoiseContours(nn.Module):
    """Level lines of smoothed noise: [N, C >= 3, H, W] -> [N, CHANNELS, H, W].

    Channels: rings of about 5 to 15 px, fronts of tens of pixels, the smooth field whose level
    lines the fronts are, and another smooth field, by which layers above can open the curves. The
    noise is standard normal; H and W are multiples of 4 and at least 28.
    """

    channels = 4

    def __init__(self):
        super().__init__()
        self.narrow = nn.Buffer(_unit_gaussian(RINGS[1]), persistent=False)
        self.wide = nn.Buffer(_unit_gaussian(FRONTS[1]), persistent=False)
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
