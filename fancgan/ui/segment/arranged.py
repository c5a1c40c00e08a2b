"""What the page is told of how the particles lie, and of their shapes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fancgan.measuring.analysis import Measured, distribution_of, radial_of
from fancgan.measuring.properties import SHAPES
from fancgan.ui.segment.numbers import plain


def arrangement(measured: Sequence[Measured]) -> dict:
    """Return "arrangement": coverage, particles per square micrometre, median distance to the
    nearest neighbour, how many are of each shape, and g(r) in the unit of lengths.
    """
    sizes = np.array([one.area_px for one in measured], float)
    scales = np.array([one.nm_per_px or np.nan for one in measured])
    densities = [one.per_um2 or 0.0 for one in measured]
    shapes = np.concatenate([one.whole["shape"].to_numpy(str) for one in measured])
    edges, g = radial_of(measured)
    covered = np.average([one.covered for one in measured], weights=sizes)
    per_um2 = (
        np.average(densities, weights=sizes * scales**2) if np.isfinite(scales).all() else np.nan
    )
    apart = distribution_of(measured, "neighbour_distance").estimates["median"].value
    return {
        "arrangement": {
            "covered": plain([covered])[0],
            "per_um2": plain([per_um2])[0],
            "neighbour": plain([apart])[0],
            "shapes": {name: int((shapes == name).sum()) for name in SHAPES},
            "unit": measured[0].unit,
            "edges": plain(edges),
            "g": plain(g),
        }
    }
