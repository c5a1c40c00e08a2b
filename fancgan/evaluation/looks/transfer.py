"""Right halves painted in the look of left halves, compared with the real right halves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from fancgan.datasets.fields import Field
from fancgan.evaluation.distances import KernelTable
from fancgan.evaluation.features import Extractor, load_extractor
from fancgan.evaluation.looks.halves import Halves, Levels, halves_of, levels_of, spectrum
from fancgan.evaluation.metrics import MIN_AREA_PX
from fancgan.evaluation.report import Figure, bootstrap_interval
from fancgan.evaluation.segmentation import PipelineLike
from fancgan.particles.instances import drop_small
from fancgan.particles.matching import iou_matrix, match

OF = "micrographs"


def look_figures(
    pipe: PipelineLike,
    fields: Sequence[Field],
    *,
    features: str = "efficientnet_lite1",
    seed: int = 0,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Figure]:
    """Return how paintings in the look of left halves compare with the real right halves.

    Beside each figure stands that of the real left half in place of the painting. None where fewer
    than three fields are wide enough, which is said.
    """
    halves = halves_of(fields)
    if len(halves) < 3:
        say(
            "not measuring how it paints: fewer than three images are 512 pixels wide with "
            "particles in both halves"
        )
        return {}
    say(f"painting {len(halves)} right halves in the look of the left")
    painted = [
        pipe.synthesize(h.truth.labels.astype(np.int32), seed=seed + k, style=h.reference.image)
        for k, h in enumerate(halves)
    ]
    say("comparing them with the real ones")
    found = _by_features(load_extractor(features), halves, painted)
    found |= _by_levels(halves, painted)
    found["look_log_psd"] = _by_spectrum(halves, painted)
    found["look_ap50_ratio"] = _by_segmenter(pipe, halves, painted)
    return found


def _by_features(
    extract: Extractor, halves: Sequence[Halves], painted: Sequence[NDArray]
) -> dict[str, Figure]:
    each = np.arange(len(halves))
    real = extract(np.stack([h.truth.image for h in halves]))
    left = extract(np.stack([h.beside.image for h in halves]))
    made = extract(np.stack(painted))
    tables = [KernelTable(x, real, each, each) for x in (made, left)]

    def kid(indices: NDArray) -> float:
        return 1000 * tables[0].kid(indices, indices)

    centre, sd = real.mean(0), real.std(0) + 1e-6

    def alike(x: NDArray) -> NDArray:
        a, b = (x - centre) / sd, (real - centre) / sd
        return np.array([np.corrcoef(p, q)[0, 1] for p, q in zip(a, b, strict=True)])

    own, floor = alike(made), alike(left)
    return {
        "look_kid": Figure(
            "KID x 1000 of paintings in the look of the left half against the real right halves",
            1000 * tables[0].kid(),
            len(halves),
            OF,
            interval=bootstrap_interval(kid, len(halves)),
            references={"real": 1000 * tables[1].kid()},
        ),
        "look_feature_correlation": _mean(
            "correlation of standardised features, painting with the real right half", own, floor
        ),
    }


def _by_levels(halves: Sequence[Halves], painted: Sequence[NDArray]) -> dict[str, Figure]:
    truth, left, made, asked = [], [], [], []
    for h, image in zip(halves, painted, strict=True):
        truth.append(levels_of(h.truth.image, h.truth.labels))
        made.append(levels_of(image, h.truth.labels))
        left.append(levels_of(h.beside.image, h.beside.labels))
        asked.append(levels_of(h.reference.image, h.reference.labels))

    def share(meaning: str, holds: Callable[[Levels, Levels], bool], against: list) -> Figure:
        own, floor = (
            np.array([holds(a, b) for a, b in zip(against, x, strict=True)], float)
            for x in (made, left)
        )
        return _mean(meaning, own, floor)

    within = "both mean levels within 15 % of the contrast of the"
    return {
        "look_polarity": share(
            "particles on their right side of the ground", Levels.same_side, truth
        ),
        "look_levels": share(f"{within} real right half", Levels.near, truth),
        "look_levels_asked": share(f"{within} reference", Levels.near, asked),
        "look_noise": share("noise within 20 % of the real right half's", Levels.as_noisy, truth),
        "look_noise_asked": share("noise within 20 % of the reference's", Levels.as_noisy, asked),
    }


def _by_spectrum(halves: Sequence[Halves], painted: Sequence[NDArray]) -> Figure:
    """Of the mean spectra of all: single pictures differ by what they show."""
    real = np.stack([spectrum(h.truth.image) for h in halves])
    left = np.stack([spectrum(h.beside.image) for h in halves])
    made = np.stack([spectrum(image) for image in painted])

    def distance(x: NDArray, indices: NDArray) -> float:
        means = x[indices].mean(0), real[indices].mean(0)
        return float(np.abs(np.log10(means[0]) - np.log10(means[1])).mean())

    each = np.arange(len(halves))
    return Figure(
        "distance of the logarithms of the mean radial power spectra",
        distance(made, each),
        len(halves),
        OF,
        "decades",
        bootstrap_interval(lambda indices: distance(made, indices), len(halves)),
        {"real": distance(left, each)},
    )


def _by_segmenter(
    pipe: PipelineLike, halves: Sequence[Halves], painted: Sequence[NDArray]
) -> Figure:
    def precision(image: NDArray, h: Halves) -> float:
        found = pipe.predict(image).decode().labels
        pairs = [drop_small(labels, MIN_AREA_PX) for labels in (h.truth.labels, found)]
        return match(iou_matrix(*pairs)).average_precision

    made = np.array([precision(image, h) for image, h in zip(painted, halves, strict=True)])
    real = np.array([precision(h.truth.image, h) for h in halves])

    def ratio(indices: NDArray) -> float:
        return float(np.nanmean(made[indices]) / np.nanmean(real[indices]))

    each = np.arange(len(halves))
    interval = bootstrap_interval(ratio, len(halves))
    return Figure(
        "AP50 of the segmenter on paintings over that on the real right halves (means)",
        ratio(each),
        len(halves),
        OF,
        interval=interval,
    )


def _mean(meaning: str, own: NDArray, floor: NDArray) -> Figure:
    interval = bootstrap_interval(lambda indices: float(own[indices].mean()), len(own))
    references = {"real": float(floor.mean())}
    return Figure(meaning, float(own.mean()), len(own), OF, "", interval, references)
