"""Particle layouts by physics: sizes, shapes and agglomerates drawn, painted in occlusion order.

A layout is a label image whose touching particles are parted by a line of background one pixel
wide, as in manual masks: labels, mask and the mask read back from a file name the same particles.
The defaults reproduce the training masks' statistics (mask_statistics.py measures both).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from fancgan.errors import UserError
from fancgan.layouts.agglomerates import Arrangement
from fancgan.layouts.canvas import Canvas
from fancgan.layouts.shapes import ParticleSource, statistics

AGGLOMERATIONS = ("mix", "single", "chains", "clusters")
BORDERS = ("cut", "inside")
MAX_PARTICLES = 20_000
# Later particles hide earlier ones: what went missing is made up for in further rounds.
ROUNDS = 12
CROWDING_EXPONENT = 0.4


@dataclass(frozen=True)
class LayoutConfig:
    """What to lay out; make_layout(config) gives the same layout for the same config.

    height, width: size in pixels, 32 to 8192. seed: another one, another layout.
    count: visible particles; coverage: share of the area, 0 to 0.85. At most one of the two;
        neither draws a density as it varies between the training fields.
    d50_nm: median equal-area diameter; gsd: geometric standard deviation of a log-normal law,
        None for the training masks' own distribution; sizes_nm: a list to draw from instead.
    aspect_mean, aspect_sd: minor / major axis. roughness: irregularity relative to the training
        particles (0 = ellipses); facets: 0 rounded to 1 flat-sided.
    agglomeration: "single" (none touch), "chains", "clusters", or the "mix" of the training fields.
    overlap: how far neighbours reach over each other, as a share of the smaller diameter.
    border: "cut" lets the frame cut particles, "inside" keeps all of them whole.
    """

    height: int = 512
    width: int = 768
    seed: int = 0
    count: int | None = None
    coverage: float | None = None
    d50_nm: float = 210.0
    gsd: float | None = None
    sizes_nm: tuple[float, ...] = ()
    nm_per_px: float = 7.344
    aspect_mean: float = 0.78
    aspect_sd: float = 0.117
    roughness: float = 1.0
    facets: float = 0.0
    agglomeration: str = "mix"
    overlap: float = 0.1
    border: str = "cut"

    def __post_init__(self) -> None:
        for name, low, high in (
            ("height", 32, 8192),
            ("width", 32, 8192),
            ("seed", 0, 2**63 - 1),
            ("count", 1, MAX_PARTICLES),
            ("coverage", 0.001, 0.85),
            ("d50_nm", 1e-3, 1e9),
            ("gsd", 1.0, 4.0),
            ("nm_per_px", 1e-6, 1e9),
            ("aspect_mean", 0.2, 1.0),
            ("aspect_sd", 0.0, 0.5),
            ("roughness", 0.0, 3.0),
            ("facets", 0.0, 1.0),
            ("overlap", 0.0, 0.6),
        ):
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise UserError(f"The layout's {name} is {value}; choose from {low} to {high}.")
        for name, choices in (("agglomeration", AGGLOMERATIONS), ("border", BORDERS)):
            if getattr(self, name) not in choices:
                raise UserError(
                    f"The layout's {name} is {getattr(self, name)!r}; "
                    f"choose one of {', '.join(choices)}."
                )
        if self.count is not None and self.coverage is not None:
            raise UserError("A layout takes a count or a coverage, not both; leave one out.")
        object.__setattr__(self, "sizes_nm", tuple(self.sizes_nm))
        for size in self.sizes_nm or (self.d50_nm,):
            size_px, side_px = size / self.nm_per_px, min(self.height, self.width)
            if not 5 <= size_px <= side_px:
                raise UserError(
                    f"Particles of {size:g} nm are {size_px:.1f} px at {self.nm_per_px:g} nm per "
                    f"pixel; choose sizes that come to 5 px up to the shorter side, {side_px} px."
                )

    def to_dict(self) -> dict:
        return dataclasses.asdict(self)


def make_layout(config: LayoutConfig) -> np.ndarray:
    """Return labels int32 [H, W]: 0 background, 1..n one 4-connected region per visible particle.

    A count is met exactly unless the particles do not fit; a coverage to within one particle.
    What cannot be reached (single particles of high coverage, say) ends at the jam: measure the
    result where it matters. Regions below MIN_VISIBLE_PX are too small to see and left out.
    """
    rng = np.random.default_rng(config.seed)
    count = config.count
    if count is None and config.coverage is None:
        count = _draw_count(rng, config)
    canvas = Canvas(config.height, config.width)
    source = ParticleSource(
        rng,
        diameter=config.d50_nm / config.nm_per_px,
        gsd=config.gsd,
        sizes=tuple(size / config.nm_per_px for size in config.sizes_nm),
        aspect=(config.aspect_mean, config.aspect_sd),
        roughness=config.roughness,
        facets=config.facets,
    )
    arrangement = Arrangement(
        rng,
        canvas,
        source,
        agglomeration=config.agglomeration,
        overlap=config.overlap,
        inside=config.border == "inside",
        crowding=_crowding(config, count),
    )
    labels = canvas.visible()
    for _ in range(ROUNDS):
        if count is not None:
            missing = count - int(labels.max())
        else:
            missing = round(config.coverage * labels.size) - np.count_nonzero(labels)
        if missing <= 0:
            break
        if count is not None:
            reached = arrangement.grow(particles=missing)
        else:
            reached = arrangement.grow(covered=canvas.covered + missing)
        labels = canvas.visible()
        if not reached:
            break
    return labels if count is None else _keep_largest(labels, count)


def to_mask(labels: np.ndarray) -> np.ndarray:
    """Return the mask bool [H, W] of a label image, touching particles parted by a line."""
    from fancgan.particles.labels import separate

    return separate(labels) > 0


def example_layouts(height: int = 512, width: int = 768) -> list[tuple[str, LayoutConfig]]:
    """Return named layouts worth showing first."""
    size = {"height": height, "width": width}
    return [
        ("Agglomerates", LayoutConfig(**size, seed=11, coverage=0.22)),
        ("Chains", LayoutConfig(**size, seed=3, coverage=0.14, agglomeration="chains")),
        ("Single particles", LayoutConfig(**size, seed=5, coverage=0.16, agglomeration="single")),
        ("Dense", LayoutConfig(**size, seed=2, coverage=0.55, agglomeration="clusters")),
        ("Few large", LayoutConfig(**size, seed=4, count=14, d50_nm=430.0, gsd=1.25)),
    ]


def _trained_diameter_px() -> float:
    return statistics()["particle"]["d50_nm"] / statistics()["nm_per_px"]


def _draw_count(rng: np.random.Generator, config: LayoutConfig) -> int:
    """A particle number as the training fields have it, for this area in units of particles."""
    quantiles = statistics()["field"]["count_per_megapixel"]
    density = np.interp(rng.random(), np.linspace(0, 1, len(quantiles)), quantiles)
    scale = (_trained_diameter_px() * config.nm_per_px / config.d50_nm) ** 2
    expected = density * scale * config.height * config.width / 1e6
    return int(np.clip(round(expected), 1, MAX_PARTICLES))


def _crowding(config: LayoutConfig, count: int | None) -> float:
    """How much larger agglomerates are than usual: in the training fields density does it."""
    area = config.height * config.width * (config.nm_per_px / config.d50_nm) ** 2
    usual = float(np.median(statistics()["field"]["count_per_megapixel"])) / 1e6
    usual *= _trained_diameter_px() ** 2
    density = count / area if count is not None else config.coverage / 0.55
    return float(np.clip((density / usual) ** CROWDING_EXPONENT, 0.3, 6.0))


def _keep_largest(labels: np.ndarray, count: int) -> np.ndarray:
    """Drop the smallest regions until count are left, and number the rest from 1."""
    areas = np.bincount(labels.ravel())[1:]
    if len(areas) <= count:
        return labels
    keep = np.zeros(len(areas) + 1, bool)
    keep[1 + np.argsort(-areas, kind="stable")[:count]] = True
    return np.where(keep, np.cumsum(keep), 0).astype(np.int32)[labels]
