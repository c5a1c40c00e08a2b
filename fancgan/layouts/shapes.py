"""Outlines of single particles: ellipses, roughened by measured Fourier amplitudes or faceted."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from importlib import resources

import numpy as np

from fancgan.layouts.config import LayoutConfig

POINTS = 40
BATCH = 64
FIRST_HARMONIC = 3


@dataclass(frozen=True)
class Particle:
    """A particle to be placed; pixels. outline [P, 2] are (x, y) offsets from its centre.

    radius: of the disc of equal area; bound: of the circle around it; aspect: minor / major axis;
    angle: of the major axis, radians. core: outline of the core of a shell, from the same centre.
    """

    outline: np.ndarray
    radius: float
    bound: float
    aspect: float
    angle: float
    core: np.ndarray | None = None

    def radii(self, directions: np.ndarray) -> np.ndarray:
        """Distance from the centre to the edge of the ellipse, towards directions [K] radians."""
        along, across = np.cos(directions - self.angle), np.sin(directions - self.angle)
        return self.radius / np.sqrt(self.aspect * along**2 + across**2 / self.aspect)


class ParticleSource:
    """An endless supply of the particles of a layout, in pixels, drawn in batches for speed."""

    def __init__(self, rng: np.random.Generator, config: LayoutConfig) -> None:
        self.rng, self.config = rng, config
        self.d50 = config.d50_nm / config.nm_per_px
        self.sizes = tuple(size / config.nm_per_px for size in config.sizes_nm)
        self.diameter = max(self.sizes, default=self.d50)
        self._stock: list[Particle] = []

    def draw(self) -> Particle:
        if not self._stock:
            rng, config = self.rng, self.config
            diameters = draw_diameters(rng, BATCH, self.d50, config.gsd, self.sizes)
            aspects = draw_aspects(rng, BATCH, config.aspect_mean, config.aspect_sd)
            angles = rng.uniform(0, np.pi, BATCH)
            look = {"roughness": config.roughness, "facets": config.facets}
            outlines = draw_outlines(rng, diameters, aspects, angles, **look)
            bounds = np.linalg.norm(outlines, axis=2).max(axis=1)
            columns = (outlines, diameters / 2, bounds, aspects, angles)
            self._stock = [Particle(*row) for row in zip(*columns, strict=True)]
        return self._stock.pop()


@functools.cache
def statistics() -> dict:
    """The fitted statistics of the training masks (mask_statistics.json): numbers, no outlines."""
    return json.loads(
        resources.files("fancgan.layouts").joinpath("mask_statistics.json").read_text()
    )


def draw_diameters(
    rng: np.random.Generator,
    n: int,
    d50: float,
    gsd: float | None = None,
    sizes: tuple[float, ...] = (),
) -> np.ndarray:
    """Return n equal-area diameters [n] in the unit of d50 (or of sizes).

    sizes: draw from this list, each entry equally often. gsd: log-normal by number with median
    d50 and this geometric standard deviation. Neither: the distribution of the training masks,
    stretched to the median d50.
    """
    if sizes:
        return rng.choice(np.asarray(sizes, float), n)
    if gsd is not None:
        return d50 * np.exp(np.log(gsd) * rng.standard_normal(n))
    deciles = np.asarray(statistics()["particle"]["relative_size_quantiles"])
    grid = np.linspace(0, 1, len(deciles))
    return d50 * np.interp(rng.random(n), grid, deciles)


def draw_aspects(rng: np.random.Generator, n: int, mean: float, sd: float) -> np.ndarray:
    """Return n minor / major axis ratios [n] in (0, 1): a beta law of this mean and deviation."""
    sd = min(sd, 0.9 * float(np.sqrt(mean * (1 - mean))))
    if sd < 1e-3:
        return np.full(n, mean)
    spread = mean * (1 - mean) / sd**2 - 1
    return np.clip(rng.beta(mean * spread, (1 - mean) * spread, n), 0.15, 1.0)


def draw_outlines(
    rng: np.random.Generator,
    diameters: np.ndarray,
    aspects: np.ndarray,
    angles: np.ndarray,
    *,
    roughness: float,
    facets: float,
) -> np.ndarray:
    """Return closed outlines [n, POINTS, 2] as (x, y) offsets from the particle's centre.

    diameters [n] equal-area, kept exactly; aspects [n] minor / major; angles [n] radians of the
    major axis. roughness scales the irregularity measured on the training masks (1 = as
    measured, 0 = ellipses); facets in [0, 1] goes from rounded to flat-sided crystals.
    """
    n = len(diameters)
    theta = np.linspace(0, 2 * np.pi, POINTS, endpoint=False)
    radius = 1 + roughness * _ripple(rng, n, theta)
    if facets > 0:
        radius = (1 - facets) * radius + facets * _polygon(rng, n, theta)
    unit = radius[..., None] * np.stack([np.cos(theta), np.sin(theta)], axis=-1)
    axes = np.stack([1 / np.sqrt(aspects), np.sqrt(aspects)], axis=-1)
    unit = unit * axes[:, None]
    x, y = unit[..., 0], unit[..., 1]
    area = 0.5 * np.abs((x * np.roll(y, -1, axis=1) - np.roll(x, -1, axis=1) * y).sum(axis=1))
    unit *= (diameters * np.sqrt(np.pi / 4 / area))[:, None, None]
    cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
    x, y = unit[..., 0].copy(), unit[..., 1].copy()
    return np.stack([cos * x - sin * y, sin * x + cos * y], axis=-1)


def _ripple(rng: np.random.Generator, n: int, theta: np.ndarray) -> np.ndarray:
    """Relative radius deviations [n, POINTS]: Gaussian Fourier coefficients, orders 3 and up."""
    rms = np.asarray(statistics()["particle"]["radius_harmonics_rms"])
    orders = np.arange(FIRST_HARMONIC, FIRST_HARMONIC + len(rms))
    coefficients = rng.standard_normal((n, 2, len(rms))) * rms / np.sqrt(2)
    waves = np.stack([np.cos(np.outer(orders, theta)), np.sin(np.outer(orders, theta))])
    return np.clip(np.einsum("nck,ckp->np", coefficients, waves), -0.35, 0.35)


def _polygon(rng: np.random.Generator, n: int, theta: np.ndarray) -> np.ndarray:
    """Radii [n, POINTS] of polygons with 5 to 7 sides at jittered angles and distances."""
    sides = rng.integers(5, 8, n)
    corner = np.arange(7)
    normal = (corner + 0.35 * rng.standard_normal((n, 7)).clip(-1, 1)) * 2 * np.pi / sides[:, None]
    distance = np.where(corner < sides[:, None], 1 + 0.08 * rng.standard_normal((n, 7)), np.inf)
    facing = np.cos(theta - normal[..., None]) / np.maximum(distance, 0.7)[..., None]
    # A soft minimum over the sides rounds the corners a little, as microscopes do.
    return (np.maximum(facing, 1e-3) ** 16).sum(axis=1) ** (-1 / 16)
