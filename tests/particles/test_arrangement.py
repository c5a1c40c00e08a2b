"""Neighbours and g(r) against a lattice and against particles that lie anywhere."""

from __future__ import annotations

import numpy as np
import pytest

from fancgan.particles.arrangement import (
    Field,
    nearest_neighbours,
    neighbour_weights,
    radial_distribution,
)

SIDE = 1000.0


def seen(centres: np.ndarray, radii: np.ndarray, side: float = SIDE) -> Field:
    """Discs in the plane, as a frame of that side shows them: those that it does not cut."""
    whole = ((centres > radii[:, None]) & (centres < side - radii[:, None])).all(axis=1)
    centres, radii = centres[whole], radii[whole, None]
    return Field(side, side, centres, np.hstack([centres - radii, centres + radii]))


def anywhere(seed: int, per_area: float, margin: float = 100) -> np.ndarray:
    rng = np.random.default_rng(seed)
    count = rng.poisson(per_area * (SIDE + 2 * margin) ** 2)
    return rng.uniform(-margin, SIDE + margin, (count, 2))


def test_g_of_a_lattice_has_its_neighbours_where_they_are():
    spacing = 50.0
    grid = np.arange(-200, SIDE + 200, spacing) + 7
    centres = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    edges, g = radial_distribution([seen(centres, np.full(len(centres), 6.0))])
    neighbours = g * np.pi * np.diff(edges**2) / spacing**2
    distances = spacing * np.sqrt([1, 2, 4, 5])
    for distance, count in zip(distances, (4, 4, 4, 8), strict=True):
        near = (edges[1:] > distance - 4) & (edges[:-1] < distance + 4)
        assert neighbours[near].sum() == pytest.approx(count, rel=0.05), distance
    assert neighbours[edges[1:] < spacing - 1].sum() == 0


def test_g_is_1_where_particles_lie_anywhere_whatever_their_sizes():
    """Also up to half the frame, where most pairs are hidden, and with large ones among them."""
    fields = []
    for seed in range(40):
        centres = anywhere(seed, 150 / SIDE**2)
        fields.append(seen(centres, np.where(np.arange(len(centres)) % 3, 5.0, 80.0)))
    edges, g = radial_distribution(fields)
    assert edges[-1] == pytest.approx(6 * SIDE / 150**0.5, rel=0.05)
    pairs = 40 * 150**2 * np.pi * np.diff(edges**2) / SIDE**2 / 2
    assert g[4:] == pytest.approx(np.ones(36), abs=4.5 / np.sqrt(pairs[4:] * 0.6).min())
    assert np.average(g, weights=pairs) == pytest.approx(1, abs=0.03)
    density = np.mean([field.density for field in fields])
    assert density == pytest.approx(150 / SIDE**2, rel=0.03)


def test_nearest_neighbours_of_points_anywhere_are_half_a_spacing_away():
    """1 / (2 sqrt(density)), with the frame's loss mended; alone there is no neighbour."""
    sums = np.zeros(2)
    for seed in range(40):
        centres = anywhere(seed, 60 / SIDE**2, margin=0)
        apart = nearest_neighbours(centres)
        weights = neighbour_weights(apart, centres, SIDE, SIDE)
        sums += (weights * apart).sum(), weights.sum()
    assert sums[0] / sums[1] == pytest.approx(SIDE / (2 * 60**0.5), rel=0.04)
    assert np.isnan(nearest_neighbours(np.zeros((1, 2)))).all()
    edges, g = radial_distribution([seen(np.array([[500.0, 500.0]]), np.array([5.0]))])
    assert not len(g) and len(edges) == 1
