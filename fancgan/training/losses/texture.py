"""Texture by the distribution of filter responses: sparse lines, not mottle of the same spectrum.

Spectra and autocorrelations are blind to phase: they are as content with a mottled substrate as
with an even one that thin lines cross. What tells these apart is how often a filter of the shape of
a line answers strongly (Heeger and Bergen 1995, doi:10.1145/218380.218446).
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

DIRECTIONS = 6
ACROSS_PX, ALONG_PX, RADIUS_PX = 0.9, 2.5, 6
SCALES = (1, 2, 4)  # pixels are averaged over as many squared
MIN_RESPONSES = 1024
STEEPEST = 8.0


@lru_cache
@torch.inference_mode(False)
def line_filters(device: torch.device) -> Tensor:
    """Filters [DIRECTIONS + 1, 1, S, S] of mean 0 and norm 1: lines, then a spot."""
    t = torch.arange(-RADIUS_PX, RADIUS_PX + 1, dtype=torch.float32)
    y, x = t[:, None], t[None]
    found = []
    for k in range(DIRECTIONS):
        angle = math.pi * k / DIRECTIONS
        along = x * math.cos(angle) + y * math.sin(angle)
        across = (y * math.cos(angle) - x * math.sin(angle)) / ACROSS_PX
        window = torch.exp(-0.5 * (across.square() + (along / ALONG_PX).square()))
        found.append((1 - across.square()) * window)
    square = (x.square() + y.square()) / ACROSS_PX**2
    found.append((2 - square) * torch.exp(-0.5 * square))
    filters = torch.stack(found)[:, None]
    filters = filters - filters.mean((2, 3), keepdim=True)
    return (filters / filters.square().sum((2, 3), keepdim=True).sqrt()).to(device)


def texture_loss(fake: Tensor, real: Tensor, region: Tensor) -> Tensor:
    """Distance of the distributions of filter responses within a region; 0 where they are alike.

    Sorted responses are compared, in deviations d of the real ones: |d| + d^2, going on straight
    with a slope of STEEPEST. In |d| alone, the Wasserstein-1 distance, what is rare and bright, a
    hundredth of a substrate, would be lost among the rest.

    fake, real [N, 1, H, W] of the same masks; region [N, 1, H, W] in {0, 1}, beyond which both are
    taken as the real image is. Mean over filters and SCALES; a scale with fewer than MIN_RESPONSES
    places says nothing.
    """
    filters = line_filters(real.device)
    region = region.float()
    fake = torch.where(region > 0, fake.float(), real.float())
    total, count = real.new_zeros((), dtype=torch.float32), 0
    for scale in SCALES:
        where = F.avg_pool2d(region, scale) > 0.999
        if int(where.sum()) < MIN_RESPONSES:
            continue
        answers = []
        with torch.autocast(real.device.type, enabled=False):
            for image in (fake, real.float()):
                pooled = F.pad(F.avg_pool2d(image, scale), [RADIUS_PX] * 4, "reflect")
                responses = F.conv2d(pooled, filters).transpose(0, 1)
                answers.append(responses[:, where[:, 0]].sort(dim=1)[0])
        spread = answers[1].std(1, keepdim=True) + 1e-4
        apart = ((answers[0] - answers[1]) / spread).abs()
        total = total + 0.5 * (apart * (1 + apart).clamp(max=STEEPEST)).mean()
        count += 1
    return total / max(count, 1)
