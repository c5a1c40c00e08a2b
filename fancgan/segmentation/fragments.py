"""A picture cut into more pieces than it has particles, and what is known of each.

Every maximum of the depth map seeds a watershed, so no two particles share a piece; which pieces
are one particle is decided afterwards from sums that add up when two of them are joined.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, maximum_filter
from skimage.measure import label
from skimage.segmentation import watershed

SMOOTH_PX = 0.8
OUTLINE_SHARE = 0.5  # how much of its depth a pixel that surely is outline loses
LEVELS = 200  # of the relief: integers sort faster than floats
LOG_DIAMETER_RANGE = (1.0, 7.0)

# Columns of `sums`, each summed over the pixels of a fragment.
SUMS = ("area", "x", "y", "xx", "yy", "xy", "vote_x", "vote_y", "log_diameter", "prob", "vote_sq")
# Entries of a contact: number of pixel edges; sums over them; the highest pass between the two.
CONTACT = ("edges", "outline", "depth", "saddle", "prob")


@dataclass(eq=False)
class Fragments:
    """Fragments 1..n of labels int32 [H, W].

    sums float64 [n + 1, len(SUMS)]; peak float64 [n + 1], the greatest relief in each; contacts:
    (a, b), a < b -> float64 [len(CONTACT)] of fragments that touch.
    """

    labels: NDArray[np.int32]
    sums: NDArray[np.float64]
    peak: NDArray[np.float64]
    contacts: dict[tuple[int, int], NDArray[np.float64]]


def cut_into_fragments(maps: NDArray[np.floating], threshold: float = 0.5) -> Fragments:
    """Cut the maps [6, H, W] of the deployed particle network where probability > threshold."""
    prob, outline, depth = maps[0], maps[1], maps[2]
    mask = prob > threshold
    relief = np.where(mask, depth.clip(0, 1.2) * (1 - OUTLINE_SHARE * outline), 0)
    relief = gaussian_filter(relief.astype(np.float32), SMOOTH_PX)
    steps = np.where(mask, np.round(relief * LEVELS), 0).astype(np.int32)
    summits = (steps == maximum_filter(steps, size=3)) & (steps > 0)
    labels = watershed(-steps, label(summits, connectivity=2), mask=mask, connectivity=1)
    rest = label(mask & (labels == 0), connectivity=1)
    labels = np.where(rest > 0, rest + labels.max(), labels).astype(np.int32)
    relief = steps / LEVELS
    count = int(labels.max(initial=0))
    peak = np.zeros(count + 1)
    np.maximum.at(peak, labels.ravel(), np.where(labels > 0, relief, 0).ravel())
    return Fragments(labels, _sums(maps, labels), peak, _contacts(maps, relief, labels))


def _sums(maps: NDArray, labels: NDArray) -> NDArray[np.float64]:
    prob, _, _, log_diameter, offset_x, offset_y = maps
    y, x = np.mgrid[: labels.shape[0], : labels.shape[1]].astype(np.float64)
    diameter = np.exp(log_diameter.clip(*LOG_DIAMETER_RANGE))
    vote_x, vote_y = x + offset_x * diameter, y + offset_y * diameter
    columns = (
        *(np.ones_like(x), x, y, x * x, y * y, x * y),
        *(vote_x, vote_y, log_diameter, prob, vote_x**2 + vote_y**2),
    )
    flat, length = labels.ravel(), int(labels.max(initial=0)) + 1
    return np.stack([np.bincount(flat, c.ravel(), length) for c in columns], axis=1)


def _contacts(
    maps: NDArray, relief: NDArray, labels: NDArray
) -> dict[tuple[int, int], NDArray[np.float64]]:
    prob, outline, depth = maps[0], maps[1], maps[2]
    parts = []
    for axis in (0, 1):
        a = tuple(slice(None, -1) if i == axis else slice(None) for i in (0, 1))
        b = tuple(slice(1, None) if i == axis else slice(None) for i in (0, 1))
        meet = (labels[a] != labels[b]) & (labels[a] > 0) & (labels[b] > 0)
        pairs = np.sort(np.stack([labels[a][meet], labels[b][meet]], 1), axis=1)
        columns = (
            np.maximum(outline[a][meet], outline[b][meet]),
            (depth[a][meet] + depth[b][meet]) / 2,
            np.minimum(relief[a][meet], relief[b][meet]),
            np.minimum(prob[a][meet], prob[b][meet]),
        )
        parts.append((pairs, np.stack(columns, 1)))
    pairs = np.concatenate([p for p, _ in parts])
    values = np.concatenate([v for _, v in parts]).astype(np.float64)
    if not len(pairs):
        return {}
    unique, group = np.unique(pairs, axis=0, return_inverse=True)
    group = group.ravel()
    table = np.zeros((len(unique), len(CONTACT)))
    table[:, 0] = np.bincount(group)
    for column, source in ((1, 0), (2, 1), (4, 3)):
        table[:, column] = np.bincount(group, values[:, source])
    np.maximum.at(table[:, 3], group, values[:, 2])
    return {(int(a), int(b)): row for (a, b), row in zip(unique, table, strict=True)}


def join_contacts(a: NDArray, b: NDArray) -> NDArray[np.float64]:
    """Return the contact of a fragment with two that have become one."""
    joined = a + b
    joined[3] = max(a[3], b[3])
    return joined
