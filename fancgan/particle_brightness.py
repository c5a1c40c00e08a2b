"""Each particle's own brightness: measured on training images, drawn for new masks.

In the TiO2 images particles of one image differ by 28 to 55 grey levels (standard deviation of
their means), more than the grey levels within one particle do. A mask does not say which is bright:
a generator that is not told paints them all alike, and draws their contacts as lines in place of
the steps that they are.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, nn
from torch.nn import functional as F

GREY_PER_UNIT = 40.0
RIM_PX = 2  # the outline belongs to the edge, not to the particle
KNOTS = 33
ALONE_PX = 4400.0  # particles of this area, about eight, are half held to their common mean
LEAST_PARTICLES = 8  # fewer in a field say nothing of their spread
FLOOD_STEPS, FLOOD_ROUNDS = 16, 32
REACH_SHARES = (0.005, 0.995)  # of the training particles' contrasts; the rest are mishaps
UNBOUNDED = 1e4
DIGITS = 4096.0  # of the numbers that are drawn, those beyond 1 / DIGITS do not know the size


def particle_means(image: NDArray, labels: NDArray) -> NDArray:
    """Return the mean grey level of each particle 1 ... labels.max(), float64 [n].

    image [H, W] in grey levels; labels [H, W], 0 = background. RIM_PX of the rim are left out where
    a particle has more than that; nan for numbers that no pixel has.
    """
    numbers = np.arange(1, int(labels.max()) + 1)
    inner = ndimage.binary_erosion(labels > 0, iterations=RIM_PX)
    found = []
    for chosen in (labels * inner, labels):
        count = np.bincount(chosen.ravel(), minlength=len(numbers) + 1)[1:]
        total = np.bincount(chosen.ravel(), image.ravel(), len(numbers) + 1)[1:]
        found.append(np.divide(total, count, out=np.full(len(numbers), np.nan), where=count > 0))
    return np.where(np.isnan(found[0]), found[1], found[0])


def mean_map(image: NDArray, labels: NDArray) -> NDArray:
    """Return `particle_means` where each particle is, 0 elsewhere: float32 [H, W]."""
    means = np.nan_to_num(particle_means(image, labels)).astype(np.float32)
    return np.concatenate([np.zeros(1, np.float32), means])[labels]


class ParticleBrightness(nn.Module):
    """How bright the particles of an image are beside their common mean, in GREY_PER_UNIT.

    Buffers: quantiles [KNOTS] of the particles' means, each field's made to mean 0 and deviation 1;
    within: what they differ by inside, a standard deviation in grey levels;
    reach [2]: least and greatest contrast of a particle to the background in units of that of the
    field's mean particle. Without it a field of dark particles, few of them half transparent, could
    be given some that shine.
    """

    def __init__(self):
        super().__init__()
        normal = torch.distributions.Normal(0.0, 1.0)
        shares = (torch.arange(KNOTS) + 0.5) / KNOTS
        self.register_buffer("quantiles", normal.icdf(shares))
        self.register_buffer("within", torch.zeros(()))
        self.register_buffer("reach", torch.tensor([-UNBOUNDED, UNBOUNDED]))
        self.unit, self.digits, self.alone_px = GREY_PER_UNIT, DIGITS, ALONE_PX
        self.unbounded = UNBOUNDED
        self.flood_steps, self.flood_rounds = FLOOD_STEPS, FLOOD_ROUNDS

    def fit(self, images: list[NDArray], labels: list[NDArray], stats: NDArray) -> None:
        """Fit to fields [H, W] each and their statistics (style.py) [n, 5].

        The variance that a field shows is that between its particles, weighted by area, plus that
        within them. Without a field of LEAST_PARTICLES, particles are drawn alike.
        """
        pooled, rest, contrasts = [], [], []
        for image, numbers, shown in zip(images, labels, stats, strict=True):
            background, particle, particle_sd = (float(shown[k]) for k in (0, 2, 3))
            means = particle_means(image, numbers)
            area = np.bincount(numbers.ravel(), minlength=len(means) + 1)[1:]
            means, area = means[area > 0], area[area > 0]
            if len(means) < LEAST_PARTICLES:
                continue
            centre = np.average(means, weights=area)
            variance = np.average((means - centre) ** 2, weights=area)
            pooled.append((means - centre) / max(math.sqrt(variance), 1e-3))
            rest.append(max(particle_sd**2 - variance, 0.0))
            if abs(particle - background) > 1:
                contrasts.append((means - background) / (particle - background))
        if not pooled:
            self.within.fill_(1e3)
            return
        shares = (np.arange(KNOTS) + 0.5) / KNOTS
        self.quantiles.copy_(torch.from_numpy(np.quantile(np.concatenate(pooled), shares)))
        self.within.fill_(math.sqrt(float(np.mean(rest))))
        if contrasts:
            reach = np.quantile(np.concatenate(contrasts), REACH_SHARES)
            self.reach.copy_(torch.from_numpy(reach))

    def spread(self, particle_sd: Tensor) -> Tensor:
        """Deviation between particles [N] in grey levels where an image shows particle_sd [N]."""
        return torch.sqrt((particle_sd.square() - self.within.square()).clamp(min=1e-6))

    def forward(self, mask: Tensor, stats: Tensor, noise: Tensor) -> Tensor:
        """Draw from the noise: brightness [N, 1, H, W] in GREY_PER_UNIT, one number a particle.

        mask [N, 1, H, W] in {0, 1}; stats [N, 5] of the look in grey levels; noise [N, 1, H, W],
        standard normal. 0 in the background, and in what is nowhere 2 x 2 pixels wide. Over many
        particles its mean is 0, so that these have the mean that their look asks for; one alone is
        free. No particle leaves the contrasts that training particles had.
        """
        share = self._number(mask.float(), noise.float())
        place = share * (self.quantiles.shape[0] - 1)
        low = place.floor()
        index = low.long()
        below = self.quantiles[index]
        above = self.quantiles[(index + 1).clamp(max=self.quantiles.shape[0] - 1)]
        spread = self.spread(stats[:, 3])[:, None, None, None] / self.unit
        known = (share > 0).to(spread.dtype)
        drawn = (below + (place - low) * (above - below)) * known * spread
        ends = self._ends(stats)
        drawn = torch.minimum(torch.maximum(drawn, ends[0]), ends[1])
        area = known.sum([2, 3], keepdim=True)
        excess = drawn.sum([2, 3], keepdim=True) / (area + self.alone_px)
        return torch.minimum(torch.maximum(drawn - excess, ends[0]), ends[1]) * known

    def _ends(self, stats: Tensor) -> list[Tensor]:
        """Least and greatest brightness of a particle in each look, [N, 1, 1, 1] each."""
        contrast = (stats[:, 2] - stats[:, 0])[:, None]
        ends = (self.reach - 1)[None] * contrast / self.unit
        ends = torch.where(contrast.abs() < 1, self.unbounded * torch.sign(self.reach), ends)
        return [end[:, None, None, None] for end in (ends.amin(1), ends.amax(1))]

    def _spread_along(self, x: Tensor, axis: int) -> Tensor:
        """Largest of each cell >= 0 and its two neighbours along an axis.

        On a CPU faster than max-pooling, of which a GPU is given one kernel in place of many.
        """
        if x.is_cuda:
            return F.max_pool2d(x, [3, 1] if axis == 2 else [1, 3], 1, [3 - axis, axis - 2])
        last = x.shape[axis] - 1
        pairs = torch.maximum(x.narrow(axis, 1, last), x.narrow(axis, 0, last))
        inner = torch.maximum(pairs.narrow(axis, 1, last - 1), pairs.narrow(axis, 0, last - 1))
        return torch.cat([pairs.narrow(axis, 0, 1), inner, pairs.narrow(axis, last - 1, 1)], axis)

    def _number(self, mask: Tensor, noise: Tensor) -> Tensor:
        """A number in (0, 1) for each connected particle, 0 elsewhere.

        The largest noise in a particle floods it, on cells of 2 x 2 pixels that lie in it whole;
        only its last digits count, so large particles get no larger numbers.
        """
        h, w = mask.shape[-2], mask.shape[-1]
        pads = [0, w % 2, 0, h % 2]
        cells = 1 - F.max_pool2d(F.pad(1 - mask, pads, value=1.0), 2)
        flood = (F.pad(noise, pads)[:, :, ::2, ::2].clamp(-7.0, 7.0) + 8) * cells
        for _ in range(self.flood_rounds):
            before = flood
            for _ in range(self.flood_steps):
                flood = self._spread_along(self._spread_along(flood, 2) * cells, 3) * cells
            if torch.equal(before, flood):
                break
        whole = F.interpolate(flood, scale_factor=2.0, mode="nearest")[:, :, :h, :w]
        for _ in range(2):
            grown = F.max_pool2d(whole, 3, 1, 1) * mask
            whole = torch.where(whole > 0, whole, grown)
        digits = whole * self.digits
        number = (digits - digits.floor()) * (1 - 2 / self.digits) + 1 / self.digits
        return number * (whole > 0).to(number.dtype)
