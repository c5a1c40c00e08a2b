"""Depth, outline, size and middle of drawn particles."""

from __future__ import annotations

import numpy as np
import pytest

from fancgan.particles.map_targets import map_targets, particle_table, relative_depth, rims
from tests.support.drawing import draw_discs


def test_table_of_discs() -> None:
    discs = draw_discs()
    table = particle_table(discs.labels)
    assert table.diameter[0] == 0
    assert np.allclose(table.diameter[1:], 2 * np.array(discs.radii), rtol=0.03)
    centres = np.stack([table.y, table.x], 1)[1:] - 0.5
    assert np.allclose(centres, discs.centres, atol=0.5)
    assert not table.cut[1:].any()


def test_a_particle_at_the_frame_is_cut_and_its_frame_is_no_outline() -> None:
    labels = np.zeros((20, 30), np.int32)
    labels[:8, 5:25] = 1
    assert particle_table(labels).cut[1]
    outline, contact = rims(labels)
    assert outline[7, 6:24].all() and not outline[0, 6:24].any()
    assert not contact.any()
    assert relative_depth(labels)[0, 15] == 1


def test_touching_particles_have_an_outline_between_them() -> None:
    labels = np.zeros((20, 40), np.int32)
    labels[5:15, 5:20], labels[5:15, 20:35] = 1, 2
    outline, contact = rims(labels)
    assert contact[5:15, 19:21].all() and contact.sum() == 20
    assert outline[5:15, 19:21].all()
    depth = relative_depth(labels)
    assert depth[10, 19] < 0.2 < 0.9 < depth[10, 12]


def test_depth_is_relative_to_each_particle() -> None:
    discs = draw_discs(radii=(5, 20))
    depth = relative_depth(discs.labels)
    for number in (1, 2):
        assert depth[discs.labels == number].max() == pytest.approx(1)
    assert (depth[discs.labels == 0] == 0).all()


@pytest.mark.parametrize("fill", [0, 1])
def test_empty_and_full_pictures(fill: int) -> None:
    maps = map_targets(np.full((16, 24), fill, np.int32))
    assert maps.shape == (6, 16, 24) and maps.dtype == np.float32
    assert np.isfinite(maps).all()
    assert (maps[0] == fill).all() and not maps[1].any()


def test_every_pixel_points_to_the_middle_of_its_particle() -> None:
    discs = draw_discs()
    maps = map_targets(discs.labels)
    rows, columns = np.mgrid[: maps.shape[1], : maps.shape[2]] + 0.5
    diameter = np.exp(maps[3])
    for number, (row, column) in enumerate(discs.centres, 1):
        inside = discs.labels == number
        assert np.ptp((columns + maps[4] * diameter)[inside]) < 1e-3
        assert (rows + maps[5] * diameter)[inside].mean() == pytest.approx(row + 0.5, abs=0.5)
        assert (columns + maps[4] * diameter)[inside].mean() == pytest.approx(column + 0.5, abs=0.5)
