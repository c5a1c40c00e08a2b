"""Global brightness, contrast, gamma, shadows, highlights: the retouching that the paper needed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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
