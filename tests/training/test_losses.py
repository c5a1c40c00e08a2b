"""Losses against closed forms."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch.nn import functional as F

from fancgan.evaluation.appearance import NOISE_HIGH_PASS_PX
from fancgan.networks.filters import gaussian_blur
from fancgan.training.augment import DRAWS, READ_BLUR_PX, diff_augment, jitter
from fancgan.training.losses.adversarial import (
    feature_matching_loss,
    hinge_critic_loss,
    hinge_generator_loss,
    least_squares_critic_loss,
)
from fancgan.training.losses.kernel import kernel_witness
from fancgan.training.losses.masks import (
    MASK_LOSSES,
    core_loss,
    cross_entropy,
    focal_cross_entropy,
    tversky_loss,
)
from fancgan.training.losses.paired import blurred_l1, kl_divergence
from fancgan.training.losses.statistics import (
    GRAIN_REACH_PX,
    grain_loss,
    grey_level_w1,
    noise_grain,
    profile_loss,
    shells,
    spectrum_loss,
    style_statistics_loss,
)


@pytest.fixture
def logits() -> torch.Tensor:
    return torch.randn(2, 2, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def mask() -> torch.Tensor:
    return (torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(1)) > 0.6).float()


def sure(mask: torch.Tensor) -> torch.Tensor:
    """Logits that leave no doubt about a mask."""
    return torch.cat([-50 * (2 * mask - 1), 50 * (2 * mask - 1)], dim=1)


def test_focal_loss_without_focus_is_cross_entropy(logits, mask):
    assert torch.allclose(focal_cross_entropy(logits, mask, gamma=0), cross_entropy(logits, mask))


def test_focal_loss_weights_each_pixel_before_the_mean(logits, mask):
    """The mean of focal terms, not the focal term of the mean (a mistake of the field)."""
    prob = logits.softmax(1).gather(1, mask.long())
    by_hand = ((1 - prob) ** 2 * -prob.log()).mean()
    assert torch.allclose(focal_cross_entropy(logits, mask, gamma=2), by_hand)


def test_tversky_with_equal_weights_is_dice(mask):
    guess = mask.roll(2, dims=3)
    overlap = (guess * mask).sum()
    dice = (2 * overlap + 2) / (guess.sum() + mask.sum() + 2)
    assert torch.allclose(1 - tversky_loss(sure(guess), mask, 0.5, 0.5), dice)


def test_tversky_punishes_missed_pixels_more_than_invented_ones(mask):
    missed = mask.clone()
    missed[:, :, :4] = 0
    invented = mask.clone()
    changed = int(mask.sum() - missed.sum())
    free = (mask == 0).nonzero()[:changed]
    invented[tuple(free.T)] = 1
    assert tversky_loss(sure(missed), mask) > tversky_loss(sure(invented), mask)


@pytest.mark.parametrize("name", sorted(MASK_LOSSES))
def test_mask_losses_vanish_on_the_truth_and_reach_the_logits(name, logits, mask):
    loss = MASK_LOSSES[name]
    assert loss(sure(mask), mask).item() == pytest.approx(0, abs=1e-3)
    logits.requires_grad_()
    loss(logits, mask).backward()
    assert logits.grad.abs().sum() > 0


def test_core_loss_weighs_the_rim():
    mask = torch.zeros(1, 1, 32, 32)
    mask[:, :, 8:24, 8:24] = 1
    core = 1 - F.max_pool2d(1 - mask, 5, 1, 2)
    flat = core_loss(torch.zeros_like(core), core, mask, line_weight=1.0)
    assert flat.item() == pytest.approx(math.log(2), rel=1e-5)
    assert core_loss(torch.zeros_like(core), core, mask) > flat


def test_adversarial_losses_at_known_scores():
    real, fake = [torch.full((2, 1, 3, 3), 2.0)], [torch.full((2, 1, 3, 3), 0.5)]
    assert hinge_critic_loss(real, fake).item() == pytest.approx(1.5)
    assert hinge_generator_loss(fake).item() == pytest.approx(-0.5)
    assert least_squares_critic_loss(real, fake).item() == pytest.approx(0.5 * (1 + 0.25))


def test_feature_matching_of_equal_features_is_zero():
    features = [[torch.randn(1, 4, 8, 8), torch.randn(1, 8, 4, 4)]]
    everywhere = torch.ones(2, 1, 16, 16)
    assert feature_matching_loss(features, features, everywhere).item() == 0


def test_feature_matching_counts_where_it_is_asked_to():
    real, fake = [[torch.zeros(1, 3, 8, 8)]], [[torch.ones(1, 3, 8, 8)]]
    left = torch.zeros(1, 1, 16, 16)
    left[..., :4] = 1
    assert feature_matching_loss(fake, real, left).item() == pytest.approx(0.25)


def test_blurred_l1_sees_the_level_and_hardly_the_noise():
    x = torch.zeros(1, 1, 64, 64)
    noise = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    everywhere = torch.ones_like(x)
    assert blurred_l1(x + 0.25, x, everywhere).item() == pytest.approx(0.25, abs=1e-5)
    for sigma, left in ((1.0, 0.35), (2.0, 0.2)):
        assert blurred_l1(x + noise, x, everywhere, sigma) < left * noise.abs().mean()


def test_blurred_l1_counts_where_it_is_asked_to():
    x, where = torch.zeros(1, 1, 64, 64), torch.zeros(1, 1, 64, 64)
    where[..., :16] = 1
    apart = x.clone()
    apart[..., 32:] = 1
    assert blurred_l1(apart, x, where) == 0
    assert blurred_l1(x + 0.25, x, where).item() == pytest.approx(0.25, abs=0.02)
    assert blurred_l1(x + 0.25, x, 0 * where) == 0


def test_grey_level_w1_is_the_shift_and_ignores_the_order():
    x = torch.rand(1, 1, 16, 16)
    assert grey_level_w1(x + 0.3, x).item() == pytest.approx(0.3, abs=1e-6)
    assert grey_level_w1(x.flip(3), x).item() == 0


def test_shells_follow_the_outline_and_never_overlap():
    mask = torch.zeros(1, 1, 64, 64)
    mask[:, :, 16:48, 16:48] = 1
    found = shells(mask)
    assert sum(found).max() == 1
    sides = [32, 34, 36, 40, 44]  # of the square grown by 0, 1, 2, 4 and 6 px
    outside = [outer**2 - inner**2 for inner, outer in itertools.pairwise(sides)]
    sides = [32, 30, 28, 26, 24, 20, 16, 8, 0]
    inside = [outer**2 - inner**2 for outer, inner in itertools.pairwise(sides)]
    assert [int(shell.sum()) for shell in found] == [*outside, *inside, 0, 0]
    # A line between two halves is a shell of its own, and none of the first outside.
    mask[:, :, :, 30] = 0
    parted = shells(mask)
    assert sum(parted).max() == 1
    assert int(parted[-1].sum()) == parted[-1][..., 16:48, 30].sum() >= 30
    assert int(parted[0].sum()) <= outside[0] + 2


def test_profile_loss_weighs_shells_and_not_pixels():
    mask = torch.zeros(1, 1, 64, 64)
    mask[:, :, 16:48, 16:48] = 1
    real = torch.zeros(1, 1, 64, 64)
    known = [shell for shell in shells(mask) if shell.sum()]
    for shell in known:
        assert profile_loss(real + 0.5 * shell, real, mask).item() == pytest.approx(
            0.5 / len(known), abs=1e-6
        )
    # Other pixels of the same mean are as good: facets may lie elsewhere.
    noise = torch.randn(real.shape, generator=torch.Generator().manual_seed(0))
    noise -= sum(shell * (noise * shell).sum() / shell.sum() for shell in known)
    assert profile_loss(noise, real, mask).item() == pytest.approx(0, abs=1e-6)


def test_profile_loss_of_a_crop_without_outline_is_zero_and_finite():
    x = torch.ones(1, 1, 32, 32, requires_grad=True)
    loss = profile_loss(x, torch.zeros_like(x), torch.zeros_like(x))
    loss.backward()
    assert loss.item() == 0
    assert x.grad.isfinite().all()


def grain_of(kernel: torch.Tensor) -> torch.Tensor:
    """Grain [5, 5] of white noise seen through a small kernel, in closed form."""
    impulse = torch.zeros(1, 1, 41, 41)
    impulse[..., 20, 20] = 1
    high_pass = impulse - gaussian_blur(impulse, NOISE_HIGH_PASS_PX)
    whole = F.conv2d(F.pad(high_pass, (6, 6, 6, 6)), kernel[None, None])
    reach = GRAIN_REACH_PX
    products = F.conv2d(F.pad(whole, [reach] * 4), whole)[0, 0] / (whole**2).sum()
    both = 0.5 * (products + products.flip(1))
    return both[reach:, reach:]


def test_grain_is_the_autocorrelation_within_a_region():
    generator = torch.Generator().manual_seed(0)
    white = 0.05 * torch.randn(24, 1, 128, 128, generator=generator)
    region = torch.ones_like(white)
    region[:, :, :48] = 0
    soft = (white + white.roll(1, 2) + white.roll(1, 3) + white.roll((1, 1), (2, 3))) / 4
    scanned = (white + white.roll(1, 3)) / 2
    for image, kernel in (
        (white, torch.ones(1, 1)),
        (soft, torch.ones(2, 2)),
        (scanned, torch.ones(1, 2)),
    ):
        assert torch.allclose(noise_grain(image, region), grain_of(kernel), atol=0.01)
    striped = soft + (1 - region) * torch.arange(128) % 2
    assert torch.allclose(noise_grain(striped, region), noise_grain(soft, region), atol=1e-5)
    brighter, plain = noise_grain(3 * soft - 0.4, region), noise_grain(soft, region)
    assert torch.allclose(brighter.flatten()[1:], plain.flatten()[1:], atol=1e-3)


def test_grain_loss_sees_the_substrate_and_the_particles_each_on_its_own():
    generator = torch.Generator().manual_seed(0)
    white = 0.05 * torch.randn(8, 1, 192, 192, generator=generator)
    soft = (white + white.roll(1, 2) + white.roll(1, 3) + white.roll((1, 1), (2, 3))) / 4
    mask = torch.zeros_like(white)
    mask[:, :, :96] = 1
    of_substrate = grain_loss(torch.where(mask > 0, soft, white), mask, soft, mask)
    of_particles = grain_loss(torch.where(mask > 0, white, soft), mask, soft, mask)
    both = grain_loss(white, mask, soft, mask)
    assert of_substrate > 0.03
    assert of_particles > 0.03
    assert both.item() == pytest.approx((of_substrate + of_particles).item(), rel=0.1)
    assert grain_loss(soft, mask, soft.flip(2, 3), mask.flip(2)).item() == pytest.approx(
        0, abs=1e-5
    )
    # Two images that swap their grains are the same batch, and not the same images.
    pair, swapped = torch.cat([soft[:4], white[4:]]), torch.cat([soft[4:], white[:4]]).flip(0)
    of_batch = grain_loss(pair, mask, swapped, mask)
    of_images = grain_loss(pair, mask, swapped, mask, each=True)
    assert of_batch < 0.01 < 0.06 < of_images
    # Where one batch shows no substrate there is nothing to compare.
    only = torch.ones_like(mask)
    assert grain_loss(soft, only, soft, mask).item() == pytest.approx(0, abs=0.01)


def test_grain_loss_of_a_crop_without_background_is_finite():
    x = torch.rand(1, 1, 32, 32, requires_grad=True)
    mask = torch.ones_like(x)
    loss = grain_loss(x, mask, x.detach().flip(3), mask)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert x.grad.isfinite().all()


def test_kernel_witness_is_zero_for_equal_sets_and_leads_from_fake_to_real():
    generator = torch.Generator().manual_seed(0)
    reals = torch.randn(200, 6, generator=generator)
    fakes = torch.randn(200, 6, generator=generator) + 1.5
    x = fakes[:20].clone().requires_grad_()
    assert kernel_witness(x, reals, reals).item() == pytest.approx(0, abs=1e-6)
    loss = kernel_witness(x, fakes, reals)
    assert loss > 0.1
    loss.backward()
    assert (x.grad.mean(0) > 0).all()  # downhill is towards the real ones
    far = (1e4 * torch.ones(2, 6)).requires_grad_()
    kernel_witness(far, fakes, reals).backward()
    assert far.grad.abs().max() < 1e-3


def test_spectrum_loss_is_blind_to_phase_and_counts_decades():
    x = torch.randn(4, 1, 128, 128, generator=torch.Generator().manual_seed(0))
    other = torch.randn(4, 1, 128, 128, generator=torch.Generator().manual_seed(1))
    assert spectrum_loss(-x, x).item() == 0
    assert spectrum_loss(x.flip(2), x) < 0.01
    assert spectrum_loss(x * math.sqrt(10), x).item() == pytest.approx(1, abs=1e-3)
    assert spectrum_loss(other, x) < 0.1


def test_kl_divergence_in_closed_form():
    mean, log_var = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, math.log(4.0)]])
    assert kl_divergence(mean, log_var).item() == pytest.approx(0.5 + 0.5 * (3 - math.log(4)))


def test_style_statistics_count_only_where_they_could_be_measured():
    measured = torch.tensor([[1.0, 9.0]])
    asked = torch.tensor([[0.0, 0.0]])
    valid = torch.tensor([[True, False]])
    assert style_statistics_loss(measured, asked, valid).item() == 1.0


def test_augmentation_treats_image_and_mask_alike_and_repeats():
    x = torch.rand(3, 1, 64, 64)
    pair = torch.cat([x, x], dim=1)
    draws = torch.rand(3, DRAWS, generator=torch.Generator().manual_seed(3))
    once, twice = (diff_augment(pair, draws, probability=1.0) for _ in range(2))
    assert torch.equal(once, twice)
    assert torch.equal(once[:, 0], once[:, 1])
    assert not torch.equal(once, pair)
    assert torch.equal(diff_augment(pair, draws, probability=0.0), pair)


def test_jitter_changes_the_contrast_of_the_chosen_and_repeats():
    image = torch.rand(16, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1

    def jittered(probability: float) -> torch.Tensor:
        return jitter(image, probability, torch.Generator().manual_seed(1))

    assert torch.equal(jittered(0.5), jittered(0.5))
    assert torch.equal(jittered(0.0), image)
    changed = (jittered(0.5) != image).flatten(1).any(1)
    assert 2 <= changed.sum() <= 15
    blurred = gaussian_blur(image, READ_BLUR_PX)
    only_blurred = (jittered(0.5) == blurred).flatten(1).all(1)
    assert 1 <= only_blurred.sum() <= 10
    assert jittered(1.0).abs().max() <= 1
    assert (jittered(1.0) != blurred).flatten(1).any(1).all()


def test_a_blur_first_asked_for_in_inference_still_trains():
    x = torch.rand(1, 1, 16, 16)
    with torch.inference_mode():
        gaussian_blur(x, 0.93)
    x.requires_grad_()
    gaussian_blur(x, 0.93).square().sum().backward()
    assert (x.grad != 0).all()
