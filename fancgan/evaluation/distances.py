"""Distances between two sets of images, on features [n, d]; where the features come from is not
their business (`fancgan.evaluation.features`), so each is tested without a network.

`groups` name the image that a patch was cut from: int [n]. Patches of one image are never treated
as independent: intervals are drawn, and classifier folds cut, by image.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata


def frechet_distance(x: NDArray, y: NDArray) -> float:
    """Return |mx - my|^2 + Tr(Sx + Sy - 2 (Sx Sy)^(1/2)) of features [n, d], [m, d] (Heusel 2017).

    The trace of the root is the nuclear norm of Xc Yc^T / sqrt((n - 1)(m - 1)), exact for any rank,
    so few samples cost no accuracy of arithmetic. They do cost bias: the value falls with n; quote
    it with n and beside the same of real against real. Identical sets give 0.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if len(x) < 2 or len(y) < 2:
        raise ValueError("a Frechet distance needs at least two samples on each side")
    xc, yc = x - x.mean(0), y - y.mean(0)
    scale = np.sqrt((len(x) - 1) * (len(y) - 1))
    root = np.linalg.norm(xc @ yc.T, "nuc") / scale
    spread = (xc**2).sum() / (len(x) - 1) + (yc**2).sum() / (len(y) - 1)
    return float(((x.mean(0) - y.mean(0)) ** 2).sum() + spread - 2 * root)


def _kernel(x: NDArray, y: NDArray) -> NDArray:
    return (x @ y.T / x.shape[1] + 1) ** 3


class KernelTable:
    """Kernel values summed by pairs of images: KID of any selection of the images at no cost.

    x [n, d] and y [m, d] are features, groups_x [n] and groups_y [m] the images (0, 1, ...). The
    unbiased kernel distance (Binkowski et al. 2018) is the squared maximum mean discrepancy with
    the kernel (x.y / d + 1)^3, over all pairs. Not scaled; reports multiply by 1000. Negative
    values are chance around 0.
    """

    def __init__(self, x: NDArray, y: NDArray, groups_x: NDArray, groups_y: NDArray):
        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        if len(x) < 2 or len(y) < 2:
            raise ValueError("a kernel distance needs at least two samples on each side")
        one_x, one_y = np.eye(groups_x.max() + 1)[groups_x], np.eye(groups_y.max() + 1)[groups_y]
        self._xx = self._within(x, one_x)
        self._yy = self._within(y, one_y)
        self._xy = (one_x.T @ _kernel(x, y) @ one_y, np.outer(one_x.sum(0), one_y.sum(0)))

    @staticmethod
    def _within(x: NDArray, one_hot: NDArray) -> tuple[NDArray, NDArray]:
        kernel = _kernel(x, x)
        np.fill_diagonal(kernel, 0)
        sizes = one_hot.sum(0)
        return one_hot.T @ kernel @ one_hot, np.outer(sizes, sizes) - np.diag(sizes)

    def kid(self, images_x: NDArray | None = None, images_y: NDArray | None = None) -> float:
        """Return the KID of the images drawn (with repetition; all of them once by default).

        Two draws of one image are not compared with each other, and the share of pairs within one
        image stays what it is without drawing; else repetition itself would look like a distance.
        """
        sums, pairs = self._xy
        draws_x = np.arange(len(sums)) if images_x is None else images_x
        draws_y = np.arange(sums.shape[1]) if images_y is None else images_y
        cross = np.ix_(draws_x, draws_y)
        within = self._mean_within(*self._xx, draws_x) + self._mean_within(*self._yy, draws_y)
        return float(within - 2 * (sums[cross].sum() / pairs[cross].sum()))

    @staticmethod
    def _mean_within(sums: NDArray, pairs: NDArray, draws: NDArray) -> float:
        own_pairs = pairs[draws, draws].sum()
        own = sums[draws, draws].sum() / own_pairs if own_pairs else 0.0
        other = draws[:, None] != draws[None]
        table = np.ix_(draws, draws)
        other_pairs = (pairs[table] * other).sum()
        share = np.trace(pairs) / pairs.sum()
        if not other_pairs:
            return own if share == 1 else float("nan")
        return share * own + (1 - share) * (sums[table] * other).sum() / other_pairs


def auc(scores_x: NDArray, scores_y: NDArray) -> float:
    """Return the chance that a random x scores higher than a random y, ties half (Mann-Whitney)."""
    n, m = len(scores_x), len(scores_y)
    ranks = rankdata(np.concatenate([scores_x, scores_y]))
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


def two_sample_auc(
    x: NDArray, y: NDArray, groups_x: NDArray, groups_y: NDArray, folds: int = 8, ridge: float = 0.1
) -> NDArray:
    """Return how well a linear classifier tells x from y on images it has not seen, [n_folds].

    Ridge regression of +-1 on standardised features (in its dual form, so d may exceed n). Equal
    numbers in groups_x and groups_y go into one fold, held out together. One AUC per fold: 0.5 for
    sets that cannot be told apart, 1 where one look is enough.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    fold_x, fold_y = groups_x % folds, groups_y % folds
    result = []
    for fold in np.intersect1d(fold_x, fold_y):
        train_x, train_y = x[fold_x != fold], y[fold_y != fold]
        if not len(train_x) or not len(train_y):
            continue
        train = np.concatenate([train_x, train_y])
        centre, scale = train.mean(0), train.std(0) + 1e-6
        z = (train - centre) / scale
        sides = np.repeat([1 / len(train_x), -1 / len(train_y)], [len(train_x), len(train_y)])
        target = sides * len(train) / 2
        dual = np.linalg.solve(z @ z.T / z.shape[1] + ridge * np.eye(len(z)), target)
        direction = z.T @ dual
        held_out = (x[fold_x == fold], y[fold_y == fold])
        result.append(auc(*((side - centre) / scale @ direction for side in held_out)))
    return np.array(result)


def r_squared(asked: NDArray, measured: NDArray) -> float:
    """Return 1 - sum (measured - asked)^2 / sum (asked - mean)^2: obedience, not correlation.

    A constant offset counts as disobedience. nan where all that was asked is the same.
    """
    asked, measured = np.asarray(asked, np.float64), np.asarray(measured, np.float64)
    total = ((asked - asked.mean()) ** 2).sum()
    return float(1 - ((measured - asked) ** 2).sum() / total) if total > 0 else float("nan")
