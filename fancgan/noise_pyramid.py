"""What the generator's decoder is given at each of its levels beside the mask: noise above all."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fancgan.config import ModelConfig
from fancgan.contours import NoiseContours


def grain_kernel(sigma: float) -> Tensor:
    """Gaussian [1, 1, 3, 3] that blurs white noise and keeps its variance; sigma 0 is no blur."""
    side = math.exp(-0.5 / sigma**2) if sigma > 0 else 0.0
    line = torch.tensor([side, 1.0, side])
    line = line / line.square().sum().sqrt()
    return (line[:, None] * line[None])[None, None]


class NoisePyramid(nn.Module):
    """Standard normal noise [N, C, H, W] -> one [N, channels, h, w] a level, fine to coarse.

    The noise is blurred to the grain of a detector; coarser levels see it averaged over 2 x 2
    pixels and scaled to unit variance again. Curves drawn from it (contours.py) go along, and the
    brightness [N, 1, H, W] of each particle (particle_brightness.py), both averaged.
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.levels = len(config.widths)
        beside = config.contours * NoiseContours.channels + config.brightness
        self.channels = config.noise_channels + beside
        self.contours = NoiseContours() if config.contours else nn.Identity()
        self.has_curves, self.has_brightness = config.contours, config.brightness
        self.register_buffer("grain", grain_kernel(config.grain_px), persistent=False)
        gain = torch.tensor([2.0] * config.noise_channels + [1.0] * beside)
        self.register_buffer("gain", gain[None, :, None, None], persistent=False)

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
