"""Measure a bundle on annotated fields: does it segment, does its cycle close, is its style alive?

`evaluate_bundle(..., full=True)` adds the fidelity of the images (`fancgan.evaluation.fidelity`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from fancgan.datasets.fields import Field
from fancgan.errors import UserError
from fancgan.evaluation.appearance import background_mean, measure_noise
from fancgan.evaluation.report import Figure, over_images
from fancgan.evaluation.segmentation import (
    PipelineLike,
    SegmentationScores,
    by_source,
    confidence_figures,
    read_image,
    score_segmentation,
    segmentation_figures,
)
from fancgan.evaluation.thresholding import BASELINES
from fancgan.segmentation.finding import Found

CYCLE_SEEDS = 2
SEEDS_APART = 1000

Seen = Callable[[Field, Found, SegmentationScores], None]


def seed_of(seed: int, field_number: int, draw: int) -> int:
    """The seed of one synthetic image: every field draws looks of its own."""
    return seed + SEEDS_APART * field_number + draw


def evaluate_bundle(
    pipe: PipelineLike,
    fields: Sequence[Field],
    train_fields: Sequence[Field] | None = None,
    seeds: int = 8,
    full: bool = False,
    seed: int = 0,
    features: str = "efficientnet_lite1",
    lpips: bool = False,
    progress: Callable[[str], None] | None = None,
    sources: Mapping[str, str] | None = None,
    seen: Seen | None = None,
) -> dict:
    """Return {"figures": {name: Figure as a dict}, ...}, made of JSON types alone.

    fields: the images to judge on, at native resolution; train_fields: those the bundle learned
    from, which only serve to say what real images score against each other. seeds: synthetic images
    per field, with seeds `seed_of(seed, field, 0 .. seeds - 1)`; 0, and a bundle without a
    generator: segmentation alone. full: the fidelity figures too, on features of that name, and
    LPIPS where it is set. progress is called with a line before each part and after each image.
    sources: {stem: source}; intervals of the segmentation are then over sources. seen is called
    with each image, what was found in it, and its scores. Raises UserError where there is no field
    or a single seed, and, for the fidelity, where there is no generator or seed, where weights are
    missing or a field is smaller than 256 x 256.
    """
    if not fields:
        raise UserError("There is no image to evaluate on; name a data set with a val split.")
    if seeds == 1 or seeds < 0:
        raise UserError(f"{seeds} seeds have no spread; evaluate with at least 2, or with 0.")
    by_look = getattr(pipe, "any_look", False) and seeds > 0
    paints = pipe.paints and seeds > 0 and not by_look
    if full and not paints:
        why = "evaluate with at least 2 seeds" if pipe.paints else "the bundle has no generator"
        if by_look:
            why = "this bundle paints in the look of a reference, and is measured by that"
        raise UserError(f"The fidelity of images needs some that are painted: {why}.")
    say = progress or (lambda line: None)
    judges = None
    if full:
        from fancgan.evaluation.fidelity import judges_for

        judges = judges_for(fields, features, lpips, str(getattr(pipe, "device", "cpu")))
    started = time.monotonic()

    say(f"segmenting {len(fields)} real images")
    real_scores, baseline_scores = score_fields(pipe, fields, say, seen)
    stems = [f.stem for f in fields]
    grouped = partial(by_source, stems=stems, sources=sources or {})
    real = grouped(real_scores)
    of = f"images of {len(real)} sources" if len(real) < len(fields) else "images"
    baselines = {name: grouped(scores) for name, scores in baseline_scores.items()}
    figures = segmentation_figures(real, baselines, "real images", of=of)
    figures |= confidence_figures(real, of)

    cycle_scores: list[list[SegmentationScores]] = [[] for _ in fields]
    if paints:
        say(f"synthesizing {len(fields)} x {seeds} images")
        fakes = [
            [pipe.synthesize(f.mask, seed=seed_of(seed, i, k)) for k in range(seeds)]
            for i, f in enumerate(fields)
        ]
        say("reading the synthetic images back")
        cycle_scores = [
            [
                score_segmentation(f.mask, f.labels, *read_image(pipe, fake))
                for fake in row[:CYCLE_SEEDS]
            ]
            for f, row in zip(fields, fakes, strict=True)
        ]
        figures |= segmentation_figures(
            grouped(cycle_scores),
            {"real": real},
            "synthetic images (against their own masks)",
            ("dice", "ap50", "d50_error"),
            prefix="cycle_",
            of=of,
        )
        figures |= style_figures(fields, fakes, train_fields)
    if by_look:
        from fancgan.evaluation.looks.transfer import look_figures

        figures |= look_figures(pipe, fields, features=features, seed=seed, say=say)
    if judges:
        from fancgan.evaluation.fidelity import fidelity_figures

        figures |= fidelity_figures(pipe, fields, fakes, train_fields, judges, seed, say)
    return {
        "bundle": getattr(pipe, "revision", None),
        "images": stems,
        "train_images": len(train_fields or ()),
        "seeds_per_image": seeds if paints else 0,
        "seed": seed,
        "threshold": float(pipe.threshold),
        "features": features if full or by_look else None,
        "seconds": round(time.monotonic() - started, 1),
        "figures": {name: figure.to_dict() for name, figure in figures.items()},
        "per_image": [
            {"image": stem}
            | scores.to_dict()
            | {"cycle_dice": [c.dice for c in cycle]}
            | {name: rows[i][0].to_dict() for name, rows in baseline_scores.items()}
            for i, (stem, (scores,), cycle) in enumerate(
                zip(stems, real_scores, cycle_scores, strict=True)
            )
        ],
    }


def score_fields(
    pipe: PipelineLike, fields: Sequence[Field], say: Callable[[str], None], seen: Seen | None
) -> tuple[list[list[SegmentationScores]], dict[str, list[list[SegmentationScores]]]]:
    """Return the scores of the bundle and of each baseline on real images, one list per field."""
    real: list[list[SegmentationScores]] = []
    baselines: dict[str, list[list[SegmentationScores]]] = {name: [] for name in BASELINES}
    for number, field in enumerate(fields, 1):
        truth = field.labels > 0
        pred_mask, found = read_image(pipe, field.image)
        scores = score_segmentation(truth, field.labels, pred_mask, found)
        real.append([scores])
        for name, segment in BASELINES.items():
            labels = segment(field.image)
            baselines[name].append([score_segmentation(truth, field.labels, labels > 0, labels)])
        say(f"{number} of {len(fields)}, {field.stem}: AP50 {scores.ap50:.2f}")
        if seen:
            seen(field, found, scores)
    return real, baselines


def style_figures(
    fields: Sequence[Field],
    fakes: list[list[NDArray]],
    train_fields: Sequence[Field] | None = None,
) -> dict[str, Figure]:
    """Return the spread of the background over seeds and the noise against that of real images."""
    count = len(fakes[0])
    figure = partial(over_images, of="synthetic images", n=len(fields) * count)
    pairs = list(zip(fields, fakes, strict=True))
    means = [[background_mean(fake, f.mask) for fake in row] for f, row in pairs]
    known = [*fields, *(train_fields or ())]
    real_means = np.array([background_mean(f.image, f.mask) for f in known])
    real_sd = float(np.std(real_means, ddof=1)) if len(known) > 1 else float("nan")
    noise = [
        (_noise_sd(f.image, f), float(np.mean([_noise_sd(fake, f) for fake in row])))
        for f, row in pairs
    ]
    real_noise = np.nanmean([n[0] for n in noise])
    references = {"real noise, grey levels": float(real_noise)}
    if train_fields:
        train_noise = np.nanmean([_noise_sd(f.image, f) for f in train_fields])
        references["real train against these"] = float(train_noise / real_noise)
    return {
        "background_spread": figure(
            f"standard deviation of the background mean over {count} seeds",
            means,
            lambda rows: float(np.sqrt(np.nanmean([np.var(row, ddof=1) for row in rows]))),
            unit="grey levels",
            references={f"between {len(known)} real images": real_sd},
        ),
        "background_level": figure(
            "mean background of the synthetic images",
            means,
            lambda rows: float(np.nanmean(rows)),
            unit="grey levels",
            references={"real": float(np.nanmean(real_means[: len(fields)]))},
        ),
        "noise_ratio": figure(
            "noise of the synthetic background / of the real one (1 is right)",
            noise,
            lambda rows: float(np.nanmean([r[1] for r in rows]) / np.nanmean([r[0] for r in rows])),
            references=references,
        ),
    }


def _noise_sd(image: NDArray, field: Field) -> float:
    return measure_noise(image, field.mask).sd
