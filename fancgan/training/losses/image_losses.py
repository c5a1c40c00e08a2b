"""Losses: pure functions of tensors. Images are in [-1, 1], masks in {0, 1}, real scores high."""

from __future__ import annotations

import itertools
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from fancgan.networks.filters import dilate, gaussian_blur

OUTSIDE_SHELL_PX = (1, 2, 4, 6)
INSIDE_SHELL_PX = (1, 2, 3, 4, 6, 8, 12, 16, 24)
MIN_SHELL_PIXELS = 64
KERNEL_SCALES = (0.2, 0.5, 1.0, 2.0)
GRAIN_FAR_PX, GRAIN_INSIDE_PX = 8, 4
MIN_GRAIN_PIXELS = 1024
GRAIN_HIGH_PASS_PX = 3.0  # as the evaluation's (appearance.py)
GRAIN_REACH_PX = 4
GRAIN_SCALES = (1, 2)  # the second sees the mottle of the substrate, up to 8 px
FOCAL_GAMMA = 2.0
TVERSKY_FP, TVERSKY_FN = 0.4, 0.6  # paper, section 2: alpha and beta


def cross_entropy(logits: Tensor, mask: Tensor) -> Tensor:
    """Pixel-wise cross-entropy. logits [N, 2, H, W]; mask [N, 1, H, W] in {0, 1}."""
    return F.cross_entropy(logits, mask[:, 0].long())


def focal_cross_entropy(
    logits: Tensor, mask: Tensor, gamma: float = FOCAL_GAMMA, weight: Tensor | None = None
) -> Tensor:
    """Focal loss, weighted per pixel before the mean (Lin et al. 2017, arXiv:1708.02002, eq. 4).

    logits [N, 2, H, W]; mask and the optional pixel weight [N, 1, H, W].
    """
    ce = F.cross_entropy(logits, mask[:, 0].long(), reduction="none")
    focal = (1 - torch.exp(-ce)) ** gamma * ce
    return focal.mean() if weight is None else (focal * weight[:, 0]).mean()


def tversky_index(logits: Tensor, mask: Tensor, fp_weight: float, fn_weight: float) -> Tensor:
    """Soft Tversky index of the particle class over the batch (arXiv:1706.05721, eq. 3)."""
    prob = logits.softmax(dim=1)[:, 1:]
    tp = (prob * mask).sum()
    fp = (prob * (1 - mask)).sum()
    fn = ((1 - prob) * mask).sum()
    return (tp + 1) / (tp + fp_weight * fp + fn_weight * fn + 1)


def tversky_loss(
    logits: Tensor, mask: Tensor, fp_weight: float = TVERSKY_FP, fn_weight: float = TVERSKY_FN
) -> Tensor:
    """Return 1 - soft Tversky index of the particle class; 0.5 and 0.5 give soft Dice."""
    return 1 - tversky_index(logits, mask, fp_weight, fn_weight)


def focal_tversky_loss(logits: Tensor, mask: Tensor, gamma: float = 0.75) -> Tensor:
    """(1 - Tversky index) ** gamma (Abraham and Khan 2019, arXiv:1810.07842, eq. 4)."""
    return tversky_loss(logits, mask).clamp(min=1e-6) ** gamma


MASK_LOSSES = {
    "focal_ce_tversky": lambda logits, mask: (
        focal_cross_entropy(logits, mask) + tversky_loss(logits, mask)
    ),
    "ce_dice": lambda logits, mask: (
        cross_entropy(logits, mask) + tversky_loss(logits, mask, 0.5, 0.5)
    ),
    "ce": cross_entropy,
    "tversky": tversky_loss,
    "focal_tversky": focal_tversky_loss,
}


def core_loss(
    core_logits: Tensor,
    core: Tensor,
    mask: Tensor,
    weight: Tensor | None = None,
    line_weight: float = 4.0,
) -> Tensor:
    """Binary cross-entropy of the cores, heavier on the rim of the particles and around it.

    core_logits, core, mask and the optional further weight of each pixel [N, 1, H, W]. The rims
    are what parts touching particles.
    """
    rim = F.max_pool2d(mask - core, 3, 1, 1)
    pixels = 1 + (line_weight - 1) * rim
    if weight is not None:
        pixels = pixels * weight
    return F.binary_cross_entropy_with_logits(core_logits, core, weight=pixels)


def hinge_critic_loss(real_scores: list[Tensor], fake_scores: list[Tensor]) -> Tensor:
    """Hinge loss of the critic, averaged over the scales (arXiv:1705.02894)."""
    terms = [
        F.relu(1 - r.float()).mean() + F.relu(1 + f.float()).mean()
        for r, f in zip(real_scores, fake_scores, strict=True)
    ]
    return torch.stack(terms).mean()


def hinge_generator_loss(fake_scores: list[Tensor]) -> Tensor:
    return torch.stack([-f.float().mean() for f in fake_scores]).mean()


def least_squares_critic_loss(real_scores: list[Tensor], fake_scores: list[Tensor]) -> Tensor:
    """Least-squares loss of the critic, the paper's (Mao et al. 2017, arXiv:1611.04076)."""
    terms = [
        (r.float() - 1).square().mean() + f.float().square().mean()
        for r, f in zip(real_scores, fake_scores, strict=True)
    ]
    return 0.5 * torch.stack(terms).mean()


def least_squares_generator_loss(fake_scores: list[Tensor]) -> Tensor:
    return torch.stack([(f.float() - 1).square().mean() for f in fake_scores]).mean()


ADVERSARIAL = {
    "hinge": (hinge_critic_loss, hinge_generator_loss),
    "least_squares": (least_squares_critic_loss, least_squares_generator_loss),
}


def feature_matching_loss(
    fake_features: list[list[Tensor]], real_features: list[list[Tensor]], weight: Tensor
) -> Tensor:
    """L1 between the critic's features of paired fake and real images, per scale and layer.

    weight [N, 1, H, W]: how much each place counts, averaged to the size of each layer.
    """
    terms = [
        ((f.float() - r.detach().float()).abs() * _sized(weight, f)).mean()
        for fakes, reals in zip(fake_features, real_features, strict=True)
        for f, r in zip(fakes, reals, strict=True)
    ]
    return torch.stack(terms).mean()


def _sized(weight: Tensor, like: Tensor) -> Tensor:
    return F.adaptive_avg_pool2d(weight, like.shape[2:])


def blurred_l1(fake: Tensor, real: Tensor, where: Tensor, sigma: float = 1.0) -> Tensor:
    """L1 between blurred images, mean over the pixels `where` is 1 [N, 1, H, W].

    At full resolution L1 asks for the mean of all that the mask allows, that is, for no noise.
    """
    difference = gaussian_blur((fake - real) * where, sigma).abs()
    return (difference * where).sum() / where.sum().clamp(min=1)


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


def log_radial_spectrum(image: Tensor, size: int = 128) -> Tensor:
    """Batch-mean log10 radial power spectrum of Hann-windowed patches: [size // 2 + 1]."""
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
    """Wasserstein-1 distance of the grey levels of two batches of equal size, in [-1, 1] units."""
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
    beside the outline and the depth of the largest particles are not lost among the others.
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
    [N, 5, 5]. Noise is the image minus its Gaussian mean (GRAIN_HIGH_PASS_PX), taken over that
    region alone. All 0 where the region is empty. Differentiable with respect to the image.
    """
    grey = (image.float() + 1) * region
    share = gaussian_blur(region, GRAIN_HIGH_PASS_PX).clamp(min=1e-3)
    residual = (grey - gaussian_blur(grey, GRAIN_HIGH_PASS_PX) / share) * region
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
    return 1 - dilate(mask, GRAIN_FAR_PX), 1 - dilate(1 - mask, GRAIN_INSIDE_PX)


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


def rational_kernel(x: Tensor, y: Tensor) -> Tensor:
    """Sum of rational quadratic kernels of features [N, d], [M, d] at KERNEL_SCALES: [N, M].

    (1 + |x - y|^2 / (2 a d))^-a (Binkowski et al. 2018, arXiv:1801.01401, section 3.3); bounded, so
    that the first images of a training, far from all real ones, do not upset it.
    """
    distance = torch.cdist(x, y).square() / x.shape[1]
    return sum((1 + distance / (2 * a)) ** -a for a in KERNEL_SCALES)


def kernel_witness(features: Tensor, fakes: Tensor, reals: Tensor) -> Tensor:
    """Mean of E k(x, fake) - E k(x, real) over features [N, d]; fakes [F, d], reals [R, d].

    Its gradient is half that of the squared kernel distance between the sets of which `features`
    are new draws and `fakes` earlier ones; 0 where fake and real sets are alike.
    """
    return rational_kernel(features, fakes).mean() - rational_kernel(features, reals).mean()


def kl_divergence(mean: Tensor, log_var: Tensor) -> Tensor:
    """KL(N(mean, exp(log_var)) || N(0, 1)) [N, z_dim], batch mean, sum over z."""
    return 0.5 * (mean.square() + log_var.exp() - 1 - log_var).sum(1).mean()
