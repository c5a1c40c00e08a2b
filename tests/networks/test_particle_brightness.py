"""Each particle has one brightness of its own, as bright as its kind is in the training images."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy import ndimage

from fancgan.networks.config import ModelConfig
from fancgan.networks.particle_brightness import ParticleBrightness, mean_map, particle_means
from fancgan.networks.style import StyleDensity
from fancgan.pipeline import Pipeline
from tests.support.bundles import TINY, make_tiny_bundle, tiny_networks


def squares(radii: list[int], gap: int = 1) -> np.ndarray:
    """Squares of 2 r x 2 r pixels in a row, `gap` background pixels apart: labels [H, W]."""
    labels = np.zeros((2 * max(radii) + 8, sum(2 * r + gap for r in radii) + 8), np.int64)
    left = 4
    for number, r in enumerate(radii, 1):
        labels[4 : 4 + 2 * r, left : left + 2 * r] = number
        left += 2 * r + gap
    return labels


def draw(labels: np.ndarray, seed: int = 0, particle_sd: float = 40.0) -> np.ndarray:
    mask = torch.from_numpy((labels > 0).astype(np.float32))[None, None]
    noise = torch.randn(mask.shape, generator=torch.Generator().manual_seed(seed))
    stats = torch.tensor([[30.0, 3.0, 130.0, particle_sd, 4.0]])
    return ParticleBrightness()(mask, stats, noise)[0, 0].numpy()


SIDE = 24


@pytest.fixture(scope="module")
def grid() -> tuple[np.ndarray, np.ndarray]:
    """Labels of 24 x 24 particles a line apart, and which of them are large, [577], 0 left out."""
    labels = np.kron(np.arange(1, SIDE**2 + 1).reshape(SIDE, SIDE), np.ones((18, 18), np.int64))
    large = np.random.default_rng(0).random(SIDE**2 + 1) < 0.5
    rows, columns = np.indices(labels.shape)
    rim = (rows % 18 == 17) | (columns % 18 == 17)
    cut = (rows % 18 > 13) | (columns % 18 > 13)
    return np.where(rim | (cut & ~large[labels]), 0, labels), large


def fitted(labels: np.ndarray, own: np.ndarray) -> ParticleBrightness:
    """A module fitted to particles of these grey levels, and the deviation that they show."""
    image = own[labels] * (labels > 0)
    area = np.bincount(labels.ravel())[1:]
    centre = np.average(own[1:], weights=area)
    module = ParticleBrightness()
    module.shown_sd = float(np.sqrt(np.average((own[1:] - centre) ** 2, weights=area)))
    module.fit([image], [labels], np.array([[30, 3, centre, module.shown_sd, 4]]))
    return module


def brightness_of(
    module: ParticleBrightness, labels: np.ndarray, particle_sd: float, seeds: int
) -> np.ndarray:
    """Grey levels drawn for each particle, [seeds, particles]."""
    mask = torch.from_numpy((labels > 0).astype(np.float32))[None, None].repeat(seeds, 1, 1, 1)
    noise = torch.randn(mask.shape, generator=torch.Generator().manual_seed(0))
    stats = torch.tensor([[30.0, 3.0, 130.0, particle_sd, 4.0]]).repeat(seeds, 1)
    drawn = 40 * module(mask, stats, noise)[:, 0].numpy()
    numbers = np.arange(1, labels.max() + 1)
    return np.stack([ndimage.mean(each, labels, numbers) for each in drawn])


@pytest.mark.parametrize("first", [0, 1])
def test_particles_a_line_apart_have_numbers_of_their_own(first: int) -> None:
    """At even and at odd columns: the cells of 2 x 2 pixels must not bridge the line."""
    labels = np.pad(squares([12, 7, 9, 5, 20]), ((0, 1), (first, 0)))
    drawn = draw(labels)
    values = [np.unique(drawn[labels == n]) for n in range(1, 6)]
    assert all(len(v) == 1 for v in values)
    assert len({float(v[0]) for v in values}) == 5
    assert not drawn[labels == 0].any()


def test_a_line_that_runs_askew_parts_two_halves() -> None:
    square = np.zeros((64, 64), bool)
    square[8:56, 8:56] = True
    rows, columns = np.indices(square.shape)
    for line in (rows == columns, rows == columns + 1, rows + columns == 63):
        parts, count = ndimage.label(square & ~line)
        drawn = draw(parts)
        assert count == 2
        middle = [np.median(drawn[parts == n]) for n in (1, 2)]
        assert middle[0] != middle[1]
        assert all(
            (drawn[parts == n] == m).mean() > 0.99 for n, m in zip((1, 2), middle, strict=True)
        )


def test_a_particle_as_large_as_the_picture_has_one_number() -> None:
    spiral = np.zeros((200, 200), np.int64)
    for k in range(0, 90, 12):  # a comb: the flood has to go around every tooth
        spiral[10:190, 10 + 2 * k : 16 + 2 * k] = 1
        spiral[184:190, 10 : 16 + 2 * k] = 1
    assert len(np.unique(draw(spiral)[spiral == 1])) == 1


def test_unfitted_it_has_the_spread_asked_for_and_does_not_know_the_size() -> None:
    labels = np.kron(np.arange(1, 401).reshape(20, 20), np.ones((15, 15), np.int64))
    small = labels % 2 == 0
    rows, columns = np.indices(labels.shape)
    inside = (rows % 15 < 13) & (columns % 15 < 13)
    inside &= ~small | ((rows % 15 < 4) & (columns % 15 < 4))
    labels = labels * inside
    drawn = draw(labels, particle_sd=40.0)
    means = np.array([drawn[labels == n].mean() for n in range(1, 401)]) * 40
    assert means.mean() == pytest.approx(0, abs=6)  # three standard errors of 400 draws
    assert means.std() == pytest.approx(40, rel=0.12)
    even, odd = means[1::2], means[::2]
    assert abs(even.mean() - odd.mean()) < 3 * 40 * np.sqrt(2 / 200)


def test_large_particles_are_as_bright_as_they_were(grid) -> None:
    """Half of the particles are small and 30 grey levels darker: so are those that are drawn."""
    labels, large = grid
    rng = np.random.default_rng(1)
    own = 130 + np.where(large, 0, -30) + rng.normal(0, 12, len(large))
    module = fitted(labels, own)
    drawn = brightness_of(module, labels, particle_sd=module.shown_sd, seeds=6)
    gaps = drawn[:, large[1:]].mean() - drawn[:, ~large[1:]].mean()
    assert gaps == pytest.approx(30, abs=3)
    assert drawn[:, large[1:]].std() == pytest.approx(12, rel=0.15)
    assert module.alike.item() < 0.1


def test_neighbours_are_as_alike_as_they_were(grid) -> None:
    """Brightness of a smooth field plus one's own: neighbours have 60 % in common, or nothing."""
    labels, large = grid
    rng = np.random.default_rng(2)
    field = ndimage.gaussian_filter(rng.normal(size=labels.shape), 15)
    field /= field.std()
    shared = np.concatenate([[0], ndimage.mean(field, labels, np.arange(1, len(large)))])
    alone = rng.normal(size=len(large))

    def likeness(values: np.ndarray) -> float:
        values = values.reshape(-1, SIDE, SIDE)
        values = values - values.mean()
        pairs = (values[:, 1:] * values[:, :-1]).mean() + (
            values[..., 1:] * values[..., :-1]
        ).mean()
        return float(pairs / 2 / values.var())

    for share in (0.6, 0.0):
        own = 130 + 30 * (np.sqrt(share) * shared + np.sqrt(1 - share) * alone)
        module = fitted(labels, own)
        drawn = brightness_of(module, labels, particle_sd=module.shown_sd, seeds=12)
        assert likeness(drawn) == pytest.approx(likeness(own[1:]), abs=0.12)
    assert module.alike.item() < 0.1


def test_many_particles_keep_the_mean_of_their_look_and_one_alone_is_free() -> None:
    """The excess that is taken off is that of all pixels, times area / (area + ALONE_PX)."""
    labels = np.kron(np.arange(1, 401).reshape(20, 20), np.ones((15, 15), np.int64))
    rows, columns = np.indices(labels.shape)
    labels = labels * ((rows % 15 < 13) & (columns % 15 < 13))
    means = [draw(labels, seed)[labels > 0].mean() for seed in range(8)]
    assert np.abs(means).max() < 0.02
    alone = [draw(squares([10]), seed).max() for seed in range(8)]
    assert np.std(alone) > 0.3


def test_a_large_picture_has_its_particles_painted_evenly_over_the_seams(tmp_path) -> None:
    """The pipeline draws for the whole picture: the frozen module keeps what draws."""
    pipe = Pipeline.from_pretrained(make_tiny_bundle(tmp_path / "tiny"))
    assert hasattr(pipe._generator, "draw_brightness")


def test_fit_takes_the_variance_between_particles_off_that_of_the_field() -> None:
    labels = np.kron(np.arange(1, 101).reshape(10, 10), np.ones((16, 16), np.int64))
    rows, columns = np.indices(labels.shape)
    labels = labels * ((rows % 16 < 14) & (columns % 16 < 14))
    rng = np.random.default_rng(0)
    own = rng.normal(130, 30, 101)
    image = own[labels] * (labels > 0)
    module = ParticleBrightness()
    shown = np.sqrt(own[1:].std() ** 2 + 12**2)
    module.fit([image], [labels], np.array([[0, 3, 130, shown, 4]]))
    assert module.within.item() == pytest.approx(12, rel=0.01)
    assert module.spread(torch.tensor([shown])).item() == pytest.approx(own[1:].std(), rel=0.01)
    drawn = np.quantile((own[1:] - own[1:].mean()) / own[1:].std(), [0.1, 0.5, 0.9])
    knots = module.quantiles.numpy()
    shares = (np.arange(len(knots)) + 0.5) / len(knots)
    assert np.interp([0.1, 0.5, 0.9], shares, knots) == pytest.approx(drawn, abs=0.05)


@pytest.mark.parametrize(("background", "particle"), [(200.0, 10.0), (30.0, 130.0)])
def test_no_particle_leaves_the_contrasts_of_the_training_particles(background, particle) -> None:
    """Of 100 dark particles three are half transparent: none may be drawn to shine, or to darken.

    In units of its deviation the rare kind lies far off, and the deviation of another look is
    larger.
    """
    labels = np.kron(np.arange(1, 101).reshape(10, 10), np.ones((16, 16), np.int64))
    rows, columns = np.indices(labels.shape)
    labels = labels * ((rows % 16 < 14) & (columns % 16 < 14))
    contrast = np.ones(101)
    contrast[[7, 50, 91]] = 0.5
    image = np.where(labels > 0, background + contrast[labels] * (particle - background), 0)
    module = ParticleBrightness()
    module.fit([image], [labels], np.array([[background, 3, particle, 20, 4]]))
    assert module.reach.tolist() == pytest.approx([0.5, 1.0])
    mask = torch.from_numpy((labels > 0).astype(np.float32))[None, None].repeat(8, 1, 1, 1)
    noise = torch.randn(mask.shape, generator=torch.Generator().manual_seed(0))
    stats = torch.tensor([[background, 3, particle, 60, 4]]).repeat(8, 1)
    shown = particle + 40 * module(mask, stats, noise)[mask > 0]
    reached = (shown - background) / (particle - background)
    assert 0.5 - 1e-4 <= reached.min().item() < 0.55
    assert reached.max().item() <= 1.0 + 1e-4


def test_fields_with_hardly_a_particle_leave_them_alike() -> None:
    module = ParticleBrightness()
    labels = squares([8])
    module.fit([np.full(labels.shape, 90.0)], [labels], np.array([[30, 3, 90, 5, 4]]))
    assert module.spread(torch.tensor([50.0])).item() < 0.01


def test_means_leave_out_the_rim_and_keep_the_smallest() -> None:
    labels = squares([10, 1])
    image = np.where(labels > 0, 200.0, 20.0)
    image[6:-6, 6:22][labels[6:-6, 6:22] == 1] = 100.0  # 2 px inside the outline of the first
    assert particle_means(image, labels) == pytest.approx([100, 200])
    shown = mean_map(image, labels)
    assert shown.dtype == np.float32
    assert set(np.unique(shown)) == {0, 100, 200}


def test_statistics_of_a_crop_follow_what_was_drawn_for_it() -> None:
    """One particle 20 grey levels brighter than its look: the crop shows just that."""
    density = StyleDensity(ModelConfig())
    density.mean[:5] = torch.tensor([30.0, 3.0, 130.0, 50.0, 4.0])
    density.sd[:5] = torch.tensor([6.0, 1.0, 12.0, 5.0, 1.0])
    density.particles.within.fill_(30.0)
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 16:48, 16:48] = 1
    shown = density.shown(torch.zeros(1, 10), mask * 20 / density.particles.unit, mask)
    grey = shown * density.sd + density.mean
    assert grey[0].tolist() == pytest.approx([30, 3, 150, 30, 4, *[0] * 5], rel=0.01)


def test_the_generator_uses_it_and_torch_alone_can_draw_it() -> None:
    generator = tiny_networks().deployed()["generator.pt"]
    mask = torch.from_numpy((squares([20, 20]) > 0).astype(np.float32))[None, None]
    style = torch.zeros(1, TINY.style_dim)
    noise = torch.randn(1, TINY.noise_channels, *mask.shape[2:])
    with torch.no_grad():
        drawn = generator.draw_brightness(mask, style, noise)
        assert torch.equal(generator(mask, style, noise), generator(mask, style, noise, drawn))
        other = generator(mask, style, noise, -drawn)
        assert (generator(mask, style, noise) - other).abs().mean() > 0.01
    alike = tiny_networks(dataclasses.replace(TINY, brightness=False)).deployed()["generator.pt"]
    assert not alike.draw_brightness(mask, style, noise).any()
