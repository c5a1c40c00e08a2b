"""Painted against real crops as two sets: a kernel distance on frozen features that trains.

A critic looks at the few crops of a step. What sets synthetic images apart on the whole (a texture
too rare, a look too common) shows only over hundreds: here those of the last steps are remembered.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from fancgan.training.critics import Viewer
from fancgan.training.losses.perceptual import EfficientNetLiteFeatures

BLOCKS = (2, 4, 10, 15)  # strides 4, 8, 16, 32
REMEMBERED = 512
LEAST = 32  # fewer remembered crops say nothing of a set
BATCH = 16
KERNEL_SCALES = (0.2, 0.5, 1.0, 2.0)


def rational_kernel(x: Tensor, y: Tensor) -> Tensor:
    """Sum of rational quadratic kernels of features [N, d], [M, d] at KERNEL_SCALES: [N, M].

    (1 + |x - y|^2 / (2 a d))^-a (Binkowski et al. 2018, arXiv:1801.01401, section 3.3); bounded, so
    that the first images of a training, far from all real ones, do not upset it.
    """
    distance = torch.cdist(x, y).square() / x.shape[1]
    return cast(Tensor, sum((1 + distance / (2 * a)) ** -a for a in KERNEL_SCALES))


def kernel_witness(features: Tensor, fakes: Tensor, reals: Tensor) -> Tensor:
    """Mean of E k(x, fake) - E k(x, real) over features [N, d]; fakes [F, d], reals [R, d].

    Its gradient is half that of the squared kernel distance between the sets of which `features`
    are new draws and `fakes` earlier ones; 0 where fake and real sets are alike.
    """
    return rational_kernel(features, fakes).mean() - rational_kernel(features, reals).mean()


class FeatureBank(nn.Module):
    """Features of real crops, fixed, and of the crops that were painted last.

    Features [N, 2 x (24 + 40 + 112 + 320)] are means over the crop of EfficientNet-Lite0's outputs,
    of the image as it is and of its contrast in units of the noise (`view`), standardised over the
    real crops. What is remembered is part of a checkpoint, so a resumed training draws on the same.
    """

    def __init__(self, view: Viewer, real: Tensor):
        """real [n, 1, H, W] in [-1, 1]: crops drawn as those that are painted."""
        super().__init__()
        self.compand = view.compand
        self.network = EfficientNetLiteFeatures(BLOCKS).eval().requires_grad_(False)
        self.network.to(real.device)
        with torch.no_grad():
            pooled = torch.cat([self._pool(crops) for crops in real.split(BATCH)])
        self.mean, self.sd = pooled.mean(0), pooled.std(0) + 1e-3 * pooled.std(0).max() + 1e-6
        self.real = (pooled - self.mean) / self.sd
        self.painted = nn.Buffer(pooled.new_zeros(REMEMBERED, pooled.shape[1]))
        self.count = nn.Buffer(pooled.new_zeros((), dtype=torch.long))

    def _pool(self, image: Tensor) -> Tensor:
        both = torch.cat([image.float(), self.compand(image)])
        features = self.network(both.expand(-1, 3, -1, -1))
        pooled = torch.cat([f.float().mean((2, 3)) for f in features], dim=1)
        return torch.cat(pooled.chunk(2), dim=1)

    def forward(self, image: Tensor) -> Tensor:
        """Standardised features [N, d] of images [N, 1, H, W]."""
        return (self._pool(image) - self.mean) / self.sd

    def loss(self, features: Tensor) -> Tensor:
        """How much nearer painted crops lie to the remembered ones than to the real ones."""
        known = self.painted[: int(self.count.clamp(max=REMEMBERED))]
        if len(known) < LEAST:
            return (features * 0).sum()
        return kernel_witness(features, known, self.real)

    @torch.no_grad()
    def remember(self, features: Tensor) -> None:
        """Keep features [N, d] in place of the oldest."""
        rows = (self.count + torch.arange(len(features), device=features.device)) % REMEMBERED
        self.painted[rows] = features.detach()
        self.count.add_(len(features))
