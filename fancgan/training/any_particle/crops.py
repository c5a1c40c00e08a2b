"""Crops of micrographs at random scales, with what the particle network is to say of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import grey_dilation
from torch.nn import functional as F

from fancgan.networks.particle_net.network import LOG_DIAMETER_ZERO
from fancgan.particles.map_targets import particle_table, relative_depth, rims
from fancgan.segmentation.typical_diameter import (
    CANONICAL_PX,
    MAX_SCALE,
    overview_scale,
    working_scale,
)
from fancgan.training.any_particle.looks import lettered, new_look

SMALLEST_TYPICAL_PX = 4.0  # specks do not say what is typical
UNKNOWN_TYPICAL_PX = 60.0
OVERVIEW_SHARE = 0.25  # of crops at the scale of the first look
OVERVIEW_SPREAD, WORKING_SPREAD, STRETCH = 0.2, 0.45, 0.08  # sd of the logarithm
AT_PARTICLE_SHARE = 0.6  # of crops that lie about a particle drawn at random
SMALL_WEIGHTS = (0.6, 3.0)  # least and most by which a pixel counts, for the size of its particle
CONTACT_WEIGHT = 4.0
CUT_WEIGHT, MOSTLY_UNSEEN_WEIGHT = 0.4, 0.15  # of size and middle, where they are partly hidden
MAX_OFFSET = 3.0


class TrainingPicture:
    """A picture in memory, and what is measured of its particles once, at full resolution.

    grey uint8 [H, W]; labels int [H, W], 1..n without gaps.
    """

    def __init__(self, grey: NDArray[np.uint8], labels: NDArray[np.integer]):
        self.grey, self.labels = grey, labels.astype(np.uint16)
        self.depth = np.round(relative_depth(labels) * 255).astype(np.uint8)
        self.table = particle_table(labels)
        sizes = self.table.diameter[1:]
        sizes = sizes[sizes > SMALLEST_TYPICAL_PX]
        self.typical_px = float(np.median(sizes)) if len(sizes) else UNKNOWN_TYPICAL_PX
        low, high = np.quantile(grey[::2, ::2], (0.01, 0.99))
        self.low, self.range = float(low), float(max(high - low, 8))


@dataclass(frozen=True, eq=False)
class Crop:
    """One training example of size x size pixels.

    image float32 [size, size], as the network's input; targets float32 [6, size, size] in the order
    and units of its output; weights float32 [3, size, size]: of particle and depth, of outline, and
    of diameter and offset. 0 beyond the picture, where the crop shows a reflection.
    """

    image: NDArray[np.float32]
    targets: NDArray[np.float32]
    weights: NDArray[np.float32]


def draw_crop(rng: np.random.Generator, picture: TrainingPicture, size: int = 256) -> Crop:
    """Return a crop at a random scale, place, orientation and look.

    Scales are those at which the network will be asked, first look and second, with a spread.
    """
    scale_x, scale_y = _draw_scales(rng, picture)
    rows, height = _draw_window(rng, picture.grey.shape[0], scale_y, size)
    columns, width = _draw_window(rng, picture.grey.shape[1], scale_x, size)
    rows, columns = _moved_to_particle(rng, picture, rows, columns)
    labels = resized_labels(picture.labels[rows, columns], height, width)
    grey = (resized(picture.grey[rows, columns], height, width) - picture.low) / picture.range
    grey, labels, weight = lettered(rng, grey, labels)
    targets, weights = mapped(picture, rows, columns, labels, weight)
    return _framed(rng, new_look(rng, grey), targets, weights, size)


def mapped(
    picture: TrainingPicture, rows: slice, columns: slice, labels: NDArray, weight: NDArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return targets [6, H, W] and weights [3, H, W] (`Crop`) of a window of a picture.

    labels [H, W]: those of the window, resized; weight [H, W]: how much each pixel counts.
    """
    height, width = labels.shape
    scale_y, scale_x = height / (rows.stop - rows.start), width / (columns.stop - columns.start)
    y, x = (np.arange(height) + 0.5) / scale_y, (np.arange(width) + 0.5) / scale_x
    depth = resized(picture.depth[rows, columns], height, width) / 255
    table, diameter = picture.table, picture.table.diameter * math.sqrt(scale_x * scale_y)
    offset_x = (table.x[labels] - columns.start - x) * scale_x / np.maximum(diameter, 1)[labels]
    offset_y = (table.y[labels] - rows.start - y[:, None]) * scale_y
    offset_y = offset_y / np.maximum(diameter, 1)[labels]
    outline, contact = rims(labels)
    log_diameter = np.log(np.maximum(diameter, 2))[labels] - LOG_DIAMETER_ZERO
    offsets = [o.clip(-MAX_OFFSET, MAX_OFFSET) for o in (offset_x, offset_y)]
    targets = np.stack([labels > 0, outline, depth * (labels > 0), log_diameter, *offsets])
    by_size = _weight_by_size(labels, diameter) * weight
    whole = _weight_of_geometry(labels, diameter, table.cut)[labels] * (labels > 0) * weight
    weights = np.stack([by_size, by_size * (1 + outline + CONTACT_WEIGHT * contact), whole])
    return targets, weights


def resized(array: NDArray, height: int, width: int) -> NDArray[np.float32]:
    """Return a picture [H, W] at another size, bilinear, averaged where it is reduced."""
    tensor = torch.from_numpy(np.ascontiguousarray(array)).float()[None, None]
    return F.interpolate(tensor, size=(height, width), mode="bilinear", antialias=True)[
        0, 0
    ].numpy()


def resized_labels(labels: NDArray, height: int, width: int) -> NDArray[np.int32]:
    """Return labels [H, W] at another size: of each new pixel's middle."""
    y, x = (
        ((np.arange(new) + 0.5) / (new / old)).astype(int)
        for new, old in zip((height, width), labels.shape, strict=True)
    )
    return labels[np.ix_(y, x)].astype(np.int32)


def _draw_scales(rng: np.random.Generator, picture: TrainingPicture) -> tuple[float, float]:
    shape = picture.grey.shape
    first = overview_scale(shape)
    if rng.random() < OVERVIEW_SHARE:
        scale = first * math.exp(rng.normal(0, OVERVIEW_SPREAD))
    else:
        scale = working_scale(shape, picture.typical_px)
        scale *= math.exp(rng.normal(0, WORKING_SPREAD))
    scale = min(max(scale, 0.85 * first), 1.1 * MAX_SCALE)
    stretch = math.exp(rng.normal(0, STRETCH))
    return scale * stretch, scale / stretch


def _draw_window(rng: np.random.Generator, side: int, scale: float, size: int) -> tuple[slice, int]:
    """A stretch of a side, and its length once scaled, `size` at most."""
    scaled = min(size, max(8, round(side * scale)))
    length = min(side, max(4, round(scaled / scale)))
    start = int(rng.integers(0, side - length + 1))
    return slice(start, start + length), scaled


def _moved_to_particle(
    rng: np.random.Generator, picture: TrainingPicture, rows: slice, columns: slice
) -> tuple[slice, slice]:
    """The same window, mostly moved to where it shows a particle drawn at random."""
    count = len(picture.table.diameter) - 1
    if not count or rng.random() >= AT_PARTICLE_SHARE:
        return rows, columns
    number = int(rng.integers(1, count + 1))
    moved = []
    for window, middle, side in zip(
        (rows, columns),
        (picture.table.y[number], picture.table.x[number]),
        picture.grey.shape,
        strict=True,
    ):
        length = window.stop - window.start
        start = int(np.clip(round(middle - length * rng.uniform(0.15, 0.85)), 0, side - length))
        moved.append(slice(start, start + length))
    return moved[0], moved[1]


def _weight_by_size(labels: NDArray[np.integer], diameter: NDArray) -> NDArray:
    """More for small particles and the background beside them, where a few pixels decide."""
    weight = np.clip(CANONICAL_PX / np.maximum(diameter, 1), *SMALL_WEIGHTS)
    weight[0] = 1
    return grey_dilation(weight[labels], size=5)


def _weight_of_geometry(labels: NDArray[np.integer], diameter: NDArray, cut: NDArray) -> NDArray:
    """Per particle, less where frame or crop hide a part of it."""
    shown = np.bincount(labels.ravel(), minlength=len(diameter))
    share = shown / np.maximum(np.pi / 4 * diameter**2, 1)
    return np.where(share > 0.6, 1, MOSTLY_UNSEEN_WEIGHT) * np.where(cut, CUT_WEIGHT, 1)


def _framed(
    rng: np.random.Generator, image: NDArray, targets: NDArray, weights: NDArray, size: int
) -> Crop:
    """Put a crop that may be smaller than `size` at a random place; turn and flip everything."""
    height, width = image.shape
    top, left = int(rng.integers(0, size - height + 1)), int(rng.integers(0, size - width + 1))
    border = ((top, size - height - top), (left, size - width - left))
    image = np.pad(image, border, "symmetric" if rng.random() < 0.5 else "edge")
    targets = np.pad(targets.astype(np.float32), ((0, 0), *border))
    weights = np.pad(weights.astype(np.float32), ((0, 0), *border))
    if rng.random() < 0.5:
        image, weights = image.T, weights.swapaxes(1, 2)
        targets = targets.swapaxes(1, 2)[[0, 1, 2, 3, 5, 4]]
    for axis, offset in ((1, 4), (0, 5)):
        if rng.random() < 0.5:
            image, weights = np.flip(image, axis), np.flip(weights, axis + 1)
            targets = np.flip(targets, axis + 1).copy()
            targets[offset] *= -1
    return Crop(*(np.ascontiguousarray(a) for a in (image, targets, weights)))
