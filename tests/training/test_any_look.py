"""What the painter learns from: pairs of crops, the terms of its loss, and groups of looks."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from scipy.ndimage import label

from fancgan.networks.painter.config import LOOK
from fancgan.networks.painter.look import LookMeter
from fancgan.networks.painter.network import Draft
from fancgan.networks.particle_net.network import LOG_DIAMETER_ZERO
from fancgan.particles.map_targets import map_targets
from fancgan.training.any_look.critics import contrast
from fancgan.training.any_look.library import group
from fancgan.training.any_look.losses import features_loss, look_loss, region_statistics, style_loss
from fancgan.training.any_look.painting import new_painter, take_order
from fancgan.training.any_look.pairs import (
    NATIVE_SHARE,
    CropPairs,
    Tone,
    choose_windows,
    draw_pair,
    turned,
    turned_maps,
)
from fancgan.training.any_particle.crops import TrainingPicture
from tests.support.drawing import draw_discs, write_pairs
from tests.support.painter_trainings import TINY_PAINTER, tiny_config
from tests.support.particle_trainings import sets_of


def test_reference_and_target_are_apart_where_the_picture_is_large_enough():
    labels = draw_discs(256, 256, radii=(9,) * 60, gap=1).labels
    overlaps = []
    for seed in range(40):
        first, second = choose_windows(np.random.default_rng(seed), labels, 64)
        seen = np.zeros(labels.shape, int)
        seen[first] += 1
        seen[second] += 1
        overlaps.append((seen == 2).mean())
        assert all(labels[window].any() for window in (first, second))
    assert max(overlaps) == 0
    one, other = choose_windows(np.random.default_rng(0), labels, 256)
    assert one == other == (slice(0, 256), slice(0, 256))


def test_pairs_are_functions_of_seed_and_index(tmp_path):
    sets = sets_of(write_pairs(tmp_path / "a", count=3, height=128, width=144))
    pairs, again, other = (CropPairs(sets, tiny_config(seed=s)) for s in (3, 3, 4))
    item = pairs[5]
    assert all(torch.equal(value, again[5][key]) for key, value in item.items())
    assert not torch.equal(item["image"], other[5]["image"])
    shapes = {key: tuple(value.shape) for key, value in item.items()}
    assert shapes.pop("targets") == (6, 64, 64) and shapes.pop("weights") == (3, 64, 64)
    assert set(shapes.values()) == {(1, 64, 64)} and len(shapes) == 4
    assert torch.equal(item["targets"][:1] >= item["mask"], torch.ones(1, 64, 64, dtype=torch.bool))
    assert all(item[key].abs().max() <= 1 for key in ("reference", "image"))


def test_what_a_segmenter_should_read_turns_with_the_crop():
    labels = draw_discs(64, 64, radii=(7, 9)).labels
    for turns, flip in ((1, False), (2, True), (3, True)):
        moved = turned(labels[None], turns, flip)[0]
        np.testing.assert_allclose(
            turned_maps(map_targets(labels), turns, flip), map_targets(moved), atol=1e-5
        )


def test_a_crop_at_its_own_scale_asks_for_the_maps_of_its_mask():
    discs = draw_discs(64, 64, radii=(7, 9))
    picture = TrainingPicture(discs.image, discs.labels)
    native = [n for n in range(30) if np.random.default_rng(n).random() < NATIVE_SHARE]
    for seed in native:  # the window is the whole picture
        item = draw_pair(np.random.default_rng(seed), picture, 64)
        inside = item["mask"][0] > 0
        read = item["targets"].clone()
        read[3] += LOG_DIAMETER_ZERO
        wanted = torch.from_numpy(map_targets(label(inside.numpy(), output=np.int32)[0]))
        assert (read - wanted)[:, inside].abs().max() < 1 / 255  # depths are kept in 8 bits


def test_another_tone_may_turn_dark_particles_bright():
    grey = np.array([[0.0, 100.0, 255.0]])
    assert Tone()(grey) == pytest.approx(grey)
    assert Tone(inverted=True)(grey) == pytest.approx(255 - grey)
    assert Tone(gain=2.0, offset=5.0)(grey) == pytest.approx(np.array([[0.0, 78.0, 255.0]]))


def test_contrast_is_that_of_the_reference():
    image = torch.rand(2, 1, 8, 8)
    seen = contrast(0.5 * image - 0.1, image)
    assert torch.allclose(contrast(image, image).mean((1, 2, 3)), torch.zeros(2), atol=1e-6)
    assert not torch.allclose(seen, contrast(image, image))


def test_statistics_are_those_of_each_region():
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., 4:] = 1
    features = torch.where(mask > 0, 3.0, 1.0).repeat(1, 2, 1, 1)
    ground, _, particle, _ = region_statistics(features, mask)[0].view(4, 2)
    assert ground.tolist() == pytest.approx([32 / 32.5] * 2)
    assert particle.tolist() == pytest.approx([3 * 32 / 32.5] * 2)
    turned_over = [features.flip(2)] * 3
    assert float(style_loss(turned_over, [features] * 3, mask)) == 0
    assert float(features_loss([features + 1] * 3, [features] * 3)) == pytest.approx(1)


def test_a_look_counts_where_its_region_is_known():
    asked = torch.zeros(1, LOOK.count)
    painted = asked.clone()
    painted[:, LOOK.depth] = 1.0
    sd = torch.ones(LOOK.count)
    seen = look_loss(painted, asked, torch.tensor([[True, True]]), sd)
    assert float(seen) == pytest.approx((LOOK.depth.stop - LOOK.depth.start) / LOOK.seen)
    assert float(look_loss(painted, asked, torch.tensor([[True, False]]), sd)) == 0
    far_off = look_loss(9 * painted, asked, torch.tensor([[True, True]]), sd)
    assert float(far_off) == pytest.approx(4 * float(seen))


def test_a_dark_reference_is_painted_dark_from_the_first_draft():
    """The untrained painter keeps its draft, which has the profiles of the reference."""
    discs = draw_discs(64, 128, radii=(8, 9, 10, 8))
    dark = 255 - torch.from_numpy(discs.image).float()[None, None]
    mask = torch.from_numpy(discs.mask).float()[None, None]
    crops = {
        "reference": dark[..., :64] / 127.5 - 1,
        "reference_mask": mask[..., :64],
        "image": -dark[..., 64:] / 127.5 + 1,  # what is painted is bright there
        "mask": mask[..., 64:],
    }
    torch.manual_seed(0)
    networks = new_painter(TINY_PAINTER)
    noise = torch.randn(1, TINY_PAINTER.noise_channels, 64, 64)
    order = take_order(LookMeter(), Draft(networks.grain), crops, noise)
    with torch.no_grad():
        painted = networks(crops["reference"], crops["reference_mask"], order)
    inside = crops["mask"] > 0
    real = (crops["reference"][crops["reference_mask"] > 0]).mean()
    assert painted[inside].mean() < painted[~inside].mean() - 0.5
    assert float(painted[inside].mean()) == pytest.approx(float(real), abs=0.1)


def test_groups_are_those_that_lie_apart():
    draws = np.random.default_rng(0)
    styles = np.concatenate([draws.normal(0, 0.1, (30, 5)), draws.normal(3, 0.1, (10, 5))])
    groups = group(styles, 2)
    assert Counter(len(members) for members in groups) == {30: 1, 10: 1}
    assert groups[0].tolist() == list(range(30))
    assert len(group(styles[:1], 12)) == 1
