"""The images of one field, condensed to what the fidelity figures compare; and the distances."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fancgan.evaluation import appearance
from fancgan.evaluation.appearance import EdgeProfile
from fancgan.evaluation.distances import KernelTable, frechet_distance
from fancgan.evaluation.features import Extractor, patches

DRAWN_FLOOR = "as many real train images against the others, mean"
FLOOR_DRAWS = 20


@dataclass(frozen=True)
class FieldSummary:
    """Statistics of the images of one field: one real image, or several painted on its mask.

    histogram [256]; log_psd [63]; noise [3]: sd, autocorrelation at 1 and 2 px, mean over the
    images; features [patches of all images, d].
    """

    histogram: NDArray
    log_psd: NDArray
    edge: EdgeProfile
    noise: NDArray
    features: NDArray


def summarise_field(
    images: Sequence[NDArray], mask: NDArray, extractor: Extractor, featured: int = 1
) -> FieldSummary:
    """Condense images [H, W] of one mask; the first `featured` of them go through the network."""
    edges = [appearance.edge_profile(image, mask) for image in images]
    noises = [appearance.measure_noise(image, mask) for image in images]
    return FieldSummary(
        histogram=np.mean([appearance.grey_histogram(image) for image in images], 0),
        log_psd=np.mean([appearance.radial_log_psd(image) for image in images], 0),
        edge=_sum(edges),
        noise=np.mean([(n.sd, n.autocorrelation_1px, n.autocorrelation_2px) for n in noises], 0),
        features=np.concatenate([extractor(patches(image)) for image in images[:featured]]),
    )


def _sum(profiles: list[EdgeProfile]) -> EdgeProfile:
    return sum(profiles[1:], profiles[0])


Summaries = Sequence[FieldSummary]


def stacked_features(summaries: Summaries) -> tuple[NDArray, NDArray]:
    """Return the features [n, d] of all fields and the number of the field of each row [n]."""
    sizes = [len(one.features) for one in summaries]
    fields = np.repeat(np.arange(len(summaries)), sizes)
    return np.concatenate([one.features for one in summaries]), fields


Distance = Callable[[Summaries, Summaries], float]


def _apart(distance: Callable, pooled: Callable[[Summaries], object]) -> Distance:
    """The distance of what each of two sets comes to."""
    return lambda fake, real: distance(pooled(fake), pooled(real))


def _mean(name: str) -> Callable[[Summaries], NDArray]:
    return lambda summaries: np.mean([getattr(one, name) for one in summaries], 0)


def _mean_noise(summaries: Summaries) -> NDArray:
    return np.nanmean([one.noise for one in summaries], 0)


# name: (distance of two sets, unit, meaning)
DISTANCES: dict[str, tuple[Distance, str, str]] = {
    "frechet": (
        _apart(frechet_distance, lambda summaries: stacked_features(summaries)[0]),
        "",
        "Frechet distance of the features; biased upwards, so mind n",
    ),
    "log_psd": (
        _apart(appearance.psd_distance, _mean("log_psd")),
        "decades",
        "mean distance of the radial log power spectra",
    ),
    "grey_w1": (
        _apart(appearance.grey_w1, _mean("histogram")),
        "grey levels",
        "distance of the grey-level histograms, nothing adjusted",
    ),
    "noise_sd_error": (
        _apart(lambda fake, real: float(fake[0] / real[0] - 1), _mean_noise),
        "",
        "noise of the background / the real one, minus 1",
    ),
    "noise_autocorrelation_error": (
        _apart(lambda fake, real: float(fake[1] - real[1]), _mean_noise),
        "",
        "autocorrelation of the noise at one pixel minus the real one",
    ),
    "edge_profile": (
        _apart(appearance.edge_rmse, lambda summaries: _sum([one.edge for one in summaries])),
        "grey levels",
        "RMS error of grey level by distance from the outline",
    ),
}


def drawn_floor(
    distance: Callable[[NDArray, NDArray], float], train: int, judged: int
) -> dict[str, float]:
    """Mean distance of `judged` training images, drawn FLOOR_DRAWS times, to the other ones.

    distance takes their numbers and those of the others. One split alone is a matter of luck.
    """
    if train < 2 * judged:
        return {}
    orders = [np.random.default_rng(k).permutation(train) for k in range(FLOOR_DRAWS)]
    values = [abs(distance(order[:judged], order[judged:])) for order in orders]
    return {DRAWN_FLOOR: float(np.mean(values))}


def kernel_table(fake: Summaries, real: Summaries) -> KernelTable:
    """Return the kernel sums of two sets of fields, by field."""
    (x, groups_x), (y, groups_y) = stacked_features(fake), stacked_features(real)
    return KernelTable(x, y, groups_x, groups_y)
