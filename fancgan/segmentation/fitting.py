"""How the small classifiers are fitted. Nothing that finds particles needs this."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from fancgan.segmentation.classifier import CLIP_SD, SmallClassifier

STEPS, RATE = 500, 0.02
FIRST_SD = 0.3  # of the hidden units' first weights
LEAST_SD = 1e-6  # a feature that varies less says nothing
LEAST_ROWS = 5  # of either answer; fewer teach nothing


def is_fittable(target: NDArray[np.float64]) -> bool:
    """Whether the rows hold enough of both answers, yes (above 0.5) and no."""
    yes = int((target > 0.5).sum())
    return min(yes, len(target) - yes) >= LEAST_ROWS


def fit_small(
    features: NDArray[np.float64],
    target: NDArray[np.float64],
    weight: NDArray[np.float64],
    *,
    units: int,
    decay: float = 1e-4,
    columns: Sequence[int] | None = None,
) -> SmallClassifier:
    """Return the classifier of least weighted cross-entropy, the same for the same rows.

    features [rows, n]; target [rows] in [0, 1], a probability where it is no plain answer; weight
    [rows] of each. units: hidden ones. decay: of the squared weights. columns: of the features that
    it may ask, None for all; one that does not vary is never asked.
    """
    mean, sd = features.mean(0), features.std(0)
    asked = sd > LEAST_SD
    if columns is not None:
        asked &= np.isin(np.arange(len(sd)), columns)
    sd = np.where(sd > LEAST_SD, sd, 1.0)
    x = torch.from_numpy(((features - mean) / sd).clip(-CLIP_SD, CLIP_SD)[:, asked])
    y, share = torch.from_numpy(target), torch.from_numpy(weight / weight.sum())
    draws = torch.Generator().manual_seed(0)
    first = torch.randn(x.shape[1] + 1, units, generator=draws, dtype=x.dtype) * FIRST_SD
    hidden = first.requires_grad_()
    weights = torch.zeros(units, dtype=x.dtype, requires_grad=True)
    bias = torch.zeros(1, dtype=x.dtype, requires_grad=True)
    optimiser = torch.optim.Adam([hidden, weights, bias], RATE)
    for step in range(STEPS):
        optimiser.param_groups[0]["lr"] = RATE * (1 - step / STEPS)
        logits = torch.tanh(x @ hidden[:-1] + hidden[-1]) @ weights + bias
        loss = (share * F.binary_cross_entropy_with_logits(logits, y, reduction="none")).sum()
        loss = loss + decay * (hidden.square().sum() + weights.square().sum())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    learned = np.zeros((len(asked) + 1, units))
    learned[np.append(asked, True)] = hidden.detach().numpy()
    return SmallClassifier(mean, sd, learned, weights.detach().numpy(), bias.item())


def one_feature(count: int, column: int, middle: float, sd: float) -> SmallClassifier:
    """Return a classifier that nothing was learned for: 0.5 at `middle` of one of the features.

    0.88 at middle + sd; a negative sd turns it round.
    """
    hidden = np.zeros((count + 1, 1))
    hidden[column] = 0.25  # tanh is as good as linear there
    mean, sds = np.zeros(count), np.ones(count)
    mean[column], sds[column] = middle, abs(sd)
    return SmallClassifier(mean, sds, hidden, np.array([8.0 * np.sign(sd)]), 0.0)


def handed_on(count: int, column: int) -> SmallClassifier:
    """Return a classifier that hands on one of the features, a probability, within 0.01.

    Its logit is a z + b sinh(c z), of z around 0.5: two tanh units far off make the sinh.
    """
    hidden = np.zeros((count + 1, 3))
    hidden[column] = 0.01, 2, 2
    hidden[-1] = 0, -6.622, 6.622
    mean, sd = np.full(count, 0.5), np.full(count, 0.3)
    return SmallClassifier(mean, sd, hidden, np.array([114.2, 1000.0, 1000.0]), 0.0)


def predictions(classifier: SmallClassifier, features: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([classifier(row) for row in features])


Fit = Callable[[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]], SmallClassifier]


def cross_fitted(
    fit: Fit,
    features: NDArray[np.float64],
    target: NDArray[np.float64],
    weight: NDArray[np.float64],
    source: Sequence[str],
    folds: int = 4,
) -> NDArray[np.float64]:
    """Return for each row what a classifier says that saw no row of its source, float64 [rows].

    Where all rows are of one source, no such classifier can be had: then one that saw them.
    """
    names, number = np.unique(np.array(source), return_inverse=True)
    if len(names) < 2:
        return predictions(fit(features, target, weight), features)
    fold = number % min(folds, len(names))
    answer = np.zeros(len(target))
    for k in np.unique(fold):
        seen = fold != k
        answer[~seen] = predictions(
            fit(features[seen], target[seen], weight[seen]), features[~seen]
        )
    return answer
