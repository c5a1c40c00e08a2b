"""Cores of drawn particles."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import label

from fancgan.particles.core_targets import (
    CORE_DEPTH,
    SMALL_WEIGHT,
    particle_cores,
    small_particle_weights,
)


def disc(shape: tuple[int, int], y: float, x: float, radius: float) -> np.ndarray:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return (rows - y) ** 2 + (columns - x) ** 2 <= radius**2


@pytest.mark.parametrize("radius", [8, 15, 30])
def test_the_core_of_a_disc_is_a_disc(radius):
    core = particle_cores(disc((80, 80), 40, 40, radius))
    expected = disc((80, 80), 40, 40, (1 - CORE_DEPTH) * radius)
    assert (core ^ expected).sum() <= 0.25 * expected.sum()
    assert abs(core.sum() / expected.sum() - 1) < 0.25
    assert core[40, 40]


def test_cores_of_touching_particles_are_far_apart():
    """One row of background parts the masks; the cores keep the depth of both rims between them."""
    mask = np.zeros((40, 81), bool)
    mask[10:30, 10:40] = True
    mask[10:30, 41:71] = True
    core = particle_cores(mask)
    between = np.flatnonzero(core[20, 30:51])
    assert np.diff(between).max() - 1 >= 2 * CORE_DEPTH * 10


def test_particles_of_each_size_have_cores_of_their_own_size():
    mask = disc((100, 160), 50, 50, 40) | disc((100, 160), 50, 130, 6)
    core = particle_cores(mask)
    small = core[:, 110:].sum() / mask[:, 110:].sum()
    large = core[:, :100].sum() / mask[:, :100].sum()
    assert small == pytest.approx((1 - CORE_DEPTH) ** 2, abs=0.15)
    assert large == pytest.approx((1 - CORE_DEPTH) ** 2, abs=0.05)


@pytest.mark.parametrize("side", [1, 2, 3, 4, 5])
def test_the_thinnest_fragment_has_one_core_within_it(side):
    mask = np.zeros((30, 30), bool)
    mask[10 : 10 + side, 5:25] = True
    core = particle_cores(mask)
    assert label(core)[1] == 1
    assert core.sum() <= mask.sum()
    assert (core & ~mask).sum() == 0


def test_a_particle_goes_on_beyond_the_frame():
    mask = disc((60, 60), 0, 30, 20)
    assert particle_cores(mask)[0, 30]


def test_an_empty_mask_has_no_core():
    assert not particle_cores(np.zeros((10, 10), bool)).any()


def test_a_particle_with_a_waist_has_one_core():
    """Two cores would be two seeds, and the particle two."""
    mask = disc((60, 120), 30, 35, 20) | disc((60, 120), 30, 85, 20)
    mask[24:37, 35:85] = True
    core = particle_cores(mask)
    assert label(core)[1] == 1
    assert core[30, 35] and core[30, 60] and core[30, 85]


def test_where_no_depth_joins_the_pieces_the_largest_is_the_core():
    mask = disc((60, 120), 30, 35, 20) | disc((60, 120), 30, 85, 14)
    mask[29:32, 35:85] = True
    core = particle_cores(mask)
    assert label(core)[1] == 1
    assert core[30, 35] and not core[30, 85]


def test_a_small_particle_counts_more_and_so_does_what_parts_it_from_its_neighbour():
    labels = np.zeros((60, 120), np.int32)
    labels[disc((60, 120), 30, 30, 20)] = 1
    labels[disc((60, 120), 30, 57, 6)] = 2
    weight = small_particle_weights(labels, typical_px=18.0)
    assert weight[30, 57] == pytest.approx(18 / 12, rel=0.06)
    assert weight[30, 50] == weight[30, 57], "the pixels beside it"
    assert weight[30, 30] == 1 and weight[5, 100] == 1
    assert small_particle_weights(labels, typical_px=200.0).max() == SMALL_WEIGHT
