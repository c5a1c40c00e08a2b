"""Measure a bundle on annotated fields: does it segment, does its cycle close, is its style alive?

`evaluate_bundle(..., full=True)` adds the fidelity of the images (`fancgan.evaluation.fidelity`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from fancgan.datasets.fields import Field
from fancgan.errors import UserError
from fancgan.evaluation.appearance import background_mean, measure_noise
from fancgan.evaluation.report import Figure, over_images
from fancgan.evaluation.segmentation import (
    PipelineLike,
    score_bundle,
    score_otsu,
    segmentation_figures,
)

CYCLE_SEEDS = 2
SEEDS_APART = 1000


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
) -> dict:
    """Return {"figures": {name: Figure as a dict}, ...}, made of JSON types alone.

    fields: the images to judge on, at native resolution; train_fields: those the bundle learned
    from, which only serve to say what real images score against each other. seeds: synthetic images
    per field, with seeds `seed_of(seed, field, 0 .. seeds - 1)`. full: the fidelity figures too, on
    features of that name, and LPIPS where it is set. progress is called with a line before each
    part. Raises UserError where there is no field or fewer than two seeds, and, for the fidelity,
    where weights are missing or a field is smaller than 256 x 256.
    """
    if not fields:
        raise UserError("There is no image to evaluate on; name a data set with a val split.")
    if seeds < 2:
        raise UserError(f"{seeds} seeds have no spread; evaluate with at least 2.")
    say = progress or (lambda line: None)
    judges = None
    if full:
        from fancgan.evaluation.fidelity import fidelity_figures, judges_for

        judges = judges_for(fields, features, lpips, str(getattr(pipe, "device", "cpu")))
    started = time.monotonic()

    say(f"segmenting {len(fields)} real images")
    real_scores = [[score_bundle(pipe, f.image, f.mask, f.labels)] for f in fields]
    otsu_scores = [[score_otsu(f.image, f.mask, f.labels)] for f in fields]
    figures = segmentation_figures(real_scores, {"Otsu threshold": otsu_scores}, "real images")

    say(f"synthesizing {len(fields)} x {seeds} images")
    fakes = [
        [pipe.synthesize(f.mask, seed=seed_of(seed, i, k)) for k in range(seeds)]
        for i, f in enumerate(fields)
    ]
    say("reading the synthetic images back")
    cycle_scores = [
        [score_bundle(pipe, fake, f.mask, f.labels) for fake in row[:CYCLE_SEEDS]]
        for f, row in zip(fields, fakes, strict=True)
    ]
    figures |= segmentation_figures(
        cycle_scores,
        {"real": real_scores},
        "synthetic images (against their own masks)",
        ("dice", "ap50", "d50_error"),
        prefix="cycle_",
    )
    figures |= style_figures(fields, fakes, train_fields)
    if judges:
        figures |= fidelity_figures(pipe, fields, fakes, train_fields, judges, seed, say)
    return {
        "bundle": getattr(pipe, "revision", None),
        "images": [f.stem for f in fields],
        "train_images": len(train_fields or ()),
        "seeds_per_image": seeds,
        "seed": seed,
        "threshold": float(pipe.config["operating_point"]["threshold"]),
        "features": features if full else None,
        "seconds": round(time.monotonic() - started, 1),
        "figures": {name: figure.to_dict() for name, figure in figures.items()},
        "per_image": [
            {"image": f.stem, "dice": s.dice, "ap50": s.matchings[0].average_precision}
            | {"cycle_dice": [c.dice for c in cycle]}
            for f, (s,), cycle in zip(fields, real_scores, cycle_scores, strict=True)
        ],
    }


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
