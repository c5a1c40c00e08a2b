"""The painter and its look encoder as they leave the house: grey levels in, grey levels out."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fancgan.networks.deploy import frame, from_grey, mirrored, pick, to_grey
from fancgan.networks.painter.config import LOOK, PainterConfig
from fancgan.networks.painter.encoder import LookEncoder, StyleMapping
from fancgan.networks.painter.look import LookMeter
from fancgan.networks.painter.network import Draft, Painter
from fancgan.networks.painter.octaves import blurred
from fancgan.networks.painter.shape import Shapes

MARGIN_PX = 24  # painted beyond the frame and cut off: zeros there are an edge
SHAPE_MULTIPLE = 16  # of the coarsest grid of distances
# Outlines have the steps of their mask, which no beam draws. How much of a blur of this sigma takes
# them away, over the logarithm of the ground's second octave relative to its third, which says how
# sharp a micrograph is: fitted to 60 pictures that the painter learned from, painted and real.
EDGE_BLUR_PX, EDGE_SHARE = 0.8, (0.64, -0.73)
DIGITS = (
    4096.0  # of the number that flooded a particle, those beyond 1 / DIGITS do not know its size
)


class LookLibrary(nn.Module):
    """Looks that are there to choose from: centres and spreads of what training pictures show.

    Buffers: mean and sd [LOOK.count] of the looks of training pictures, by which looks are
    standardised; centres and spreads [K, style_dim].
    """

    def __init__(self, config: PainterConfig, count: int):
        super().__init__()
        self.mean = nn.Buffer(torch.zeros(LOOK.count))
        self.sd = nn.Buffer(torch.ones(LOOK.count))
        self.centres = nn.Buffer(torch.zeros(count, config.style_dim))
        self.spreads = nn.Buffer(torch.zeros(count, config.style_dim))
        self.profiles = LOOK.depth.stop

    def forward(self, normal: Tensor) -> Tensor:
        """Standard normal draws [N, style_dim] -> styles: one of the looks each, varied.

        The first number chooses the look, the second moves its profiles as a whole: each knot by
        itself would draw rings around particles.
        """
        share = 0.5 * (1 + torch.erf(normal[:, 0] / math.sqrt(2.0)))
        last = self.centres.shape[0] - 1
        chosen = (share * (last + 1)).long().clamp(0, last)
        varied = normal.clamp(-2.0, 2.0)  # training pictures do not reach much further
        level = varied[:, 1:2].expand(-1, self.profiles)
        varied = torch.cat([level, varied[:, self.profiles :]], dim=1)
        return self.centres[chosen] + self.spreads[chosen] * varied


class DeployedPainter(nn.Module):
    """Mask, style and noise -> grey levels, for any height and width from 32 px up."""

    def __init__(
        self,
        painter: Painter,
        draft: Draft,
        mapping: StyleMapping,
        library: LookLibrary,
        config: PainterConfig,
    ):
        super().__init__()
        self.painter, self.draft, self.mapping = painter, draft, mapping
        self.density = library
        self.shapes = Shapes()
        self.multiple = max(config.multiple, SHAPE_MULTIPLE)
        self.margin = MARGIN_PX
        self.style_dim = config.style_dim
        self.noise_channels = config.noise_channels
        self.look_dim, self.between = LOOK.count, LOOK.between
        self.digits = DIGITS
        self.edge_blur, self.edge_share, self.edge_slope = EDGE_BLUR_PX, *EDGE_SHARE
        self.fine = LOOK.common_ground.start + 1

    def forward(
        self, mask: Tensor, style: Tensor, noise: Tensor, brightness: Tensor | None = None
    ) -> Tensor:
        """Return grey levels [N, 1, H, W] in 0..255, float.

        mask [N, 1, H, W] in {0, 1}; style [N, style_dim] from `sample_style` or the style
        encoder; noise [N, noise_channels, H, W], standard normal; brightness [N, 2, H, W] as
        `draw_brightness` gives it, which is what None stands for.
        """
        h, w = mask.shape[-2], mask.shape[-1]
        assert h >= 32 and w >= 32, "the mask must be at least 32 x 32 pixels"
        if brightness is None:
            brightness = self.draw_brightness(mask, style, noise)
        # Particles cut by the frame go on beyond it, as those of training crops did.
        rows = frame(h, self.multiple, self.margin)
        columns = frame(w, self.multiple, self.margin)
        held = rows.clamp(0, h - 1), columns.clamp(0, w - 1)
        mask = pick((mask > 0.5).to(noise.dtype), held[0], held[1])
        brightness = pick(brightness, held[0], held[1])
        noise = pick(noise, mirrored(rows, h), mirrored(columns, w))
        look = self._look(style)
        shapes, base, draft = self.draft(
            mask, look, noise, brightness[:, :1], brightness[:, 1:].clamp(min=1.0)
        )
        ground, particle = self.mapping(style)
        image = self.painter(shapes, base, draft, ground, particle, noise).float()
        image = self._softened(image, mask, look).clamp(-1.0, 1.0)
        inside = torch.arange(h) + self.margin, torch.arange(w) + self.margin
        return to_grey(pick(image, inside[0], inside[1]))

    @torch.jit.export
    def draw_brightness(self, mask: Tensor, style: Tensor, noise: Tensor) -> Tensor:
        """Return what is drawn for whole particles, [N, 2, H, W].

        How bright each is beside the others, in [-1, 1] units, and its greatest depth in pixels.
        Inputs as those of `forward`. A picture painted in tiles wants this drawn for the whole.
        """
        h, w = mask.shape[-2], mask.shape[-1]
        rows, columns = frame(h, self.multiple, 0), frame(w, self.multiple, 0)
        mask = pick((mask > 0.5).float(), rows.clamp(0, h - 1), columns.clamp(0, w - 1))
        last = pick(noise[:, -1:].float(), mirrored(rows, h), mirrored(columns, w))
        numbers, key, picture = self.shapes.number(mask, last)
        depth, _, _ = self.shapes.distances(mask)
        greatest = self.shapes.greatest(depth, numbers, key.shape[0])
        digits = key * self.digits
        share = (digits - digits.floor()) * (1 - 2 / self.digits) + 1 / self.digits
        normal = (math.sqrt(2.0) * torch.erfinv(2 * share - 1)).clamp(-2.0, 2.0).float()
        spread = self._look(style)[:, self.between].exp()
        drawn = torch.cat([torch.zeros_like(spread[:1]), normal * spread[picture]])[numbers]
        both = torch.cat([drawn * mask, greatest], dim=1)
        return pick(both, torch.arange(h), torch.arange(w))

    @torch.jit.export
    def sample_style(self, normal: Tensor) -> Tensor:
        """Return a style [N, style_dim] like those of training pictures from normal numbers."""
        return self.density(normal)

    def _softened(self, image: Tensor, mask: Tensor, look: Tensor) -> Tensor:
        """Blur what lies next to an outline, as much as the look's sharpness wants."""
        sharp = look[:, self.fine] - look[:, self.fine + 1]
        share = (self.edge_share + self.edge_slope * sharp).clamp(0.0, 1.0)[:, None, None, None]
        mask = mask.float()
        beside = F.max_pool2d(mask, 3, 1, 1) + F.max_pool2d(-mask, 3, 1, 1)
        soft = blurred(image, self.edge_blur, True).float()
        return torch.lerp(image, soft, share * beside)

    def _look(self, style: Tensor) -> Tensor:
        return style[:, : self.look_dim] * self.density.sd + self.density.mean


class DeployedLookEncoder(nn.Module):
    """Grey levels and particle probability -> the style that the painter understands."""

    def __init__(self, encoder: LookEncoder, library: LookLibrary):
        super().__init__()
        self.encoder, self.density, self.meter = encoder, library, LookMeter()
        self.multiple = SHAPE_MULTIPLE

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        """Return style [N, style_dim]. image [N, 1, H, W] in 0..255, mask likewise in [0, 1]."""
        h, w = image.shape[-2], image.shape[-1]
        assert h >= 32 and w >= 32, "the image must be at least 32 x 32 pixels"
        # Cut rather than mirrored: a mirror's seam is no texture.
        rows = torch.arange(h // self.multiple * self.multiple)
        columns = torch.arange(w // self.multiple * self.multiple)
        image = from_grey(pick(image, rows, columns).float())
        mask = (pick(mask, rows, columns) > 0.5).float()
        look, known, _, profile = self.meter(image, mask)
        look = (look - self.density.mean) / self.density.sd
        codes = self.encoder(image, profile, mask, known)
        style = torch.cat([look.clamp(-8.0, 8.0), codes.float(), known.float()], dim=1)
        return style
