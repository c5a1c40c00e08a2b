"""What the particle network is to say of a label image: depth, outline, size and middle.

Each quantity is relative to its particle, so that large and small ones are alike to the network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, maximum


@dataclass(frozen=True, eq=False)
class ParticleTable:
    """Particles of a label image by number, entry 0 is the background: arrays [n + 1].

    x, y: centroid in pixels, the middle of the first pixel at 0.5; diameter: equal-area, in pixels;
    cut: whether the frame cuts the particle, so that its true size and middle are unknown.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    diameter: NDArray[np.float64]
    cut: NDArray[np.bool_]


def particle_table(labels: NDArray[np.integer]) -> ParticleTable:
    """Return where the particles of labels [H, W] lie and how large they are."""
    height, width = labels.shape
    flat = labels.ravel()
    area = np.bincount(flat).astype(np.float64)
    rows, columns = np.mgrid[:height, :width]
    pixels = np.maximum(area, 1)
    x = np.bincount(flat, columns.ravel() + 0.5, len(area)) / pixels
    y = np.bincount(flat, rows.ravel() + 0.5, len(area)) / pixels
    diameter = np.sqrt(4 * area / np.pi)
    diameter[0] = 0
    cut = np.zeros(len(area), bool)
    cut[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = True
    return ParticleTable(x, y, diameter, cut)


def rims(labels: NDArray[np.integer]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return outline and contact, bool [H, W]: the outermost pixels of each particle, and those
    pixels of them that have another particle next to them along an edge. The frame is no outline.
    """
    outline = np.zeros(labels.shape, bool)
    contact = np.zeros(labels.shape, bool)
    for axis in (0, 1):
        first = tuple(slice(None, -1) if a == axis else slice(None) for a in (0, 1))
        second = tuple(slice(1, None) if a == axis else slice(None) for a in (0, 1))
        differ = labels[first] != labels[second]
        touch = differ & (labels[first] > 0) & (labels[second] > 0)
        for side in (first, second):
            outline[side] |= differ
            contact[side] |= touch
    return outline & (labels > 0), contact


def relative_depth(labels: NDArray[np.integer]) -> NDArray[np.float32]:
    """Return the distance from the outline over its greatest value in that particle, [H, W].

    0 on the background, up to 1 in each particle, whatever its size; touching particles have an
    outline between them, and particles go on beyond the frame.
    """
    outside = rims(labels)[0] | (labels == 0)
    if not outside.any():
        return np.ones(labels.shape, np.float32)
    depth = np.where(labels > 0, distance_transform_edt(~outside) + 0.5, 0)
    numbers = np.arange(1, labels.max(initial=0) + 1)
    greatest = np.ones(len(numbers) + 1)
    greatest[1:] = np.maximum(maximum(depth, labels, numbers), 0.5) if len(numbers) else ()
    return (depth / greatest[labels]).astype(np.float32)


def map_targets(labels: NDArray[np.integer]) -> NDArray[np.float32]:
    """Return [6, H, W] in the order and the units of the deployed network's maps.

    particle, outline, depth; logarithm of the diameter in pixels; offsets to the centroid in
    diameters, x then y. The last three are 0 on the background, where they mean nothing.
    """
    table = particle_table(labels)
    inside = labels > 0
    rows, columns = (np.arange(side) + 0.5 for side in labels.shape)
    diameter = np.maximum(table.diameter, 1)[labels]
    maps = np.stack(
        [
            inside,
            rims(labels)[0],
            relative_depth(labels),
            np.log(diameter),
            (table.x[labels] - columns) / diameter,
            (table.y[labels] - rows[:, None]) / diameter,
        ]
    )
    return np.where(inside, maps, 0).astype(np.float32)
