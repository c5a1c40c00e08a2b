"""Painted against real images of the same masks, pixel by pixel where the mask decides them.

And the latent z of an image, kept near a standard normal and readable from what it painted: the
shipped generators make next to no use of it; it stays until the next training.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fancgan.networks.filters import dilate, gaussian_blur


def near_outlines(mask: Tensor, outside_px: int, inside_px: int) -> Tensor:
    """1 where paired images are compared, outlines with their halo, else 0: [N, 1, H, W].

    mask [N, 1, H, W] in {0, 1}; reaches of 0 px stand for everywhere. The mask does not say where
    the substrate has its residues, nor where facets cross a particle: asking for the pixels of one
    real image there would ask for their mean, that is, for none.
    """
    near = dilate(mask, outside_px) if outside_px else torch.ones_like(mask)
    return near * dilate(1 - mask, inside_px) if inside_px else near


def blurred_l1(fake: Tensor, real: Tensor, where: Tensor, sigma: float = 1.0) -> Tensor:
    """L1 between blurred images, mean over the pixels `where` is 1 [N, 1, H, W].

    At full resolution L1 asks for the mean of all that the mask allows, that is, for no noise.
    """
    difference = gaussian_blur((fake - real) * where, sigma).abs()
    return (difference * where).sum() / where.sum().clamp(min=1)


def kl_divergence(mean: Tensor, log_var: Tensor) -> Tensor:
    """KL(N(mean, exp(log_var)) || N(0, 1)) [N, z_dim], batch mean, sum over z."""
    return 0.5 * (mean.square() + log_var.exp() - 1 - log_var).sum(1).mean()
