"""What the critics say: their scores of real and of painted images, and their features of pairs.

Scores come as one tensor a scale, high for what a critic takes for real.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def hinge_critic_loss(real_scores: list[Tensor], fake_scores: list[Tensor]) -> Tensor:
    """Hinge loss of the critic, averaged over the scales (arXiv:1705.02894)."""
    terms = [
        F.relu(1 - r.float()).mean() + F.relu(1 + f.float()).mean()
        for r, f in zip(real_scores, fake_scores, strict=True)
    ]
    return torch.stack(terms).mean()


def hinge_generator_loss(fake_scores: list[Tensor]) -> Tensor:
    return torch.stack([-f.float().mean() for f in fake_scores]).mean()


def least_squares_critic_loss(real_scores: list[Tensor], fake_scores: list[Tensor]) -> Tensor:
    """Least-squares loss of the critic, the paper's (Mao et al. 2017, arXiv:1611.04076)."""
    terms = [
        (r.float() - 1).square().mean() + f.float().square().mean()
        for r, f in zip(real_scores, fake_scores, strict=True)
    ]
    return 0.5 * torch.stack(terms).mean()


def least_squares_generator_loss(fake_scores: list[Tensor]) -> Tensor:
    return torch.stack([(f.float() - 1).square().mean() for f in fake_scores]).mean()


ADVERSARIAL = {
    "hinge": (hinge_critic_loss, hinge_generator_loss),
    "least_squares": (least_squares_critic_loss, least_squares_generator_loss),
}


def feature_matching_loss(
    fake_features: list[list[Tensor]], real_features: list[list[Tensor]], weight: Tensor
) -> Tensor:
    """L1 between the critic's features of paired fake and real images, per scale and layer.

    weight [N, 1, H, W]: how much each place counts, averaged to the size of each layer.
    """
    terms = [
        ((f.float() - r.detach().float()).abs() * _sized(weight, f)).mean()
        for fakes, reals in zip(fake_features, real_features, strict=True)
        for f, r in zip(fakes, reals, strict=True)
    ]
    return torch.stack(terms).mean()


def _sized(weight: Tensor, like: Tensor) -> Tensor:
    return F.adaptive_avg_pool2d(weight, (like.shape[2], like.shape[3]))
