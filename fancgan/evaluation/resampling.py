"""Confidence intervals by bootstrap over images: patches of one image are not independent."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray


def bootstrap_interval(
    statistic: Callable[[NDArray], float],
    count: int,
    draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float] | None:
    """Return the interval of `statistic(indices)` over images drawn with repetition.

    statistic takes int indices [count] into the images. The quantiles are shifted so that the draws
    centre on the value of all images: drawing with repetition makes distances between sets look
    larger than they are, by more than their spread. Draws that give nan (one image drawn `count`
    times has no spread) are left out. None below 3 images, where no interval means anything.
    """
    if count < 3:
        return None
    rng = np.random.default_rng(seed)
    values = np.array([statistic(rng.integers(count, size=count)) for _ in range(draws)])
    values = values[np.isfinite(values)]
    if len(values) < draws / 2:
        return None
    shift = statistic(np.arange(count)) - values.mean()
    tail = (1 - level) / 2
    low, high = np.quantile(values, [tail, 1 - tail]) + shift
    return float(low), float(high)
