"""Label images from masks: what a mask file holds, and touching particles kept apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label, maximum_filter, minimum_filter

from fancgan.errors import UserError
from fancgan.microscopy.micrograph import read_raw

SOLID_SHARE = 0.8  # of the particle numbers of a map, at least; small particles may be specks


def read_mask(path: str | Path) -> np.ndarray:
    """Read a mask as int32 instance labels [H, W], 0 = background.

    A binary mask ({0, 255}, {0, 1}) is labelled by 4-connected components, so particles that a
    background line of one pixel parts stay apart; an instance map is kept as it is. Raises
    UserError for three channels and for grey values that are no labels.
    """
    return label_mask(read_raw(path), Path(path).name)


def label_mask(samples: np.ndarray, name: str = "The mask") -> np.ndarray:
    """Turn the samples of a mask [H, W] into int32 labels; see read_mask. name is for errors."""
    if samples.ndim != 2:
        raise UserError(
            f"{name} has {samples.shape[-1]} channels; save the mask with a single one, "
            "0 for background and 255 for particles."
        )
    values = np.unique(samples)
    whole = np.isfinite(values).all() and (values == np.floor(values)).all()
    if whole and len(values) <= 2 and (values[0] == 0 or len(values) == 1):
        return label(samples != 0, output=np.int32)[0]
    numbers = whole and values[0] == 0 and values[-1] < 2**31
    if not numbers or not (_are_counted(samples, values) or _is_instance_map(samples)):
        raise UserError(
            f"{name} is neither binary nor a map of particle numbers ({len(values)} values from "
            f"{values[0]} to {values[-1]}); save it without smoothing or JPEG compression, "
            "0 for background and 255 for particles."
        )
    return samples.astype(np.int32)


def equal_area_diameter(area: NDArray) -> NDArray:
    """Return sqrt(4 A / pi), the diameter of a disc of that area; any arrays, in any unit."""
    return np.sqrt(4 * area / np.pi)


def with_centroid_in(labels: NDArray, where: NDArray[np.bool_]) -> NDArray:
    """Return labels [H, W] of the particles alone whose centroid lies where [H, W] is true."""
    height, width = labels.shape
    area = np.maximum(np.bincount(labels.ravel()), 1)
    rows = np.bincount(labels.ravel(), np.repeat(np.arange(height), width)) / area
    columns = np.bincount(labels.ravel(), np.tile(np.arange(width), height)) / area
    kept = where[np.rint(rows).astype(int), np.rint(columns).astype(int)]
    return np.where(kept[labels], labels, 0)


def separate(labels: np.ndarray) -> np.ndarray:
    """Return a copy of labels [H, W] in which no two particles touch along a pixel edge.

    At a contact the particle with the higher number gives up its pixels. Labels that already are
    4-connected components come back unchanged.
    """
    padded = np.pad(labels, 1)
    centre = padded[1:-1, 1:-1]
    gives_way = np.zeros(centre.shape, bool)
    for other in (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]):
        gives_way |= (other > 0) & (other < centre)
    return np.where(gives_way, 0, labels)


def _are_counted(samples: np.ndarray, values: np.ndarray) -> bool:
    """Whether the values are 0, 1, 2 ... n without a gap: in more than 8 bits, or areas in 8.

    Particles that others cross may then lie in pieces. The greys of a smoothed mask are bands along
    its edges, less than three pixels wide; 0..255 may be these in a wider file too.
    """
    if values[-1] != len(values) - 1 or values[-1] == 255:
        return False
    if np.issubdtype(samples.dtype, np.integer) and samples.dtype.itemsize > 1:
        return True
    inner = minimum_filter(samples, 3) == maximum_filter(samples, 3)
    return np.isin(values[1:], samples[inner]).mean() >= SOLID_SHARE


def _is_instance_map(samples: np.ndarray) -> bool:
    """Whether the values are particle numbers: compact, mostly connected, and not mere edges.

    The greys of a smoothed mask are scattered crumbs along the outlines instead.
    """
    from skimage.measure import label as label_values

    parts = label_values(samples, connectivity=2).ravel()
    first = np.unique(parts, return_index=True)[1]
    areas = np.bincount(parts)
    values = samples.ravel()[first]
    in_one_piece = np.unique(values[values > 0], return_counts=True)[1] == 1
    return bool(in_one_piece.mean() >= 0.8 and np.median(areas[values > 0]) >= 9)
