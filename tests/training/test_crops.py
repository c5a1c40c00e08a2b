"""Crops: native, each a function of its number alone, and never the same for two processes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fancgan.datasets.fields import Field
from fancgan.errors import UserError
from fancgan.networks.config import GREY_PER_UNIT
from fancgan.training.crops import CropDataset, crop_indices, crop_loader
from tests.support.trainings import tiny_config


def test_processes_and_steps_never_share_a_crop():
    seen = [
        i
        for step in range(5)
        for rank in range(3)
        for i in crop_indices(step, 4, rank, world_size=3)
    ]
    assert sorted(seen) == list(range(5 * 3 * 4))


def test_crops_are_native_and_repeat(fields):
    dataset = CropDataset(fields, tiny_config())
    item, again = dataset[5], dataset[5]
    assert all(torch.equal(item[key], again[key]) for key in ("image", "mask", "other_mask"))
    assert item["image"].shape == (1, 128, 128)
    assert set(item["mask"].unique().tolist()) <= {0.0, 1.0}
    field = fields[item["field"]]
    grey = ((item["image"][0] + 1) * GREY_PER_UNIT).round().to(torch.uint8)
    assert set(grey.unique().tolist()) <= set(field.image.ravel().tolist())


def test_what_is_painted_keeps_the_direction_of_the_scan(draw_discs):
    """Rows of one grey level each: a crop to paint has rows, one for the segmenter may not."""
    discs = draw_discs()
    image = np.broadcast_to(np.arange(len(discs.image), dtype=np.uint8)[:, None], discs.mask.shape)
    field = Field("scan", image.copy(), discs.labels.astype(np.int32), None)
    for share, expected in ((0.0, 0), (1.0, 20)):
        config = tiny_config(batch_size=1, segmenter_batch=1, quarter_turns=share)
        dataset = CropDataset([field], config)
        turned = [
            bool((crop["image"][0, :, 1:] != crop["image"][0, :, :-1]).any())
            for crop in (dataset[i] for i in range(40))
        ]
        assert sum(turned[::2]) == expected
        assert 2 < sum(turned[1::2]) < 18


def test_small_particles_are_sought_and_seen_whole():
    """A field of 600 px with one small particle: chance alone would show it in few crops."""
    rows, columns = np.ogrid[:600, :600]
    labels = np.zeros((600, 600), np.int32)
    for number, x in enumerate(range(60, 600, 120), start=1):
        labels[(rows - 300) ** 2 + (columns - x) ** 2 <= 30**2] = number
    labels[(rows - 570) ** 2 + (columns - 570) ** 2 <= 6**2] = 9
    image = np.where(labels > 0, 180, 60).astype(np.uint8)
    field = Field("one small", image, labels, None)
    config = tiny_config()
    dataset = CropDataset([field], config)
    assert [(n, tuple(np.round(at))) for n, at in dataset.small] == [(0, (570, 570))]
    crops = [dataset[i] for i in range(60)]
    heavy = [int((crop["core_weight"] > 1.5).sum()) for crop in crops]
    assert np.mean([count > 0 for count in heavy]) > 0.1
    whole = max(heavy)
    assert whole == pytest.approx((dataset.known[0]["core_weight"] > 1.5).sum())
    assert all(float(crop["core_weight"].min()) == 1 for crop in crops)


def test_crops_larger_than_the_image_are_refused(fields):
    with pytest.raises(UserError, match="smaller than the crops of 256"):
        CropDataset(fields, tiny_config(crop_px=256))


def test_worker_processes_prepare_the_same_batches(fields):
    batches = [
        next(
            iter(
                crop_loader(CropDataset(fields, tiny_config(workers=n)), 3, 4, rank=0, world_size=1)
            )
        )
        for n in (0, 1)
    ]
    assert torch.equal(batches[0]["image"], batches[1]["image"])
