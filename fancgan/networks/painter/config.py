"""What the painter is: this travels with its weights."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

DEPTH_KNOTS = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 20.0, 32.0, 64.0, 112.0)  # px inside the outline
FAR_KNOTS = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 20.0, 32.0, 64.0)  # px outside of it
OCTAVES = 6  # of texture, from single pixels up
FLOOR_GREY = 0.3  # texture of a picture without any: that of rounding to grey levels
SHAPE_CHANNELS = 9


@dataclass(frozen=True)
class LookLayout:
    """Where in a look [count] its quantities lie; grey levels are in [-1, 1], deviations as logs.

    far: profile of the ground over FAR_KNOTS. depth: of the particles over DEPTH_KNOTS, and what
    thickness adds. ground, particle: deviation of the texture by octave. between: of the means of
    particles. common_ground, common_particle: texture by octave without what is rare. Those before
    `seen` can be asked of a painting too.
    """

    far: slice
    depth: slice
    ground: slice
    particle: slice
    between: int
    common_ground: slice
    common_particle: slice
    seen: int
    count: int


def _layout() -> LookLayout:
    sizes = (len(FAR_KNOTS), len(DEPTH_KNOTS) + 1, OCTAVES, OCTAVES, 1, OCTAVES, OCTAVES)
    ends = [sum(sizes[: k + 1]) for k in range(len(sizes))]
    parts = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
    return LookLayout(
        far=parts[0],
        depth=parts[1],
        ground=parts[2],
        particle=parts[3],
        between=parts[4].start,
        common_ground=parts[5],
        common_particle=parts[6],
        seen=parts[4].stop,
        count=ends[-1],
    )


LOOK = _layout()


@dataclass(frozen=True)
class PainterConfig:
    """Architecture of the painter and of its look encoder.

    widths: channels per level, full resolution first. code_dim: length of the learned code of each
    of the two regions beside the measured look. w_dim: of what modulates a region. noise_channels:
    white noise, the first of them also drawn as grain of growing size.
    """

    widths: tuple[int, ...] = (16, 32, 64, 128, 192)
    encoder_widths: tuple[int, ...] = (16, 32, 64, 96)
    code_dim: int = 32
    w_dim: int = 96
    mapping_dim: int = 160
    noise_channels: int = 4

    @property
    def style_dim(self) -> int:
        """A style is the standardised look, a code of each region, and which regions are known."""
        return LOOK.count + 2 * self.code_dim + 2

    @property
    def multiple(self) -> int:
        """Height and width inside the network are multiples of this many pixels."""
        return 2 ** (len(self.widths) - 1)

    @property
    def works_in_tiles(self) -> bool:
        return True

    def to_dict(self) -> dict:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> PainterConfig:
        known = {f.name for f in dataclasses.fields(cls)}
        tuples: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if k in known
        }
        return cls(**tuples)
