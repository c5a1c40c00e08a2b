"""The settings of a training, and what a step is given by its number alone."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from fancgan.errors import UserError
from fancgan.training.config import (
    ADVERSARIAL_NAMES,
    MASK_LOSS_NAMES,
    OBJECTIVES,
    PERCEPTUAL_NAMES,
    TRACKER_NAMES,
    TrainConfig,
)
from fancgan.training.losses.adversarial import ADVERSARIAL
from fancgan.training.losses.masks import MASK_LOSSES
from fancgan.training.losses.perceptual import PERCEPTUAL
from fancgan.training.run.journal import TRACKERS
from fancgan.training.schedule import learning_rate_factor, step_generator
from tests.support.trainings import tiny_config


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"crop_px": 200}, "--crop-px 200 is no multiple of 16"),
        ({"crop_px": 64}, "--crop-px 64 is too small"),
        ({"adversarial": "wasserstein"}, "--adversarial wasserstein is unknown"),
        ({"lr_critic": float("nan")}, "--lr-critic nan is too small"),
        ({"steps": 0, "segmenter_steps": 0}, "--steps and --segmenter-steps are both 0"),
    ],
)
def test_impossible_settings_are_refused(changes, sentence):
    with pytest.raises(UserError, match=sentence):
        tiny_config(**changes)


def test_names_in_the_settings_are_the_implemented_ones():
    assert set(ADVERSARIAL_NAMES) == set(ADVERSARIAL)
    assert set(MASK_LOSS_NAMES) == set(MASK_LOSSES)
    assert set(PERCEPTUAL_NAMES) == set(PERCEPTUAL)
    assert set(TRACKER_NAMES) == {*TRACKERS, "none"}
    fields = {f.name for f in dataclasses.fields(TrainConfig)}
    assert all(set(dropped) <= fields for dropped in OBJECTIVES.values())


def test_learning_rate_rises_holds_and_falls():
    config = tiny_config(steps=100, warmup_steps=10, decay_share=0.2)
    factors = [learning_rate_factor(step, config) for step in range(100)]
    assert factors[0] == pytest.approx(0.1)
    assert factors[9:81] == [1.0] * 72
    assert factors[90] == pytest.approx(0.5)
    assert 0 < factors[99] < 0.1
    twice = tiny_config(steps=100, segmenter_steps=100, warmup_steps=10, decay_share=0.2)
    assert [learning_rate_factor(step, twice) for step in range(200)] == factors * 2


def test_random_numbers_depend_on_seed_step_and_process():
    draws = {
        key: torch.rand(4, generator=step_generator(*key)).tolist()
        for key in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    }
    assert len({tuple(d) for d in draws.values()}) == 4
    assert torch.rand(4, generator=step_generator(0, 1, 0)).tolist() == draws[(0, 1, 0)]
