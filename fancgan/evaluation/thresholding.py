"""Two segmenters that learn nothing: a threshold, then a watershed of the distance map.

This is what users of ImageJ do; whatever is learned has to beat it. Window, offset, summits and the
rule of polarity are those of the best mean AP50 on training images of EMPS (docs/history.md).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes, binary_opening, distance_transform_edt, gaussian_filter
from skimage.filters import threshold_local, threshold_otsu
from skimage.measure import label
from skimage.morphology import h_maxima
from skimage.segmentation import watershed

from fancgan.evaluation.metrics import MIN_AREA_PX
from fancgan.particles.instances import drop_small

SMOOTH_PX = 1.0  # of grey levels and of the distance map
WINDOW = 0.5  # side of the neighbourhood, as a share of the picture's shorter side
OFFSET = 0.5  # by how much particles stand out from it, in standard deviations of the picture
# By which a summit of the distance map stands out, as a share of the greatest depth.
OTSU_SUMMIT, ADAPTIVE_SUMMIT = 0.2, 0.3
LEAST_SUMMIT_PX = 0.5


def otsu_watershed(image: NDArray) -> NDArray[np.int32]:
    """Return labels [H, W]: one side of Otsu's threshold (see `is_bright`), parted by depth."""
    grey = gaussian_filter(image.astype(np.float64), SMOOTH_PX)
    bright, threshold = is_bright(grey)
    return _part(grey > threshold if bright else grey <= threshold, OTSU_SUMMIT)


def adaptive_watershed(image: NDArray) -> NDArray[np.int32]:
    """Return labels [H, W]: what stands out from the mean of its neighbourhood, parted by depth.

    Bright or dark by the same rule as `otsu_watershed`.
    """
    grey = gaussian_filter(image.astype(np.float64), SMOOTH_PX)
    side = max(3, int(min(grey.shape) * WINDOW) // 2 * 2 + 1)
    above = grey - threshold_local(grey, side, method="mean")
    mask = (above if is_bright(grey)[0] else -above) > OFFSET * grey.std()
    return _part(mask, ADAPTIVE_SUMMIT)


BASELINES: dict[str, Callable[[NDArray], NDArray[np.int32]]] = {
    "Otsu + watershed": otsu_watershed,
    "adaptive + watershed": adaptive_watershed,
}


def is_bright(grey: NDArray[np.float64]) -> tuple[bool, float]:
    """Return whether particles are bright, and Otsu's threshold: they are on the side of it that
    has less of the picture's frame."""
    threshold = float(threshold_otsu(grey)) if grey.min() < grey.max() else float(grey.max())
    above = grey > threshold
    frame = np.concatenate([above[0], above[-1], above[:, 0], above[:, -1]])
    return bool(frame.mean() < 0.5), threshold


def _part(mask: NDArray[np.bool_], summit: float) -> NDArray[np.int32]:
    """Part a mask at the watershed of its depth, from the summits that stand out."""
    mask = binary_fill_holes(binary_opening(mask))
    depth = gaussian_filter(distance_transform_edt(mask), SMOOTH_PX)
    seeds = label(h_maxima(depth, max(summit * depth.max(), LEAST_SUMMIT_PX)))
    return drop_small(watershed(-depth, seeds, mask=mask), MIN_AREA_PX)
