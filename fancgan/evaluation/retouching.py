"""The best global retouching of synthetic images: what the paper needed, looked for on purpose."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from fancgan.evaluation.appearance import grey_w1
from fancgan.microscopy.tone import ToneMap

SEARCH_STEPS = (0.02, 0.05, 0.1, 0.03, 0.03)


def fit_to_histogram(source: NDArray, target: NDArray) -> ToneMap:
    """Return the map that brings histogram `source` [256] nearest to `target` [256] in W1."""
    levels = np.arange(256)

    def distance(values: NDArray) -> float:
        mapped = ToneMap.of(values)(levels)
        low = np.floor(mapped).astype(int)
        share = mapped - low
        moved = np.bincount(low, source * (1 - share), 257) + np.bincount(
            np.minimum(low + 1, 256), source * share, 257
        )
        return grey_w1(moved[:256], target)

    start = ToneMap().values
    simplex = np.vstack([start, start + np.diag(SEARCH_STEPS)])
    options = {"maxiter": 400, "initial_simplex": simplex}
    return ToneMap.of(minimize(distance, start, method="Nelder-Mead", options=options).x)


def search_tone_map(
    loss: Callable[[ToneMap], float], starts: list[ToneMap], evaluations: int = 24
) -> ToneMap:
    """Return the best map found by stepping one value at a time from the best start.

    The steps are SEARCH_STEPS, halved where no step helps; `loss` is called `evaluations` times.
    """
    scored = [(loss(start), start) for start in starts]
    best_loss, best = min(scored, key=lambda pair: pair[0])
    left, steps = evaluations - len(starts), np.array(SEARCH_STEPS)
    while left > 0:
        before = best_loss
        for axis in range(len(steps)):
            for sign in (1, -1):
                if left <= 0:
                    break
                values = best.values
                values[axis] += sign * steps[axis]
                trial = ToneMap.of(values)
                left, trial_loss = left - 1, loss(trial)
                if trial_loss < best_loss:
                    best_loss, best = trial_loss, trial
                    break
        if best_loss == before:
            steps = steps / 2
    return best
