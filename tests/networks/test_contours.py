"""Curves drawn from noise: closed, thin, and the same for a crop and the whole."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import binary_fill_holes, label

from fancgan.networks.noise import LINE_HEIGHT, NoiseContours


@pytest.fixture(scope="module")
def curves() -> torch.Tensor:
    torch.manual_seed(0)
    return NoiseContours()(torch.randn(1, 4, 512, 512))[0]


def test_fields_keep_unit_variance_and_zero_mean(curves: torch.Tensor) -> None:
    """They are Gaussian, scaled up bilinearly, which takes a little off between grid points."""
    for field in curves[2:]:
        assert field.mean().item() == pytest.approx(0, abs=0.1)
        assert 0.85 < field.var().item() < 1.1


@pytest.mark.parametrize(("channel", "least", "most"), [(0, 4, 20), (1, 20, 120)])
def test_lines_are_thin_and_close_around_areas(
    curves: torch.Tensor, channel: int, least: int, most: int
) -> None:
    line = curves[channel].numpy() > 0.5 * LINE_HEIGHT
    filled = binary_fill_holes(line)
    inside, count = label(filled & ~line)
    areas = np.bincount(inside.ravel())[1:]
    assert count > 10
    diameter = np.sqrt(4 * np.sort(areas)[len(areas) // 2 :].mean() / np.pi)
    assert least < diameter < most
    # A line of 0.8 px (sigma) is 1.9 px wide at half its height: nothing survives an opening by 5.
    thick = torch.nn.functional.max_pool2d(
        -torch.nn.functional.max_pool2d(-torch.from_numpy(line * 1.0)[None, None], 5, 1), 5, 1
    )
    assert thick.mean() < 0.002


def test_a_crop_has_the_curves_of_the_whole(curves: torch.Tensor) -> None:
    torch.manual_seed(0)
    noise = torch.randn(1, 4, 512, 512)
    crop = NoiseContours()(noise[..., 128:384, 128:384])[0]
    inner = slice(32, 224)
    whole = curves[:, 128:384, 128:384]
    assert torch.allclose(crop[:, inner, inner], whole[:, inner, inner], atol=1e-4)
