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
from fancgan.segmentation.finding import Judgement
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
from fancgan.training.any_particle.answers import Answer, Decoded, answer, decode, pairs_to_join
from fancgan.training.any_particle.exams import Exam
from fancgan.training.any_particle.validation import SUMMIT_DEPTH
from fancgan.training.config import FULL_DISK_ADVICE

THRESHOLDS = (0.5, 0.6, 0.7)
LEAST_CONFIDENCES = (0.1, 0.2, 0.3, 0.4, 0.5)
GOOD_F1 = 0.5
RANKINGS = ("auc", "rank_correlation")
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
    threshold = choose_threshold(answers)

    rng = np.random.default_rng(0)
    pairs = [pairs_to_join(given, threshold, rng) for given in each(answers, "joining")]
    join, _, figures = learn("join", FIT_JOIN, PLAIN_JOIN, pairs, exams)

    decoded = [decode(given, join, threshold) for given in each(answers, "judging")]
    rows = [(d.features, d.right) for d in decoded]
    particle, confidences, more = learn("particle", FIT_PARTICLE, PLAIN_PARTICLE, rows, exams)
    figures |= more

    least = choose_least(exams, decoded, confidences)
    picture, more = learn_picture(exams, decoded, confidences, least)
    return Judgement(join, particle, picture, least, threshold), figures | more


def choose_threshold(answers: Sequence[Answer]) -> float:
    """Return the probability of particle whose masks have the greatest mean Dice by picture."""
    judged = [a for a in best_judges([a.exam for a in answers], answers) if a.exam.labels.any()]
    means = [float(np.mean([a.dice(t) for a in judged])) if judged else 0.0 for t in THRESHOLDS]
    return THRESHOLDS[int(np.argmax(means))]


def best_judges(exams: Sequence[Exam], items: Sequence[T]) -> list[T]:
    """Those of the items whose picture is as a person would give it, and not trained on."""
    plain = [(e, item) for e, item in zip(exams, items, strict=True) if e.plain]
    return [item for e, item in plain if e.aside] or [item for _, item in plain]


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
) -> float:
    """Return the least confidence to show: of the best mean AP50 by picture, spoiled ones too."""
    judged = [k for k, e in enumerate(exams) if e.aside and e.labels.any()]
    judged = judged or [k for k, e in enumerate(exams) if e.labels.any()]

    def mean(least: float) -> float:
        return float(np.mean([decoded[k].scores(confidences[k] >= least)[0] for k in judged]))

    return max(LEAST_CONFIDENCES, key=mean) if judged else LEAST_CONFIDENCES[0]


def learn_picture(
    exams: Sequence[Exam],
    decoded: Sequence[Decoded],
    confidences: Sequence[NDArray[np.float64]],
    least: float,
) -> tuple[SmallClassifier, dict[str, float]]:
    """Return the F1 score to expect of a picture as a classifier, and cross-fitted figures.

    It is the mean confidence of the particles shown, 0 where there is none; a classifier of all
    features takes its place where that ranks the pictures better.
    """
    shown = [(d, c, c >= least) for d, c in zip(decoded, confidences, strict=True)]
    features = np.array([d.picture(c, least) for d, c, _ in shown])
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
