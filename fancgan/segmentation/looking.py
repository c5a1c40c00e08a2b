"""Two looks at a picture: one to see how large its particles are, one at the scale they want."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fancgan.errors import check_stopped
from fancgan.segmentation.typical_diameter import (
    CANONICAL_PX,
    MAX_PIXELS,
    overview_scale,
    scaled_size,
    typical_diameter,
    working_scale,
)

# (height, width) -> maps [6, height, width] of the picture at that size: the deployed network.
MapsAt = Callable[[int, int], NDArray[np.floating]]
SAME_SCALE = 1.22  # factor within which one look is as good as another
FAR_OFF = 1.4  # factor by which the second look may find the scale wrong before there is a third


def maps_of(network: Callable[[Tensor, int, int], Tensor], image: NDArray) -> MapsAt:
    """Return the maps float32 [6, h, w] by size of image [H, W], 0..255, H and W from 32 up.

    network: the deployed particle network.
    """
    grey = torch.from_numpy(np.array(image, np.float32))[None, None]

    def maps_at(height: int, width: int) -> NDArray[np.floating]:
        with torch.inference_mode():
            return network(grey, height, width)[0].numpy()

    return maps_at


@dataclass(frozen=True, eq=False)
class Look:
    """Maps [6, h, w] of a picture, and what they say of its scale.

    scale: pixels of the maps per pixel of the picture. diameter_px: the typical diameter by these
    maps, first_diameter_px: by the first look (or given by a person); both in picture pixels.
    """

    maps: NDArray[np.floating]
    scale: float
    diameter_px: float
    first_diameter_px: float


def look_closely(
    maps_at: MapsAt,
    shape: tuple[int, int],
    diameter_px: float | None = None,
    max_pixels: float = MAX_PIXELS,
    canonical_px: float = CANONICAL_PX,
) -> Look:
    """Look at a picture of height and width `shape` at the scale that its particles want.

    diameter_px of the typical particle, where a person has given it: then there is one look only.
    """

    def at(scale: float) -> tuple[NDArray[np.floating], float]:
        check_stopped()
        size = scaled_size(shape, scale)
        maps = maps_at(*size)
        true_scale = math.sqrt(size[0] * size[1] / (shape[0] * shape[1]))
        return maps, typical_diameter(maps[0], maps[3]) / true_scale

    def wanted(diameter: float) -> float:
        return working_scale(shape, diameter, max_pixels, canonical_px)

    if diameter_px is not None:
        scale = wanted(diameter_px)
        maps, found = at(scale)
        return Look(maps, scale, found, diameter_px)
    scale = overview_scale(shape)
    maps, first = at(scale)
    found = first
    for factor in (SAME_SCALE, FAR_OFF, FAR_OFF):
        better = wanted(found)
        if abs(math.log(better / scale)) < math.log(factor):
            break
        scale = better
        maps, found = at(scale)
    return Look(maps, scale, found, first)
