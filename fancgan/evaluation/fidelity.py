"""How far synthetic images are from real ones, beside real against real and two trivial painters.

Sets are compared on the same masks, at native resolution, with nothing adjusted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from fancgan.datasets.fields import Field
from fancgan.evaluation.appearance import background_mean, measure_noise
from fancgan.evaluation.baselines import ProfileAndNoise, TwoGreyLevels
from fancgan.evaluation.distances import KernelTable, r_squared, two_sample_auc
from fancgan.evaluation.features import Extractor, load_extractor, patches
from fancgan.evaluation.field_summary import (
    DISTANCES,
    Distance,
    FieldSummary,
    Summaries,
    drawn_floor,
    kernel_table,
    stacked_features,
    summarise_field,
)
from fancgan.evaluation.paired_similarity import Score, paired_figures, paired_scores
from fancgan.evaluation.report import Figure, bootstrap_interval, over_images
from fancgan.evaluation.retouching import fit_to_histogram, search_tone_map
from fancgan.evaluation.segmentation import PipelineLike
from fancgan.microscopy.tone import ToneMap

FEATURED_SEEDS = 4
FLOOR = "real train against these"
OBEDIENCE = {  # by the end of the figure's name
    "": "background mean",
    "_particles": "particle mean",
    "_noise": "background noise",
    "_grain": "direction of the grain",
}
SEARCH_PATCHES = 64  # of all that a tone map is to improve, those that it is looked for with


Judges = tuple[Extractor, dict[str, Score]]  # a frozen feature network, scores of pairs by name


def judges_for(
    fields: Sequence[Field], features: str, lpips: bool = False, device: str = "cpu"
) -> Judges:
    """Load the judges, before any image is made.

    Raises UserError where their weights cannot be had or a field is smaller than a crop.
    """
    judges = load_extractor(features, device), paired_scores(lpips, device)
    for field in fields:
        patches(field.image)
    return judges


def fidelity_figures(
    pipe: PipelineLike,
    fields: Sequence[Field],
    fakes: list[list[NDArray]],
    train_fields: Sequence[Field] | None,
    judges: Judges,
    seed: int = 0,
    say: Callable[[str], None] = print,
) -> dict[str, Figure]:
    """Return the fidelity figures of synthetic images, fakes[field][seed] uint8 [H, W].

    Floor (real train against these) and trivial painters need train_fields. The first
    FEATURED_SEEDS images of each field go through the feature network.
    """
    extractor, scores = judges

    def summaries(
        shown: Sequence[Field], rows: Sequence[Sequence[NDArray]], featured: int = 1
    ) -> Summaries:
        pairs = zip(shown, rows, strict=True)
        return [summarise_field(row, f.mask, extractor, featured) for f, row in pairs]

    say(f"features of the real images ({extractor.name})")
    real = summaries(fields, [[f.image] for f in fields])
    others: dict[str, Summaries] = {}
    painters: dict[str, TwoGreyLevels | ProfileAndNoise] = {}
    if train_fields:
        others[FLOOR] = summaries(train_fields, [[f.image] for f in train_fields])
        painters = {
            "two grey levels": TwoGreyLevels(train_fields),
            "profile and noise": ProfileAndNoise(train_fields),
        }
    painted = {
        name: [painter.synthesize(f.mask, seed + i) for i, f in enumerate(fields)]
        for name, painter in painters.items()
    }
    for name, images in painted.items():
        others[name] = summaries(fields, [[image] for image in images])
    say("features of the synthetic images")
    fake = summaries(fields, fakes, FEATURED_SEEDS)
    few = [row[:FEATURED_SEEDS] for row in fakes]

    figures = _kernel_figures(fake, real, others)
    figures |= _distance_figures(fake, real, others, n=sum(len(row) for row in fakes))
    figures["two_sample_auc"] = _auc_figure(fake, real, others)
    figures |= _diversity_figures(fake, real, others.get(FLOOR))
    figures |= paired_figures(fields, few, painted, scores)
    say("looking for a tone map that would help")
    known = list(zip([f.image for f in train_fields or ()], others.get(FLOOR, []), strict=True))
    figures["retouching_gap"] = _retouching_figure(few, real, fake, known, extractor)
    say("asking for the looks of real images")
    figures |= _obedience_figures(pipe, fields, train_fields or (), seed)
    return figures


def _kernel_figures(
    fake: Summaries, real: Summaries, others: dict[str, Summaries]
) -> dict[str, Figure]:
    table = kernel_table(fake, real)

    def kid(fields: list[int]) -> float:
        return 1000 * table.kid(np.array(fields), np.array(fields))

    references = {
        name: 1000 * kernel_table(summaries, real).kid() for name, summaries in others.items()
    }
    train = others.get(FLOOR, [])
    if train:
        own = kernel_table(train, train)
        references |= drawn_floor(lambda a, b: 1000 * own.kid(a, b), len(train), len(real))
    n = len(stacked_features(fake)[0])
    number = f"patches of 256 px ({len(stacked_features(real)[0])} real)"
    everything = range(len(real))
    meaning = "kernel distance of the features to the real images, x 1000; 0 is right"
    figures = {"kid_x1000": over_images(meaning, everything, kid, number, n, "", references)}
    floor = references.get(FLOOR, 0.0)
    if floor > 0:
        figures["kid_in_floors"] = over_images(
            "the same in units of real train against these",
            everything,
            lambda fields: kid(fields) / floor,
            number,
            n,
            "",
            {name: value / floor for name, value in references.items()},
        )
    return figures


def _distance_figures(
    fake: Summaries, real: Summaries, others: dict[str, Summaries], n: int
) -> dict[str, Figure]:
    pairs = list(zip(fake, real, strict=True))
    train = others.get(FLOOR, [])
    figures = {}
    for name, (distance, unit, meaning) in DISTANCES.items():
        references = {key: distance(summaries, real) for key, summaries in others.items()}
        references |= drawn_floor(partial(_of_places, distance, train), len(train), len(real))
        figures[name] = over_images(
            meaning,
            pairs,
            partial(_of_pairs, distance),
            of="patches of 256 px" if name == "frechet" else "synthetic images",
            n=len(stacked_features(fake)[0]) if name == "frechet" else n,
            unit=unit,
            references=references,
        )
    return figures


def _of_pairs(distance: Distance, pairs: list[tuple[FieldSummary, FieldSummary]]) -> float:
    return distance(*zip(*pairs, strict=True))


def _of_places(distance: Distance, summaries: Summaries, a: NDArray, b: NDArray) -> float:
    return distance([summaries[i] for i in a], [summaries[i] for i in b])


def _auc_figure(fake: Summaries, real: Summaries, others: dict[str, Summaries]) -> Figure:
    def folds(summaries: Summaries) -> NDArray:
        (x, groups_x), (y, groups_y) = stacked_features(summaries), stacked_features(real)
        return two_sample_auc(x, y, groups_x, groups_y, folds=len(real))

    return over_images(
        "chance that a linear classifier ranks an unseen fake above an unseen real patch; 0.5 is "
        "right",
        list(folds(fake)) or [float("nan")],
        lambda drawn: float(np.mean(drawn)),
        of="folds by image",
        references={name: float(np.mean(folds(summaries))) for name, summaries in others.items()},
    )


def _diversity_figures(
    fake: Summaries, real: Summaries, train: Summaries | None
) -> dict[str, Figure]:
    """Distance between summaries on one mask, and to the nearest training patch, in real units."""
    per_image = len(real[0].features)

    def between(centres: NDArray) -> float:
        gaps = np.linalg.norm(centres[:, None] - centres[None], axis=-1)
        return float(gaps[np.triu_indices(len(centres), 1)].mean())

    drawn = [one.features.reshape(-1, per_image, one.features.shape[1]).mean(1) for one in fake]
    known = [*real, *(train or [])]
    figures = {}
    if len(known) > 1:
        real_gap = between(np.stack([one.features.mean(0) for one in known]))
        figures["diversity"] = over_images(
            "feature distance between seeds on one mask / between real images",
            drawn,
            lambda rows: float(np.mean([between(row) for row in rows]) / real_gap),
            of="synthetic images",
            n=sum(len(row) for row in drawn),
        )
    if train:
        memory = stacked_features(train)[0]

        def nearest(one: FieldSummary) -> float:
            square = (one.features**2).sum(1)[:, None] + (memory**2).sum(1)[None]
            gaps = square - 2 * one.features @ memory.T
            return float(np.sqrt(np.maximum(gaps.min(1), 0)).mean())

        pairs = [(nearest(f), nearest(r)) for f, r in zip(fake, real, strict=True)]
        figures["nearest_train"] = over_images(
            "feature distance to the nearest training patch / that of real unseen patches; far "
            "below 1 is memorising",
            pairs,
            lambda drawn: float(np.sum([p[0] for p in drawn]) / np.sum([p[1] for p in drawn])),
            of="patches of 256 px",
            n=len(stacked_features(fake)[0]),
        )
    return figures


def _retouching_figure(
    fakes: list[list[NDArray]],
    real: Summaries,
    fake: Summaries,
    known: list[tuple[NDArray, FieldSummary]],
    extractor: Extractor,
) -> Figure:
    """What retouching gains on the images of each look, and on `known`, real training images."""
    best, gap = _retouching(fakes, fake, real, extractor)
    references = {}
    if known:
        images, summaries = [[image] for image, _ in known], [one for _, one in known]
        references[FLOOR] = _retouching(images, summaries, real, extractor)[1](None)
    return Figure(
        "share of KID that the best global tone map would remove "
        f"({', '.join(f'{k} {v:.2f}' for k, v in vars(best).items())}); 0 is right",
        gap(None),
        n=len(stacked_features(fake)[0]),
        of="patches of 256 px",
        interval=bootstrap_interval(gap, len(fakes)),
        references=references,
    )


def _retouching(
    images: list[list[NDArray]], summaries: Summaries, real: Summaries, extractor: Extractor
) -> tuple[ToneMap, Callable[[NDArray | None], float]]:
    """Return the best tone map of images, and the share of KID it removes for drawn fields.

    images: those whose features each of `summaries` has. The map is looked for on SEARCH_PATCHES of
    their patches; the share is that of all.
    """
    crops = [np.concatenate([patches(image) for image in row]) for row in images]
    per_field = len(crops[0])
    few = np.linspace(0, per_field - 1, max(1, SEARCH_PATCHES // len(crops))).astype(int)
    y, groups_y = stacked_features(real)

    def table(tone: ToneMap | None, chosen: NDArray) -> KernelTable:
        parts = [
            summary.features[chosen] if tone is None else extractor(tone(crop[chosen]))
            for crop, summary in zip(crops, summaries, strict=True)
        ]
        x, groups_x = np.concatenate(parts), np.repeat(np.arange(len(parts)), len(chosen))
        return KernelTable(x, y, groups_x, groups_y)

    source, target = (np.mean([one.histogram for one in side], 0) for side in (summaries, real))
    starts = [ToneMap(), fit_to_histogram(source, target)]
    best = search_tone_map(lambda tone: table(tone, few).kid(), starts)
    before, after = (table(tone, np.arange(per_field)) for tone in (None, best))

    def gap(fields: NDArray | None) -> float:
        raw = before.kid(fields, fields)
        return (raw - after.kid(fields, fields)) / raw if raw > 0 else float("nan")

    return best, gap


def _obedience_figures(
    pipe: PipelineLike, fields: Sequence[Field], train_fields: Sequence[Field], seed: int
) -> dict[str, Figure]:
    """Paint the masks in the look of each real image, and compare what was asked with what came."""
    references = [*fields, *train_fields]
    if len(references) < 3:
        return {}
    rows = []
    for i, reference in enumerate(references):
        mask = fields[(i + 1) % len(fields)].mask
        image = pipe.synthesize(mask, seed=seed + i, style=reference.image)
        asked = [_style_of(reference.image, reference.mask), _style_of(image, mask)]
        rows.append(np.array(asked))
    figures = {}
    for axis, (name, what) in enumerate(OBEDIENCE.items()):
        figures[f"style_obedience{name}"] = over_images(
            f"R2 of the {what} asked for by a reference image and the one painted; 1 is right",
            rows,
            partial(_obedience, axis),
            of="reference images",
        )
    return figures


def _obedience(axis: int, rows: list[NDArray]) -> float:
    """R2 of what was painted, rows[.][1], by what was asked for, rows[.][0]."""
    return r_squared(np.array([r[0, axis] for r in rows]), np.array([r[1, axis] for r in rows]))


def _style_of(image: NDArray, mask: NDArray) -> list[float]:
    noise = measure_noise(image, mask)
    return [
        background_mean(image, mask),
        float(image[mask].mean(dtype=np.float64)) if mask.any() else float("nan"),
        noise.sd,
        noise.direction,
    ]
