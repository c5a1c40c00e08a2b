"""Lengths along the skeleton against rods and arcs of known length."""

from __future__ import annotations

import numpy as np
import pytest

from fancgan.particles.skeletons import skeleton_length

ANGLES = range(0, 180, 15)


def rod(length: float, width: float, degrees: float, round_ends: bool) -> np.ndarray:
    side = int(length + width) + 16
    rows, columns = np.mgrid[:side, :side] - side / 2 + 0.3
    angle = np.radians(degrees)
    along = columns * np.cos(angle) - rows * np.sin(angle)
    across = columns * np.sin(angle) + rows * np.cos(angle)
    if round_ends:
        half = (length - width) / 2
        return np.hypot(along - along.clip(-half, half), across) <= width / 2
    return (abs(along) <= length / 2) & (abs(across) <= width / 2)


@pytest.mark.parametrize("round_ends", [False, True])
@pytest.mark.parametrize(
    ("length", "width"), [(40, 6), (60, 5), (80, 20), (100, 30), (150, 8), (200, 3), (60, 24)]
)
def test_rods_have_their_length_in_every_direction(length, width, round_ends):
    for degrees in ANGLES:
        found = skeleton_length(rod(length, width, degrees, round_ends))
        assert found == pytest.approx(length, rel=0.03), degrees


@pytest.mark.parametrize(
    ("radius", "width", "sweep"), [(60, 8, 2.0), (60, 8, 4.0), (40, 10, 3.0), (100, 5, 5.0)]
)
def test_bent_fibres_are_measured_along_the_bend(radius, width, sweep):
    side = 2 * (radius + width) + 10
    rows, columns = np.mgrid[:side, :side] - side / 2 + 0.3
    ring = abs(np.hypot(rows, columns) - radius) <= width / 2
    found = skeleton_length(ring & (abs(np.arctan2(rows, columns)) <= sweep / 2))
    assert found == pytest.approx(radius * sweep, rel=0.03)


def test_a_branch_does_not_count():
    fibre = rod(150, 8, 0, False)
    middle = len(fibre) // 2
    fibre[middle : middle + 30, middle - 30 : middle - 22] = True
    assert skeleton_length(fibre) == pytest.approx(150, rel=0.03)


@pytest.mark.parametrize("region", [np.ones((1, 1)), np.ones((2, 3)), np.eye(2), np.ones((1, 40))])
def test_what_has_no_middle_has_no_length_but_a_row_has(region):
    found = skeleton_length(region.astype(bool))
    assert found == pytest.approx(40, abs=1.1) if region.size == 40 else np.isnan(found)
