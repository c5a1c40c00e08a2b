"""Rods and fibres: their length along the skeleton."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# In half widths of the particle: a skeleton that forks into two corners does so within sqrt(2) of
# the end; one that stops short in a round end is no longer than FORKED, and little is cut off.
FORK, FORKED, SHORT_CUT = 2**0.5, 4.0, 0.5
DIRECTION = 3.0  # how far back the direction is taken in which an end goes on
STEP_PX = 0.1

Path = NDArray  # [n, 2] places as (row, column)


def skeleton_length(region: NDArray[np.bool_]) -> float:
    """Return the length in pixels of region [h, w], one particle, along its middle, end to end.

    The longest path through the skeleton (scikit-image: Zhang and Suen 1984), evened over the half
    width. Its ends, where a skeleton forks into corners or stops short, are cut off, and what is
    left goes on straight to the outline. Made for what is twice as long as wide and more. NaN for
    a compact region, whose skeleton is too short for that.
    """
    from scipy.ndimage import distance_transform_edt
    from skimage.morphology import skeletonize

    padded = np.pad(region, 1)
    depth = distance_transform_edt(padded)
    path = _longest_path(skeletonize(padded), depth)
    half_width = float(np.median(depth[tuple(path.T)]))
    walked = _walked(path)
    cut = half_width * (FORK if walked[-1] > FORKED * half_width else SHORT_CUT)
    middle = path[(walked >= cut) & (walked <= walked[-1] - cut)]
    if len(middle) < 3:
        return float("nan")
    smooth = _evened(middle, max(2, round(half_width)))
    ends = (_to_outline(padded, one, DIRECTION * half_width) for one in (smooth, smooth[::-1]))
    return float(_walked(smooth)[-1] + sum(ends))


def _longest_path(skeleton: NDArray[np.bool_], depth: NDArray) -> Path:
    """The way between the two ends that lie farthest apart, of the piece at the deepest place."""
    from skimage.graph import MCP_Geometric

    ways = np.where(skeleton, 1.0, -1.0)
    end = np.unravel_index(np.where(skeleton, depth, -1).argmax(), skeleton.shape)
    for _ in range(2):  # the farthest from anywhere is one end, the farthest from there the other
        search = MCP_Geometric(ways)
        far, _tracks = search.find_costs([end])
        end = np.unravel_index(np.where(np.isfinite(far), far, -1).argmax(), far.shape)
    return np.array(search.traceback(end))


def _walked(path: NDArray) -> NDArray[np.float64]:
    """The way from the beginning to each place of a path [n, 2]."""
    return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])


def _evened(path: NDArray, reach: int) -> Path:
    """Means over `reach` places to both sides, fewer near the ends: steps of the grid are gone."""
    place = np.arange(len(path))
    reaches = np.minimum(np.minimum(place, place[::-1]), reach)
    sums = np.concatenate([np.zeros((1, 2)), np.cumsum(path, axis=0)])
    return (sums[place + reaches + 1] - sums[place - reaches]) / (2 * reaches + 1)[:, None]


def _to_outline(region: NDArray[np.bool_], path: Path, back: float) -> float:
    """How far it is from the beginning of a path straight on, away from it, out of region."""
    behind = path[min(int(np.searchsorted(_walked(path), back)), len(path) - 1)]
    direction = (path[0] - behind) / np.hypot(*(path[0] - behind))
    ahead = np.arange(0, sum(region.shape), STEP_PX)
    rows, columns = np.rint(path[0] + ahead[:, None] * direction).astype(int).T
    height, width = region.shape  # the outermost pixels are ground
    inside = region[rows.clip(0, height - 1), columns.clip(0, width - 1)]
    return float(ahead[inside.argmin()])
