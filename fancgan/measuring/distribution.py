"""Distributions of a particle property by number (q0), area (q2) or volume (q3).

Quantiles, moments, fit, intervals. Every particle may carry a weight (measure.border_weights).
With equal weights quantiles are numpy's and deviations those with n - 1. Names after ISO 9276-1,
-2 and -5.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import ndtr

from fancgan.errors import UserError

MIN_PARTICLES = 100
MIN_ACROSS_PX = 10
DRAWS = 1000
LEVEL = 0.95
QUANTILES = {"d10": 0.10, "median": 0.50, "d90": 0.90}
MEANINGS = {
    "mean": "arithmetic mean",
    "sd": "standard deviation",
    "d10": "D10, a tenth of the particles is smaller",
    "median": "D50, the median",
    "d90": "D90, a tenth is larger",
    "span": "(D90 - D10) / D50",
    "geometric_mean": "geometric mean, median of the log-normal fit",
    "geometric_sd": "geometric standard deviation, GSD of the log-normal fit",
    "sauter_mean": "D[3,2], mean by surface (Sauter)",
    "volume_mean": "D[4,3], mean by volume (De Brouckere)",
}
STATISTICS = tuple(MEANINGS)
OF_SIZES = ("geometric_mean", "geometric_sd", "sauter_mean", "volume_mean")  # of sizes alone
# What a particle counts, from its equal-area diameter d and aspect ratio b / a, up to a factor.
AMOUNTS: dict[str, Callable[[NDArray, NDArray], NDArray]] = {
    "number": lambda d, ratio: np.ones_like(d),
    "area": lambda d, ratio: d**2,
    "volume": lambda d, ratio: d**3,
    "spheroid": lambda d, ratio: d**3 * np.sqrt(ratio),
}
WEIGHTINGS = {
    "number": "by number: each particle counts the same",
    "area": "by area: each counts its projected area",
    "volume": "by volume: each counts the volume of the sphere of equal projected area",
    "spheroid": "by volume: each counts that of the prolate spheroid of equal projected area and "
    "aspect ratio",
}
BY_NUMBER = ("sauter_mean", "volume_mean")  # whatever the rest is by
WITHOUT_UNIT = ("span", "geometric_sd")
EXACT = 200_000  # particles: of more over images, quantiles are interpolated within CLASSES
CLASSES = 4096
_CHUNK = 2_000_000  # values that the bootstrap sorts at a time


@dataclass(frozen=True)
class Estimate:
    """A statistic and its interval at LEVEL; nan where it is not known."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Distribution:
    """What is known of one property of n particles.

    estimates: by the names of STATISTICS, or of some of them. fit_distance: largest gap between the
    cumulative distribution and its log-normal fit (Kolmogorov-Smirnov distance), 0 to 1.
    over: what the intervals are drawn over, "particles" or "images".
    """

    n: int
    estimates: dict[str, Estimate]
    fit_distance: float
    over: str


def common_column(columns: set[str], units: set[str], by: str) -> str:
    """Return the one column of a quantity in all micrographs; raise UserError if there is none."""
    if len(columns) > 1 or (by != "number" and len(units) > 1):
        raise UserError("Some pictures have a scale and others not: give the pixel size of all.")
    if by not in AMOUNTS:
        raise UserError(f"A distribution is by {', '.join(AMOUNTS)}, not by {by!r}.")
    return next(iter(columns))


def known_values(
    values: NDArray, weights: NDArray, images: NDArray, amounts: NDArray
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Return of each [n] what belongs to a value that is known and stands for particles."""
    known = np.isfinite(values) & (values > 0) & (weights > 0)
    return values[known], weights[known], images[known], amounts[known]


def describe(
    values: NDArray,
    weights: NDArray | None = None,
    images: Sequence | NDArray | None = None,
    seed: int = 0,
    amounts: NDArray | None = None,
) -> Distribution:
    """Describe positive values [n] with weights [n] >= 0; images [n] name where each comes from.

    amounts: [n] > 0, what each particle counts in place of one (AMOUNTS); the Sauter and the De
    Brouckere mean, which are moments by number, stay as they are. Particles of weight 0 are left
    out. Intervals are bootstraps at LEVEL, DRAWS draws: over images where there are three or more,
    otherwise over particles. Raises ValueError for values that are
    not positive and finite.
    """
    values = np.asarray(values, np.float64)
    weights = np.ones_like(values) if weights is None else np.asarray(weights, np.float64)
    amounts = np.ones_like(values) if amounts is None else np.asarray(amounts, np.float64)
    kept = weights > 0
    values, weights, amounts = values[kept], weights[kept], amounts[kept]
    if not (np.isfinite(values).all() and (values > 0).all()):
        raise ValueError("values must be positive and finite")
    groups = None if images is None else np.unique(np.asarray(images)[kept], return_inverse=True)[1]
    by_images = groups is not None and groups.size > 0 and groups.max() >= 2
    if not len(values):
        unknown = Estimate(np.nan, np.nan, np.nan)
        return Distribution(0, dict.fromkeys(STATISTICS, unknown), np.nan, "particles")
    order = np.argsort(values, kind="stable")
    values, weights, counted = values[order], weights[order], (weights * amounts)[order]
    whole = statistics(values[None], weights[None], counted[None])[0]
    rng = np.random.default_rng(seed)
    if groups is not None and by_images and len(values) > EXACT:
        drawn = _over_many_images(values, weights, counted, groups[order], rng)
    elif groups is not None and by_images:
        drawn = _over_images(values, weights, counted, groups[order], rng)
    else:
        drawn = _over_particles(values, weights, counted, rng)
    tail = (1 - LEVEL) / 2
    enough = len(values) >= 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0) if enough else np.full((2, 10), np.nan)
    return Distribution(
        n=len(values),
        estimates={
            name: Estimate(float(v), float(a), float(b))
            for name, v, a, b in zip(STATISTICS, whole, low, high, strict=True)
        },
        fit_distance=_fit_distance(values, counted, *whole[[6, 7]]),
        over="images" if by_images else "particles",
    )


def statistics(values: NDArray, weights: NDArray, counted: NDArray | None = None) -> NDArray:
    """Return STATISTICS [draws, 10] of values [draws, n], sorted along n, and their weights.

    counted: [draws, n], the weights times what each particle counts; as weights by number.
    """
    counted = weights if counted is None else counted
    total = counted.sum(axis=1)

    def mean_of(x: NDArray) -> NDArray:
        return (x * counted).sum(axis=1) / total

    def sd_of(x: NDArray, mean: NDArray) -> NDArray:
        # Weights say how many particles one stands for, not how often it was measured.
        freedom = total - (counted**2).sum(axis=1) / total
        square = ((x - mean[:, None]) ** 2 * counted).sum(axis=1)
        return np.sqrt(
            np.divide(square, freedom, out=np.zeros_like(square), where=freedom > 1e-9 * total)
        )

    mean = mean_of(values)
    logs = np.log(values)
    log_mean = mean_of(logs)
    d10, median, d90 = weighted_quantiles(values, counted, tuple(QUANTILES.values()))
    number = weights.sum(axis=1)
    square, cube, fourth = ((values**p * weights).sum(axis=1) / number for p in (2, 3, 4))
    plain = (mean, sd_of(values, mean), d10, median, d90, (d90 - d10) / median)
    of_sizes = (np.exp(log_mean), np.exp(sd_of(logs, log_mean)), cube / square, fourth / cube)
    return np.stack([*plain, *of_sizes], axis=1)


def weighted_quantiles(values: NDArray, weights: NDArray, shares: Sequence[float]) -> list[NDArray]:
    """Return one [draws] per share of values [draws, n], sorted along n, with weights [draws, n].

    Linear between the particles; a gap is as wide as the mean weight of its two sides. Equal
    weights give numpy's default (Hyndman and Fan 1996, type 7).
    """
    if values.shape[1] == 1:
        return [values[:, 0] for _ in shares]
    gaps = (weights[:, 1:] + weights[:, :-1]) / 2
    place = np.concatenate([np.zeros((len(values), 1)), np.cumsum(gaps, axis=1)], axis=1)
    rows = np.arange(len(values))
    found = []
    for share in shares:
        target = share * place[:, -1]
        right = (place[:, 1:-1] <= target[:, None]).sum(axis=1) + 1
        low, high = place[rows, right - 1], place[rows, right]
        part = (target - low) / (high - low)
        below, above = values[rows, right - 1], values[rows, right]
        found.append(below + part * (above - below))
    return found


def median_of(values: NDArray, weights: NDArray) -> float:
    """Return the median that `describe` gives of values [n] with weights [n]; NaN of none."""
    order = np.argsort(values, kind="stable")
    if not len(values):
        return float("nan")
    return float(weighted_quantiles(values[order][None], weights[order][None], (0.5,))[0][0])


def _over_particles(
    values: NDArray, weights: NDArray, counted: NDArray, rng: np.random.Generator
) -> NDArray:
    count = len(values)
    at_once = max(1, _CHUNK // count)
    parts = []
    for start in range(0, DRAWS, at_once):
        draws = min(at_once, DRAWS - start)
        index = np.sort(rng.integers(count, size=(draws, count)), axis=1)
        parts.append(statistics(values[index], weights[index], counted[index]))
    return np.concatenate(parts)


def _over_images(
    values: NDArray,
    weights: NDArray,
    counted: NDArray,
    groups: NDArray,
    rng: np.random.Generator,
) -> NDArray:
    members = [np.flatnonzero(groups == number) for number in range(groups.max() + 1)]
    rows = []
    for _ in range(DRAWS):
        drawn = rng.integers(len(members), size=len(members))
        index = np.sort(np.concatenate([members[number] for number in drawn]))
        rows.append(statistics(values[index][None], weights[index][None], counted[index][None]))
    return np.concatenate(rows)


def _over_many_images(
    values: NDArray,
    weights: NDArray,
    counted: NDArray,
    groups: NDArray,
    rng: np.random.Generator,
) -> NDArray:
    """The same from sums and from classes of equally many particles, which each draw adds up."""
    images, place = groups.max() + 1, np.cumsum(counted)
    classes = (place - counted / 2) * (CLASSES / place[-1])
    shape, logs = (images, CLASSES), np.log(values)
    counts = csr_array((counted, (groups, classes.astype(np.int32))), shape)
    sums = np.stack(
        [np.bincount(groups, counted * x) for x in (1.0, counted, values, values**2, logs, logs**2)]
        + [np.bincount(groups, weights * values**p) for p in (0, 2, 3, 4)],
        axis=1,
    )
    first = np.searchsorted(classes, np.arange(CLASSES)).clip(max=len(values) - 1)
    edges = np.append(values[first], values[-1])
    rows = []
    for _ in range(DRAWS):
        drawn = np.bincount(rng.integers(images, size=images), minlength=images)
        total, squares, of_x, of_xx, of_log, of_log2, *moments = drawn @ sums
        freedom = total - squares / total
        mean, log_mean = of_x / total, of_log / total
        sd, log_sd = (
            np.sqrt(max(square - total * m**2, 0.0) / freedom)
            for square, m in ((of_xx, mean), (of_log2, log_mean))
        )
        reached = np.append(0.0, np.cumsum(drawn @ counts))
        shares = np.array(list(QUANTILES.values())) * reached[-1]
        d10, median, d90 = np.interp(shares, reached, edges)
        _, square, cube, fourth = moments
        plain = (mean, sd, d10, median, d90, (d90 - d10) / median)
        rows.append((*plain, np.exp(log_mean), np.exp(log_sd), cube / square, fourth / cube))
    return np.array(rows)


def _fit_distance(values: NDArray, weights: NDArray, mean: float, sd: float) -> float:
    if sd <= 1:
        return float("nan")
    reached = np.cumsum(weights) / weights.sum()
    fitted = ndtr(np.log(values / mean) / np.log(sd))
    before = np.concatenate([[0.0], reached[:-1]])
    return float(max(np.abs(reached - fitted).max(), np.abs(before - fitted).max()))


def histogram(values: NDArray, weights: NDArray) -> tuple[NDArray, NDArray]:
    """Return (edges [k + 1], share of the particles in each bin [k]), for plots.

    The width of the bins follows Freedman and Diaconis, 8 to 40 of them.
    """
    if not len(values):
        return np.array([0.0, 1.0]), np.zeros(1)
    low, high = float(values.min()), float(values.max())
    if high <= low:
        return np.array([low - 0.5, high + 0.5]), np.ones(1)
    quarters = np.quantile(values, [0.25, 0.75])
    width = 2 * (quarters[1] - quarters[0]) / len(values) ** (1 / 3)
    count = int(np.clip((high - low) / width if width > 0 else 8, 8, 40))
    share, edges = np.histogram(values, bins=count, weights=weights)
    return edges, share / weights.sum()


def mean_orientation(degrees: NDArray, weights: NDArray | None = None) -> tuple[float, float]:
    """Return (mean direction in [0, 180), order from 0 to 1) of axes given in degrees.

    An axis has no head: angles are doubled before the vector mean and halved after it (Mardia and
    Jupp 2000). Order 0 is no preferred direction, 1 all parallel.
    """
    degrees = np.asarray(degrees, np.float64)
    weights = np.ones_like(degrees) if weights is None else np.asarray(weights, np.float64)
    if not weights.sum():
        return float("nan"), float("nan")
    vector = (np.exp(2j * np.radians(degrees)) * weights).sum() / weights.sum()
    return float(np.degrees(np.angle(vector)) / 2 % 180), float(abs(vector))


def cautions(across_px: NDArray, weights: NDArray) -> list[str]:
    """Return what speaks against the numbers, in sentences, for diameters [n] in pixels."""
    whole = np.asarray(across_px)[np.asarray(weights) > 0]
    words = []
    if not len(whole):
        return ["No particle lies wholly inside the picture: there is no size distribution."]
    if len(whole) < MIN_PARTICLES:
        words.append(
            f"Only {len(whole)} particle{'s' * (len(whole) > 1)}: with fewer than {MIN_PARTICLES} "
            "the tails (D10, D90) are uncertain."
        )
    small = int((whole < MIN_ACROSS_PX).sum())
    if small:
        words.append(
            f"{small} of {len(whole)} particles are less than {MIN_ACROSS_PX} px across: at this "
            "magnification their sizes and shapes are rough."
        )
    cut = int((np.asarray(weights) == 0).sum())
    if cut > len(whole):
        words.append(
            f"The frame cuts {cut} particles, more than the {len(whole)} that are whole: take a "
            "larger field or a lower magnification."
        )
    return words
