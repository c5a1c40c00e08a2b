"""The latent z of an image: kept near a standard normal, and readable from what it painted.

The shipped generators make next to no use of it; it stays until the next training.
"""

from __future__ import annotations

from torch import Tensor


def kl_divergence(mean: Tensor, log_var: Tensor) -> Tensor:
    """KL(N(mean, exp(log_var)) || N(0, 1)) [N, z_dim], batch mean, sum over z."""
    return 0.5 * (mean.square() + log_var.exp() - 1 - log_var).sum(1).mean()


def latent_l1(read: Tensor, asked: Tensor) -> Tensor:
    """L1 between the latent read back from an image and that which it was painted with."""
    return (read - asked).abs().mean()
