"""Style vectors in words: grey levels instead of standard deviations, and what lies between two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fancgan.networks.config import STAT_INDEX

LIMIT_SD = 3.0  # looks further from the training images are not asked for
BACKGROUND, PARTICLE, NOISE = (
    STAT_INDEX[name] for name in ("background_mean", "particle_mean", "noise_sd")
)
LEVELS = ("background", "contrast", "noise")


@dataclass(frozen=True, eq=False)
class StyleScale:
    """Mean and standard deviation [10] of the training images' statistics (style.py)."""

    mean: NDArray[np.float32]
    sd: NDArray[np.float32]

    def levels(self, vector: NDArray) -> dict[str, float]:
        """Return what a style [style_dim] asks for: background mean, contrast, noise.

        Contrast is the particles' mean minus the background's, noise a standard deviation.
        """
        stats = self.mean + self.sd * vector[: len(self.mean)]
        return {
            "background": float(stats[BACKGROUND]),
            "contrast": float(stats[PARTICLE] - stats[BACKGROUND]),
            "noise": float(stats[NOISE]),
        }

    def with_levels(
        self,
        vector: NDArray,
        background: float | None = None,
        contrast: float | None = None,
        noise: float | None = None,
    ) -> NDArray[np.float32]:
        """Return the style [style_dim] with these levels; None leaves what the vector says.

        Another background moves the particles along. Held at LIMIT_SD standard deviations.
        """
        found = self.levels(vector)
        ground = found["background"] if background is None else background
        wanted = np.array(vector, np.float32)
        asked = {
            BACKGROUND: ground,
            PARTICLE: ground + (found["contrast"] if contrast is None else contrast),
            NOISE: found["noise"] if noise is None else noise,
        }
        for index, grey in asked.items():
            wanted[index] = (grey - self.mean[index]) / self.sd[index]
        return wanted.clip(-LIMIT_SD, LIMIT_SD)

    def ranges(self) -> dict[str, tuple[float, float]]:
        """Return the grey levels (from, to) that each level may be asked for."""
        ground, particle, noise = (
            (self.mean[i], LIMIT_SD * self.sd[i]) for i in (BACKGROUND, PARTICLE, NOISE)
        )
        contrast = particle[0] - ground[0]
        return {
            "background": _range(*ground, low=0),
            "contrast": _range(contrast, particle[1], low=-255),
            "noise": _range(*noise, low=0),
        }


def _range(middle: float, reach: float, low: float) -> tuple[float, float]:
    return max(low, round(float(middle - reach), 1)), min(255.0, round(float(middle + reach), 1))


def between(first: NDArray, second: NDArray, share: float) -> NDArray[np.float32]:
    """Return the style `share` of the way from the first [style_dim] to the second."""
    return ((1 - share) * first + share * second).astype(np.float32)
