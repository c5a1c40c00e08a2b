"""Particle layouts by physics: sizes, shapes and agglomerates drawn, painted in occlusion order.

A layout is a label image whose touching particles are parted by a line of background one pixel
wide, as in manual masks: labels, mask and the mask read back from a file name the same particles.
The defaults reproduce the training masks' statistics (mask_statistics.py measures both).
"""

from __future__ import annotations

from functools import partial
from typing import cast

import numpy as np

from fancgan.errors import UserError
from fancgan.layouts.agglomerates import Arrangement
from fancgan.layouts.canvas import Canvas
from fancgan.layouts.config import MAX_PARTICLES, LayoutConfig
from fancgan.layouts.shapes import ParticleSource, statistics

# Later particles hide earlier ones: what went missing is made up for in further rounds.
ROUNDS = 12
CROWDING_EXPONENT = 0.4


def make_layout(config: LayoutConfig) -> np.ndarray:
    """Return labels int32 [H, W]: 0 background, 1..n one 4-connected region per visible particle.

    A count is met exactly unless the particles do not fit; a coverage to within one particle.
    What cannot be reached (single particles of high coverage, say) ends at the jam: measure the
    result where it matters. Regions below MIN_VISIBLE_PX are too small to see and left out. Raises
    UserError for more than MAX_PARTICLES.
    """
    check_number(config)
    rng = np.random.default_rng(config.seed)
    count = config.count
    if count is None and config.coverage is None:
        count = _draw_count(rng, config)
    canvas = Canvas(config.height, config.width)
    source = ParticleSource(rng, config)
    arrangement = Arrangement(rng, canvas, source, config, _crowding(config, count))
    labels = canvas.visible()
    for _ in range(ROUNDS):
        if count is not None:
            missing = count - int(labels.max())
            goal = {"particles": missing}
        else:
            area = cast(float, config.coverage) * labels.size  # given where there is no count
            missing = round(area) - int(np.count_nonzero(labels))
            goal = {"covered": canvas.covered + missing}
        if missing <= 0:
            break
        reached = arrangement.grow(**goal)
        labels = canvas.visible()
        if not reached:
            break
    return labels if count is None else _keep_largest(labels, count)


def usual_number(config: LayoutConfig) -> float:
    """Estimate how many particles a layout has: before any is drawn, and whatever its seed."""
    if config.count is not None:
        return config.count
    area_px = config.height * config.width
    if config.coverage is None:
        return area_px / 1e6 * _density(config, 0.5)
    if config.sizes_nm:
        mean_square = float(np.mean(np.square(config.sizes_nm)))
    else:
        relative = np.square(statistics()["particle"]["relative_size_quantiles"]).mean()
        spread = relative if config.gsd is None else np.exp(2 * np.log(config.gsd) ** 2)
        mean_square = config.d50_nm**2 * float(spread)
    return config.coverage * area_px / (np.pi / 4 * mean_square / config.nm_per_px**2)


def check_number(config: LayoutConfig, most: int = MAX_PARTICLES) -> None:
    """Raise UserError where a layout would usually have more particles than that."""
    number = usual_number(config)
    if number > most:
        raise UserError(
            f"These would be about {number:.0f} particles, and a layout has at most {most}: "
            "choose larger ones, fewer, or a smaller picture."
        )


def to_mask(labels: np.ndarray) -> np.ndarray:
    """Return the mask bool [H, W] of a label image, touching particles parted by a line."""
    from fancgan.particles.labels import separate

    return separate(labels) > 0


def example_layouts(height: int = 512, width: int = 768) -> list[tuple[str, LayoutConfig]]:
    """Return named layouts worth showing first."""
    sized = partial(LayoutConfig, height=height, width=width)
    return [
        ("Agglomerates", sized(seed=11, coverage=0.22)),
        ("Chains", sized(seed=3, coverage=0.14, agglomeration="chains")),
        ("Single particles", sized(seed=5, coverage=0.16, agglomeration="single")),
        ("Dense", sized(seed=2, coverage=0.55, agglomeration="clusters")),
        ("Few large", sized(seed=4, count=14, d50_nm=430.0, gsd=1.25)),
    ]


def _trained_diameter_px() -> float:
    return statistics()["particle"]["d50_nm"] / statistics()["nm_per_px"]


def _draw_count(rng: np.random.Generator, config: LayoutConfig) -> int:
    """A particle number as the training fields have it, for this area in units of particles."""
    expected = _density(config, rng.random()) * config.height * config.width / 1e6
    return int(np.clip(round(expected), 1, MAX_PARTICLES))


def _density(config: LayoutConfig, quantile: float) -> float:
    """Particles per megapixel, at a quantile of the training fields, for particles of this size."""
    quantiles = statistics()["field"]["count_per_megapixel"]
    density = np.interp(quantile, np.linspace(0, 1, len(quantiles)), quantiles)
    return float(density * (_trained_diameter_px() * config.nm_per_px / config.d50_nm) ** 2)


def _crowding(config: LayoutConfig, count: int | None) -> float:
    """How much larger agglomerates are than usual: in the training fields density does it."""
    area = config.height * config.width * (config.nm_per_px / config.d50_nm) ** 2
    usual = float(np.median(statistics()["field"]["count_per_megapixel"])) / 1e6
    usual *= _trained_diameter_px() ** 2
    density = count / area if count is not None else cast(float, config.coverage) / 0.55
    return float(np.clip((density / usual) ** CROWDING_EXPONENT, 0.3, 6.0))


def _keep_largest(labels: np.ndarray, count: int) -> np.ndarray:
    """Drop the smallest regions until count are left, and number the rest from 1."""
    areas = np.bincount(labels.ravel())[1:]
    if len(areas) <= count:
        return labels
    keep = np.zeros(len(areas) + 1, bool)
    keep[1 + np.argsort(-areas, kind="stable")[:count]] = True
    return np.where(keep, np.cumsum(keep), 0).astype(np.int32)[labels]
