"""Texture by octaves: how strong it is in a region, and noise of that strength."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fancgan.networks.painter.config import OCTAVES

# Grain that noise is made of: grid in px, and sigma in px of the blur of white noise. Of textures
# coarser than the first four the network makes its own: they are structure rather than noise.
GRAIN = ((1, 0.0), (1, 0.6), (1, 1.2), (2, 2.5), (4, 5.0), (8, 10.0), (8, 20.0))
ITERATIONS = 150


def gaussian(sigma: float, device: torch.device) -> Tensor:
    """Return a Gaussian [n] of sum 1."""
    radius = max(1, math.ceil(3 * sigma))
    t = torch.arange(-radius, radius + 1, device=device, dtype=torch.float32)
    line = torch.exp(-0.5 * (t / sigma).square())
    return line / line.sum()


def blurred(x: Tensor, sigma: float, mirror: bool) -> Tensor:
    """Gaussian blur of [N, C, H, W]; beyond the frame the picture is mirrored, or 0."""
    line = gaussian(sigma, x.device)
    r = line.shape[0] // 2
    x = F.pad(x, [r, r, r, r], "reflect") if mirror else F.pad(x, [r, r, r, r])
    c = x.shape[1]
    across = F.conv2d(x, line[None, None, None, :].expand(c, 1, 1, -1), groups=c)
    return F.conv2d(across, line[None, None, :, None].expand(c, 1, -1, 1), groups=c)


def octave_variances(x: Tensor, region: Tensor, robust: bool) -> Tensor:
    """Return variances [N, OCTAVES] of a texture [N, 1, H, W] within a region, fine to coarse.

    Octaves of a Gaussian pyramid that sees the region alone (normalised convolution), the last
    being what is left. robust: from the median of the magnitudes, which forgets what is rare; the
    gradient is that of single pixels then.
    """
    found: list[Tensor] = []
    x, m = x * region, region
    for k in range(6):  # OCTAVES, as TorchScript wants it
        if k == 5:
            found.append(_variance(x, m, robust))
        else:
            # Sigma of the low pass, in pixels of its octave; the finest has no grid to halve.
            both = blurred(torch.cat([x, m], dim=1), 0.7 if k == 0 else 1.2, False)
            low = both[:, :1] / (both[:, 1:] + 1e-3) * m
            found.append(_variance(x - low, m, robust))
            x = low
            if k > 0:
                cover = F.avg_pool2d(m, 2)
                m = (cover > 0.4).to(x.dtype)  # that share of a coarse pixel lies in the region
                x = F.avg_pool2d(x, 2) / cover.clamp(min=0.25) * m
    return torch.stack(found, dim=1)


def _variance(x: Tensor, m: Tensor, robust: bool) -> Tensor:
    if not robust:
        return x.square().sum([1, 2, 3]) / m.sum([1, 2, 3]).clamp(min=1.0)
    found: list[Tensor] = []
    for n in range(x.shape[0]):
        inside = x[n][m[n] > 0].abs()
        median = inside.median() if inside.numel() > 0 else torch.zeros_like(x[n].sum())
        found.append((1.4826 * median).square())  # a Gaussian's deviation over that median
    return torch.stack(found)


class Grain(nn.Module):
    """Noise whose octaves have given variances: a sum of white noises, blurred more and more.

    Buffers: unit [7], the deviation of each blurred noise; mixing [OCTAVES, 7], the variance that
    each, at deviation 1, has in each octave. `calibrate` measures both.
    """

    def __init__(self):
        super().__init__()
        self.unit = nn.Buffer(torch.ones(len(GRAIN)))
        self.mixing = nn.Buffer(torch.ones(OCTAVES, len(GRAIN)))
        self.grids = [grid for grid, _ in GRAIN]
        self.sigmas = [sigma for _, sigma in GRAIN]
        self.iterations = ITERATIONS

    @torch.no_grad()
    def calibrate(self, *, size: int = 512, rounds: int = 6) -> None:
        """Measure what each grain has in each octave, on noise drawn with seed 0."""
        draws = torch.Generator().manual_seed(0)
        count, whole = len(GRAIN), torch.ones(1, 1, size, size)

        def noises() -> list[Tensor]:
            return [torch.randn(1, count, size, size, generator=draws) for _ in range(rounds)]

        self.unit.fill_(1.0)
        squares = [self.fields(noise).square().mean([0, 2, 3]) for noise in noises()]
        self.unit.copy_(torch.stack(squares).mean(0).sqrt())
        rows = [
            torch.stack([octave_variances(f[None, None], whole, False)[0] for f in fields])
            for fields in (self.fields(noise)[0] for noise in noises())
        ]
        self.mixing.copy_(torch.stack(rows).mean(0).t())

    def fields(self, noise: Tensor) -> Tensor:
        """White noise [N, C <= 7, H, W] -> fields of deviation 1 and growing grain, [N, C, H, W].

        H and W are multiples of 8.
        """
        found: list[Tensor] = []
        for k in range(noise.shape[1]):
            grid, sigma, x = self.grids[k], self.sigmas[k], noise[:, k : k + 1]
            if grid > 1:
                x = F.avg_pool2d(x, grid) * grid
            if sigma > 0:
                x = blurred(x, sigma / grid, True)
            if grid > 1:
                x = F.interpolate(x, scale_factor=float(grid), mode="bilinear")
            found.append(x / self.unit[k])
        return torch.cat(found, dim=1)

    def strengths(self, log_sd: Tensor) -> Tensor:
        """Return the deviations [N, 7] of the grains whose sum has these octaves [N, OCTAVES].

        Non-negative, by multiplicative updates of least Kullback-Leibler divergence (Lee and Seung
        2001).
        """
        wanted = (2 * log_sd).exp()
        mixing = self.mixing[None]
        power = wanted.sum(1, keepdim=True).expand(-1, mixing.shape[2]) / mixing.shape[2]
        for _ in range(self.iterations):
            had = (mixing @ power[:, :, None])[:, :, 0] + 1e-9
            power = power * ((wanted / had)[:, None] @ mixing)[:, 0] / mixing.sum(1)
        return power.sqrt()
