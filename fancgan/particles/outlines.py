"""Outlines of particles along the sides of their pixels: nothing gained, nothing lost."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

Ring = NDArray[np.int64]  # [n, 2] corners as (x, y); pixel (0, 0) lies between (0, 0) and (1, 1)


def particle_rings(labels: NDArray[np.integer]) -> dict[int, list[Ring]]:
    """Return {label: rings} of labels [H, W], in the order of the labels.

    The first ring is the outline of the largest piece; further pieces follow, and holes, which run
    the other way round (`ring_area` < 0).
    """
    found = {}
    for number, box in enumerate(find_objects(labels), 1):
        if box is None:
            continue
        offset = np.array([box[1].start, box[0].start])
        rings = [ring + offset for ring in region_rings(labels[box] == number)]
        found[number] = sorted(rings, key=ring_area, reverse=True)
    return found


def region_rings(region: NDArray[np.bool_]) -> list[Ring]:
    """Return the closed outlines of region [h, w]; pieces that meet at a corner alone are two."""
    sides = _sides(region)
    rings = []
    while sides:
        start = next(iter(sides))
        here, step = start, sides[start][0]
        ring: list[tuple[int, int]] = []
        while True:
            steps = sides[here]
            # Where two ways lead on, the right turn stays with the same pixel.
            turned = (-step[1], step[0])
            onward = turned if turned in steps else steps[0]
            steps.remove(onward)
            if not steps:
                del sides[here]
            if not ring or onward != step:
                ring.append(here)
            step = onward
            here = (here[0] + step[0], here[1] + step[1])
            if here == start and (here not in sides or _closes(step, sides[here])):
                break
        rings.append(np.array(ring if _turns_at_start(ring, step) else ring[1:]))
    return rings


def _sides(region: NDArray[np.bool_]) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Pixel sides between region and ground as {from: [step, ...]}, the region to the right."""
    padded = np.pad(region, 1)
    inner = padded[1:-1, 1:-1]
    sides: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for neighbour, (dx, dy), step in (
        (padded[:-2, 1:-1], (0, 0), (1, 0)),  # above
        (padded[1:-1, 2:], (1, 0), (0, 1)),  # right
        (padded[2:, 1:-1], (1, 1), (-1, 0)),  # below
        (padded[1:-1, :-2], (0, 1), (0, -1)),  # left
    ):
        rows, columns = np.nonzero(inner & ~neighbour)
        for x, y in zip((columns + dx).tolist(), (rows + dy).tolist(), strict=True):
            sides.setdefault((x, y), []).append(step)
    return sides


def _closes(step: tuple[int, int], onward: list[tuple[int, int]]) -> bool:
    return (-step[1], step[0]) not in onward


def _turns_at_start(ring: list[tuple[int, int]], last_step: tuple[int, int]) -> bool:
    first = np.sign(np.subtract(ring[1], ring[0]))
    return tuple(first) != last_step


def ring_area(ring: Ring) -> float:
    """Return the area inside a ring in pixels; negative for a hole (shoelace formula)."""
    x, y = ring[:, 0], ring[:, 1]
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)
