"""Quick figures of the averaged weights: one half of a picture painted in the look of the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fancgan.datasets.fields import Field
from fancgan.evaluation.looks.halves import Halves, halves_of, levels_of, spectrum
from fancgan.networks.painter.deployed import SHAPE_MULTIPLE

SPECTRUM_PX = 64  # of the windows: crops of trials are small
SHEET_ROWS = 8


def halves_up_to(fields: Sequence[Field], crop_px: int) -> list[Halves]:
    """Return the halves of fields, their squares crop_px a side where the picture has that."""
    found = []
    for field in fields:
        height, width = field.image.shape
        side = min(crop_px, height, width // 2) // SHAPE_MULTIPLE * SHAPE_MULTIPLE
        found += halves_of([field], side)
    return found


def painting_figures(halves: Sequence[Halves], painted: Sequence[NDArray]) -> dict[str, float]:
    """Return shares of the pictures in which a painting is like the real square; n: their number.

    sides, means, noise: see Levels of evaluation.looks.halves; log_psd: mean distance of the
    logarithms of the spectra, decades.
    """
    pairs = [
        (levels_of(half.truth.image, half.truth.labels), levels_of(painting, half.truth.labels))
        for half, painting in zip(halves, painted, strict=True)
    ]
    logs = [
        [np.log10(spectrum(image, SPECTRUM_PX) + 1) for image in (half.truth.image, painting)]
        for half, painting in zip(halves, painted, strict=True)
    ]
    named = {
        "sides": [real.same_side(fake) for real, fake in pairs],
        "means": [real.near(fake) for real, fake in pairs],
        "noise": [real.as_noisy(fake) for real, fake in pairs],
        "log_psd": [np.abs(real - fake).mean() for real, fake in logs],
    }
    return {name: float(np.mean(v)) for name, v in named.items()} | {"n": len(halves)}


def painting_sheet(halves: Sequence[Halves], painted: Sequence[NDArray]) -> NDArray[np.uint8]:
    """Return rows of reference, mask and painting: grey levels [rows * S, 3 * S]."""
    rows = [
        np.hstack([half.beside.image, (half.truth.labels > 0).astype(np.uint8) * 255, painting])
        for half, painting in list(zip(halves, painted, strict=True))[:SHEET_ROWS]
    ]
    width = min(row.shape[1] for row in rows)
    return np.vstack([row[:, :width] for row in rows])
