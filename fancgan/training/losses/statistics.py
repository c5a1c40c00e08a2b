"""Painted against real images by what can be measured of them, whatever pixel shows it.

Spectrum, grey levels, profile and grain are here functions of batches of crops that a gradient
passes through. The evaluation (appearance.py) measures the same of whole fields, one by one, in
ways that its published figures fix. Where the two differ, the shipped weights were trained with
what stands here, and it stays until the next training.
"""

from __future__ import annotations

import itertools
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from fancgan.evaluation.appearance import FAR_PX, NOISE_HIGH_PASS_PX, SPECTRUM_PATCH_PX
from fancgan.networks.filters import dilate, gaussian_blur

OUTSIDE_SHELL_PX = (1, 2, 4, 6)
INSIDE_SHELL_PX = (1, 2, 3, 4, 6, 8, 12, 16, 24)
MIN_SHELL_PIXELS = 64
GRAIN_INSIDE_PX = 4
MIN_GRAIN_PIXELS = 1024
GRAIN_REACH_PX = 4
GRAIN_SCALES = (1, 2)  # the second sees the mottle of the substrate, up to 8 px


def style_statistics_loss(measured: Tensor, asked: Tensor, valid: Tensor) -> Tensor:
    """L1 between measured and asked statistics [N, 10], standardised, where valid."""
    weight = valid.float()
    return ((measured - asked).abs() * weight).sum() / weight.sum().clamp(min=1)


@lru_cache
@torch.inference_mode(False)
def radial_bins(size: int, device: torch.device) -> Tensor:
    """Ring number of each coefficient of an rfft2 of a size x size patch: [size, size // 2 + 1]."""
    fy = torch.fft.fftfreq(size, device=device)[:, None] * size
    fx = torch.fft.rfftfreq(size, device=device)[None, :] * size
    return torch.sqrt(fy**2 + fx**2).round().long().clamp(max=size // 2)


def log_radial_spectrum(image: Tensor, size: int = SPECTRUM_PATCH_PX) -> Tensor:
    """Batch-mean log10 radial power spectrum of Hann-windowed patches: [size // 2 + 1].

    The patches lie side by side and their power is averaged before the logarithm; those of the
    evaluation (radial_log_psd) overlap by half and are averaged after it.
    """
    patches = image.float().unfold(2, size, size).unfold(3, size, size).reshape(-1, size, size)
    patches = patches - patches.mean(dim=(1, 2), keepdim=True)
    hann = torch.hann_window(size, device=image.device)
    power = torch.fft.rfft2(patches * hann[:, None] * hann[None, :]).abs().square().mean(0)
    bins = radial_bins(size, image.device).flatten()
    rings = torch.zeros(size // 2 + 1, device=image.device).index_add(0, bins, power.flatten())
    count = torch.bincount(bins, minlength=size // 2 + 1)
    return torch.log10(rings / count + 1e-6)


def spectrum_loss(fake: Tensor, real: Tensor) -> Tensor:
    """L1 between batch-mean log radial power spectra, in decades; blind to phase."""
    return (log_radial_spectrum(fake) - log_radial_spectrum(real)).abs()[1:].mean()


def grey_level_w1(fake: Tensor, real: Tensor) -> Tensor:
    """Wasserstein-1 distance of the grey levels of two batches of equal size, in [-1, 1] units.

    Of sorted pixels, which have a gradient; the evaluation's (grey_w1) is that of histograms.
    """
    return (fake.float().flatten().sort()[0] - real.float().flatten().sort()[0]).abs().mean()


def shells(mask: Tensor) -> list[Tensor]:
    """Pixels by distance from the outline, outside then inside: [N, 1, H, W] in {0, 1} each.

    mask [N, 1, H, W]; each shell ends at one of OUTSIDE_SHELL_PX or INSIDE_SHELL_PX,
    chessboard metric. The separators, lines of background that a 3 x 3 closing fills, come last,
    and are not in the shells outside.
    """
    found = []
    for side, edges in ((mask, OUTSIDE_SHELL_PX), (1 - mask, INSIDE_SHELL_PX)):
        grown = [side]
        for inner, outer in itertools.pairwise((0, *edges)):
            grown.append(dilate(grown[-1], outer - inner))
        found += [outer - inner for inner, outer in itertools.pairwise(grown)]
    separators = 1 - dilate(1 - dilate(mask, 1), 1) - mask
    outside = len(OUTSIDE_SHELL_PX)
    return [shell * (1 - separators) for shell in found[:outside]] + found[outside:] + [separators]


def profile_loss(fake: Tensor, real: Tensor, mask: Tensor) -> Tensor:
    """L1 between the mean levels of two batches of the same masks in each of `shells`.

    Every shell counts alike, however few pixels it has (but MIN_SHELL_PIXELS), so the one pixel
    beside the outline and the depth of the largest particles are not lost among the others. The
    evaluation (edge_profile) goes by Euclidean distance, pixel by pixel.
    """
    weights = torch.stack(shells(mask))
    count = weights.sum((1, 2, 3, 4))
    difference = ((fake - real)[None] * weights).sum((1, 2, 3, 4)) / count.clamp(min=1)
    enough = (count >= MIN_SHELL_PIXELS).float()
    return (difference.abs() * enough).sum() / enough.sum().clamp(min=1)


def noise_grain(image: Tensor, region: Tensor, each: bool = False) -> Tensor:
    """Return the autocorrelation of the noise within a region: [5, 5], 1 at [0, 0].

    Entry [y, x] is that of pixels y rows and x columns apart, up to GRAIN_REACH_PX, to the left
    and to the right alike. Rows are not columns: a scanned image has its grain along the scan.
    image [N, 1, H, W] in [-1, 1]; region [N, 1, H, W] in {0, 1}. Over the batch, or of each image:
    [N, 5, 5]. Noise is the image minus its Gaussian mean (NOISE_HIGH_PASS_PX), taken over that
    region alone, as the evaluation's (measure_noise), here of all lags at once. All 0 where the
    region is empty. Differentiable with respect to the image.
    """
    grey = (image.float() + 1) * region
    share = gaussian_blur(region, NOISE_HIGH_PASS_PX).clamp(min=1e-3)
    residual = (grey - gaussian_blur(grey, NOISE_HIGH_PASS_PX) / share) * region
    # The residual is 0 outside the region: only pairs within it count.
    products, pairs = _products(residual), _products(region)
    if not each:
        products, pairs = products.sum(0), pairs.sum(0)
    covariance = products / pairs.clamp(min=1)
    return covariance / (covariance[..., :1, :1] + 1e-6)


def _products(x: Tensor) -> Tensor:
    """Sum of x(p) x(p + lag) over each image, mean of lags (y, x) and (y, -x): [N, 5, 5].

    x [N, 1, H, W]. Through the power spectrum (Wiener and Khinchin): a handful of kernels.
    """
    reach = GRAIN_REACH_PX + 1
    size = (x.shape[2] + reach, x.shape[3] + reach)
    spectrum = torch.view_as_real(torch.fft.rfft2(x[:, 0], s=size))
    power = spectrum.square().sum(-1)
    found = torch.fft.irfft2(power.to(torch.complex64), s=size)[:, :reach]
    left = torch.cat([found[..., :1], found[..., -GRAIN_REACH_PX:].flip(2)], dim=2)
    return 0.5 * (found[..., :reach] + left)


def grain_regions(mask: Tensor) -> tuple[Tensor, Tensor]:
    """The background off any particle and the insides off any outline, [N, 1, H, W] in {0, 1}."""
    mask = mask.float()
    return 1 - dilate(mask, FAR_PX), 1 - dilate(1 - mask, GRAIN_INSIDE_PX)


def grain_loss(
    fake: Tensor, fake_mask: Tensor, real: Tensor, real_mask: Tensor, each: bool = False
) -> Tensor:
    """L1 between the grains of the noise of two batches, each of masks of its own.

    Substrate and particles count alike, each where both batches show MIN_GRAIN_PIXELS of it; what
    single pixels and the means of 2 x 2 show adds up. each: image by image, else that of one batch
    against that of the other.
    """
    total = real.new_zeros((), dtype=torch.float32)
    over = (1, 2, 3) if each else (0, 1, 2, 3)
    for regions in zip(grain_regions(fake_mask), grain_regions(real_mask), strict=True):
        for scale in GRAIN_SCALES:
            at_fake, at_real = ((F.avg_pool2d(r, scale) > 0.999).float() for r in regions)
            enough = torch.minimum(at_fake.sum(over), at_real.sum(over)) >= MIN_GRAIN_PIXELS
            apart = noise_grain(F.avg_pool2d(fake, scale), at_fake, each) - noise_grain(
                F.avg_pool2d(real, scale), at_real, each
            )
            total = total + 0.5 * (apart.abs().mean((-2, -1)) * enough).mean()
    return total
