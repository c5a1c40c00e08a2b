"""Size distributions against numpy, closed forms and simulation."""

from __future__ import annotations

import numpy as np
import pytest

from fancgan.measuring.distribution import (
    AMOUNTS,
    MEANINGS,
    STATISTICS,
    cautions,
    describe,
    mean_orientation,
    weighted_quantiles,
)


@pytest.fixture
def sizes() -> np.ndarray:
    return np.random.default_rng(0).lognormal(np.log(110), 0.35, 237)


def test_without_weights_the_numbers_are_numpys(sizes):
    found = {name: e.value for name, e in describe(sizes).estimates.items()}
    d10, median, d90 = np.quantile(sizes, [0.1, 0.5, 0.9])
    assert found["d10"] == pytest.approx(d10, rel=1e-12)
    assert found["median"] == pytest.approx(median, rel=1e-12)
    assert found["d90"] == pytest.approx(d90, rel=1e-12)
    assert found["span"] == pytest.approx((d90 - d10) / median)
    assert found["mean"] == pytest.approx(sizes.mean())
    assert found["sd"] == pytest.approx(sizes.std(ddof=1))
    assert found["geometric_mean"] == pytest.approx(np.exp(np.log(sizes).mean()))
    assert found["geometric_sd"] == pytest.approx(np.exp(np.log(sizes).std(ddof=1)))
    assert found["sauter_mean"] == pytest.approx((sizes**3).sum() / (sizes**2).sum())
    assert found["volume_mean"] == pytest.approx((sizes**4).sum() / (sizes**3).sum())
    assert set(found) == set(STATISTICS) == set(MEANINGS)


def test_equal_weights_change_nothing(sizes):
    plain, weighted = describe(sizes), describe(sizes, np.full(len(sizes), 3.7))
    for name in STATISTICS:
        assert weighted.estimates[name].value == pytest.approx(plain.estimates[name].value)


@pytest.mark.parametrize("n", [2, 3, 10, 237])
@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.77, 1])
def test_quantiles_are_numpys_for_any_number(n, share):
    values = np.sort(np.random.default_rng(n).random(n))
    found = weighted_quantiles(values[None], np.ones((1, n)), [share])[0][0]
    assert found == pytest.approx(np.quantile(values, share))


def test_weights_undo_a_known_loss():
    """Sizes drawn with a probability that falls with size, weighted with its inverse."""
    rng = np.random.default_rng(1)
    sizes = rng.lognormal(4, 0.4, 200_000)
    chance = np.clip(1 - sizes / 300, 0.05, 1)
    seen = rng.random(sizes.size) < chance
    truth, biased = describe_values(sizes), describe_values(sizes[seen])
    mended = describe_values(sizes[seen], 1 / chance[seen])
    for name in ("mean", "sd", "d10", "median", "d90", "geometric_sd"):
        assert mended[name] == pytest.approx(truth[name], rel=0.01)
    assert biased["d90"] < 0.95 * truth["d90"]


@pytest.mark.parametrize(
    ("by", "ratio", "median"),
    [
        *[("number", 1, 10), ("area", 1, 10), ("volume", 1, 30), ("spheroid", 1, 30)],
        *[("volume", 0.25, 30), ("spheroid", 0.25, 10)],
    ],
)
def test_the_median_is_that_of_what_is_counted(by, ratio, median):
    """850 particles of 10 nm and 50 of 30 nm: 94 % of the number, 65 % of the area, 39 % of the
    volume; 56 % of it if the large ones are spheroids of aspect ratio 1 / 4."""
    sizes = np.repeat([10.0, 30.0], [850, 50])
    amounts = AMOUNTS[by](sizes, np.repeat([1.0, ratio], [850, 50]))
    found = describe(sizes, amounts=amounts).estimates
    assert found["median"].value == pytest.approx(median)
    share = amounts[sizes > 20].sum() / amounts.sum()
    assert found["mean"].value == pytest.approx(10 + 20 * share)
    plain = describe(sizes).estimates
    assert found["sauter_mean"] == plain["sauter_mean"], "moments by number stay what they are"
    if by == "volume":
        assert found["mean"].value == pytest.approx(plain["volume_mean"].value)


def describe_values(values: np.ndarray, weights: np.ndarray | None = None) -> dict[str, float]:
    """Statistics alone: the bootstrap of so many values would take its time."""
    from fancgan.measuring.distribution import statistics

    order = np.argsort(values)
    weights = np.ones_like(values) if weights is None else weights
    row = statistics(values[order][None], weights[order][None])[0]
    return dict(zip(STATISTICS, row, strict=True))


def test_moments_of_a_log_normal_distribution_are_its_closed_forms():
    rng = np.random.default_rng(2)
    found = describe_values(rng.lognormal(np.log(100), 0.3, 400_000))
    assert found["geometric_mean"] == pytest.approx(100, rel=0.005)
    assert found["geometric_sd"] == pytest.approx(np.exp(0.3), rel=0.005)
    # Hatch and Choate: D[p, q] = GM exp((p + q) s^2 / 2)
    assert found["sauter_mean"] == pytest.approx(100 * np.exp(2.5 * 0.09), rel=0.01)
    assert found["volume_mean"] == pytest.approx(100 * np.exp(3.5 * 0.09), rel=0.01)


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(3)
    truth = {"median": 100.0, "mean": 100 * np.exp(0.045), "geometric_sd": np.exp(0.3)}
    held = dict.fromkeys(truth, 0)
    trials = 200
    for seed in range(trials):
        found = describe(rng.lognormal(np.log(100), 0.3, 120), seed=seed).estimates
        for name, value in truth.items():
            held[name] += found[name].low <= value <= found[name].high
    for name, count in held.items():
        assert 0.88 <= count / trials <= 0.99, (name, count)


def test_intervals_over_images_know_that_images_differ():
    rng = np.random.default_rng(4)
    shifts = [80, 100, 120, 95, 130]
    sizes = np.concatenate([shift * rng.lognormal(0, 0.2, 200) for shift in shifts])
    images = np.repeat(["a", "b", "c", "d", "e"], 200)
    alone, grouped = describe(sizes), describe(sizes, images=images)
    assert (alone.over, grouped.over) == ("particles", "images")
    width = {
        d.over: d.estimates["median"].high - d.estimates["median"].low for d in (alone, grouped)
    }
    assert width["images"] > 3 * width["particles"]
    assert describe(sizes[:400], images=images[:400]).over == "particles", "two say nothing"


def test_the_fit_is_close_where_the_sizes_are_log_normal():
    rng = np.random.default_rng(5)
    assert describe(rng.lognormal(4, 0.3, 500)).fit_distance < 0.06
    two_kinds = np.concatenate([rng.normal(50, 2, 250), rng.normal(200, 5, 250)])
    assert describe(two_kinds).fit_distance > 0.2


def test_few_particles_have_no_more_than_they_know():
    none = describe(np.array([]))
    assert none.n == 0
    assert np.isnan(none.estimates["median"].value)
    one = describe(np.array([70.0]))
    assert one.estimates["median"].value == 70
    assert np.isnan(one.estimates["median"].low)
    cut = describe(np.array([70.0, 90.0]), np.array([0.0, 1.0]))
    assert (cut.n, cut.estimates["mean"].value) == (1, 90)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_what_is_no_size_is_refused(bad):
    with pytest.raises(ValueError, match="positive"):
        describe(np.array([1.0, bad]))


def test_axes_have_no_head():
    direction, order = mean_orientation(np.array([179.0, 1.0]))
    assert min(direction, 180 - direction) == pytest.approx(0, abs=1e-9)
    assert order == pytest.approx(np.cos(np.radians(2)))
    assert mean_orientation(np.array([0.0, 90.0]))[1] == pytest.approx(0, abs=1e-12)
    assert mean_orientation(np.array([30.0, 120.0]), np.array([1.0, 0.0]))[0] == pytest.approx(30)


def test_what_speaks_against_the_numbers_is_said():
    assert cautions(np.full(200, 30.0), np.ones(200)) == []
    few = cautions(np.full(99, 30.0), np.ones(99))
    assert "Only 99 particles" in few[0]
    small = cautions(np.array([5.0, 30.0] * 100), np.ones(200))
    assert "100 of 200" in small[0]
    cut = cautions(np.full(200, 30.0), np.array([0.0] * 150 + [1.0] * 50))
    assert "150" in cut[1]
    assert "no size distribution" in cautions(np.full(3, 30.0), np.zeros(3))[0]
