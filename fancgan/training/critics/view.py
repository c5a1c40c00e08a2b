"""What the image critic looks at: noise-normalised contrast, and frozen features of it.

A critic of bounded slope (spectral norm) cannot see a substrate whose texture spans a few of 255
grey levels beside particles that span a hundred: the images it lets pass have empty backgrounds.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fancgan.networks.config import GREY_PER_UNIT, STAT_INDEX, ModelConfig
from fancgan.networks.style import StyleDensity
from fancgan.training.losses.perceptual import EfficientNetLiteFeatures

NOISE_PER_UNIT = 2.0  # standard deviations of the noise that the linear part of asinh spans
ASINH_RANGE = 4.0
FEATURE_BLOCKS = (2, 4, 10)  # strides 4, 8, 16; the pixel critic sees what is finer


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


class ProjectedView(nn.Module):
    """Contrast in units of the noise, and EfficientNet-Lite0 features of it (arXiv:2111.01007).

    Grey levels g become asinh((g - background) / (2 noise sd)) / 4, with the background's level
    and noise of the training images: linear within the noise, logarithmic beyond. Features are
    standardised per channel over `images` [n, 1, H, W] in [-1, 1]. Nothing here is trained.
    """

    def __init__(self, density: StyleDensity, images: Tensor):
        super().__init__()
        mean = density.mean.tolist()
        self.background = mean[STAT_INDEX["background_mean"]] / GREY_PER_UNIT - 1
        self.unit = NOISE_PER_UNIT * max(mean[STAT_INDEX["noise_sd"]], 0.5) / GREY_PER_UNIT
        self.network = EfficientNetLiteFeatures(FEATURE_BLOCKS).eval().requires_grad_(False)
        self.network.to(images.device)
        self.moments = [
            (f.mean((0, 2, 3), keepdim=True), f.std((0, 2, 3), keepdim=True) + 1e-3)
            for f in self._features(self.compand(images))
        ]

    def _features(self, contrast: Tensor) -> list[Tensor]:
        return self.network(contrast.expand(-1, 3, -1, -1))

    def compand(self, image: Tensor) -> Tensor:
        return torch.asinh((image.float() - self.background) / self.unit) / ASINH_RANGE

    def forward(self, image: Tensor, mask: Tensor) -> View:
        contrast = self.compand(image)
        pairs = zip(self._features(contrast), self.moments, strict=True)
        return View(contrast, mask, [(f - mean) / sd for f, (mean, sd) in pairs])


def critic_view(config: ModelConfig, density: StyleDensity, images: Tensor) -> nn.Module:
    """The view of the configured critic; images [n, 1, H, W] in [-1, 1] stand for the real ones."""
    return ProjectedView(density, images) if config.critic == "projected" else PlainView()
