"""Style statistics on drawn fields, and the density they are drawn from."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fancgan.networks.config import STAT_NAMES, ModelConfig
from fancgan.networks.style import StyleDensity, measure_style


def as_tensors(image: np.ndarray, mask: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    to = lambda a: torch.from_numpy(np.asarray(a, np.float32))[None, None]  # noqa: E731
    return to(image) / 127.5 - 1, to(mask)


def test_measures_what_was_drawn():
    """White noise of sd 4 on levels 31 and 131: its 4 x 4 means deviate by 1.

    Minus its 7 x 7 mean its neighbours are correlated by -2.4 to -2.7 per cent.
    """
    rng = np.random.default_rng(0)
    mask = np.zeros((256, 256), bool)
    mask[64:192, 64:192] = True
    image = np.where(mask, 131.0, 31.0) + rng.normal(0, 4, mask.shape)
    stats, valid = measure_style(*as_tensors(image, mask))
    assert valid.all()
    expected = dict(zip(STAT_NAMES, (31, 1, 131, 1, 4 * np.sqrt(1 - 1 / 49)), strict=False))
    for name, value in zip(STAT_NAMES, stats[0].tolist(), strict=True):
        assert value == pytest.approx(
            expected.get(name, -2.5), abs=0.15 if name in expected else 1.5
        ), name


def test_grain_has_a_direction():
    """Noise averaged over two neighbours of a row: half correlated at 1 px there, nowhere else.

    But for the 7 x 7 mean that is taken off.
    """
    rng = np.random.default_rng(0)
    white = rng.normal(0, 4, (256, 257))
    image = 31 + (white[:, 1:] + white[:, :-1]) / 2
    mask = np.zeros(image.shape, bool)
    mask[64:128, 64:128] = True
    for turned in (False, True):
        views = (a.T if turned else a for a in (image, mask))
        stats, valid = measure_style(*as_tensors(*views))
        assert valid.all()
        grain = dict(zip(STAT_NAMES[5:], stats[0, 5:].tolist(), strict=True))
        along = "grain_y1" if turned else "grain_x1"
        for name, value in grain.items():
            assert value == pytest.approx(47.4 if name == along else -5.4, abs=2), name


def test_diagonal_grain():
    """Half correlated along one diagonal, not along the other; both minus the 7 x 7 mean."""
    rng = np.random.default_rng(0)
    white = rng.normal(0, 4, (257, 257))
    image = 31 + (white[1:, 1:] + white[:-1, :-1]) / 2
    for picture in (image, image[:, ::-1]):
        stats, _ = measure_style(*as_tensors(picture, np.zeros(picture.shape)))
        assert stats[0, STAT_NAMES.index("grain_diagonal")].item() == pytest.approx(20.8, abs=1.5)


def test_halo_and_edge_do_not_count():
    mask = np.zeros((128, 128), bool)
    mask[32:96, 32:96] = True
    image = np.where(mask, 130.0, 30.0)
    image[30:98, 30:98][~mask[30:98, 30:98]] = 15  # shadow halo, two pixels wide
    stats, _ = measure_style(*as_tensors(image, mask))
    assert stats[0, 0].item() == pytest.approx(30, abs=1e-3)


def test_says_what_it_cannot_tell():
    image = np.full((64, 64), 40.0)
    empty = measure_style(*as_tensors(image, np.zeros((64, 64))))[1][0].tolist()
    assert empty == [True, True, False, False, True, *[True] * 5]
    full = measure_style(*as_tensors(image, np.ones((64, 64))))[1][0].tolist()
    assert full == [False, False, True, True, False, *[False] * 5]
    few = measure_style(*as_tensors(image[:48, :48], np.zeros((48, 48))))[1][0].tolist()
    assert few == [True, True, False, False, True, *[False] * 5]


def test_gradient_is_finite_even_where_nothing_varies():
    image = torch.zeros(1, 1, 64, 64, requires_grad=True)
    stats, _ = measure_style(image, torch.zeros(1, 1, 64, 64))
    stats.sum().backward()
    assert torch.isfinite(image.grad).all()


def test_density_draws_what_it_was_fitted_to():
    rng = torch.Generator().manual_seed(0)
    chol = torch.tril(torch.rand(10, 10, generator=rng)) + torch.eye(10)
    fitted = 30 + torch.randn(4000, 10, generator=rng) @ chol.T
    config = ModelConfig()
    density = StyleDensity(config)
    density.fit(fitted)
    drawn = density(torch.randn(20000, config.style_dim, generator=rng))
    stats = drawn[:, :10] * density.sd + density.mean
    assert torch.allclose(stats.mean(0), fitted.mean(0), atol=0.1)
    # Draws are held within two standard deviations, which takes 7 to 8 % off the deviation.
    assert torch.allclose(stats.std(0), fitted.std(0), rtol=0.15)
    assert torch.corrcoef(stats.T).sub(torch.corrcoef(fitted.T)).abs().max() < 0.1


def test_one_image_is_enough_to_fit():
    density = StyleDensity(ModelConfig())
    density.fit(torch.tensor([[31.0, 3.0, 131.0, 9.0, 3.7, 40.0, 33.0, 10.0, 5.0, 20.0]]))
    drawn = density(torch.randn(4, ModelConfig().style_dim))
    assert torch.isfinite(drawn).all()


def test_is_fitted_on_the_device_of_the_statistics():
    """The meta device stands for a GPU: tensors of two devices do not mix there either."""
    density = StyleDensity(ModelConfig()).to("meta")
    density.fit(torch.zeros(4, len(STAT_NAMES), device="meta"))
    assert all(buffer.device.type == "meta" for buffer in density.buffers())
