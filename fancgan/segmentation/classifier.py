"""A classifier of a dozen features, small enough to travel in a configuration file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CLIP_SD = 6.0
ARRAYS = ("mean", "sd", "hidden", "weights")


@dataclass(frozen=True, eq=False)
class SmallClassifier:
    """One hidden layer of tanh units on standardised features -> probability.

    mean, sd [features]; hidden [features + 1, units], its last row the biases; weights [units].
    """

    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    hidden: NDArray[np.float64]
    weights: NDArray[np.float64]
    bias: float

    def __call__(self, features: Sequence[float]) -> float:
        """Return the probability for one list of features."""
        x = ((np.asarray(features) - self.mean) / self.sd).clip(-CLIP_SD, CLIP_SD)
        units = np.tanh(x @ self.hidden[:-1] + self.hidden[-1])
        return 1 / (1 + math.exp(-float(np.clip(units @ self.weights + self.bias, -30, 30))))

    def to_dict(self) -> dict[str, list | float]:
        """Return plain numbers; `from_dict` reads them."""
        return {name: getattr(self, name).tolist() for name in ARRAYS} | {"bias": self.bias}

    @classmethod
    def from_dict(cls, values: dict) -> SmallClassifier:
        arrays = {name: np.asarray(values[name], np.float64) for name in ARRAYS}
        return cls(**arrays, bias=float(values["bias"]))
