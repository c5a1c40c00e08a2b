"""Patch critics: of an image together with its mask at several scales, and of a mask."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from fancgan.networks.config import ModelConfig
from fancgan.networks.layers import LEAK, LinearAttention
from fancgan.training.critics.view import FEATURE_BLOCKS
from fancgan.training.losses.perceptual import EfficientNetLiteFeatures

FEATURE_CHANNELS = tuple(EfficientNetLiteFeatures.CHANNELS[b] for b in FEATURE_BLOCKS)
HEAD_WIDTH = 64


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


class FeatureDiscriminator(nn.Module):
    """Critic of frozen features and the mask (projected GAN, Sauer et al. 2021, arXiv:2111.01007).

    features [N, C, h, w], mask [N, 1, H, W] averaged to their size -> as PatchDiscriminator.
    """

    def __init__(self, channels: int, attention: bool):
        super().__init__()
        self.critic = PatchDiscriminator(channels + 1, (HEAD_WIDTH, HEAD_WIDTH), attention)

    def forward(self, features: Tensor, mask: Tensor) -> list[Tensor]:
        small = F.adaptive_avg_pool2d(mask, features.shape[2:]).to(features.dtype)
        return self.critic(torch.cat([features, small], dim=1))


class ImageDiscriminator(nn.Module):
    """A patch critic of (image, mask) at full resolution (noise, edges), and coarser ones.

    "projected": one per scale of frozen features; "patch": one PatchGAN at half resolution, as in
    the paper. The coarsest carries the residual linear attention of the paper.
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        widths = config.disc_widths
        self.fine = PatchDiscriminator(2, widths, attention=False)
        coarse, given = [(*widths, widths[-1])], ()
        if config.critic == "projected":
            coarse, given = [], FEATURE_CHANNELS
        self.coarse = nn.ModuleList(PatchDiscriminator(2, w, attention=True) for w in coarse)
        self.heads = nn.ModuleList(FeatureDiscriminator(c, c == given[-1]) for c in given)

    def forward(self, image: Tensor, mask: Tensor, features: list[Tensor]) -> list[list[Tensor]]:
        """image, mask [N, 1, H, W] and the features of a critic_view.View -> outputs per scale."""
        x = torch.cat([image, mask], dim=1)
        outputs = [self.fine(x)]
        outputs += [critic(F.avg_pool2d(x, 2)) for critic in self.coarse]
        pairs = zip(self.heads, features, strict=True)
        return outputs + [head(scale, mask) for head, scale in pairs]


class MaskDiscriminator(nn.Module):
    """Patch critic of a mask [N, 1, H, W] at half resolution."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.critic = PatchDiscriminator(1, config.disc_mask_widths, attention=False)

    def forward(self, mask: Tensor) -> list[list[Tensor]]:
        return [self.critic(F.avg_pool2d(mask, 2))]
