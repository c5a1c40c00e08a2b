"""The texture loss sees what spectra do not: thin lines against mottle of the same power."""

from __future__ import annotations

import pytest
import torch

from fancgan.networks.noise import NoiseContours
from fancgan.training.losses.statistics import spectrum_loss
from fancgan.training.losses.texture import DIRECTIONS, line_filters, texture_loss


def same_spectrum(image: torch.Tensor, seed: int = 0) -> torch.Tensor:
    """The image with the phases of white noise: the power at each frequency is kept."""
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(seed))
    turned = torch.fft.rfft2(noise)
    return torch.fft.irfft2(torch.fft.rfft2(image).abs() * turned / turned.abs(), s=image.shape[2:])


@pytest.fixture(scope="module")
def lines() -> torch.Tensor:
    rng = torch.Generator().manual_seed(1)
    noise = torch.randn(1, 4, 256, 256, generator=rng)
    curves = NoiseContours()(noise)[:, :2].sum(1, keepdim=True)
    return 0.02 * curves + 0.03 * torch.randn(1, 1, 256, 256, generator=rng) - 0.75


def test_filters_have_mean_zero_norm_one_and_answer_to_their_own_direction() -> None:
    filters = line_filters(torch.device("cpu"))
    assert filters.shape[0] == DIRECTIONS + 1
    assert filters.mean((2, 3)).abs().max() < 1e-6
    assert torch.allclose(filters.square().sum((2, 3)), torch.ones(DIRECTIONS + 1, 1))
    answers = torch.einsum("axy,bxy->ab", filters[:-1, 0], filters[:-1, 0])
    assert (answers.argmax(1) == torch.arange(DIRECTIONS)).all()


def test_it_tells_lines_from_mottle_that_has_their_spectrum(lines: torch.Tensor) -> None:
    everywhere = torch.ones_like(lines)
    mottle = same_spectrum(lines)
    assert texture_loss(lines, lines, everywhere) == 0
    turned = lines.rot90(2, (2, 3)).flip(3)
    assert texture_loss(mottle, lines, everywhere) > 5 * texture_loss(turned, lines, everywhere)
    assert spectrum_loss(mottle, lines) < 0.05


def test_rare_spots_that_are_missing_count_more_than_a_little_noise_everywhere() -> None:
    rng = torch.Generator().manual_seed(2)
    plain = 0.03 * torch.randn(1, 1, 256, 256, generator=rng)
    spots = 0.8 * (torch.rand(plain.shape, generator=rng) > 0.9993).float()
    everywhere = torch.ones_like(plain)
    missing, dark, noisy = (
        texture_loss(fake, plain + spots, everywhere)
        for fake in (plain, plain + 0.5 * spots, 1.15 * plain + spots)
    )
    assert missing > dark > noisy > 0


def test_what_lies_beyond_the_region_does_not_count(lines: torch.Tensor) -> None:
    region = torch.zeros_like(lines)
    region[..., 64:192, 64:192] = 1
    fake = torch.where(region > 0, lines, torch.ones_like(lines)).requires_grad_()
    assert texture_loss(fake, lines, region) == 0
    other = (same_spectrum(lines) + 0).requires_grad_()
    texture_loss(other, lines, region).backward()
    assert not other.grad[region == 0].any()
    assert other.grad[region == 1].any()


def test_too_small_a_region_says_nothing(lines: torch.Tensor) -> None:
    region = torch.zeros_like(lines)
    region[..., :31, :33] = 1
    assert texture_loss(lines + torch.randn_like(lines), lines, region) == 0
