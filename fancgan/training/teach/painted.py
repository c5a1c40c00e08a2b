"""Pairs painted in the look of a lesson: its own particles at other places, painted anew."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, find_objects, label

from fancgan.datasets.fields import Field
from fancgan.particles.instances import drop_small
from fancgan.particles.labels import equal_area_diameter
from fancgan.pipeline import Pipeline
from fancgan.training.any_particle.crops import resized, resized_labels

MOST_TYPICAL_PX = 64.0  # larger particles are painted smaller: crops have other scales anyway
MOST_SIDE_PX = 512
LEAST_SIDE_PX = 64
GAP_PX = 2  # between what did not touch
FAILURES = 200
WHOLE_SHARE = 0.5  # of a lesson's particles that lie in groups which the frame does not cut


def paint_pairs(pipe: Pipeline, lesson: Field, count: int, seed: int) -> list[Field]:
    """Return `count` fields in the look of a lesson, a function of their arguments alone.

    pipe: one of `any_look`.
    """
    sizes = equal_area_diameter(np.bincount(lesson.labels.ravel())[1:])
    full, typical = lesson.image.shape, float(np.median(sizes[sizes > 0]))
    scale = min(1.0, max(MOST_TYPICAL_PX / typical, LEAST_SIDE_PX / min(full)))
    height, width = (round(side * scale) for side in full)
    image = resized(lesson.image, height, width).round().astype(np.uint8)
    labels = drop_small(resized_labels(lesson.labels, height, width), 1)
    style = pipe.measure_style(image, labels)
    pairs = []
    for number in range(count):
        layout = rearranged(np.random.default_rng([seed, number]), labels)
        painted = pipe.synthesize(layout, seed=seed + number, style=style)
        pairs.append(Field(f"{lesson.stem} painted {number}", painted, layout, None))
    return pairs


def rearranged(rng: np.random.Generator, labels: NDArray[np.integer]) -> NDArray[np.int32]:
    """Return a layout of the particles of labels [H, W], of MOST_SIDE_PX a side at most.

    Groups of touching particles stay together: each is turned, mirrored and put at a free place,
    until as much is covered as there. Where the frame cuts most groups, as in packed layers, the
    whole layout is turned and mirrored.
    """
    groups = _whole_groups(labels)
    covered = np.count_nonzero(labels)
    if sum(np.count_nonzero(group) for group in groups) < WHOLE_SHARE * covered:
        return _window(rng, _turned(rng, labels))
    height, width = (min(side, MOST_SIDE_PX) for side in labels.shape)
    layout = np.zeros((height, width), np.int32)
    wanted, failures = covered * height * width / labels.size, 0
    while np.count_nonzero(layout) < wanted and failures < FAILURES:
        group = np.pad(_turned(rng, groups[rng.integers(len(groups))]), GAP_PX)
        free = [full - side for full, side in zip(layout.shape, group.shape, strict=True)]
        if min(free) < 0:
            failures += 1
            continue
        top, left = (int(rng.integers(-GAP_PX, space + 1 + GAP_PX)) for space in free)
        group = group[max(-top, 0) : height - top, max(-left, 0) : width - left]
        here = layout[max(top, 0) :, max(left, 0) :][: group.shape[0], : group.shape[1]]
        if (binary_dilation(group > 0, iterations=GAP_PX) & (here > 0)).any():
            failures += 1
            continue
        here[group > 0] = group[group > 0] + layout.max()
    return drop_small(layout, 1) if layout.any() else _window(rng, labels)


def _whole_groups(labels: NDArray[np.integer]) -> list[NDArray[np.integer]]:
    """The groups of touching particles that the frame does not cut, each in its box."""
    groups, _ = label(labels > 0, np.ones((3, 3)))
    rims = np.concatenate([groups[0], groups[-1], groups[:, 0], groups[:, -1]])
    cut = set(np.unique(rims).tolist())
    return [
        np.where(groups[box] == number, labels[box], 0)
        for number, box in enumerate(find_objects(groups), 1)
        if number not in cut
    ]


def _turned(rng: np.random.Generator, array: NDArray) -> NDArray:
    array = np.rot90(array, int(rng.integers(4)))
    return array[:, ::-1] if rng.random() < 0.5 else array


def _window(rng: np.random.Generator, labels: NDArray[np.integer]) -> NDArray[np.int32]:
    """A part of labels [H, W], of MOST_SIDE_PX a side at most, that shows a particle."""
    shown = rng.choice(np.argwhere(labels > 0))
    window = []
    for place, full in zip(shown, labels.shape, strict=True):
        side = min(full, MOST_SIDE_PX)
        start = int(np.clip(place - rng.integers(side), 0, full - side))
        window.append(slice(start, start + side))
    return drop_small(labels[tuple(window)], 1)
