"""What the players minimise: every term has its weight, and one without weight is not computed."""

from __future__ import annotations

import pytest
import torch

from fancgan.training.config import OBJECTIVES
from fancgan.training.crops import crop_loader
from fancgan.training.step import weighted_sum
from fancgan.training.terms import CycleTerms
from tests.support.trainings import read_log, tiny_config, tiny_training

ON_REAL_PAIRS = {"paired_mask", "paired_core"}


@pytest.fixture
def computed(monkeypatch) -> list[set[str]]:
    """The names of the terms of painters and segmenter, step by step."""
    names: list[set[str]] = []

    def watched(method: str):
        original = getattr(CycleTerms, method)

        def call(self, *args):
            terms = original(self, *args)
            names.append(set(terms))
            return terms

        monkeypatch.setattr(CycleTerms, method, call)

    watched("painter")
    watched("segmenter")
    return names


def one_step(fields, run, **changes) -> dict[str, torch.Tensor]:
    training = tiny_training(run, fields, **changes)
    crops = next(iter(crop_loader(training.dataset, 0, 1, rank=0, world_size=1)))
    return training.train_step(crops)


def test_each_term_has_a_weight_and_each_weight_a_term(fields, tmp_path, computed):
    weights = tiny_config().term_weights(1.0)
    changes = {"w_feature_matching": 1.0, "w_kernel": 1.0}
    one_step(fields, tmp_path, **changes)
    assert set.union(*computed) == set(weights)
    assert not set.intersection(*computed)


@pytest.mark.parametrize("objective", ["gan", "cyclegan"])
def test_what_an_objective_drops_is_not_computed(objective, fields, tmp_path, computed):
    dropped = dict.fromkeys(OBJECTIVES[objective], 0.0)
    terms = one_step(fields, tmp_path, **dropped)
    weights = tiny_config(**dropped).term_weights(1.0)
    assert set.union(*computed) == {name for name in weights if weights[name]} | ON_REAL_PAIRS
    for name in weights.keys() - ON_REAL_PAIRS:
        assert weights[name] or terms[name] == 0, f"{name} is dropped, and logged as 0"


def test_dropping_a_term_is_as_good_as_weighing_it_with_nothing(fields, tmp_path):
    """The same weights to the bit as where all terms are computed and multiplied by 0."""
    dropped = dict.fromkeys((*OBJECTIVES["gan"], "w_synthetic_mask", "w_latent"), 0.0)
    changes = {"steps": 2, "save_every_steps": 2, **dropped}
    trained = []
    for number in range(2):
        training = tiny_training(tmp_path / str(number), fields, **changes)
        if number:
            # Neither the bank's nor one for which the critic would be called, and change.
            kept = tiny_config().term_weights(1.0).keys() - {"kernel", "feature_matching"}
            training.take_step.terms.kept = kept
        training.run()
        trained.append(training.players.bare)
        assert (read_log(tmp_path / str(number))[0]["profile"] > 0) == bool(number)
    for name, network in trained[0].items():
        for key, value in network.named_parameters():
            assert torch.equal(value, trained[1][name].get_parameter(key)), f"{name}.{key}"


def test_the_objective_is_the_weighted_sum():
    terms = {"kl": torch.tensor(3.0), "latent": torch.tensor(0.5)}
    assert weighted_sum(terms, {"adv_image": 7.0, "kl": 0.1, "latent": 2.0}) == pytest.approx(1.3)
