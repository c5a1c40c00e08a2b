"""Particle layouts by physics: sizes, shapes and agglomerates drawn, painted in occlusion order.

A layout is a label image whose touching particles are parted by a line of background one pixel
wide, as in manual masks: for grains, labels, mask and the mask read back from a file name the same
particles; other shapes may lie in pieces of one number, which only the label image tells.
The defaults reproduce the training masks' statistics (mask_statistics.py measures both).
"""

from __future__ import annotations

from functools import partial
from typing import cast

import numpy as np

from fancgan.errors import UserError
from fancgan.layouts.agglomerates import Arrangement
from fancgan.layouts.bodies import USUAL_GSD, BodySource, mean_area
from fancgan.layouts.canvas import MIN_VISIBLE_PX, Canvas, dilate
from fancgan.layouts.config import MAX_PARTICLES, MONOLAYERS, LayoutConfig
from fancgan.layouts.monolayers import PACKED_SHARE, Monolayer
from fancgan.layouts.placing import Placement
from fancgan.layouts.shapes import Particle, ParticleSource, statistics

# Later particles hide earlier ones: what went missing is made up for in further rounds.
ROUNDS = 12
CROWDING_EXPONENT = 0.4


def make_layout(config: LayoutConfig) -> np.ndarray:
    """Return labels int32 [H, W]: 0 background, 1..n one per visible particle.

    Grains are 4-connected regions each. Of other shapes, and where the outlines of both are shown
    at an overlap, the pieces of a particle that others cut keep one number, as in instance maps
    drawn by hand. The core of a pair has the number after its shell's, and is not counted.

    A count is met exactly unless the particles do not fit; a coverage to within one particle.
    What cannot be reached (single particles of high coverage, say) ends at the jam: measure the
    result where it matters. What is too small to be seen is left out. Raises UserError for more
    than MAX_PARTICLES.
    """
    check_number(config)
    rng = np.random.default_rng(config.seed)
    count, coverage = config.count, config.coverage
    if count is None and coverage is None:
        if config.agglomeration in MONOLAYERS:
            coverage = 1.0
        elif config.shape == "grains":
            count = _draw_count(rng, config)
        else:
            coverage = _usual_coverage(rng.random())
    canvas = Canvas(
        config.height, config.width, _visible_px(config), config.overlap_shown == "both"
    )
    arrangement = _arrangement(rng, canvas, config, count)
    seen = canvas.visible if _by_regions(config) else canvas.painted
    labels = seen()
    for _ in range(ROUNDS):
        if count is not None:
            missing = count - _number(labels)
            goal = {"particles": missing}
        else:
            area = cast(float, coverage) * labels.size  # given where there is no count
            missing = round(area) - int(np.count_nonzero(labels))
            goal = {"covered": canvas.covered + missing}
        if missing <= 0:
            break
        reached = arrangement.grow(**goal)
        labels = seen()
        if not reached:
            break
    if count is not None:
        labels = _keep_largest(labels, count)
    if config.parts != "filled" and not isinstance(arrangement, Arrangement):
        labels = _with_cores(labels, canvas, arrangement.placed, config.parts == "pair")
    return _numbered(labels)


def _arrangement(
    rng: np.random.Generator, canvas: Canvas, config: LayoutConfig, count: int | None
) -> Arrangement | Placement:
    grains = config.shape == "grains"
    source = ParticleSource(rng, config) if grains else BodySource(rng, config)
    if config.agglomeration in MONOLAYERS:
        return Monolayer(rng, canvas, source, config)
    if isinstance(source, ParticleSource) and _by_regions(config):
        return Arrangement(rng, canvas, source, config, _crowding(config, count))
    return Placement(rng, canvas, source, config)


def _by_regions(config: LayoutConfig) -> bool:
    """Whether each connected region is a particle, as in masks drawn without numbers."""
    return config.shape == "grains" and config.overlap_shown == "upper"


def _visible_px(config: LayoutConfig) -> int:
    """The least area of a visible particle: less than usual where all are tiny."""
    smallest = min(config.sizes_nm, default=config.d50_nm) / config.nm_per_px
    if config.shape == "grains" and smallest >= 5:
        return MIN_VISIBLE_PX
    return int(np.clip(mean_area(config) * smallest**2 / 3, 3, MIN_VISIBLE_PX))


def usual_number(config: LayoutConfig) -> float:
    """Estimate how many particles a layout has: before any is drawn, and whatever its seed."""
    if config.count is not None:
        return config.count
    area_px, monolayer = config.height * config.width, config.agglomeration in MONOLAYERS
    coverage = config.coverage
    if coverage is None and config.shape == "grains" and not monolayer:
        return area_px / 1e6 * _density(config, 0.5)
    if coverage is None and monolayer:
        hexagonal = (1 - config.vacancies) * np.pi / np.sqrt(12)
        coverage = hexagonal if config.agglomeration == "hexagonal" else PACKED_SHARE
    if coverage is None:
        coverage = _usual_coverage(0.5)
    return coverage * area_px / particle_area_px(config)


def particle_area_px(config: LayoutConfig) -> float:
    """Return the mean area of a whole particle, in pixels: before any is drawn."""
    if config.sizes_nm:
        mean_square = float(np.mean(np.square(config.sizes_nm)))
    else:
        gsd = config.gsd if config.gsd or config.shape == "grains" else USUAL_GSD
        relative = np.square(statistics()["particle"]["relative_size_quantiles"]).mean()
        spread = relative if gsd is None else np.exp(2 * np.log(gsd) ** 2)
        mean_square = config.d50_nm**2 * float(spread)
    return mean_area(config) * mean_square / config.nm_per_px**2


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


def _usual_coverage(quantile: float) -> float:
    """Coverage at a quantile of the training fields."""
    quantiles = statistics()["field"]["coverage"]
    return float(np.interp(quantile, np.linspace(0, 1, len(quantiles)), quantiles))


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


def _number(labels: np.ndarray) -> int:
    return int(np.count_nonzero(np.bincount(labels.ravel())[1:]))


def _keep_largest(labels: np.ndarray, count: int) -> np.ndarray:
    """Drop the smallest particles until count are left."""
    areas = np.bincount(labels.ravel())[1:]
    if np.count_nonzero(areas) <= count:
        return labels
    keep = np.zeros(len(areas) + 1, bool)
    keep[1 + np.argsort(-areas, kind="stable")[:count]] = True
    return np.where(keep[labels], labels, 0)


def _numbered(labels: np.ndarray) -> np.ndarray:
    """Number the particles from 1, in the order of their numbers [H, W]."""
    present = np.bincount(labels.ravel()) > 0
    present[0] = False
    return np.where(present, np.cumsum(present), 0).astype(np.int32)[labels]


def _with_cores(
    labels: np.ndarray, canvas: Canvas, placed: list[Particle], pair: bool
) -> np.ndarray:
    """Return numbers [H, W]: 2 k - 1 the shell of particle k, 2 k its core, if a pair."""
    numbers = np.pad(np.maximum(2 * labels - 1, 0), 1)
    for k in np.flatnonzero(np.bincount(labels.ravel())[1:]) + 1:
        core = placed[k - 1].core
        found = None if core is None else canvas.inside(core)
        if found is None:
            continue
        box, inside = numbers[found[0]], found[1]
        shell = box == 2 * k - 1
        box[shell & (dilate(inside) if pair else inside)] = 0
        box[shell & inside & pair] = 2 * k
    return numbers[1:-1, 1:-1]
