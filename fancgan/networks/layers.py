"""Building blocks of all networks. Every module here compiles to TorchScript.

The default blocks keep no image statistics: filters have unit norm (weight normalisation) and a
learned gain, so a crop and a whole field are treated alike and the cheap channels-last kernels
serve for training and inference. Adaptive instance normalisation is the paper's alternative.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fancgan.networks.config import ModelConfig

LEAK = 0.2
ACT_GAIN = math.sqrt(2 / (1 + LEAK**2))  # keeps unit variance through leaky_relu (He et al. 2015)


def act(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2) * 1.3867504905630728  # LEAK and ACT_GAIN, as TorchScript wants them


def upsample(x: Tensor, mode: str = "nearest") -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode=mode)


def conv_same(x: Tensor, weight: Tensor, bias: Tensor | None, replicate: bool) -> Tensor:
    """Convolution with 3 x 3 filters that keeps the size.

    replicate: the picture goes on beyond its frame. Zeros there are an edge that many layers carry
    far inwards.
    """
    if replicate:
        return F.conv2d(F.pad(x, [1, 1, 1, 1], "replicate"), weight, bias)
    return F.conv2d(x, weight, bias, padding=1)


class NormConv2d(nn.Module):
    """Same-size 3 x 3 convolution with unit-norm filters, a learned gain and a bias."""

    def __init__(self, in_channels: int, out_channels: int, replicate: bool = False):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 3, 3))
        self.gain = nn.Parameter(torch.ones(out_channels, 1, 1, 1))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.replicate = replicate

    def forward(self, x: Tensor) -> Tensor:
        norm = torch.linalg.vector_norm(self.weight, dim=[1, 2, 3], keepdim=True)
        weight = self.weight * (self.gain / norm)
        return conv_same(x, weight, self.bias, self.replicate)


class ConvBlock(nn.Module):
    """Two convolutions, each with its activation: [N, in, H, W] -> [N, out, H, W]."""

    def __init__(self, in_channels: int, out_channels: int, replicate: bool = False):
        super().__init__()
        self.conv1 = NormConv2d(in_channels, out_channels, replicate)
        self.conv2 = NormConv2d(out_channels, out_channels, replicate)

    def forward(self, x: Tensor) -> Tensor:
        return act(self.conv2(act(self.conv1(x))))


class DemodConv2d(nn.Module):
    """Convolution whose channels are scaled in by the style and out to unit variance.

    y = d * conv(s * x), s affine in w, d from the weights alone (StyleGAN2, Karras et al. 2020,
    arXiv:1912.04958, eq. 1-3, without grouped convolutions).
    """

    def __init__(self, in_channels: int, out_channels: int, w_dim: int, replicate: bool = False):
        super().__init__()
        self.replicate = replicate
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.gain = nn.Parameter(torch.ones(out_channels))
        self.scale = nn.Linear(w_dim, in_channels)
        nn.init.normal_(self.scale.weight, std=0.5 / math.sqrt(w_dim))
        nn.init.ones_(self.scale.bias)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        scale = self.scale(w).float()  # [N, in]
        energy = self.weight.square().sum([2, 3])  # [out, in]
        demod = self.gain * torch.rsqrt(scale.square() @ energy.t() + 1e-8)  # [N, out]
        scaled = x * scale[:, :, None, None].to(x.dtype)
        y = conv_same(scaled, self.weight, None, self.replicate)
        return torch.addcmul(
            self.bias[None, :, None, None].to(y.dtype), y, demod[:, :, None, None].to(y.dtype)
        )


class AdaINConv2d(nn.Module):
    """Convolution, instance normalisation, style's scale and shift (the paper's AdaIN).

    group_norm with one channel a group equals instance_norm and has a channels-last kernel.
    """

    def __init__(self, in_channels: int, out_channels: int, w_dim: int, replicate: bool = False):
        super().__init__()
        edge: Literal["replicate", "zeros"] = "replicate" if replicate else "zeros"
        self.conv = nn.Conv2d(
            in_channels, out_channels, 3, padding=1, bias=False, padding_mode=edge
        )
        self.affine = nn.Linear(w_dim, 2 * out_channels)
        self.channels = out_channels

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        scale, shift = self.affine(w)[:, :, None, None].chunk(2, dim=1)
        y = F.group_norm(self.conv(x), self.channels)
        return torch.addcmul(shift.to(y.dtype), y, (1 + scale).to(y.dtype))


class StyledConv(nn.Module):
    """Style-modulated convolution, injected noise whose strength the style sets, activation."""

    def __init__(
        self, in_channels: int, out_channels: int, given: int, config: ModelConfig, replicate: bool
    ):
        """given: channels of the noise, with what goes along with it (noise.py)."""
        super().__init__()
        conv = AdaINConv2d if config.modulation == "adain" else DemodConv2d
        self.conv = conv(in_channels, out_channels, config.w_dim, replicate)
        self.noise = nn.Conv2d(given, out_channels, 1, bias=False)
        self.noise_strength = nn.Linear(config.w_dim, out_channels)
        nn.init.normal_(self.noise_strength.weight, std=0.05 / math.sqrt(config.w_dim))
        nn.init.constant_(self.noise_strength.bias, 0.3)

    def forward(self, x: Tensor, w: Tensor, noise: Tensor) -> Tensor:
        y = self.conv(x, w)
        strength = self.noise_strength(w)[:, :, None, None].to(y.dtype)
        return act(torch.addcmul(y, self.noise(noise).to(y.dtype), strength))


class MappingNetwork(nn.Module):
    """Style vector [N, style_dim] -> w [N, w_dim]: a three-layer perceptron."""

    def __init__(self, style_dim: int, w_dim: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(style_dim, w_dim),
            nn.LeakyReLU(LEAK),
            nn.Linear(w_dim, w_dim),
            nn.LeakyReLU(LEAK),
            nn.Linear(w_dim, w_dim),
        )
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_normal_(layer.weight, a=LEAK)
                nn.init.zeros_(layer.bias)

    def forward(self, style: Tensor) -> Tensor:
        return self.layers(style)


class MaskGeometry(nn.Module):
    """A mask and what its shape says: [N, 1, H, W] in {0, 1} -> [N, 6, H, W] in [0, 1].

    Channels: mask; depth inside and distance outside, chessboard metric, clipped at `reach` px and
    divided by it; separators (background closed by a 3 x 3 closing: the one-pixel lines between
    touching particles); depth and distance once more on a grid of `coarse` px, clipped at
    reach * coarse px. Edges, halo and shading then are a look-up for the layers above.
    H and W are multiples of `coarse`.
    """

    channels = 6

    def __init__(self, reach: int = 8, coarse: int = 4):
        super().__init__()
        self.reach, self.coarse = reach, coarse

    def forward(self, mask: Tensor) -> Tensor:
        # Inside and outside grow together as two channels: half the number of pooling calls.
        sides = torch.cat([1 - mask, mask], dim=1)
        once = F.max_pool2d(mask, 3, 1, 1)
        separator = 1 - F.max_pool2d(1 - once, 3, 1, 1) - mask
        coarse = self._distance(F.max_pool2d(sides, self.coarse))
        coarse = F.interpolate(coarse, scale_factor=float(self.coarse), mode="bilinear")
        return torch.cat([mask, self._distance(sides), separator, coarse], dim=1)

    def _distance(self, grown: Tensor) -> Tensor:
        total = grown
        for _ in range(self.reach - 1):
            grown = F.max_pool2d(grown, 3, 1, 1)
            total = total + grown
        return 1 - total / self.reach


class AttentionGate(nn.Module):
    """Additive attention gate on a skip connection (Oktay et al. 2018, arXiv:1804.03999, eq. 1-2).

    skip [N, C, H, W], gate [N, 2C, H/2, W/2] -> skip weighted by coefficients in (0, 1).
    """

    def __init__(self, skip_channels: int, gate_channels: int):
        super().__init__()
        inner = max(skip_channels // 2, 8)
        self.from_skip = nn.Conv2d(skip_channels, inner, 2, stride=2, bias=False)
        self.from_gate = nn.Conv2d(gate_channels, inner, 1)
        self.score = nn.Conv2d(inner, 1, 1)
        assert self.score.bias is not None
        nn.init.constant_(self.score.bias, 1.0)  # open at the start

    def forward(self, skip: Tensor, gate: Tensor) -> Tensor:
        score = self.score(F.relu(self.from_skip(skip) + self.from_gate(gate)))
        return skip * upsample(torch.sigmoid(score))


class OpenGate(nn.Module):
    """No gate: the skip connection as it is (ablation of the attention gates)."""

    def forward(self, skip: Tensor, gate: Tensor) -> Tensor:
        return skip


class LinearAttention(nn.Module):
    """Residual self-attention of linear cost (Katharopoulos et al. 2020, arXiv:2006.16236)."""

    def __init__(self, channels: int, heads: int = 4):
        super().__init__()
        self.heads = heads
        self.to_qkv = nn.Conv2d(channels, 3 * channels, 1, bias=False)
        self.to_out = nn.Conv2d(channels, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        qkv = self.to_qkv(x).reshape(n, 3, self.heads, c // self.heads, h * w)
        q, k, v = qkv.unbind(1)  # each [N, heads, d, HW]
        context = torch.einsum("nhdl,nhel->nhde", k.softmax(dim=-1), v)
        out = torch.einsum("nhde,nhdl->nhel", context, q.softmax(dim=-2))
        return x + self.to_out(out.reshape(n, c, h, w))
