"""Decoding what a segmenter saw: from merge to split, and areas at another zoom."""

from __future__ import annotations

import numpy as np
import pytest

from fancgan.segmentation.prediction import CorePrediction, split_point

POINT = {"threshold": 0.5, "core_threshold": 0.5, "min_area_px": 20, "min_core_px": 40}


@pytest.fixture(scope="module")
def touching() -> CorePrediction:
    """Three pairs of discs whose cores hang together more, and less, and not at all."""
    rows, columns = np.mgrid[:120, :300]
    prob, core = np.zeros((120, 300), np.float32), np.zeros((120, 300), np.float32)
    for left, apart in ((50, 24), (150, 30), (250, 38)):
        for column in (left - apart / 2, left + apart / 2):
            depth = 20 - np.hypot(rows - 60, columns - column)
            prob = np.maximum(prob, np.clip(0.5 + depth / 4, 0, 0.99)).astype(np.float32)
            core = np.maximum(core, np.clip(0.3 + depth / 25, 0, 0.99)).astype(np.float32)
    return CorePrediction(prob, core, POINT)


def test_the_slider_goes_from_merge_to_split(touching):
    counts = [int(touching.decode(split=s).labels.max()) for s in np.linspace(-1, 1, 9)]
    assert counts == sorted(counts)
    assert counts[0] == 3, "at -1 what is connected is one particle"
    assert counts[-1] == 6
    assert split_point(POINT, 0) == POINT


def test_thresholds_in_pixels_follow_the_zoom():
    far = split_point(POINT, 0, zoom=0.5)
    assert (far["min_core_px"], far["min_area_px"]) == (160, 80)


def test_the_smallest_area_is_in_native_pixels(touching):
    far = CorePrediction(touching.prob, touching.core, POINT, zoom=0.5)
    assert far.decode(min_area_px=900).labels.max() == 6
    assert far.decode(min_area_px=1600).labels.max() == 0
