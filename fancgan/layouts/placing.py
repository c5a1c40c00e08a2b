"""Where bodies lie: thrown one after another, or in agglomerates that grow contact by contact.

Whether they touch is asked of the pixels, so it holds for any outline.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from fancgan.layouts.agglomerates import LOG_SIZE_MEAN, LOG_SIZE_SD, MAX_DRAWN
from fancgan.layouts.bodies import BodySource
from fancgan.layouts.canvas import Canvas
from fancgan.layouts.config import LayoutConfig
from fancgan.layouts.shapes import Particle, ParticleSource

SPOTS = 20  # where a particle is tried before another one is drawn
MAX_FAILURES = 60
HALVINGS = 7
SINGLE_GAP_PX = 3.0


class Placement:
    """Places particles on a canvas, each over those before; centres [2] as (x, y) pixels.

    placed: number of the painting to the particle, outline and core about its place.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        canvas: Canvas,
        source: BodySource | ParticleSource,
        config: LayoutConfig,
    ) -> None:
        self.rng, self.canvas, self.source, self.config = rng, canvas, source, config
        self.inside = config.border == "inside"
        self.single = config.agglomeration == "single"
        self.placed: list[Particle] = []

    def grow(self, particles: int | None = None, covered: int | None = None) -> bool:
        """Place that many visible particles, or until so many pixels are covered.

        Return whether that was reached; if not, no more fit, or MAX_DRAWN are drawn.
        """
        shown = failures = 0
        members: list[tuple[np.ndarray, Particle]] = []
        size = 0

        def done() -> bool:
            if covered is not None:
                return self.canvas.covered >= covered
            return particles is not None and shown >= particles

        while not done() and failures < MAX_FAILURES and len(self.placed) < MAX_DRAWN:
            if len(members) >= size:
                members, size = [], self._agglomerate_size()
            spot = self._attached(members) if members else self._thrown()
            if spot is None:
                failures += 1
                size = size if failures % 4 else 0  # stuck: begin another agglomerate
                continue
            failures = 0
            members.append(spot)
            shown += self.put(spot[1], spot[0]) >= self.canvas.min_px
        return done()

    def put(self, particle: Particle, spot: np.ndarray) -> int:
        """Paint a particle around a spot [2]; return how many of its pixels show."""
        core = None if particle.core is None else particle.core + spot
        outline = particle.outline + spot
        self.placed.append(dataclasses.replace(particle, outline=outline, core=core))
        return self.canvas.paint(outline, on_top=True)

    def fits(self, outline: np.ndarray) -> bool:
        """Whether the frame leaves as much of an outline [P, 2] as the border asks for."""
        if not self.inside:
            return True
        height, width = self.canvas.shape
        low, high = outline.min(axis=0), outline.max(axis=0)
        return bool((low >= 1).all() and high[0] <= width - 2 and high[1] <= height - 2)

    def _agglomerate_size(self) -> int:
        if self.config.agglomeration not in ("chains", "clusters"):
            return 1
        return max(3, round(2 * np.exp(self.rng.normal(LOG_SIZE_MEAN, LOG_SIZE_SD))))

    def _thrown(self) -> tuple[np.ndarray, Particle] | None:
        """A particle at a random place; None where no place is free enough."""
        particle = self.source.draw()
        height, width = self.canvas.shape
        margin = -particle.bound if self.inside else 0.5 * particle.bound
        low, high = np.array([-margin] * 2), np.array([width + margin, height + margin])
        if (low >= high).any():
            low, high = np.zeros(2), np.array([width, height], float)
        most = self.config.overlap if self.config.agglomeration == "mix" else 0.0
        near = 1 + SINGLE_GAP_PX / particle.bound if self.single else 1.0
        for spot in self.rng.uniform(low, high, (SPOTS, 2)):
            free = self.canvas.over_others(near * particle.outline + spot) <= most
            if free and self.fits(particle.outline + spot):
                return spot, particle
        return None

    def _attached(
        self, members: list[tuple[np.ndarray, Particle]]
    ) -> tuple[np.ndarray, Particle] | None:
        """A particle that touches a member, rods side by side or, in chains, end to end."""
        rng, chain = self.rng, self.config.agglomeration == "chains"
        centre, parent = members[-1 if chain else int(rng.integers(len(members)))]
        particle = self.source.draw()
        direction = rng.uniform(0, 2 * np.pi)
        if self.config.shape == "rods":
            particle = turned(particle, parent.angle + 0.12 * rng.standard_normal())
            quarter = 0 if chain else 1
            direction = parent.angle + np.pi * (rng.integers(2) + quarter / 2)
            direction += 0.2 * rng.standard_normal()
        elif chain and len(members) > 1:
            before = centre - members[-2][0]
            direction = np.arctan2(before[1], before[0]) + 0.5 * rng.standard_normal()
        heading = np.array([np.cos(direction), np.sin(direction)])
        most = self.config.overlap * rng.random()
        near, far = 0.0, parent.bound + particle.bound + 3

        def blocked(distance: float) -> bool:
            spot = centre + distance * heading
            return self.canvas.over_others(particle.outline + spot) > most

        if blocked(far):
            return None
        for _ in range(HALVINGS):
            middle = (near + far) / 2
            near, far = (middle, far) if blocked(middle) else (near, middle)
        spot = centre + far * heading
        return (spot, particle) if self.fits(particle.outline + spot) else None


def turned(particle: Particle, angle: float) -> Particle:
    """Return the particle with its axis along angle, radians."""
    cos, sin = np.cos(angle - particle.angle), np.sin(angle - particle.angle)
    turn = np.array([[cos, sin], [-sin, cos]])
    return dataclasses.replace(particle, outline=particle.outline @ turn, angle=angle)
