"""The baselines on drawn discs: bright and dark, apart and touching, and none at all."""

from __future__ import annotations

import numpy as np
import pytest

from fancgan.evaluation import metrics
from fancgan.evaluation.thresholding import BASELINES
from tests.support.drawing import Discs


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("invert", [False, True], ids=["bright", "dark"])
def test_discs_are_found_whatever_their_polarity(name, invert, draw_discs):
    discs: Discs = draw_discs(radii=(8, 10, 12, 14, 16))
    labels = BASELINES[name](255 - discs.image if invert else discs.image)
    assert labels.dtype == np.int32
    assert metrics.match_labels(discs.labels, labels)[0].average_precision == 1
    assert metrics.dice(discs.mask, labels > 0) > 0.9


@pytest.mark.parametrize("name", BASELINES)
def test_touching_discs_are_parted(name):
    rows, columns = np.mgrid[:100, :140]
    left, right = (np.hypot(rows - 50, columns - c) <= 20 for c in (45, 84))
    image = np.where(left | right, 200, 40).astype(np.uint8)
    labels = BASELINES[name](image)
    truth = np.where(left, 1, np.where(right, 2, 0))
    assert metrics.match_labels(truth, labels)[0].average_precision == 1


@pytest.mark.parametrize("name", BASELINES)
def test_an_even_picture_has_no_particles(name):
    assert not BASELINES[name](np.full((64, 64), 90, np.uint8)).any()
