"""Numbers as the page is told them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def plain(values: Iterable[float]) -> list[float | None]:
    """Plain numbers of five digits for JSON; None where one is not known."""
    return [float(f"{v:.5g}") if np.isfinite(v) else None for v in values]
