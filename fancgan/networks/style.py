"""Style: measured statistics and a small latent, measured, encoded and sampled."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fancgan.networks.config import GREY_PER_UNIT, STAT_INDEX, STAT_NAMES, ModelConfig
from fancgan.networks.filters import dilate
from fancgan.networks.layers import ConvBlock, NormConv2d, act
from fancgan.networks.particle_brightness import ParticleBrightness

FAR_PX = 6  # beyond the shadow halo around particles
INSIDE_PX = 2  # beyond the pixel row that mixes particle and ground
TEXTURE_PX = 4  # statistics of texture are taken after averaging this many pixels squared
MIN_PIXELS = 256
MIN_GRAIN_PIXELS = 4096  # an autocorrelation is then known to about 0.02
GRAIN_LAGS = ((0, 1), (1, 0), (0, 2), (2, 0))  # rows, columns
PER_CENT = 100.0
MIN_SPREAD = 0.05
PARTICLE_MEAN, PARTICLE_SD = STAT_INDEX["particle_mean"], STAT_INDEX["particle_sd"]


def _mean_and_sd(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted mean and standard deviation over the pixels: [N, 1, H, W] -> [N] each."""
    total = weight.sum([1, 2, 3]).clamp(min=1.0)
    mean = (x * weight).sum([1, 2, 3]) / total
    var = ((x - mean[:, None, None, None]).square() * weight).sum([1, 2, 3]) / total
    return mean, torch.sqrt(var + 1e-3)


def measure_style(image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return (stats [N, 10], valid [N, 10] bool), named by STAT_NAMES.

    image [N, 1, H, W] in [-1, 1]; mask [N, 1, H, W] in {0, 1}. The background is what lies more
    than FAR_PX from any particle, particles are taken INSIDE_PX inside their outline. Means and
    deviations are in grey levels of 0..255: the two of texture those of 4 x 4 pixel means, the
    noise that of the background minus its 7 x 7 mean. The grain is the autocorrelation of that
    noise in per cent, 1 and 2 px along a row (x) and along a column (y), which a scan makes differ,
    and between diagonal neighbours. An entry is not valid where fewer than MIN_PIXELS pixels speak
    for it, MIN_GRAIN_PIXELS for the grain. Differentiable with respect to the image.

    The shipped style encoders hold this, traced, and their generators were told such numbers: noise
    and grain stay those of the 7 x 7 mean until the next training, where the loss of the grain
    (losses/statistics.py) and the evaluation (appearance.py) take a Gaussian one.
    """
    grey = (image.float() + 1) * GREY_PER_UNIT
    background = 1 - dilate(mask.float(), FAR_PX)
    particle = 1 - dilate(1 - mask.float(), INSIDE_PX)
    coarse = F.avg_pool2d(grey, TEXTURE_PX)
    background_coarse = (F.avg_pool2d(background, TEXTURE_PX) > 0.999).float()
    particle_coarse = (F.avg_pool2d(particle, TEXTURE_PX) > 0.999).float()

    background_mean = _mean_and_sd(grey, background)[0]
    particle_mean = _mean_and_sd(grey, particle)[0]
    background_sd = _mean_and_sd(coarse, background_coarse)[1]
    particle_sd = _mean_and_sd(coarse, particle_coarse)[1]
    residual = grey - F.avg_pool2d(grey, 7, 1, 3, count_include_pad=False)
    noise_sd = _mean_and_sd(residual, background)[1]
    grain = _grain(residual, background, noise_sd)

    stats = [background_mean, background_sd, particle_mean, particle_sd, noise_sd, *grain]
    pixels = background.sum([1, 2, 3])
    ground, ground_grain = pixels >= MIN_PIXELS, pixels >= MIN_GRAIN_PIXELS
    inside = particle_coarse.sum([1, 2, 3]) * TEXTURE_PX**2 >= MIN_PIXELS
    valid = [ground, ground, inside, inside, ground, *[ground_grain] * len(grain)]
    return torch.stack(stats, dim=1), torch.stack(valid, dim=1)


def _grain(residual: Tensor, region: Tensor, sd: Tensor) -> list[Tensor]:
    """Autocorrelations [N] in per cent of pairs within the region."""
    residual = residual * region
    straight = [_pairs(residual, region, *lag) for lag in GRAIN_LAGS]
    falling, rising = _pairs(residual, region, 1, 1), _pairs(residual.flip(3), region.flip(3), 1, 1)
    sums = [*straight, (falling[0] + rising[0], falling[1] + rising[1])]
    return [PER_CENT * total / count.clamp(min=1.0) / sd.square() for total, count in sums]


def _pairs(residual: Tensor, region: Tensor, down: int, right: int) -> tuple[Tensor, Tensor]:
    """Sum of products [N] and number [N] of the pixel pairs that far apart within the region."""
    products, count = (
        x[:, :, down:, right:] * x[:, :, : x.shape[2] - down, : x.shape[3] - right]
        for x in (residual, region)
    )
    return products.sum([1, 2, 3]), count.sum([1, 2, 3])


class StyleDensity(nn.Module):
    """A Gaussian over the training images' statistics and the latent: the looks one can draw.

    Buffers: mean [10] and sd [10] as measured, chol [10, 10] of the standardised covariance;
    `particles` draws how bright each particle is.
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        count = len(STAT_NAMES)
        self.mean = nn.Buffer(torch.zeros(count))
        self.sd = nn.Buffer(torch.ones(count))
        self.chol = nn.Buffer(torch.eye(count))
        self.count = count
        self.particles = ParticleBrightness()

    def fit(self, stats: Tensor) -> None:
        """Fit to the statistics [n, 10] of n images; few images: correlations shrink by 4 / n.

        A deviation between images below MIN_SPREAD of the mean is taken for that: what a few
        images happen to agree on within the error of measurement is no reason to be exact.
        """
        self.mean.copy_(stats.mean(0))
        spread = stats.std(0) if len(stats) > 1 else torch.zeros_like(self.sd)
        self.sd.copy_(torch.maximum(spread, (MIN_SPREAD * self.mean.abs()).clamp(min=0.1)))
        scaled = self.standardise(stats)
        shrink = min(1.0, 4.0 / len(stats))
        correlation = scaled.t() @ scaled / max(len(stats) - 1, 1)
        eye = torch.eye(self.count, device=stats.device)
        self.chol.copy_(torch.linalg.cholesky((1 - shrink) * correlation + (shrink + 1e-4) * eye))

    def standardise(self, stats: Tensor) -> Tensor:
        """Statistics [N, 10] -> standard deviations from the mean of the training images."""
        return (stats - self.mean) / self.sd

    def brightness(self, mask: Tensor, style: Tensor, noise: Tensor) -> Tensor:
        """Brightness [N, 1, H, W] of each particle beside the others (particle_brightness.py).

        mask [N, 1, H, W] in {0, 1}; style [N, style_dim]; noise [N, C, H, W], whose last channel
        decides.
        """
        stats = style[:, : self.count] * self.sd + self.mean
        return self.particles(mask, stats, noise[:, -1:])

    def shown(self, asked: Tensor, brightness: Tensor, mask: Tensor) -> Tensor:
        """Statistics [N, 10], standardised, that images of these very particles should show.

        asked [N, 10] speaks of all particles of a look; the few of one crop differ by what has been
        drawn for them.
        """
        unit = self.particles.unit
        drawn_mean, drawn_sd = _mean_and_sd(brightness, 1 - dilate(1 - mask.float(), INSIDE_PX))
        stats = list((asked * self.sd + self.mean).unbind(1))
        spread = self.particles.spread(stats[PARTICLE_SD])
        rest = (stats[PARTICLE_SD].square() - spread.square()).clamp(min=0.0)
        stats[PARTICLE_MEAN] = stats[PARTICLE_MEAN] + unit * drawn_mean
        stats[PARTICLE_SD] = torch.sqrt(rest + (unit * drawn_sd).square())
        return self.standardise(torch.stack(stats, dim=1))

    def forward(self, normal: Tensor) -> Tensor:
        """Standard normal draws [N, style_dim] -> style vectors [N, style_dim].

        Draws beyond two standard deviations are held there: the training images do not reach
        further, so neither do the looks.
        """
        normal = normal.clamp(-2.0, 2.0)
        return torch.cat([normal[:, : self.count] @ self.chol.t(), normal[:, self.count :]], dim=1)


class StyleEncoder(nn.Module):
    """q(z | image) as in BicycleGAN (Zhu et al. 2017, arXiv:1711.11586): no spatial code.

    forward: image [N, 1, H, W] in [-1, 1] -> (mean, log variance), each [N, z_dim].
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        widths = config.widths[: min(4, len(config.widths))]
        self.stem = NormConv2d(1, widths[0])
        self.blocks = nn.ModuleList([ConvBlock(a, b) for a, b in itertools.pairwise(widths)])
        self.head = nn.Linear(2 * widths[-1], 2 * config.z_dim)

    @torch.no_grad()
    def start_on(self, images: Tensor) -> None:
        """Choose the head so that z has mean 0 and variance 1 over images [n, 1, H, W].

        What differs between images of one kind is a small part of their features: a head that
        starts from small weights sees none of it, and z stays the same for all.
        """
        if len(images) < 2:
            return  # nothing to tell apart
        pooled = self._pool(images)
        sd = pooled.std(0) + 0.1 * pooled.std(0).mean() + 1e-6
        count = self.head.weight.shape[0] // 2
        centred = pooled - pooled.mean(0)
        weight = torch.randn(count, len(sd), device=sd.device) / sd
        weight /= (centred @ weight.t()).std(0)[:, None] + 1e-6
        self.head.weight.zero_()
        self.head.weight[:count] = weight
        self.head.bias.zero_()
        self.head.bias[:count] = -weight @ pooled.mean(0)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_var = self.head(self._pool(image)).chunk(2, dim=1)
        return mean, log_var.clamp(-8.0, 4.0)

    def _pool(self, image: Tensor) -> Tensor:
        x = act(self.stem(F.avg_pool2d(image, 2)))
        for block in self.blocks:
            x = block(F.avg_pool2d(x, 2))
        x = x.float()
        return torch.cat([x.mean([2, 3]), x.square().mean([2, 3]).sqrt()], dim=1)
