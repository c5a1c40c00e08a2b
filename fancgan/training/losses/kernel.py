"""Painted against real crops as two sets: a kernel distance on frozen features that trains.

A critic looks at the few crops of a step. What sets synthetic images apart on the whole (a texture
too rare, a look too common) shows only over hundreds: here those of the last steps are remembered.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fancgan.training.critics.view import ProjectedView
from fancgan.training.losses.image_losses import kernel_witness
from fancgan.training.losses.perceptual import EfficientNetLiteFeatures

BLOCKS = (2, 4, 10, 15)  # strides 4, 8, 16, 32
REMEMBERED = 512
LEAST = 32  # fewer remembered crops say nothing of a set
BATCH = 16


class FeatureBank(nn.Module):
    """Features of real crops, fixed, and of the crops that were painted last.

    Features [N, 2 x (24 + 40 + 112 + 320)] are means over the crop of EfficientNet-Lite0's outputs,
    of the image as it is and of its contrast in units of the noise (`view`), standardised over the
    real crops. What is remembered is part of a checkpoint, so a resumed training draws on the same.
    """

    def __init__(self, view: ProjectedView, real: Tensor):
        """real [n, 1, H, W] in [-1, 1]: crops drawn as those that are painted."""
        super().__init__()
        self.compand = view.compand
        self.network = EfficientNetLiteFeatures(BLOCKS).eval().requires_grad_(False)
        self.network.to(real.device)
        with torch.no_grad():
            pooled = torch.cat([self._pool(crops) for crops in real.split(BATCH)])
        self.mean, self.sd = pooled.mean(0), pooled.std(0) + 1e-3 * pooled.std(0).max() + 1e-6
        self.real = (pooled - self.mean) / self.sd
        self.register_buffer("painted", pooled.new_zeros(REMEMBERED, pooled.shape[1]))
        self.register_buffer("count", pooled.new_zeros((), dtype=torch.long))

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
        self.count += len(features)
