"""Crops, looks and losses that the particle network learns from."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fancgan.networks.particle_net.network import LOG_DIAMETER_ZERO
from fancgan.training.any_particle.crops import TrainingPicture, draw_crop
from fancgan.training.any_particle.looks import CLIP, lettered, new_look
from fancgan.training.any_particle.losses import LOSS_WEIGHTS, map_losses
from tests.support.drawing import draw_discs

SIZE = 128


@pytest.fixture(scope="module")
def picture() -> TrainingPicture:
    discs = draw_discs(height=200, width=300, radii=(9, 10, 11, 12, 13, 14, 15), seed=3)
    return TrainingPicture(discs.image, discs.labels)


def test_a_picture_knows_its_typical_particle(picture: TrainingPicture) -> None:
    assert picture.typical_px == pytest.approx(24, rel=0.05)


@pytest.mark.parametrize("seed", range(12))
def test_crops_say_of_every_particle_where_and_how_large_it_is(
    picture: TrainingPicture, seed: int
) -> None:
    crop = draw_crop(np.random.default_rng(seed), picture, SIZE)
    assert crop.image.shape == (SIZE, SIZE) and np.abs(crop.image).max() <= CLIP
    assert crop.targets.shape == (6, SIZE, SIZE) and crop.weights.shape == (3, SIZE, SIZE)
    assert np.isfinite(crop.targets).all() and (crop.weights >= 0).all()
    assert set(np.unique(crop.targets[:2])) <= {0, 1}
    inside = (crop.targets[0] > 0) & (crop.weights[2] > 0.9)
    diameter = np.exp(crop.targets[3] + LOG_DIAMETER_ZERO)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    y, x = rows + crop.targets[5] * diameter, columns + crop.targets[4] * diameter
    for value in np.unique(crop.targets[3][inside]):
        one = inside & (crop.targets[3] == value)
        assert np.ptp(y[one]) < 1.5 and np.ptp(x[one]) < 1.5
        assert np.abs(y[one].mean() - rows[one].mean()) < 0.25 * diameter[one][0]
        assert np.abs(x[one].mean() - columns[one].mean()) < 0.25 * diameter[one][0]
        area = np.pi / 4 * diameter[one][0] ** 2
        assert 0.55 < one.sum() / area < 1.15


def test_no_weight_beyond_the_picture() -> None:
    discs = draw_discs(height=40, width=300, radii=(8, 9, 10))
    crop = draw_crop(np.random.default_rng(0), TrainingPicture(discs.image, discs.labels), SIZE)
    assert 0.2 < (crop.weights[0] > 0).mean() < 0.9
    assert not crop.targets[:, crop.weights[0] == 0].any()


def test_the_same_draws_give_the_same_crop(picture: TrainingPicture) -> None:
    a, b = (draw_crop(np.random.default_rng(5), picture, SIZE) for _ in range(2))
    assert (a.image == b.image).all() and (a.targets == b.targets).all()


def test_a_picture_without_particles_gives_crops() -> None:
    empty = TrainingPicture(np.full((60, 80), 90, np.uint8), np.zeros((60, 80), np.int32))
    crop = draw_crop(np.random.default_rng(0), empty, SIZE)
    assert not crop.targets[0].any() and not crop.weights[2].any()
    assert np.isfinite(crop.image).all()


def test_looks_change_polarity_and_keep_the_range() -> None:
    grey = np.tile(np.linspace(0, 1, 80, dtype=np.float32), (80, 1))
    slopes = []
    for seed in range(40):
        look = new_look(np.random.default_rng(seed), grey)
        assert look.dtype == np.float32 and np.abs(look).max() <= CLIP
        slopes.append(np.corrcoef(look.ravel(), grey.ravel())[0, 1])
    assert 0.15 < np.mean(np.array(slopes) < -0.3) < 0.5


def test_letters_are_background_or_not_asked_for() -> None:
    labels = np.zeros((100, 120), np.int32)
    labels[20:80, 20:100] = 1
    grey = np.full(labels.shape, 0.5, np.float32)
    changed = barred = 0
    for seed in range(120):
        drawn, kept, weight = lettered(np.random.default_rng(seed), grey, labels)
        if not (drawn != grey).any():
            continue
        changed += 1
        barred += (kept != labels).any()
        on_particle = (abs(drawn - grey) > 0.3) & (kept > 0)
        assert (weight[on_particle] == 0).all()
        assert (weight[kept == 0] == 1).all()
    assert changed > 5 and barred > 0
    assert (labels[20:80, 20:100] == 1).all(), "the truth itself is left alone"


def test_losses_are_zero_for_the_truth_alone(picture: TrainingPicture) -> None:
    crop = draw_crop(np.random.default_rng(1), picture, SIZE)
    targets, weights = torch.from_numpy(crop.targets)[None], torch.from_numpy(crop.weights)[None]
    right = targets.clone()
    right[:, :2] = 40 * (targets[:, :2] - 0.5)
    losses = map_losses(right, targets, weights)
    assert losses.keys() == LOSS_WEIGHTS.keys()
    assert all(float(value) < 1e-3 for value in losses.values()), losses
    wrong = map_losses(right + 1, targets, weights)
    assert all(wrong[name] > losses[name] for name in ("depth", "diameter", "offset"))


def test_losses_do_not_look_where_there_is_no_weight(picture: TrainingPicture) -> None:
    crop = draw_crop(np.random.default_rng(2), picture, SIZE)
    targets, weights = torch.from_numpy(crop.targets)[None], torch.from_numpy(crop.weights)[None]
    weights[..., : SIZE // 2] = 0
    maps = torch.randn_like(targets)
    other = maps.clone()
    other[..., : SIZE // 2] += 5
    first, second = (map_losses(m, targets, weights) for m in (maps, other))
    assert all(torch.equal(first[name], second[name]) for name in first)
