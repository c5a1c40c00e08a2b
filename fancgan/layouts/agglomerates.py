"""Where particles lie: agglomerates that grow contact by contact along a wandering heading."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fancgan.errors import check_stopped
from fancgan.layouts.canvas import MIN_VISIBLE_PX, Canvas
from fancgan.layouts.config import MAX_PARTICLES, LayoutConfig
from fancgan.layouts.shapes import Particle, ParticleSource

CANDIDATES = 10
MAX_FAILURES = 40
MAX_DRAWN = 5 * MAX_PARTICLES  # with those that are too small to show, or hidden by others
# Fitted to the training fields: particles per agglomerate (log-normal), the share of particles
# that lie on others whatever the overlap, and how widely the last few in a row are remembered.
LOG_SIZE_MEAN, LOG_SIZE_SD = float(np.log(6.5)), 1.3
STACKED_SHARE = 0.30
LOG_REACH_MEAN, LOG_REACH_SD = float(np.log(4.0)), 0.8


@dataclass(frozen=True)
class Habit:
    """How one agglomerate grows.

    size: particles in it. reach: a new one attaches to one of this many last members. spread:
    standard deviation of its direction from the heading, radians (None: any direction). bend:
    standard deviation of the heading's turn per particle, radians.
    """

    size: int
    reach: int
    spread: float | None
    bend: float


class Arrangement:
    """Places particles on a canvas; lengths in pixels, centres [n, 2] as (x, y).

    crowding: how much larger agglomerates are than usual.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        canvas: Canvas,
        source: ParticleSource,
        config: LayoutConfig,
        crowding: float,
    ) -> None:
        self.rng, self.canvas, self.source = rng, canvas, source
        self.agglomeration, self.overlap = config.agglomeration, config.overlap
        self.inside, self.crowding = config.border == "inside", crowding
        self.limit = 1.3 * self.overlap + 0.05
        self.margin = 0.0 if self.inside else 0.75 * source.diameter
        self.heading = rng.uniform(0, 2 * np.pi)
        self.n = 0
        self.centres = np.zeros((256, 2))
        self.radii = np.zeros(256)
        self.bounds = np.zeros(256)

    def grow(self, particles: int | None = None, covered: int | None = None) -> bool:
        """Place that many visible particles, or until so many pixels are covered.

        Return whether that was reached; if not, no more fit, or MAX_DRAWN are drawn.
        """
        placed = failures = 0

        def done(placed: int) -> bool:
            if covered is not None:
                return self.canvas.covered >= covered
            return particles is not None and placed >= particles

        def over() -> bool:
            return self.n >= MAX_DRAWN or done(placed)

        while failures < MAX_FAILURES and not over():
            check_stopped()
            habit, heading = self._habit(), self._heading()
            members: list[int] = []
            misses = 0
            while len(members) < habit.size and misses < 6 and not over():
                shown = self._attach(members, habit, heading) if members else self._start(members)
                misses = misses + 1 if shown is None else 0
                placed += shown is not None and shown >= MIN_VISIBLE_PX
                heading += habit.bend * self.rng.standard_normal()
            failures = 0 if members else failures + 1
            if failures > MAX_FAILURES // 2 and self.agglomeration != "single":
                # Crowded: let them pile up a little more rather than stop.
                self.limit = min(self.limit + 0.02, 0.9)
        return done(placed)

    def _habit(self) -> Habit:
        rng = self.rng
        if self.agglomeration == "single":
            return Habit(1, 1, None, 0.0)
        size = np.exp(rng.normal(LOG_SIZE_MEAN, LOG_SIZE_SD)) * self.crowding
        if self.agglomeration == "chains":
            return Habit(max(4, round(2 * size)), 1, 0.5, 0.25)
        if self.agglomeration == "clusters":
            return Habit(max(3, round(2 * size)), 10**6, None, 0.0)
        reach = max(1, round(np.exp(rng.normal(LOG_REACH_MEAN, LOG_REACH_SD)) * self.crowding))
        return Habit(max(1, round(size)), reach, 0.9, 0.5 / np.sqrt(reach))

    def _heading(self) -> float:
        """Agglomerates of one field tend to lie along one direction (drying fronts)."""
        turn = np.pi * self.rng.integers(2)
        return self.heading + turn + self.rng.normal(0, 0.6)

    def _start(self, members: list[int]) -> int | None:
        """Begin an agglomerate at a free place; return the pixels that show, None if it failed."""
        height, width = self.canvas.shape
        low = np.array([-self.margin, -self.margin])
        high = np.array([width + self.margin, height + self.margin])
        particle = self.source.draw()
        spots = self.rng.uniform(low, high, (CANDIDATES, 2))
        overlap = self._overlaps(spots, particle.radius)
        free = overlap.max(axis=1, initial=-np.inf) <= 0
        if self.agglomeration == "single":
            free &= self._apart(spots, particle.bound)
        elif not free.any():
            free = overlap.max(axis=1, initial=-np.inf) <= self.limit
        for spot in spots[free]:
            if self._fits(particle.outline + spot):
                return self._settle(particle, spot, members, on_top=True)
        return None

    def _attach(self, members: list[int], habit: Habit, heading: float) -> int | None:
        """Add a particle that touches a member; return the pixels that show, None if it failed."""
        rng = self.rng
        particle = self.source.draw()
        parent = members[-1 - int(rng.integers(min(habit.reach, len(members))))]
        if habit.spread is None:
            angles = rng.uniform(0, 2 * np.pi, CANDIDATES)
        else:
            angles = heading + habit.spread * rng.standard_normal(CANDIDATES)
        stacked = rng.random() < STACKED_SHARE
        smaller = 2 * min(particle.radius, self.radii[parent])
        depth = rng.uniform(0.3, 0.9) if stacked else rng.normal(self.overlap, 0.08)
        reach = self.radii[parent] + particle.radii(angles + np.pi)
        distance = reach - smaller * np.clip(depth, 0, 0.95)
        direction = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        spots = self.centres[parent] + distance[:, None] * direction
        overlap = self._overlaps(spots, particle.radius, besides=parent)
        worst = overlap.max(axis=1, initial=-np.inf)
        contacts = (overlap > -0.1).sum(axis=1)
        # A compact agglomerate prefers places that touch several; a chain shuns them.
        taste = 1.0 if habit.reach > 1 else -1.0
        order = np.argsort(-(taste * contacts + rng.gumbel(0, 0.7, CANDIDATES)))
        for k in order[worst[order] <= (0.9 if stacked else self.limit)]:
            if self._fits(particle.outline + spots[k]):
                on_top = (stacked and particle.radius < self.radii[parent]) or rng.random() < 0.5
                return self._settle(particle, spots[k], members, on_top)
        return None

    def _overlaps(self, spots: np.ndarray, radius: float, besides: int = -1) -> np.ndarray:
        """Overlap [S, M] of a disc at each spot with the M particles near any of them.

        As a share of the smaller diameter; negative where they are apart.
        """
        near = self._near(spots, 2 * radius)
        near = near[near != besides]
        apart = np.linalg.norm(spots[:, None] - self.centres[near], axis=2)
        radii = self.radii[near]
        return (radius + radii - apart) / (2 * np.minimum(radius, radii))

    def _apart(self, spots: np.ndarray, bound: float) -> np.ndarray:
        near = self._near(spots, bound)
        distance = np.linalg.norm(spots[:, None] - self.centres[near], axis=2)
        return (distance > bound + self.bounds[near] + 2).all(axis=1)

    def _near(self, spots: np.ndarray, reach: float) -> np.ndarray:
        """Indices of particles that may come within reach of the box around the spots."""
        centres = self.centres[: self.n]
        reach += 2 + self.bounds[: self.n].max(initial=0)
        inside = (centres > spots.min(axis=0) - reach) & (centres < spots.max(axis=0) + reach)
        return np.flatnonzero(inside.all(axis=1))

    def _fits(self, outline: np.ndarray) -> bool:
        height, width = self.canvas.shape
        low, high = outline.min(axis=0), outline.max(axis=0)
        if self.inside:
            return bool((low >= 1).all() and high[0] <= width - 2 and high[1] <= height - 2)
        centre = (low + high) / 2
        far = np.array([width, height]) + self.margin + 1
        return bool((centre > -self.margin - 1).all() and (centre < far).all())

    def _settle(
        self, particle: Particle, spot: np.ndarray, members: list[int], on_top: bool
    ) -> int:
        if self.n == len(self.radii):
            self.centres = np.concatenate([self.centres, np.zeros_like(self.centres)])
            self.radii = np.concatenate([self.radii, np.zeros_like(self.radii)])
            self.bounds = np.concatenate([self.bounds, np.zeros_like(self.bounds)])
        self.centres[self.n] = spot
        self.radii[self.n], self.bounds[self.n] = particle.radius, particle.bound
        members.append(self.n)
        self.n += 1
        return self.canvas.paint(particle.outline + spot, on_top)
