"""A picture to write and read back."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.drawing import draw_discs


@pytest.fixture(scope="session")
def picture() -> np.ndarray:
    """Discs with noise, 160 x 192 uint8."""
    return draw_discs(160, 192).image
