"""Which fragments are one particle: a small classifier, and joining the likeliest pair first."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fancgan.segmentation.classifier import SmallClassifier
from fancgan.segmentation.fragments import Fragments, join_contacts

NOISE_DEPTH = 0.02  # a summit that stands out by less is none
FEATURES = (
    "outline between",
    "depth between",
    "pass over lower peak",
    "lower peak over pass",
    "length of contact",
    "votes apart, in diameters",
    "votes apart, of the way between",
    "joined size against the expected",
    "smaller size against the expected",
    "larger size against the expected",
    "compactness of both",
    "compactness gained",
    "size of the smaller",
    "probability between",
)

Contact = NDArray[np.float64]
Score = Callable[[Fragments, int, int, Contact], float]


def compactness(sums: NDArray[np.float64]) -> float:
    """Return the area over that of the ellipse with the same second moments.

    1 for every ellipse, 0.955 for every rectangle, 0.89 for two discs that touch.
    """
    area, x, y = sums[0], sums[1] / sums[0], sums[2] / sums[0]
    xx = sums[3] / area - x * x + 1 / 12  # a pixel is a square, not a point
    yy = sums[4] / area - y * y + 1 / 12
    xy = sums[5] / area - x * y
    return area / (4 * math.pi * math.sqrt(max(xx * yy - xy * xy, 1e-3)))


def pair_features(fragments: Fragments, a: int, b: int, contact: Contact) -> list[float]:
    """Return what speaks for or against a and b being one particle, in the order of FEATURES."""
    first, second = fragments.sums[a], fragments.sums[b]
    both = first + second
    small, large = (first, second) if first[0] < second[0] else (second, first)
    edges, outline, depth, saddle, prob = contact
    peak = min(fragments.peak[a], fragments.peak[b])
    d_small, d_large, d_both = (math.sqrt(4 * s[0] / math.pi) for s in (small, large, both))
    expected_small, expected_large, expected = (s[8] / s[0] for s in (small, large, both))
    votes = math.hypot(first[6] / first[0] - second[6] / second[0],
                       first[7] / first[0] - second[7] / second[0])  # fmt: skip
    way = math.hypot(first[1] / first[0] - second[1] / second[0],
                     first[2] / first[0] - second[2] / second[0])  # fmt: skip
    joined = compactness(both)
    return [
        outline / edges,
        depth / edges,
        saddle / max(peak, NOISE_DEPTH),
        peak - saddle,
        edges / d_small,
        votes / d_both,
        votes / max(way, 1.0),
        math.log(d_both) - expected,
        math.log(d_small) - expected_small,
        math.log(d_large) - expected_large,
        joined - 1,
        joined - min(compactness(first), compactness(second)),
        math.log(d_small / 10),
        prob / edges,
    ]


def join_score(classifier: SmallClassifier) -> Score:
    """Return a score for `join`: the probability that two fragments are one particle."""
    return lambda fragments, a, b, contact: classifier(pair_features(fragments, a, b, contact))


def noise_score(fragments: Fragments, a: int, b: int, contact: Contact) -> float:
    """A score for `join`: over 0 where the lower of two summits stands out by less than noise."""
    return NOISE_DEPTH - (min(fragments.peak[a], fragments.peak[b]) - contact[3])


def join(fragments: Fragments, score: Score, least: float) -> Fragments:
    """Join touching pairs, the highest score first, as long as one is over `least`.

    Sums, peaks and contacts of the joined are kept up to date, and scored anew.
    """
    count = len(fragments.peak)
    state = Fragments(
        fragments.labels, fragments.sums.copy(), fragments.peak.copy(), dict(fragments.contacts)
    )
    neighbours: list[set[int]] = [set() for _ in range(count)]
    parent, version = np.arange(count), [0] * count
    heap: list[tuple[float, int, int, int, int]] = []

    def consider(a: int, b: int) -> None:
        a, b = min(a, b), max(a, b)
        value = score(state, a, b, state.contacts[a, b])
        if value > least:
            heapq.heappush(heap, (-value, a, b, version[a], version[b]))

    for a, b in state.contacts:
        neighbours[a].add(b)
        neighbours[b].add(a)
        consider(a, b)
    while heap:
        _, a, b, version_a, version_b = heapq.heappop(heap)
        if version_a != version[a] or version_b != version[b]:
            continue  # one of them has changed since
        _absorb(state, neighbours, a, b)
        parent[b] = a
        version[a] += 1
        version[b] = -1
        for other in neighbours[a]:
            consider(a, other)
    return _renumbered(state, parent)


def _absorb(state: Fragments, neighbours: list[set[int]], a: int, b: int) -> None:
    state.sums[a] += state.sums[b]
    state.peak[a] = max(state.peak[a], state.peak[b])
    del state.contacts[a, b]
    neighbours[a].discard(b)
    neighbours[b].discard(a)
    for other in neighbours[b]:
        contact = state.contacts.pop((min(b, other), max(b, other)))
        pair = (min(a, other), max(a, other))
        known = state.contacts.get(pair)
        state.contacts[pair] = contact if known is None else join_contacts(known, contact)
        neighbours[other].discard(b)
        neighbours[other].add(a)
        neighbours[a].add(other)


def _renumbered(state: Fragments, parent: NDArray[np.int64]) -> Fragments:
    while (parent[parent] != parent).any():
        parent = parent[parent]
    kept = np.flatnonzero(parent == np.arange(len(parent)))
    number = np.zeros(len(parent), np.int32)
    number[kept] = np.arange(len(kept))
    number = number[parent]
    contacts = {
        (min(int(number[a]), int(number[b])), max(int(number[a]), int(number[b]))): c
        for (a, b), c in state.contacts.items()
    }
    return Fragments(number[state.labels], state.sums[kept], state.peak[kept], contacts)
