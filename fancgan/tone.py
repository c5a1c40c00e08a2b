"""Global brightness, contrast, gamma, shadows, highlights: the retouching that the paper needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from fancgan.appearance import grey_w1

SEARCH_STEPS = (0.02, 0.05, 0.1, 0.03, 0.03)


@dataclass(frozen=True)
class ToneMap:
    """One map of grey levels for all images; the defaults leave them as they are.

    brightness is added (1 = the whole range), contrast multiplies around mid-grey, gamma is the
    exponent, shadows and highlights lift the dark and the bright end alone.
    """

    brightness: float = 0.0
    contrast: float = 1.0
    gamma: float = 1.0
    shadows: float = 0.0
    highlights: float = 0.0

    def __call__(self, grey: NDArray) -> NDArray:
        """Grey levels 0..255 of any shape -> the same as float32, within 0..255."""
        x = np.clip(np.asarray(grey, np.float32) / 255, 0, 1) ** max(self.gamma, 0.05)
        x = self.contrast * (x - 0.5) + 0.5 + self.brightness
        x = x + self.shadows * np.clip(1 - x, 0, 1) ** 4 + self.highlights * np.clip(x, 0, 1) ** 4
        return np.clip(255 * x, 0, 255).astype(np.float32)

    @classmethod
    def of(cls, values: NDArray) -> ToneMap:
        return cls(*(float(v) for v in values))

    @property
    def values(self) -> NDArray:
        return np.array([self.brightness, self.contrast, self.gamma, self.shadows, self.highlights])


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


def search(
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
