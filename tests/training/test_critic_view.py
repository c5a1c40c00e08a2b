"""What the critic sees: contrast in units of the noise, and frozen, standardised features."""

from __future__ import annotations

import pytest
import torch

from fancgan.networks.config import PRESETS, STAT_NAMES
from fancgan.networks.style import StyleDensity
from fancgan.training.critics import NOISE_PER_UNIT, ProjectedView
from fancgan.training.losses.kernel import FeatureBank

BACKGROUND, NOISE = 32.0, 3.7


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.rand(4, 1, 96, 96, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture(scope="module")
def view(images) -> ProjectedView:
    density = StyleDensity(PRESETS["small"])
    stats = dict.fromkeys(STAT_NAMES, 100.0)
    stats |= {"background_mean": BACKGROUND, "noise_sd": NOISE}
    density.mean.copy_(torch.tensor(list(stats.values())))
    return ProjectedView(density, images)


def in_units(grey: torch.Tensor) -> torch.Tensor:
    return (grey / 127.5 - 1).reshape(1, 1, 1, -1)


def test_contrast_is_odd_about_the_background_and_keeps_the_order(view):
    grey = torch.arange(256.0)
    contrast = view.compand(in_units(grey)).flatten()
    assert (contrast.diff() > 0).all()
    assert contrast.abs().max() <= 1.1
    around = view.compand(in_units(BACKGROUND + torch.tensor([-5.0, 0.0, 5.0]))).flatten()
    assert around[1].item() == pytest.approx(0, abs=1e-6)
    assert around[0].item() == pytest.approx(-around[2].item(), abs=1e-6)


def test_the_noise_of_the_background_is_well_above_its_share_of_the_range(view):
    """asinh(1 / 2) / 4 for one standard deviation, where grey levels as they are give 0.03."""
    levels = in_units(BACKGROUND + NOISE * torch.tensor([0.0, 1.0]))
    step = view.compand(levels).flatten().diff().item()
    expected = torch.asinh(torch.tensor(1 / NOISE_PER_UNIT)).item() / 4
    assert step == pytest.approx(expected, rel=1e-4)
    assert step > 4 * NOISE / 127.5


def test_features_of_the_reference_images_are_standardised(view, images):
    features = view(images, torch.zeros_like(images)).features
    assert [f.shape[1] for f in features] == [24, 40, 112]
    assert [f.shape[2] for f in features] == [24, 12, 6]
    for f in features:
        assert f.mean((0, 2, 3)).abs().max() < 1e-3
        assert (f.std((0, 2, 3)) - 1).abs().max() < 0.05


def test_nothing_of_the_view_is_trained(view, images):
    assert not any(p.requires_grad for p in view.parameters())
    image = images[:1].clone().requires_grad_()
    view(image, torch.zeros_like(image)).features[-1].sum().backward()
    assert image.grad.abs().sum() > 0


def test_what_is_remembered_lies_where_the_real_crops_do(view, images):
    """The meta device stands for a GPU."""
    bank = FeatureBank(view, images.to("meta"))
    assert all(buffer.device.type == "meta" for buffer in bank.buffers())
