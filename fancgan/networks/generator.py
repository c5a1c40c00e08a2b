"""Style U-Net: a particle mask, a style and noise -> a micrograph (arXiv 2505.18106, section 2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fancgan.networks.config import ModelConfig
from fancgan.networks.layers import (
    ConvBlock,
    MappingNetwork,
    MaskGeometry,
    NormConv2d,
    StyledConv,
    upsample,
)
from fancgan.networks.noise import NoisePyramid


class StyledBlock(nn.Module):
    """Two styled convolutions at one resolution: [N, in, h, w] -> [N, out, h, w]."""

    def __init__(
        self, in_channels: int, out_channels: int, given: int, config: ModelConfig, replicate: bool
    ):
        super().__init__()
        self.conv1 = StyledConv(in_channels, out_channels, given, config, replicate)
        self.conv2 = StyledConv(out_channels, out_channels, given, config, replicate)

    def forward(self, x: Tensor, w: Tensor, noise: Tensor) -> Tensor:
        return self.conv2(self.conv1(x, w, noise), w, noise)


class StyleUNet(nn.Module):
    """Encoder of the mask, decoder modulated by the style, noise at every decoder level.

    Beyond the frame things go on as they are at it: with zeros there, the substrate of the bundles
    was up to 4 grey levels brighter along the frame. Only the last level, whose layers reach a few
    pixels, has zeros, which are faster.
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        widths = config.widths
        self.mapping = MappingNetwork(config.style_dim, config.w_dim)
        self.geometry = MaskGeometry() if config.geometry else nn.Identity()
        in_channels = [MaskGeometry.channels if config.geometry else 1, *widths[:-2]]
        self.encoder = nn.ModuleList(
            [ConvBlock(a, b, True) for a, b in zip(in_channels, widths[:-1], strict=True)]
        )
        self.noise_pyramid = NoisePyramid(config)
        given = self.noise_pyramid.channels
        self.bottom = StyledBlock(widths[-2], widths[-1], given, config, True)
        self.decoder = nn.ModuleList(
            [
                StyledBlock(widths[i + 1] + widths[i], widths[i], given, config, i > 0)
                for i in reversed(range(len(widths) - 1))
            ]
        )
        self.upsampling = config.upsampling
        self.to_image = NormConv2d(widths[0], 1)
        nn.init.constant_(self.to_image.gain, 0.5)

    def forward(
        self, mask: Tensor, style: Tensor, noise: Tensor, brightness: Tensor | None = None
    ) -> Tensor:
        """Return the image [N, 1, H, W] in [-1, 1].

        mask [N, 1, H, W] in {0, 1}; style [N, style_dim]; noise [N, noise_channels, H, W],
        standard normal; brightness [N, 1, H, W] of each particle beside the others
        (particle_brightness.py), None for particles alike. H and W are multiples of
        `config.multiple`.
        """
        w = self.mapping(style)
        x = self.geometry(mask)
        skips: list[Tensor] = []
        noises = self.noise_pyramid(noise, brightness)
        for block in self.encoder:
            x = block(x)
            skips.append(x)
            x = F.avg_pool2d(x, 2)
        x = self.bottom(x, w, noises.pop())
        for block in self.decoder:
            x = upsample(x, self.upsampling)
            x = block(torch.cat([x, skips.pop()], dim=1), w, noises.pop())
        return torch.tanh(self.to_image(x))
