"""Styles in grey levels: there and back, and between two."""

from __future__ import annotations

import numpy as np
import pytest

from fancgan.networks.style_vector import LIMIT_SD, StyleScale, between

SCALE = StyleScale(
    np.array([30, 3, 130, 40, 4], np.float32), np.array([7, 1, 12, 6, 1], np.float32)
)
VECTOR = np.array([1.0, 0.5, -0.5, 0.2, 0.3, 9.0, -9.0], np.float32) / 4


def test_levels_are_grey():
    levels = SCALE.levels(np.zeros(7))
    assert levels == {"background": 30, "contrast": 100, "noise": 4}


@pytest.mark.parametrize(("name", "grey"), [("background", 40), ("contrast", 90), ("noise", 5.5)])
def test_what_is_asked_for_is_what_it_says(name, grey):
    changed = SCALE.with_levels(VECTOR, **{name: grey})
    before, after = SCALE.levels(VECTOR), SCALE.levels(changed)
    assert after.pop(name) == pytest.approx(grey, abs=1e-3)
    before.pop(name)
    assert after == pytest.approx(before, abs=1e-3), "the other levels stay"
    assert np.array_equal(changed[5:], VECTOR[5:])


def test_what_no_training_image_shows_is_held():
    changed = SCALE.with_levels(VECTOR, background=250)
    assert changed[0] == LIMIT_SD
    for name, (low, high) in SCALE.ranges().items():
        assert low < SCALE.levels(np.zeros(7))[name] < high


def test_between_begins_and_ends_with_the_two():
    other = VECTOR + 1
    assert np.array_equal(between(VECTOR, other, 0.0), VECTOR)
    assert np.allclose(between(VECTOR, other, 1.0), other)
    assert np.allclose(between(VECTOR, other, 0.5), VECTOR + 0.5)
