"""The judgement of a trained particle network, learned by examining it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr
from tqdm import tqdm

from fancgan.evaluation.distances import auc
from fancgan.files import write_whole
from fancgan.networks.particle_net.deployed import DeployedParticleNet
from fancgan.networks.particle_net.network import ParticleNet
from fancgan.segmentation.classifier import SmallClassifier
from fancgan.segmentation.confidence import PARTICLE_FEATURES, PICTURE_FEATURES
from fancgan.segmentation.finding import LEAST_CONSIDERED, Judgement
from fancgan.segmentation.fitting import (
    Fit,
    cross_fitted,
    fit_small,
    handed_on,
    is_fittable,
    one_feature,
    predictions,
)
from fancgan.segmentation.joining import FEATURES
from fancgan.training.any_particle.answers import Decoded, answer, decode, pairs_to_join
from fancgan.training.any_particle.exams import Exam
from fancgan.training.any_particle.validation import SUMMIT_DEPTH
from fancgan.training.config import FULL_DISK_ADVICE

THRESHOLDS = (0.5, 0.6)  # of the probability of particle
LEAST_CONFIDENCES = (0.1, 0.2, 0.3, 0.4, 0.5)
GOOD_F1 = 0.5
RANKINGS = ("auc", "rank_correlation")
AS_GOOD = 0.005  # of mean AP50
WORTH = 0.02  # by which all features must rank pictures better than the particles' mean confidence

FIT_JOIN = partial(fit_small, units=8)
FIT_PARTICLE = partial(fit_small, units=6)
FIT_PICTURE = partial(fit_small, units=2, decay=3e-3)

# What serves where a run has too little to learn from (fitting.is_fittable): fragments are joined
# by the depth map alone, and a particle is believed by its probability.
PLAIN_JOIN = one_feature(len(FEATURES), FEATURES.index("lower peak over pass"), SUMMIT_DEPTH, -0.02)
PLAIN_PARTICLE = one_feature(len(PARTICLE_FEATURES), 0, 0.75, 0.08)

T = TypeVar("T")


class Interrupted(Exception):
    """The examination was asked to stop; nothing has come of it."""


def fit_judgement(
    network: ParticleNet,
    exams: Sequence[Exam],
    device: torch.device,
    stopped: Callable[[], bool] = lambda: False,
) -> tuple[Judgement, dict[str, float]]:
    """Examine the network; return its judgement, and cross-fitted figures of that.

    Raises Interrupted soon after `stopped` says so.
    """

    def each(items: Sequence[T], name: str) -> Iterator[T]:
        for item in tqdm(items, desc=name, unit="look"):
            if stopped():
                raise Interrupted
            yield item

    deployed = DeployedParticleNet(network).eval()
    answers = [answer(deployed, exam, device) for exam in each(exams, "looking")]
    tried = []
    for threshold in THRESHOLDS:
        rng, name = np.random.default_rng(0), f"of {threshold} and more"
        pairs = [pairs_to_join(a, threshold, rng) for a in each(answers, f"joining {name}")]
        join, _, figures = learn("join", FIT_JOIN, PLAIN_JOIN, pairs, exams)
        decoded = [decode(a, join, threshold) for a in each(answers, f"judging {name}")]
        rows = [(d.features, d.right) for d in decoded]
        particle, confidences, more = learn("particle", FIT_PARTICLE, PLAIN_PARTICLE, rows, exams)
        least, ap50 = choose_least(exams, decoded, confidences)
        figures |= more | {"ap50": ap50}
        tried.append((ap50, threshold, join, particle, least, decoded, confidences, figures))
    _, threshold, join, particle, least, decoded, confidences, figures = max(
        tried, key=lambda each: each[0]
    )
    picture, more = learn_picture(exams, decoded, confidences, least)
    return Judgement(join, particle, picture, least, threshold), figures | more


def learn(
    name: str,
    fit: Fit,
    plain: SmallClassifier,
    tables: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]],
    exams: Sequence[Exam],
) -> tuple[SmallClassifier, list[NDArray[np.float64]], dict[str, float]]:
    """Fit rows of many pictures; return classifier, cross-fitted answers by picture, figures.

    tables: features [n, k] and target [n] for each exam. A picture of n rows weighs sqrt(n) times
    its own weight, so that one of many particles does not outvote the others.
    """
    counts = [len(target) for _, target in tables]
    splits = np.cumsum(counts)[:-1]
    features, target = (np.concatenate(parts) for parts in zip(*tables, strict=True))
    if not is_fittable(target):
        return plain, np.split(predictions(plain, features), splits), {}
    weight = np.repeat([exam.weight for exam in exams], counts) / np.sqrt(np.repeat(counts, counts))
    source = np.repeat(sources_of(exams), counts).tolist()
    answers = cross_fitted(fit, features, target, weight, source)
    loss = -np.log(np.where(target > 0.5, answers, 1 - answers).clip(1e-6))
    figures = {
        f"{name}_rows": len(target),
        f"{name}_auc": auc(answers[target > 0.5], answers[target <= 0.5]),
        f"{name}_log_loss": float(np.average(loss, weights=weight)),
    }
    return fit(features, target, weight), np.split(answers, splits), figures


def choose_least(
    exams: Sequence[Exam], decoded: Sequence[Decoded], confidences: Sequence[NDArray[np.float64]]
) -> tuple[float, float]:
    """Return the least confidence to show, and the mean AP50 by picture that it gives.

    Pictures that the network was not trained on judge, as a person would give them, if there are
    any. Of values that are as good (AS_GOOD) the greatest is taken: it shows fewer wrong outlines.
    """
    fields = [k for k, exam in enumerate(exams) if exam.plain and exam.labels.any()]
    judges = [k for k in fields if exams[k].aside] or fields

    def mean(least: float) -> float:
        scores = [decoded[k].scores(confidences[k] >= least)[0] for k in judges]
        return float(np.mean(scores)) if scores else 0.0

    means = {least: mean(least) for least in LEAST_CONFIDENCES}
    best = max(means.values())
    chosen = max(least for least in LEAST_CONFIDENCES if means[least] >= best - AS_GOOD)
    return chosen, means[chosen]


def learn_picture(
    exams: Sequence[Exam],
    decoded: Sequence[Decoded],
    confidences: Sequence[NDArray[np.float64]],
    least: float,
) -> tuple[SmallClassifier, dict[str, float]]:
    """Return the F1 score to expect of a picture as a classifier, and cross-fitted figures.

    It is the mean confidence of the particles considered, 0 where there is none; a classifier of
    all features takes its place where that ranks the pictures better.
    """
    shown = [(d, c, c >= least) for d, c in zip(decoded, confidences, strict=True)]
    features = np.array([d.picture(c, LEAST_CONSIDERED) for d, c, _ in shown])
    f1 = np.array([d.scores(kept)[1] for d, _, kept in shown])
    weight = np.array([e.weight for e in exams])
    mean = handed_on(len(PICTURE_FEATURES), PICTURE_FEATURES.index("mean confidence of particles"))
    if not is_fittable(f1):
        return mean, {}
    answers = {
        "mean": predictions(mean, features),
        "all": cross_fitted(FIT_PICTURE, features, f1, weight, sources_of(exams)),
    }
    good = f1 >= GOOD_F1
    figures: dict[str, float] = {"pictures_good": int(good.sum())}
    for name, expected in answers.items():
        error = np.sqrt(np.average((expected - f1) ** 2, weights=weight))
        figures |= {
            f"picture_{name}_auc": auc(expected[good], expected[~good]),
            f"picture_{name}_rank_correlation": float(spearmanr(expected, f1)[0]),
            f"picture_{name}_error": float(error),
        }
    gain = [figures[f"picture_all_{k}"] - figures[f"picture_mean_{k}"] for k in RANKINGS]
    better = gain[0] > 0 and gain[1] > WORTH
    return (FIT_PICTURE(features, f1, weight) if better else mean), figures


def sources_of(exams: Sequence[Exam]) -> list[str]:
    return [exam.source for exam in exams]


def write_judgement(path: Path, judgement: Judgement, record: dict) -> None:
    """record: what else the file tells of it."""
    content = json.dumps(judgement.to_dict() | record, indent=1) + "\n"
    write_whole(path, content.encode(), advice=FULL_DISK_ADVICE)


def judged_step(path: Path) -> int | None:
    """Return the step whose weights a judgement was written for; None where there is none."""
    try:
        return json.loads(path.read_text())["step"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
