"""The critics, and what they look at.

Patch critics: of an image together with its mask at several scales, and of a mask. The former sees
noise-normalised contrast, and frozen features of it: a critic of bounded slope (spectral norm)
cannot see a substrate whose texture spans a few of 255 grey levels beside particles that span a
hundred, and the images it lets pass have empty backgrounds.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from fancgan.networks.config import GREY_PER_UNIT, STAT_INDEX, ModelConfig
from fancgan.networks.layers import LEAK, LinearAttention
from fancgan.networks.style import StyleDensity
from fancgan.training.losses.perceptual import EfficientNetLiteFeatures

NOISE_PER_UNIT = 2.0  # standard deviations of the noise that the linear part of asinh spans
ASINH_RANGE = 4.0
FEATURE_BLOCKS = (2, 4, 10)  # strides 4, 8, 16; the pixel critic sees what is finer
FEATURE_CHANNELS = tuple(EfficientNetLiteFeatures.CHANNELS[b] for b in FEATURE_BLOCKS)
HEAD_WIDTH = 64


@dataclass(frozen=True)
class View:
    """Image [N, 1, H, W], its mask, and features of the image, fine to coarse."""

    image: Tensor
    mask: Tensor
    features: list[Tensor]

    def detach(self) -> View:
        return View(self.image.detach(), self.mask, [f.detach() for f in self.features])

    def join(self, other: View) -> View:
        """Both views in one batch."""
        pairs = zip(self.features, other.features, strict=True)
        image, mask = torch.cat([self.image, other.image]), torch.cat([self.mask, other.mask])
        return View(image, mask, [torch.cat(pair) for pair in pairs])


class PlainView(nn.Module):
    """The image as it is: what the paper's PatchGANs see."""

    def forward(self, image: Tensor, mask: Tensor) -> View:
        return View(image, mask, [])

    def compand(self, image: Tensor) -> Tensor:
        return image


class StandardisedFeatures(nn.Module):
    """EfficientNet-Lite0 features of contrast [N, 1, H, W], standardised per channel over `batches`
    of it (arXiv:2111.01007). Nothing here is trained.
    """

    def __init__(self, blocks: tuple[int, ...], batches: Sequence[Tensor]):
        super().__init__()
        self.network = EfficientNetLiteFeatures(blocks).eval().requires_grad_(False)
        self.network.to(batches[0].device)
        with torch.no_grad():
            each = [self.network(contrast.expand(-1, 3, -1, -1)) for contrast in batches]
        self.moments = [
            (f.mean((0, 2, 3), keepdim=True), f.std((0, 2, 3), keepdim=True) + 1e-3)
            for f in (torch.cat(scale) for scale in zip(*each, strict=True))
        ]

    def forward(self, contrast: Tensor) -> list[Tensor]:
        pairs = zip(self.network(contrast.expand(-1, 3, -1, -1)), self.moments, strict=True)
        return [(f - mean) / sd for f, (mean, sd) in pairs]


class ProjectedView(nn.Module):
    """Contrast in units of the noise, and frozen features of it.

    Grey levels g become asinh((g - background) / (2 noise sd)) / 4, with the background's level
    and noise of the training images: linear within the noise, logarithmic beyond. Features are
    standardised over `images` [n, 1, H, W] in [-1, 1].
    """

    def __init__(self, density: StyleDensity, images: Tensor):
        super().__init__()
        mean = density.mean.tolist()
        self.background = mean[STAT_INDEX["background_mean"]] / GREY_PER_UNIT - 1
        self.unit = NOISE_PER_UNIT * max(mean[STAT_INDEX["noise_sd"]], 0.5) / GREY_PER_UNIT
        self.features = StandardisedFeatures(FEATURE_BLOCKS, [self.compand(images)])

    def compand(self, image: Tensor) -> Tensor:
        return torch.asinh((image.float() - self.background) / self.unit) / ASINH_RANGE

    def forward(self, image: Tensor, mask: Tensor) -> View:
        contrast = self.compand(image)
        return View(contrast, mask, self.features(contrast))


Viewer = PlainView | ProjectedView


def critic_view(config: ModelConfig, density: StyleDensity, images: Tensor) -> Viewer:
    """The view of the configured critic; images [n, 1, H, W] in [-1, 1] stand for the real ones."""
    return ProjectedView(density, images) if config.critic == "projected" else PlainView()


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
        small = F.adaptive_avg_pool2d(mask, (features.shape[2], features.shape[3]))
        return self.critic(torch.cat([features, small.to(features.dtype)], dim=1))


class ImageDiscriminator(nn.Module):
    """A patch critic of (image, mask) at full resolution (noise, edges), and coarser ones.

    "projected": one per scale of frozen features; "patch": one PatchGAN at half resolution, as in
    the paper. The coarsest carries the residual linear attention of the paper.
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        widths = config.disc_widths
        self.fine = PatchDiscriminator(2, widths, attention=False)
        coarse: list[tuple[int, ...]] = [(*widths, widths[-1])]
        given: tuple[int, ...] = ()
        if config.critic == "projected":
            coarse, given = [], FEATURE_CHANNELS
        self.coarse = nn.ModuleList(PatchDiscriminator(2, w, attention=True) for w in coarse)
        self.heads = nn.ModuleList(FeatureDiscriminator(c, c == given[-1]) for c in given)

    def forward(self, image: Tensor, mask: Tensor, features: list[Tensor]) -> list[list[Tensor]]:
        """image, mask [N, 1, H, W] and the features of a View -> outputs per scale."""
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
