"""Two trivial painters of masks, fitted on the training images: what any generator must beat.

Each paints a mask bool [H, W] as an image uint8 [H, W]; the seed decides the noise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from fancgan.datasets.fields import Field
from fancgan.evaluation.appearance import (
    EDGE_FAR_PX,
    EDGE_INSIDE_PX,
    edge_profile,
    measure_noise,
    signed_distance,
)

NOISE_BLUR_PX = 0.6


class TwoGreyLevels:
    """The mean background and the mean particle of the training images, nothing else."""

    def __init__(self, fields: Sequence[Field]):
        self.levels = [
            float(np.concatenate([f.image[f.mask == side] for f in fields]).mean())
            for side in (False, True)
        ]

    def synthesize(self, mask: NDArray, seed: int = 0) -> NDArray:
        return np.where(mask, self.levels[1], self.levels[0]).round().astype(np.uint8)


class ProfileAndNoise:
    """The mean grey level by distance from the outline, and noise as strong as the real one.

    The noise is white, blurred by NOISE_BLUR_PX, scaled so that `measure_noise` finds in it what it
    finds on average in the training images.
    """

    def __init__(self, fields: Sequence[Field]):
        profile = edge_profile(fields[0].image, fields[0].mask)
        for field in fields[1:]:
            profile = profile + edge_profile(field.image, field.mask)
        known = np.isfinite(profile.means)
        distances = np.arange(-EDGE_FAR_PX, EDGE_INSIDE_PX + 1)
        self.levels = np.interp(distances, profile.distances[known], profile.means[known])
        real = np.nanmean([measure_noise(f.image, f.mask).sd for f in fields])
        trial = self._unit_noise((256, 256), seed=0)
        self.noise_scale = float(real / measure_noise(trial, np.zeros(trial.shape, bool)).sd)

    @staticmethod
    def _unit_noise(shape: tuple[int, ...], seed: int) -> NDArray:
        white = np.random.default_rng(seed).standard_normal(shape)
        return gaussian_filter(white, NOISE_BLUR_PX)

    def synthesize(self, mask: NDArray, seed: int = 0) -> NDArray:
        index = np.clip(signed_distance(mask), -EDGE_FAR_PX, EDGE_INSIDE_PX) + EDGE_FAR_PX
        grey = self.levels[index] + self.noise_scale * self._unit_noise(mask.shape, seed)
        return grey.clip(0, 255).round().astype(np.uint8)
