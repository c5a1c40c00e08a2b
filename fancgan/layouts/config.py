"""What to lay out: number, sizes, shapes and arrangement of the particles."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from fancgan.errors import UserError

AGGLOMERATIONS = ("mix", "single", "chains", "clusters")
BORDERS = ("cut", "inside")
MAX_PARTICLES = 20_000


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
