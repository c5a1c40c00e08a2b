"""Attention U-Net: a micrograph -> particle mask and particle cores."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fancgan.networks.config import ModelConfig
from fancgan.networks.layers import AttentionGate, ConvBlock, OpenGate, upsample


class AttentionUNet(nn.Module):
    """U-Net with additive attention gates (Oktay et al. 2018) and two heads.

    The core head predicts the inner part of each particle (core_targets.py). Dice does not see the
    one-pixel lines that part touching particles; cores do, and serve as seeds of a watershed.
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        widths = config.widths
        self.encoder = nn.ModuleList(
            [ConvBlock(a, b) for a, b in zip((1, *widths[:-2]), widths[:-1], strict=True)]
        )
        self.bottom = ConvBlock(widths[-2], widths[-1])
        levels = list(reversed(range(len(widths) - 1)))
        self.decoder = nn.ModuleList(
            [ConvBlock(widths[i + 1] + widths[i], widths[i]) for i in levels]
        )
        self.gates = nn.ModuleList(
            [
                AttentionGate(widths[i], widths[i + 1]) if config.attention_gates else OpenGate()
                for i in levels
            ]
        )
        self.mask_head = nn.Conv2d(widths[0], 2, 1)
        self.core_head = nn.Conv2d(widths[0], 1, 1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return mask logits [N, 2, H, W] (background, particle) and core logits [N, 1, H, W].

        image [N, 1, H, W] in [-1, 1]; H and W are multiples of `config.multiple`.
        """
        x = image
        skips: list[Tensor] = []
        for block in self.encoder:
            x = block(x)
            skips.append(x)
            x = F.avg_pool2d(x, 2)
        x = self.bottom(x)
        for block, gate in zip(self.decoder, self.gates):  # noqa: B905 - TorchScript has no strict=
            x = block(torch.cat([upsample(x), gate(skips.pop(), x)], dim=1))
        return self.mask_head(x), self.core_head(x)
