"""What an electron micrograph looks like, in numbers: ground, noise, edges, spectrum, grey levels.

Pure functions of one image [H, W] in grey levels 0..255 and its particle mask [H, W]. On the TiO2
set of Ruehle et al. 2021 (SEM, 32 fields without the info bar) they give a background of 31.7 grey
levels that varies by 6.5 between images, noise of 3.8 with an autocorrelation of 0.39 at one pixel
and 0.10 at two, and 32 / 20 / 148 / 125 / 137 grey levels far outside, 3 px outside, and 2, 8 and
20 px inside the outline of a particle.

Published figures fix what is here. The style (networks/style.py) and the losses of a training
(training/losses/statistics.py) measure the noise, the spectrum and the edges in ways of their own,
which the shipped weights fix until the next training.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter

FAR_PX = 8
NOISE_HIGH_PASS_PX = 3.0
MIN_PIXELS = 256
EDGE_FAR_PX = 40
EDGE_INSIDE_PX = 20
SPECTRUM_PATCH_PX = 128


def background_mean(image: NDArray, mask: NDArray) -> float:
    """Return the mean grey level of all pixels outside the mask; nan where there are none."""
    ground = ~mask.astype(bool)
    return float(image[ground].mean(dtype=np.float64)) if ground.any() else float("nan")


@dataclass(frozen=True)
class Noise:
    """Noise of the background: standard deviation in grey levels, autocorrelation at 1 and 2 px.

    direction: autocorrelation at 1 px along the rows less that along the columns.
    """

    sd: float
    autocorrelation_1px: float
    autocorrelation_2px: float
    direction: float


def measure_noise(image: NDArray, mask: NDArray) -> Noise:
    """Return the noise of the background more than FAR_PX (Euclidean) from any particle.

    Noise is the image minus its Gaussian local mean (sigma NOISE_HIGH_PASS_PX, taken over the same
    background alone). The autocorrelation is that of pixel pairs that both lie in it; at 1 and 2 px
    the mean of rows and columns. All nan below MIN_PIXELS such pixels.
    """
    far = distance_transform_edt(~mask.astype(bool)) > FAR_PX if mask.any() else mask == mask
    if far.sum() < MIN_PIXELS:
        return Noise(*[float("nan")] * 4)
    grey, weight = image.astype(np.float64), far.astype(np.float64)
    local = gaussian_filter(grey * weight, NOISE_HIGH_PASS_PX)
    residual = grey - local / np.maximum(gaussian_filter(weight, NOISE_HIGH_PASS_PX), 1e-6)
    variance = residual[far].var()

    def correlations(step: int) -> tuple[float, float]:
        """Along the rows, along the columns."""
        terms = []
        for r, inside in ((residual.T, far.T), (residual, far)):
            both = inside[step:] & inside[:-step]
            products = r[step:][both] * r[:-step][both]
            terms.append(float(products.mean() / max(variance, 1e-12)))
        return terms[0], terms[1]

    (row, column), further = correlations(1), correlations(2)
    sd = float(np.sqrt(variance))
    return Noise(sd, (row + column) / 2, sum(further) / 2, direction=row - column)


@dataclass(frozen=True)
class EdgeProfile:
    """Sums and pixel counts of grey levels by signed distance; profiles add up with `+`."""

    sums: NDArray
    counts: NDArray

    def __add__(self, other: EdgeProfile) -> EdgeProfile:
        return EdgeProfile(self.sums + other.sums, self.counts + other.counts)

    @property
    def distances(self) -> NDArray:
        """Signed distances in pixels, -EDGE_FAR_PX (outside) .. EDGE_INSIDE_PX; there is no 0."""
        steps = np.arange(-EDGE_FAR_PX, EDGE_INSIDE_PX + 1)
        return steps[steps != 0]

    @property
    def means(self) -> NDArray:
        """Mean grey level at each of `distances`; nan where no pixel lies."""
        known = self.counts > 0
        return np.where(known, self.sums / np.maximum(self.counts, 1), np.nan)

    def at(self, distance_px: int) -> float:
        return float(self.means[int(np.flatnonzero(self.distances == distance_px)[0])])


def signed_distance(mask: NDArray) -> NDArray:
    """Return the Euclidean distance to the other side of the outline, rounded, int [H, W].

    Positive inside, from 1 at the particle's own outermost pixels; negative outside, from -1.
    """
    mask = mask.astype(bool)
    beyond = np.full(mask.shape, float(sum(mask.shape)))
    inside = beyond if mask.all() else distance_transform_edt(mask)
    outside = distance_transform_edt(~mask) if mask.any() else beyond
    return np.rint(np.where(mask, inside, -outside)).astype(np.int64)


def edge_profile(image: NDArray, mask: NDArray) -> EdgeProfile:
    """Return the mean grey level by signed distance from the outline (`signed_distance`).

    The first bin holds all background at least EDGE_FAR_PX away; pixels deeper inside than
    EDGE_INSIDE_PX, which only the largest particles have, are left out.
    """
    signed = signed_distance(mask)
    known = signed <= EDGE_INSIDE_PX
    index = np.maximum(signed[known], -EDGE_FAR_PX) + EDGE_FAR_PX
    bins = EDGE_FAR_PX + EDGE_INSIDE_PX + 1
    sums = np.bincount(index, image[known].astype(np.float64), bins)
    counts = np.bincount(index, minlength=bins).astype(np.float64)
    return EdgeProfile(np.delete(sums, EDGE_FAR_PX), np.delete(counts, EDGE_FAR_PX))


def edge_rmse(a: EdgeProfile, b: EdgeProfile) -> float:
    """Return the root mean square difference of two profiles over the distances both know."""
    difference = a.means - b.means
    return float(np.sqrt(np.nanmean(difference**2)))


def radial_log_psd(image: NDArray, patch_px: int = SPECTRUM_PATCH_PX) -> NDArray:
    """Return log10 of the radial power spectrum, mean of Hann patches, [patch_px / 2 - 1] float64.

    Patches of patch_px squared at half overlap, each minus its mean; power is averaged over the
    ring of radius k cycles per patch, k = 1 .. patch_px / 2 - 1, before the logarithm. Raises
    ValueError where the image is smaller than a patch.
    """
    if min(image.shape) < patch_px:
        raise ValueError(f"the image {image.shape} is smaller than a patch of {patch_px} pixels")
    windows = np.lib.stride_tricks.sliding_window_view(image, (patch_px, patch_px))
    step = patch_px // 2
    patches = windows[::step, ::step].reshape(-1, patch_px, patch_px).astype(np.float64)
    patches = patches - patches.mean((1, 2), keepdims=True)
    hann = np.hanning(patch_px + 1)[:-1]
    power = np.abs(np.fft.fft2(patches * np.outer(hann, hann))) ** 2 / (hann**2).sum() ** 2
    frequency = np.fft.fftfreq(patch_px) * patch_px
    ring = np.rint(np.hypot(frequency[:, None], frequency[None])).astype(np.int64).ravel()
    count = np.bincount(ring)
    radial = np.stack([np.bincount(ring, p.ravel()) for p in power]) / count
    return np.log10(radial[:, 1 : patch_px // 2] + 1e-3).mean(0)


def psd_distance(a: NDArray, b: NDArray) -> float:
    """Return the mean absolute difference of two radial log10 spectra, in decades."""
    return float(np.abs(a - b).mean())


def grey_histogram(image: NDArray) -> NDArray:
    """Return the share of pixels at each grey level 0..255, float64 [256]; levels are rounded."""
    levels = np.clip(np.rint(image), 0, 255).astype(np.int64)
    return np.bincount(levels.ravel(), minlength=256) / levels.size


def grey_w1(a: NDArray, b: NDArray) -> float:
    """Return the Wasserstein-1 distance of two histograms [256] (each summing to 1), in levels."""
    return float(np.abs(np.cumsum(a - b)).sum())
