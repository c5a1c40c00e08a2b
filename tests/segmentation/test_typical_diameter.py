"""The typical diameter of drawn discs, and the scale that follows from it."""

from __future__ import annotations

import numpy as np
import pytest

from fancgan.particles.map_targets import map_targets
from fancgan.segmentation.typical_diameter import (
    CANONICAL_PX,
    MAX_SCALE,
    MOST_PIXELS,
    overview_scale,
    scaled_size,
    typical_diameter,
    working_scale,
)
from tests.support.drawing import draw_discs


@pytest.mark.parametrize("radius", [4, 10, 25])
def test_discs_of_one_size(radius: int) -> None:
    maps = map_targets(draw_discs(height=200, width=300, radii=(radius,) * 5).labels)
    assert typical_diameter(maps[0], maps[3]) == pytest.approx(2 * radius, rel=0.05)


def test_few_large_particles_do_not_outvote_many_small_ones() -> None:
    discs = draw_discs(height=300, width=400, radii=(60, 50) + (6,) * 9, gap=2)
    maps = map_targets(discs.labels)
    assert typical_diameter(maps[0], maps[3]) == pytest.approx(12, rel=0.1)


def test_an_empty_picture_has_a_diameter_all_the_same() -> None:
    prob = np.full((40, 50), 0.02)
    prob[3, 3] = 0.1
    assert typical_diameter(prob, np.full((40, 50), 3.0)) == pytest.approx(np.exp(3))


def test_working_scale_brings_the_particle_to_the_canonical_size_within_bounds() -> None:
    assert 40 * working_scale((512, 768), 40.0) == pytest.approx(CANONICAL_PX)
    assert working_scale((512, 768), 4000.0) == pytest.approx(256 / 768)
    assert working_scale((64, 64), 1.0) == MAX_SCALE
    height, width = scaled_size((1000, 2000), working_scale((1000, 2000), 45.0, max_pixels=1e6))
    assert height * width == pytest.approx(1e6, rel=0.01)
    assert working_scale((1000, 2000), 8.0, max_pixels=1e6) == 1, "small ones are not reduced"
    least = working_scale((8000, 8000), 8.0)
    assert 64e6 * least**2 == pytest.approx(MOST_PIXELS)
    with pytest.raises(ValueError, match="greater than 0"):
        working_scale((64, 64), 0.0)


def test_first_look_reduces_and_never_enlarges() -> None:
    assert scaled_size((512, 768), overview_scale((512, 768))) == (171, 256)
    assert overview_scale((100, 120)) == 1
    assert scaled_size((4000, 40), 0.064) == (256, 32)
