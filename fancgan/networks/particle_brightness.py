"""Each particle's own brightness: measured on training images, drawn for new masks.

In the TiO2 images particles of one image differ by 28 to 55 grey levels (standard deviation of
their means), more than the grey levels within one particle do. A mask does not say which is bright:
a generator that is not told paints them all alike, and draws their contacts as lines in place of
the steps that they are. Nor are they bright at random: the large ones and those that lie on others
are brighter, and neighbours resemble each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, nn

from fancgan.layouts.mask_statistics import contact_pairs
from fancgan.networks.config import BRIGHTNESS_UNIT_GREY, STAT_INDEX
from fancgan.networks.particle_map import (
    FLOOD_ROUNDS,
    FLOOD_STEPS,
    exposure,
    mean_per_particle,
    number_particles,
    particle_keys,
    wide_noise,
)

STATS = [STAT_INDEX[name] for name in ("background_mean", "particle_mean", "particle_sd")]
RIM_PX = 2  # the outline belongs to the edge, not to the particle
KNOTS = 33
ALONE_PX = 4400.0  # particles of this area, about eight, are half held to their common mean
LEAST_PARTICLES = 8  # fewer in a field say nothing of their spread
LEAST_FOR_TREND = 200  # fewer in all fields say nothing of what makes them bright
AREA_SHARES = (0.1, 0.98)  # the trend is not drawn further than nearly all areas reach
MOST_ALIKE = 0.9
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
    """How bright the particles of an image are beside their common mean, in BRIGHTNESS_UNIT_GREY.

    What a particle has beside the others is made of a trend, a quadratic of the logarithm of its
    area and of how much of it lies at the outer edge of its agglomerate, and of what is drawn for
    it. Of that, neighbours share a part, which a smooth random field over the picture gives them.

    Buffers: trend [5], of 1, a, a^2, e, e^2 (`_basis`), and quantiles [KNOTS] of the rest, in units
    of the deviation between the particles of a field; log_area [2]: where a is 0 and 1;
    alike: share of the rest's variance that neighbours have in common, within alike_px;
    within: what particles differ by inside, a standard deviation in grey levels;
    reach [2]: least and greatest contrast of a particle to the background in units of that of the
    field's mean particle. Without it a field of dark particles, few of them half transparent, could
    be given some that shine.
    """

    def __init__(self):
        super().__init__()
        normal = torch.distributions.Normal(0.0, 1.0)
        shares = (torch.arange(KNOTS) + 0.5) / KNOTS
        self.quantiles = nn.Buffer(normal.icdf(shares))
        self.trend = nn.Buffer(torch.zeros(5))
        self.log_area = nn.Buffer(torch.tensor([0.0, 10.0]))
        self.alike = nn.Buffer(torch.zeros(()))
        self.alike_px = nn.Buffer(torch.ones(()))
        self.within = nn.Buffer(torch.zeros(()))
        self.reach = nn.Buffer(torch.tensor([-UNBOUNDED, UNBOUNDED]))
        self.unit, self.digits, self.alone_px = BRIGHTNESS_UNIT_GREY, DIGITS, ALONE_PX
        self.unbounded = UNBOUNDED
        self.at_background, self.at_particle, self.at_particle_sd = STATS
        self.flood_steps, self.flood_rounds = FLOOD_STEPS, FLOOD_ROUNDS

    def fit(self, images: list[NDArray], labels: list[NDArray], stats: NDArray) -> None:
        """Fit to fields [H, W] each and their statistics (style.py) [n, 10].

        The variance that a field shows is that between its particles, weighted by area, plus that
        within them. Without a field of LEAST_PARTICLES, particles are drawn alike.
        """
        tables, rest, contrasts = [], [], []
        for image, numbers, shown in zip(images, labels, stats, strict=True):
            background, particle, particle_sd = (float(shown[k]) for k in STATS)
            table = _Particles.measure(image, numbers)
            if len(table.area) < LEAST_PARTICLES:
                continue
            centre = np.average(table.brightness, weights=table.area)
            variance = np.average((table.brightness - centre) ** 2, weights=table.area)
            rest.append(max(particle_sd**2 - variance, 0.0))
            if abs(particle - background) > 1:
                contrasts.append((table.brightness - background) / (particle - background))
            deviation = (table.brightness - centre) / max(math.sqrt(variance), 1e-3)
            tables.append(replace(table, brightness=deviation))
        if not tables:
            self.within.fill_(1e3)
            return
        self._fit_deviations(tables)
        self.within.fill_(math.sqrt(float(np.mean(rest))))
        if contrasts:
            reach = np.quantile(np.concatenate(contrasts), REACH_SHARES)
            self.reach.copy_(torch.from_numpy(reach))

    def _fit_deviations(self, tables: list[_Particles]) -> None:
        """Fit trend, likeness and quantiles to brightness in deviations of each field."""
        area, exposed, deviation = (
            np.concatenate([getattr(table, name) for table in tables])
            for name in ("area", "exposed", "brightness")
        )
        if len(area) >= LEAST_FOR_TREND:
            self.log_area.copy_(torch.from_numpy(np.quantile(np.log(area), AREA_SHARES)))
            basis = self._basis(torch.from_numpy(area), torch.from_numpy(exposed)).numpy()
            weight = np.sqrt(area)[:, None]
            trend = np.linalg.lstsq(basis * weight, deviation * weight[:, 0], rcond=1e-6)[0]
            self.trend.copy_(torch.from_numpy(trend))
            deviation = deviation - basis @ self.trend.double().numpy()
            self.alike_px.fill_(float(np.median(np.sqrt(4 * area / np.pi))))
            self.alike.fill_(_likeness(tables, deviation, self.alike_px.item()))
        order = np.argsort(deviation)
        shares = (np.cumsum(area[order]) - 0.5 * area[order]) / area.sum()
        knots = np.interp((np.arange(KNOTS) + 0.5) / KNOTS, shares, deviation[order])
        self.quantiles.copy_(torch.from_numpy(knots))

    def spread(self, particle_sd: Tensor) -> Tensor:
        """Deviation between particles [N] in grey levels where an image shows particle_sd [N]."""
        return torch.sqrt((particle_sd.square() - self.within.square()).clamp(min=1e-6))

    def forward(self, mask: Tensor, stats: Tensor, noise: Tensor) -> Tensor:
        """Draw from the noise: brightness [N, 1, H, W], in BRIGHTNESS_UNIT_GREY, one a particle.

        mask [N, 1, H, W] in {0, 1}; stats [N, 10] of the look, as measured; noise [N, 1, H, W],
        standard normal. 0 in the background, and in what is nowhere 2 x 2 pixels wide. Over many
        particles its mean is 0, so that these have the mean that their look asks for; one alone is
        free. No particle leaves the contrasts that training particles had.
        """
        mask, noise = mask.float(), noise.float()
        keys = particle_keys(mask, noise, self.flood_steps, self.flood_rounds)
        numbers, key, image = number_particles(keys)
        area = torch.bincount(numbers.flatten(), minlength=1)[1:]
        basis = self._basis(area.double(), mean_per_particle(exposure(mask), numbers))
        deviation = basis.float() @ self.trend + self._rest(key, noise, numbers)
        spread = self.spread(stats[:, self.at_particle_sd]) / self.unit
        drawn = torch.cat([torch.zeros_like(spread[:1]), deviation * spread[image]])[numbers]
        known = (numbers > 0).to(drawn.dtype)
        ends = self._ends(stats)
        drawn = torch.minimum(torch.maximum(drawn, ends[0]), ends[1])
        total = known.sum([2, 3], keepdim=True)
        excess = (drawn * known).sum([2, 3], keepdim=True) / (total + self.alone_px)
        return torch.minimum(torch.maximum(drawn - excess, ends[0]), ends[1]) * known

    def _basis(self, area: Tensor, exposed: Tensor) -> Tensor:
        """What the trend is made of, [P, 5]: area [P] in pixels, exposed [P] in 0 .. 1."""
        low, high = self.log_area[0], self.log_area[1]
        a = ((area.log() - low) / (high - low)).clamp(0.0, 1.0)
        return torch.stack([torch.ones_like(a), a, a.square(), exposed, exposed.square()], dim=1)

    def _rest(self, key: Tensor, noise: Tensor, numbers: Tensor) -> Tensor:
        """What is drawn for each particle beside the trend, [P], in deviations of a field.

        Only the last digits of the noise that flooded it count, so large particles get no larger
        numbers.
        """
        digits = key * self.digits
        share = (digits - digits.floor()) * (1 - 2 / self.digits) + 1 / self.digits
        own = math.sqrt(2.0) * torch.erfinv(2 * share - 1)
        shared = mean_per_particle(wide_noise(noise, float(self.alike_px)), numbers)
        alike = self.alike.double()
        normal = alike.sqrt() * shared + (1 - alike).sqrt() * own
        share = 0.5 * (1 + torch.erf(normal / math.sqrt(2.0)))
        last = self.quantiles.shape[0] - 1
        place = (share * last).float()
        index = place.floor().long().clamp(0, last - 1)
        below, above = self.quantiles[index], self.quantiles[index + 1]
        return below + (place - index) * (above - below)

    def _ends(self, stats: Tensor) -> list[Tensor]:
        """Least and greatest brightness of a particle in each look, [N, 1, 1, 1] each."""
        contrast = (stats[:, self.at_particle] - stats[:, self.at_background])[:, None]
        ends = (self.reach - 1)[None] * contrast / self.unit
        ends = torch.where(contrast.abs() < 1, self.unbounded * torch.sign(self.reach), ends)
        return [end[:, None, None, None] for end in (ends.amin(1), ends.amax(1))]


@dataclass(frozen=True)
class _Particles:
    """The particles of one field: float64 [n] each, but neighbours [m, 2], their numbers in pairs.

    middle [n, 2] in pixels; exposed: share of the area at the outer edge of an agglomerate.
    """

    area: NDArray
    exposed: NDArray
    brightness: NDArray
    middle: NDArray
    neighbours: NDArray

    @classmethod
    def measure(cls, image: NDArray, labels: NDArray) -> _Particles:
        means = particle_means(image, labels)
        numbers = np.arange(1, len(means) + 1)
        area = np.bincount(labels.ravel(), minlength=len(means) + 1)[1:]
        there = area > 0
        place = np.cumsum(there) - 1
        mask = torch.from_numpy((labels > 0).astype(np.float32))[None, None]
        edge = exposure(mask)[0, 0].numpy()
        middle = ndimage.center_of_mass(labels > 0, labels, numbers[there])
        return cls(
            area[there].astype(float),
            ndimage.mean(edge, labels, numbers[there]).astype(float),
            means[there],
            np.array(middle).reshape(-1, 2),
            place[contact_pairs(labels) - 1],
        )


def _likeness(tables: list[_Particles], rest: NDArray, reach_px: float) -> float:
    """Share of the variance of the rest [all particles] that makes neighbours as alike as they are.

    A smooth field of that reach is correlated by exp(-d^2 / 4 reach^2) at a distance d.
    """
    products, expected, first = [0.0], [1e-9], 0
    for table in tables:
        own = rest[first : first + len(table.area)]
        first += len(own)
        here, there = table.neighbours.T
        apart = np.square(table.middle[here] - table.middle[there]).sum(1)
        products.append(float((own[here] * own[there]).sum()))
        squares = 0.5 * (own[here] ** 2 + own[there] ** 2)
        expected.append(float((squares * np.exp(-apart / (4 * reach_px**2))).sum()))
    return float(np.clip(sum(products) / sum(expected), 0.0, MOST_ALIKE))
