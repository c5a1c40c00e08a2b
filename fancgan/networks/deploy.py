"""The modules that leave the house: everything between a file's grey levels and the networks.

Scaling, padding and normalisation live inside them, so that a program with nothing but torch
gets the right answer from the scripted files.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fancgan.microscopy.micrograph import MIN_SIDE_PX
from fancgan.networks.config import ModelConfig
from fancgan.networks.generator import StyleUNet
from fancgan.networks.segmenter import AttentionUNet
from fancgan.networks.style import StyleDensity, StyleEncoder, measure_style
from fancgan.networks.torchscript import quiet_torchscript

FRAME_MARGIN_PX = 16


def to_grey(image: Tensor) -> Tensor:
    """[-1, 1] -> grey levels 0..255."""
    return (image + 1) * 127.5  # GREY_PER_UNIT, as TorchScript wants it


def from_grey(image: Tensor) -> Tensor:
    """Grey levels 0..255 -> [-1, 1]."""
    return image.clamp(0, 255) / 127.5 - 1


def frame(side: int, multiple: int, margin: int = 0) -> Tensor:
    """Positions -margin ... of a side that goes on to a multiple, at least `margin` beyond its end.

    Pictures are extended and cut by index: F.pad and slices ask whether there is anything to do,
    and a program that torch.export traced would take the answer for all sizes.
    """
    whole = (side + 2 * margin + multiple - 1) // multiple * multiple
    return torch.arange(whole) - margin


def mirrored(position: Tensor, side: int) -> Tensor:
    """Positions beyond the first and last pixel of a side, reflected there."""
    inside = position.abs()
    return torch.minimum(inside, 2 * (side - 1) - inside)


def pick(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """The named rows and columns of [N, C, H, W]."""
    return x.index_select(2, rows.to(x.device)).index_select(3, columns.to(x.device))


def pad_to(x: Tensor, multiple: int) -> Tensor:
    """Mirror [N, C, H, W] at the right and at the bottom, to multiples of `multiple`."""
    h, w = x.shape[-2], x.shape[-1]
    return pick(x, mirrored(frame(h, multiple), h), mirrored(frame(w, multiple), w))


class DeployedGenerator(nn.Module):
    """Mask, style and noise -> grey levels, for any height and width from 32 px up."""

    def __init__(self, generator: StyleUNet, density: StyleDensity, config: ModelConfig):
        super().__init__()
        self.generator = generator
        self.density = density
        self.multiple = config.multiple
        self.margin = FRAME_MARGIN_PX
        self.style_dim = config.style_dim
        self.noise_channels = config.noise_channels
        self.draws_brightness = config.brightness

    def forward(
        self, mask: Tensor, style: Tensor, noise: Tensor, brightness: Tensor | None = None
    ) -> Tensor:
        """Return grey levels [N, 1, H, W] in 0..255, float.

        mask [N, 1, H, W] in {0, 1}; style [N, style_dim] from `sample_style` or the style
        encoder; noise [N, noise_channels, H, W], standard normal; brightness [N, 1, H, W] as
        `draw_brightness` gives it, which is what None stands for.
        """
        h, w = mask.shape[-2], mask.shape[-1]
        assert h >= 32 and w >= 32, "the mask must be at least 32 x 32 pixels"
        # Particles cut by the frame go on beyond it: no edge, hence no bright rim, is invented.
        # The margin is painted and cut off: convolutions see zeros beyond their frame.
        if brightness is None:
            brightness = self.draw_brightness(mask, style, noise)
        rows = frame(h, self.multiple, self.margin)
        columns = frame(w, self.multiple, self.margin)
        held = rows.clamp(0, h - 1), columns.clamp(0, w - 1)
        mask = pick((mask > 0.5).to(noise.dtype), held[0], held[1])
        brightness = pick(brightness, held[0], held[1])
        noise = pick(noise, mirrored(rows, h), mirrored(columns, w))
        image = self.generator(mask, style, noise, brightness)
        inside = torch.arange(h) + self.margin, torch.arange(w) + self.margin
        return to_grey(pick(image, inside[0], inside[1]).float())

    @torch.jit.export
    def draw_brightness(self, mask: Tensor, style: Tensor, noise: Tensor) -> Tensor:
        """Return how bright each particle is beside the others, [N, 1, H, W], 0 for alike.

        Inputs as those of `forward`. A picture painted in tiles wants this drawn for the whole.
        """
        if not self.draws_brightness:
            return torch.zeros_like(noise[:, :1])
        return self.density.brightness((mask > 0.5).to(noise.dtype), style, noise)

    @torch.jit.export
    def sample_style(self, normal: Tensor) -> Tensor:
        """Return a style [N, style_dim] of the training images' density from normal numbers."""
        return self.density(normal)


class DeployedSegmenter(nn.Module):
    """Grey levels -> probabilities of particle and of particle core."""

    def __init__(self, segmenter: AttentionUNet, config: ModelConfig):
        super().__init__()
        self.segmenter = segmenter
        self.multiple = config.multiple

    def forward(self, image: Tensor) -> Tensor:
        """Return [N, 2, H, W] in [0, 1]: particle, core. image [N, 1, H, W] in 0..255."""
        h, w = image.shape[-2], image.shape[-1]
        assert h >= 32 and w >= 32, "the image must be at least 32 x 32 pixels"
        mask, core = self.segmenter(pad_to(from_grey(image), self.multiple))
        particle = torch.sigmoid((mask[:, 1:] - mask[:, :1]).float())  # softmax of two classes
        both = torch.cat([particle, torch.sigmoid(core.float())], dim=1)
        return pick(both, torch.arange(h), torch.arange(w))


class DeployedStyleEncoder(nn.Module):
    """Grey levels and particle probability -> the style that the generator understands."""

    def __init__(self, encoder: StyleEncoder, density: StyleDensity, config: ModelConfig):
        super().__init__()
        self.encoder = encoder
        self.density = density
        self.multiple = config.multiple
        # Traced, not scripted: it names constants of its file. It has no branch on a size.
        example = torch.rand(1, 1, MIN_SIDE_PX, MIN_SIDE_PX)
        with quiet_torchscript():
            self.measure = torch.jit.trace(measure_style, (example, example.round()))

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        """Return style [N, style_dim]. image [N, 1, H, W] in 0..255, mask likewise in [0, 1].

        A statistic that the image cannot tell (no particle, no background) gets the training
        images' mean. Looks far from all training images are held at three standard deviations.
        """
        h, w = image.shape[-2], image.shape[-1]
        assert h >= 32 and w >= 32, "the image must be at least 32 x 32 pixels"
        image = from_grey(image)
        stats, valid = self.measure(image, (mask > 0.5).to(image.dtype))
        stats = torch.where(valid, self.density.standardise(stats), torch.zeros_like(stats))
        mean, _ = self.encoder(pad_to(image, self.multiple))
        return torch.cat([stats, mean.to(stats.dtype)], dim=1).clamp(-3.0, 3.0)


class Networks(nn.Module):
    """The four networks of a bundle; the names of their parameters are those of a run's weights."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        self.generator = StyleUNet(config)
        self.segmenter = AttentionUNet(config)
        self.style_encoder = StyleEncoder(config)
        self.style_density = StyleDensity(config)

    def deployed(self) -> dict[str, nn.Module]:
        """Return the modules to script by the name of their file in the bundle."""
        return {
            "generator.pt": DeployedGenerator(self.generator, self.style_density, self.config),
            "segmenter.pt": DeployedSegmenter(self.segmenter, self.config),
            "style_encoder.pt": DeployedStyleEncoder(
                self.style_encoder, self.style_density, self.config
            ),
        }
