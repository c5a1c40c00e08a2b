"""Distances between sets of features whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm

from fancgan.evaluation import distances
from fancgan.evaluation.report import bootstrap_interval


def normal(count: int, dim: int = 8, shift: float = 0, scale: float = 1, seed: int = 0):
    return shift + scale * np.random.default_rng(seed).standard_normal((count, dim))


def kid(x: np.ndarray, y: np.ndarray) -> float:
    """Of features one an image."""
    return distances.KernelTable(x, y, np.arange(len(x)), np.arange(len(y))).kid()


def test_frechet_distance_of_a_set_to_itself_is_zero():
    for count in (5, 200):
        x = normal(count, 32)
        assert distances.frechet_distance(x, x) == pytest.approx(0, abs=1e-9)


def test_frechet_distance_is_the_textbook_formula():
    x, y = normal(300, 6), normal(400, 6, shift=0.5, seed=1) @ np.diag([1, 2, 1, 1, 3, 0.5])
    cx, cy = np.cov(x.T), np.cov(y.T)
    root = np.trace(sqrtm(cx @ cy).real)
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(cx) + np.trace(cy) - 2 * root
    assert distances.frechet_distance(x, y) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_of_a_shift_is_its_square():
    x = normal(50, 100)
    assert distances.frechet_distance(x, x + 3) == pytest.approx(100 * 9, rel=1e-9)


def test_kid_is_the_unbiased_estimator():
    x, y = normal(7, 5), normal(9, 5, shift=1, seed=1)

    def kernel(a, b):
        return (a @ b / 5 + 1) ** 3

    xx = np.mean([kernel(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j])
    yy = np.mean([kernel(a, b) for i, a in enumerate(y) for j, b in enumerate(y) if i != j])
    xy = np.mean([kernel(a, b) for a in x for b in y])
    assert kid(x, y) == pytest.approx(xx + yy - 2 * xy, rel=1e-12)


def test_kid_of_one_distribution_averages_to_zero():
    values = [kid(normal(40, seed=2 * k), normal(40, seed=2 * k + 1)) for k in range(40)]
    assert abs(np.mean(values)) < 2 * np.std(values) / np.sqrt(40) + 1e-3
    assert min(values) < 0 < max(values)
    assert kid(normal(40), normal(40, shift=0.5, seed=1)) > 5 * np.std(values)


def test_kid_of_drawn_images():
    groups = np.repeat(np.arange(5), 6)
    x, y = normal(30), normal(30, shift=0.3, seed=1)
    table = distances.KernelTable(x, y, groups, groups)
    assert table.kid() == pytest.approx(kid(x, y), rel=1e-12)
    order = np.array([3, 1, 4, 0, 2])
    assert table.kid(order, order) == pytest.approx(table.kid(), rel=1e-12)
    some = np.isin(groups, [0, 2, 3])
    few = table.kid(np.array([0, 2, 3]), np.array([0, 2, 3]))
    # Like the KID of these images alone, but for the share of pairs within one image.
    assert few == pytest.approx(kid(x[some], y[some]), abs=0.1)
    draws = [np.random.default_rng(s).integers(5, size=5) for s in range(300)]
    drawn = np.nanmean([table.kid(d, d) for d in draws])
    assert drawn == pytest.approx(table.kid(), abs=0.1), "repetition must not look like distance"


def test_auc_by_ranks():
    assert distances.auc(np.array([3, 4]), np.array([1, 2])) == 1
    assert distances.auc(np.array([1, 2]), np.array([3, 4])) == 0
    assert distances.auc(np.ones(3), np.ones(5)) == 0.5
    assert distances.auc(np.array([1, 3]), np.array([2])) == 0.5


def test_two_sample_auc_sees_a_difference_and_only_that():
    groups = np.repeat(np.arange(8), 6)
    same = distances.two_sample_auc(normal(48, 20), normal(48, 20, seed=1), groups, groups)
    assert len(same) == 8
    assert 0.3 < same.mean() < 0.7
    other = distances.two_sample_auc(normal(48, 20), normal(48, 20, 2, seed=1), groups, groups)
    assert other.mean() > 0.99


def test_two_sample_auc_is_not_fooled_by_what_images_share():
    # Every image has a strong look of its own, drawn alike on both sides: nothing to learn.
    groups = np.repeat(np.arange(40), 3)
    looks = [5 * normal(40, 20, seed=seed)[groups] for seed in (10, 11)]
    x, y = looks[0] + normal(120, 20, seed=1), looks[1] + normal(120, 20, seed=2)
    assert distances.two_sample_auc(x, y, groups, groups).mean() < 0.7


def test_obedience_is_not_correlation():
    asked = np.array([20.0, 30, 40])
    assert distances.r_squared(asked, asked) == 1
    assert distances.r_squared(asked, asked + 10) < 0
    assert distances.r_squared(asked, np.full(3, 30.0)) == 0
    assert np.isnan(distances.r_squared(np.ones(3), np.ones(3)))


def test_bootstrap_interval_of_a_mean():
    values = np.random.default_rng(0).standard_normal(100)
    low, high = bootstrap_interval(lambda i: float(values[i].mean()), 100)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 10, rel=0.15)
    assert bootstrap_interval(lambda i: 0.0, 2) is None
