"""What to lay out: number, sizes, shapes and arrangement of the particles."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Annotated

from fancgan.documents.schema import between, check_fields, one_of
from fancgan.errors import UserError

MONOLAYERS = ("hexagonal", "packed")
AGGLOMERATIONS = ("mix", "single", "chains", "clusters", *MONOLAYERS)
BORDERS = ("cut", "inside")
OVERLAPS_SHOWN = ("upper", "both")
PARTS = ("filled", "shell", "pair")
MAX_PARTICLES = 20_000
MIN_SIZE_PX, MIN_WIDTH_PX = 3.0, 2.0


@dataclass(frozen=True)
class Shape:
    """size: what d50_nm, gsd and sizes_nm speak of; fields: the settings of this shape alone."""

    size: str
    fields: tuple[str, ...] = ()


SHAPES = {
    "grains": Shape("equal-area diameter", ("aspect_mean", "aspect_sd", "roughness", "facets")),
    "spheres": Shape("diameter"),
    "core-shell": Shape("outer diameter", ("shell", "parts")),
    "rods": Shape("length", ("aspect_ratio", "aspect_ratio_gsd", "flexibility")),
    "cubes": Shape("edge length", ("tilted", "rounding")),
    "octahedra": Shape("edge length", ("tilted", "rounding")),
    "tetrahedra": Shape("edge length", ("tilted", "rounding")),
    "plates": Shape("diameter", ("aspect_ratio", "aspect_ratio_gsd", "tilted", "rounding")),
    "polyhedra": Shape("equal-surface diameter", ("tilted", "rounding")),
}
# What belongs to one arrangement alone.
ARRANGED = {"hexagonal": ("disorder", "vacancies")}


@dataclass(frozen=True)
class LayoutConfig:
    """What to lay out; make_layout(config) gives the same layout for the same config.

    height, width: size in pixels, 32 to 8192. seed: another one, another layout.
    count: visible particles; coverage: share of the area, 0 to 0.85. At most one of the two;
        neither draws a density as it varies between the training fields.
    d50_nm: median size, SHAPES says of what; gsd: geometric standard deviation of a log-normal
        law, None for the training masks' own distribution (grains) or 1.1 (all others); sizes_nm:
        a list to draw from instead.
    aspect_mean, aspect_sd: minor / major axis of grains. roughness: irregularity relative to the
        training particles (0 = ellipses); facets: 0 rounded to 1 flat-sided.
    agglomeration: "single" (none touch), "chains", "clusters", or the "mix" of the training fields,
        for shapes besides grains thrown at random; "hexagonal" or "packed" (random close packing)
        for a monolayer: whole, or an island of that count or coverage.
    overlap: how far neighbours reach over each other, as a share of the smaller diameter; besides
        grains, the most of a particle's area that lies over others. Monolayers have none.
    border: "cut" lets the frame cut particles, "inside" keeps all of them whole.
    shape: one of SHAPES. aspect_ratio, aspect_ratio_gsd: length / width of rods, diameter /
        thickness of plates, log-normal. flexibility: contour length / persistence length of rods.
    tilted: share of the bodies that are turned at random; the others lie on a face. rounding: of
        the corners, 0 sharp to 1 round.
    shell: wall thickness / outer radius. parts: what has labels, the "filled" outline, the "shell"
        alone around a hole, or shell and core as a "pair".
    disorder: standard deviation of the sites of a hexagonal lattice, in spacings, along each axis;
        vacancies: share of its sites that are empty.
    overlap_shown: "upper", the upper particle whole and the lower cut; "both", the outlines of both
        as lines, as a TEM sees through them.
    """

    height: Annotated[int, between(32, 8192)] = 512
    width: Annotated[int, between(32, 8192)] = 768
    seed: Annotated[int, between(0, 2**63 - 1)] = 0
    count: Annotated[int, between(1, MAX_PARTICLES)] | None = None
    coverage: Annotated[float, between(0.001, 0.85)] | None = None
    d50_nm: Annotated[float, between(1e-3, 1e9)] = 210.0
    gsd: Annotated[float, between(1.0, 4.0)] | None = None
    sizes_nm: tuple[float, ...] = ()
    nm_per_px: Annotated[float, between(1e-6, 1e9)] = 7.344
    aspect_mean: Annotated[float, between(0.2, 1.0)] = 0.78
    aspect_sd: Annotated[float, between(0.0, 0.5)] = 0.117
    roughness: Annotated[float, between(0.0, 3.0)] = 1.0
    facets: Annotated[float, between(0.0, 1.0)] = 0.0
    agglomeration: Annotated[str, one_of(*AGGLOMERATIONS)] = "mix"
    overlap: Annotated[float, between(0.0, 0.6)] = 0.1
    border: Annotated[str, one_of(*BORDERS)] = "cut"
    shape: Annotated[str, one_of(*SHAPES)] = "grains"
    aspect_ratio: Annotated[float, between(1.0, 200.0)] = 5.0
    aspect_ratio_gsd: Annotated[float, between(1.0, 3.0)] = 1.15
    flexibility: Annotated[float, between(0.0, 6.0)] = 0.0
    tilted: Annotated[float, between(0.0, 1.0)] = 1.0
    rounding: Annotated[float, between(0.0, 1.0)] = 0.1
    shell: Annotated[float, between(0.02, 0.95)] = 0.25
    parts: Annotated[str, one_of(*PARTS)] = "filled"
    disorder: Annotated[float, between(0.0, 0.5)] = 0.05
    vacancies: Annotated[float, between(0.0, 0.9)] = 0.0
    overlap_shown: Annotated[str, one_of(*OVERLAPS_SHOWN)] = "upper"

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes_nm", tuple(self.sizes_nm))
        check_fields(self, "The layout's")
        if self.count is not None and self.coverage is not None:
            raise UserError("A layout takes a count or a coverage, not both; leave one out.")
        for size in self.sizes_nm or (self.d50_nm,):
            self._check_size(size)

    def _check_size(self, size_nm: float) -> None:
        size_px, most = size_nm / self.nm_per_px, min(self.height, self.width)
        if self.shape == "rods":
            most = 2 * max(self.height, self.width)
            if MIN_SIZE_PX <= size_px <= most and size_px / self.aspect_ratio < MIN_WIDTH_PX:
                raise UserError(
                    f"Rods of {size_nm:g} nm are {size_px / self.aspect_ratio:.1f} px wide at "
                    f"{self.nm_per_px:g} nm per pixel; choose "
                    f"{self._whole_nm(MIN_WIDTH_PX * self.aspect_ratio)} nm or more, or a smaller "
                    "aspect ratio."
                )
        if not MIN_SIZE_PX <= size_px <= most:
            raise UserError(
                f"Particles of {size_nm:g} nm are {size_px:.1f} px at {self.nm_per_px:g} nm per "
                f"pixel; choose {self._whole_nm(MIN_SIZE_PX)} to {-self._whole_nm(-most)} nm."
            )

    def _whole_nm(self, px: float) -> float:
        """Return a length in nm, rounded up to three digits or more."""
        nm = px * self.nm_per_px
        step = 10.0 ** (math.floor(math.log10(abs(nm))) - 2)
        return float(f"{math.ceil(nm / step) * step:.12g}")

    def to_dict(self) -> dict:
        """Return all settings; of the later ones, those that differ from their defaults.

        So what older versions wrote, and where they stopped, stays valid.
        """
        fields = dataclasses.fields(self)
        first_later = [field.name for field in fields].index("shape")
        later = {f.name for f in fields[first_later:] if getattr(self, f.name) == f.default}
        return {k: v for k, v in dataclasses.asdict(self).items() if k not in later}
