"""Which scales a picture is looked at, and what comes of it, with maps drawn from known discs."""

from __future__ import annotations

import numpy as np
import pytest

from fancgan.particles.map_targets import map_targets
from fancgan.segmentation.looking import look_closely
from fancgan.segmentation.typical_diameter import CANONICAL_PX, MAX_PIXELS
from tests.support.drawing import draw_discs


class DrawnPicture:
    """A network that is always right, or whose first look is off by a factor; it counts looks."""

    def __init__(self, radius: float, first_off: float = 1.0, side: int = 512):
        self.shape = (side, side)
        self.labels = draw_discs(side, side, radii=(radius,) * 6).labels
        self.first_off = first_off
        self.looks: list[tuple[int, int]] = []

    def __call__(self, height: int, width: int) -> np.ndarray:
        rows, columns = (
            ((np.arange(n) + 0.5) * side / n).astype(int)
            for n, side in zip((height, width), self.shape, strict=True)
        )
        maps = map_targets(self.labels[np.ix_(rows, columns)])
        if not self.looks:
            maps[3] += np.log(self.first_off)
        self.looks.append((height, width))
        return maps


@pytest.mark.parametrize("radius", [6, 12, 60])
def test_the_second_look_is_at_the_canonical_size(radius: float) -> None:
    picture = DrawnPicture(radius)
    look = look_closely(picture, picture.shape)
    assert len(picture.looks) <= 2 and picture.looks[0] == (256, 256)
    assert look.diameter_px == pytest.approx(2 * radius, rel=0.1)
    least = 256 / 512
    most = np.sqrt(MAX_PIXELS) / 512
    assert look.scale == pytest.approx(np.clip(CANONICAL_PX / (2 * radius), least, most), rel=0.2)
    assert look.maps.shape[1:] == picture.looks[-1]


def test_a_first_look_that_was_far_off_is_put_right() -> None:
    picture = DrawnPicture(8, first_off=3)
    look = look_closely(picture, picture.shape)
    assert len(picture.looks) == 3
    assert look.first_diameter_px == pytest.approx(48, rel=0.15)
    assert look.diameter_px == pytest.approx(16, rel=0.1)
    assert look.scale * 16 == pytest.approx(CANONICAL_PX, rel=0.1)


def test_a_person_has_the_last_word() -> None:
    picture = DrawnPicture(12)
    look = look_closely(picture, picture.shape, diameter_px=48)
    assert len(picture.looks) == 1
    assert look.scale == pytest.approx(CANONICAL_PX / 48)
    assert look.first_diameter_px == 48
    assert look.diameter_px == pytest.approx(24, rel=0.1), "what the maps say is told all the same"
