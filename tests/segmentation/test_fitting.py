"""Small classifiers learn what can be told apart, and no more than that."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from fancgan.segmentation.fitting import (
    cross_fitted,
    fit_small,
    handed_on,
    is_fittable,
    one_feature,
    predictions,
)

FIT = partial(fit_small, units=4)


def rows(count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Two features of which the first alone decides, and a third that does not vary."""
    features = np.random.default_rng(0).normal([5, -2, 7], [3, 0.1, 0], (count, 3))
    return features, (features[:, 0] > 6).astype(float)


def test_a_separable_set_is_separated_the_same_way_each_time():
    features, target = rows()
    classifier, again = (FIT(features, target, np.ones(len(target))) for _ in range(2))
    assert ((predictions(classifier, features) > 0.5) == (target > 0.5)).mean() > 0.98
    assert classifier.to_dict() == again.to_dict()
    assert classifier([9, -2, 7]) > 0.95 > 0.05 > classifier([3, -2, 7])
    assert classifier([9, -2, 1e6]) == classifier([9, -2, 7]), "what never varied says nothing"


def test_a_constant_set_gives_its_share_and_weights_count():
    features = np.ones((40, 3))
    target = np.repeat([1.0, 0.0], [30, 10])
    ones = np.ones(40)
    assert FIT(features, target, ones)([1, 1, 1]) == pytest.approx(0.75, abs=0.01)
    assert FIT(features, target, ones + 2 * (target < 0.5))([1, 1, 1]) == pytest.approx(
        0.5, abs=0.01
    )
    assert FIT(features, 0 * target + 0.3, ones)([1, 1, 1]) == pytest.approx(0.3, abs=0.01)


def test_columns_not_named_are_not_asked():
    features, target = rows()
    classifier = FIT(features, target, np.ones(len(target)), columns=(1,))
    assert classifier([9, -2, 7]) == classifier([3, -2, 7])


def test_cross_fitting_shows_what_does_not_carry_over():
    """The target is a number of the source: learned by heart, it is of no use for another one."""
    rng = np.random.default_rng(1)
    source = np.repeat(np.arange(8), 20)
    features = np.eye(8)[source] + rng.normal(0, 0.01, (160, 8))
    target, weight = (source % 8 < 4).astype(float), np.ones(160)
    seen = predictions(FIT(features, target, weight), features)
    assert ((seen > 0.5) == (target > 0.5)).mean() > 0.95
    apart = cross_fitted(FIT, features, target, weight, [str(s) for s in source])
    assert ((apart > 0.5) == (target > 0.5)).mean() < 0.8
    alone = cross_fitted(FIT, features, target, weight, ["one"] * 160)
    assert np.allclose(alone, seen)


def test_too_few_of_either_answer_cannot_be_learned_from():
    assert is_fittable(np.repeat([1.0, 0.0], 5))
    assert not is_fittable(np.repeat([1.0, 0.0], [50, 4]))
    assert not is_fittable(np.zeros(0))


def test_a_rule_of_one_feature():
    rule = one_feature(3, 1, middle=2.0, sd=0.5)
    assert rule([0, 2, 0]) == 0.5
    assert rule([9, 2.5, -9]) == pytest.approx(0.88, abs=0.02)
    assert one_feature(3, 1, middle=2.0, sd=-0.5)([9, 2.5, -9]) == pytest.approx(0.12, abs=0.02)


def test_a_feature_is_handed_on():
    same = handed_on(3, 1)
    for value in np.linspace(0, 1, 21):
        assert same([-50, value, 50]) == pytest.approx(value, abs=0.01)
