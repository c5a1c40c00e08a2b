"""Patch critics: of an image together with its mask at two scales, and of a mask."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from fancgan.config import ModelConfig
from fancgan.layers import LEAK, LinearAttention


class PatchDiscriminator(nn.Module):
    """PatchGAN (Isola et al. 2017, arXiv:1611.07004) with spectral norm; real scores high.

    forward returns [features of each layer ..., scores [N, 1, h, w]].
    """

    def __init__(self, in_channels: int, widths: tuple[int, ...], attention: bool):
        super().__init__()
        convs = [spectral_norm(nn.Conv2d(in_channels, widths[0], 3, padding=1))]
        for a, b in itertools.pairwise(widths):
            convs.append(spectral_norm(nn.Conv2d(a, b, 4, stride=2, padding=1)))
        self.convs = nn.ModuleList(convs)
        self.attention = LinearAttention(widths[-1]) if attention else nn.Identity()
        # Without a bias: within the hinge's margin its gradients from real and fake cancel.
        self.score = spectral_norm(nn.Conv2d(widths[-1], 1, 3, padding=1, bias=False))

    def forward(self, x: Tensor) -> list[Tensor]:
        outputs = []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), LEAK)
            outputs.append(x)
        return [*outputs, self.score(self.attention(x))]


class ImageDiscriminator(nn.Module):
    """Two patch critics of (image, mask): full resolution (noise, edges) and half (shading).

    The half-resolution critic carries the residual linear attention of the paper.
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.fine = PatchDiscriminator(2, config.disc_widths, attention=False)
        coarse = (*config.disc_widths, config.disc_widths[-1])
        self.coarse = PatchDiscriminator(2, coarse, attention=True)

    def forward(self, image: Tensor, mask: Tensor) -> list[list[Tensor]]:
        """image [N, 1, H, W] in [-1, 1], mask [N, 1, H, W] -> outputs of each scale."""
        x = torch.cat([image, mask], dim=1)
        return [self.fine(x), self.coarse(F.avg_pool2d(x, 2))]


class MaskDiscriminator(nn.Module):
    """Patch critic of a mask [N, 1, H, W] at half resolution."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.critic = PatchDiscriminator(1, config.disc_mask_widths, attention=False)

    def forward(self, mask: Tensor) -> list[list[Tensor]]:
        return [self.critic(F.avg_pool2d(mask, 2))]
