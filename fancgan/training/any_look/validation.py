"""Quick figures of the averaged weights: one half of a picture painted in the look of the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fancgan.datasets.fields import Field
from fancgan.evaluation.appearance import (
    SPECTRUM_PATCH_PX,
    measure_noise,
    psd_distance,
    radial_log_psd,
)
from fancgan.networks.painter.deployed import SHAPE_MULTIPLE

MEANS_WITHIN, NOISE_WITHIN = 0.15, 0.2  # of the contrast; of the noise
SHEET_ROWS = 8


@dataclass(frozen=True, eq=False)
class Halves:
    """Squares [S, S] of the left and of the right half of a picture: grey levels and masks."""

    reference: NDArray[np.uint8]
    reference_mask: NDArray[np.bool_]
    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]


def halves_of(fields: Sequence[Field], crop_px: int) -> list[Halves]:
    """Return halves that show particles and ground, crop_px a side where the picture has that."""
    found = []
    for field in fields:
        height, width = field.image.shape
        side = min(crop_px, height, width // 2) // SHAPE_MULTIPLE * SHAPE_MULTIPLE
        top = (height - side) // 2
        rows = slice(top, top + side)
        left, right = slice(width // 2 - side, width // 2), slice(width - side, width)
        left_mask, right_mask = field.mask[rows, left], field.mask[rows, right]
        if all(mask.any() and not mask.all() for mask in (left_mask, right_mask)):
            left_image, right_image = field.image[rows, left], field.image[rows, right]
            found.append(Halves(left_image, left_mask, right_image, right_mask))
    return found


def painting_figures(halves: Sequence[Halves], painted: Sequence[NDArray]) -> dict[str, float]:
    """Return shares of the pictures, and means over them; n is their number.

    sides: particles are on the side of the ground where they really are, brighter or darker; means:
    both are within 15 % of the contrast; noise: that of the ground is within 20 %, of those that
    have enough of it; log_psd: distance of the spectra, decades.
    """
    sides, means, noises, spectra = [], [], [], []
    for half, painting in zip(halves, painted, strict=True):
        mask = half.mask
        real, fake = ((x[mask].mean(), x[~mask].mean()) for x in (half.image, painting))
        contrast = real[0] - real[1]
        sides.append(contrast * (fake[0] - fake[1]) > 0)
        within = MEANS_WITHIN * abs(contrast)
        means.append(all(abs(f - r) < within for f, r in zip(fake, real, strict=True)))
        noise = measure_noise(half.image, mask).sd
        if noise > 0:
            noises.append(abs(measure_noise(painting, mask).sd / noise - 1) < NOISE_WITHIN)
        patch = min(SPECTRUM_PATCH_PX, len(mask))
        pair = (radial_log_psd(x, patch) for x in (half.image, painting))
        spectra.append(psd_distance(*pair))
    named = {"sides": sides, "means": means, "noise": noises, "log_psd": spectra}
    return {name: float(np.mean(v)) for name, v in named.items() if v} | {"n": len(halves)}


def painting_sheet(halves: Sequence[Halves], painted: Sequence[NDArray]) -> NDArray[np.uint8]:
    """Return rows of reference, mask and painting: grey levels [rows * S, 3 * S]."""
    rows = [
        np.hstack([half.reference, half.mask.astype(np.uint8) * 255, painting])
        for half, painting in list(zip(halves, painted, strict=True))[:SHEET_ROWS]
    ]
    width = min(row.shape[1] for row in rows)
    return np.vstack([row[:, :width] for row in rows])
