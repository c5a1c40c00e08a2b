"""Where the particles of a monolayer lie: a hexagonal lattice, or random close packing.

Each particle is packed as the circle around it, with half a pixel for the line that parts two.
"""

from __future__ import annotations

import numpy as np

from fancgan.layouts.placing import Placement
from fancgan.layouts.shapes import Particle

# Area fraction of the circles: random close packing of discs of about one size lies near 0.82 to
# 0.84 (Berryman, Phys. Rev. A 27, 1053, 1983); a little less settles in a fraction of the time.
PACKED_SHARE = 0.80
GROWTH_STEPS, PUSHES, LAST_PUSHES = 20, 15, 300
MEASURED = 64  # particles from which the spacing is taken
TOLERANCE_PX = 0.05


class Monolayer(Placement):
    """Places particles of a monolayer, nearest to the middle of an island first."""

    def grow(self, particles: int | None = None, covered: int | None = None) -> bool:
        """Place that many visible particles, or until so many pixels are covered, or all.

        Return whether that was reached. A second call finds no more.
        """
        shown = 0
        if self.placed:
            return False
        height, width = self.canvas.shape
        found, spots = (
            self._hexagonal() if self.config.agglomeration == "hexagonal" else self._packed()
        )
        middle = self.rng.uniform(0.25, 0.75, 2) * (width, height)
        for k in np.argsort(np.linalg.norm(spots - middle, axis=1)):
            if not self.fits(found[k].outline + spots[k]):
                continue
            shown += self.put(found[k], spots[k]) >= self.canvas.min_px
            if particles is not None and shown >= particles:
                return True
            if covered is not None and self.canvas.covered >= covered:
                return True
        return False

    def _hexagonal(self) -> tuple[list[Particle], np.ndarray]:
        rng = self.rng
        sample = np.array([_packing_radius(self.source.draw()) for _ in range(MEASURED)])
        spacing = 2 * float(sample.mean() + sample.std())
        height, width = self.canvas.shape
        reach = np.hypot(width, height) / 2 + 2 * spacing
        n = int(np.ceil(reach / (spacing * np.sqrt(0.75)))) + 1
        i, j = np.meshgrid(np.arange(-n, n + 1), np.arange(-n, n + 1))
        sites = spacing * np.stack([i + j / 2, j * np.sqrt(0.75)], axis=-1).reshape(-1, 2)
        angle = rng.uniform(0, np.pi / 3)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        sites = (sites + rng.uniform(0, spacing, 2)) @ turn + (width / 2, height / 2)
        margin = spacing
        here = (sites > -margin).all(axis=1) & (sites < (width + margin, height + margin)).all(1)
        sites = sites[here]
        sites = sites[rng.random(len(sites)) >= self.config.vacancies]
        sites = sites + self.config.disorder * spacing * rng.standard_normal(sites.shape)
        found = [self.source.draw() for _ in sites]
        radii = np.array([_packing_radius(particle) for particle in found])
        return found, push_apart(sites, radii, LAST_PUSHES)

    def _packed(self) -> tuple[list[Particle], np.ndarray]:
        """Discs at random grow in a box without edges, pushed apart as they meet."""
        height, width = self.canvas.shape
        margin = 2 * self.source.diameter
        box = np.array([width + 2 * margin, height + 2 * margin])
        found: list[Particle] = []
        area = 0.0
        while area < PACKED_SHARE * box.prod():
            found.append(self.source.draw())
            area += np.pi * _packing_radius(found[-1]) ** 2
        radii = np.array([_packing_radius(particle) for particle in found])
        spots = self.rng.uniform(0, 1, (len(found), 2)) * box
        for share in np.linspace(0.5, 1, GROWTH_STEPS):
            spots = push_apart(spots, share * radii, PUSHES, box)
        return found, push_apart(spots, radii, LAST_PUSHES, box) - margin


def _packing_radius(particle: Particle) -> float:
    return particle.bound + 0.5


def push_apart(
    spots: np.ndarray, radii: np.ndarray, most: int, box: np.ndarray | None = None
) -> np.ndarray:
    """Push overlapping discs apart along their centres, half the overlap each, up to most times.

    spots [n, 2], radii [n], pixels; box [2]: its opposite edges are one. Return the new spots.
    """
    from scipy.spatial import cKDTree

    reach = 2 * radii.max(initial=0)
    for _ in range(most):
        tree = cKDTree(spots if box is None else spots % box, boxsize=box)
        pairs = tree.query_pairs(reach, output_type="ndarray")
        apart = spots[pairs[:, 0]] - spots[pairs[:, 1]]
        if box is not None:
            apart -= box * np.round(apart / box)
        distance = np.linalg.norm(apart, axis=1)
        overlap = radii[pairs].sum(axis=1) - distance
        pairs, apart = pairs[overlap > 0], apart[overlap > 0]
        distance, overlap = distance[overlap > 0], overlap[overlap > 0]
        if overlap.max(initial=0) < TOLERANCE_PX:
            break
        push = apart * (overlap / np.maximum(distance, 1e-9) / 2)[:, None]
        spots = spots.copy()
        np.add.at(spots, pairs[:, 0], push)
        np.add.at(spots, pairs[:, 1], -push)
    return spots if box is None else spots % box
