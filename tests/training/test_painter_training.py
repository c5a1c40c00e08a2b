"""The painter learns from several data sets at once, and a run resumes bit for bit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from fancgan.errors import UserError
from fancgan.networks.painter.networks import PainterNetworks
from fancgan.networks.painter.stored import load_painter
from fancgan.networks.particle_net.network import ParticleNet
from fancgan.training.any_look.build import read_painter
from fancgan.training.any_look.config import TERMS
from fancgan.training.any_particle.pictures import PictureSet
from tests.support.drawing import write_pairs
from tests.support.painter_trainings import TINY_PAINTER, tiny_flags, tiny_training
from tests.support.particle_trainings import sets_of
from tests.support.paths import ROOT
from tests.support.trainings import read_log
from tests.training.test_command import environment


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    return [write_pairs(tmp_path / name, count=3, height=96, width=160) for name in ("a", "b")]


@pytest.fixture
def sets(folders: list[Path]) -> list[PictureSet]:
    return sets_of(*folders)


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory) -> Path:
    """Weights of a particle network that has learned nothing."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("segmenter") / "weights.safetensors"
    save_file({key: v.contiguous() for key, v in ParticleNet().state_dict().items()}, path)
    return path


class Killed(Exception):
    """What a test raises where a process would end without a word."""


def test_a_killed_run_resumes_bit_for_bit(sets, tmp_path):
    straight, parted = tmp_path / "straight", tmp_path / "parted"
    assert tiny_training(straight, sets).run()

    def kill(step: int) -> None:
        if step == 3:  # one step after the checkpoint
            raise Killed

    with pytest.raises(Killed):
        tiny_training(parted, sets).run(on_step=kill)
    resumed = tiny_training(parted, sets)
    assert resumed.step == 2
    assert resumed.run()

    ours, theirs = (load_file(run / "weights.safetensors") for run in (straight, parted))
    assert ours.keys() == PainterNetworks(TINY_PAINTER).state_dict().keys()
    assert all(torch.equal(value, theirs[key]) for key, value in ours.items())
    assert read_log(straight) == read_log(parted)
    val = read_log(straight, "val.jsonl")
    assert val == read_log(parted, "val.jsonl")
    assert val[0].keys() >= {"sides", "means", "log_psd", "n"}
    assert (straight / "samples" / "0000004_synthetic.png").exists()
    states = [torch.load(run / "checkpoint.pt", weights_only=True) for run in (straight, parted)]
    for name in ("painter_optimiser", "critic_optimiser"):
        assert str(states[0][name]) == str(states[1][name])
    for part in ("network", "ema", "critic"):
        assert all(torch.equal(v, states[1][part][k]) for k, v in states[0][part].items())

    # It leaves with two looks, whose record says how they may be named.
    assert load_painter(straight / "weights.safetensors", TINY_PAINTER).looks.centres.shape[0] == 2
    looks = json.loads((straight / "config.json").read_text())["looks"]
    assert sum(look["share"] for look in looks) == pytest.approx(1)
    assert all(look["dark_share"] == 0 for look in looks)
    assert looks[0]["ground_grey"] == pytest.approx(31, abs=2)
    assert looks[0]["particle_grey"] == pytest.approx(131, abs=4)
    assert 1 < looks[0]["noise_grey"] < 6

    # Once finished there is nothing to do; more steps begin from the checkpoint.
    written = (straight / "config.json").read_bytes()
    assert tiny_training(straight, sets).run()
    assert (straight / "config.json").read_bytes() == written
    assert tiny_training(straight, sets, steps=5).run()
    assert json.loads((straight / "config.json").read_text())["looks_step"] == 5


def test_gradient_reaches_every_parameter(sets, tmp_path, segmenter):
    training = tiny_training(tmp_path / "run", sets, w_cycle=1.0, segmenter=str(segmenter))
    learners = {"painter": training.players.bare, "critic": training.players.critic}
    before = {
        (who, name): parameter.clone()
        for who, learner in learners.items()
        for name, parameter in learner.named_parameters()
    }
    for step, crops in enumerate(training.crops_until(2)):
        terms = training.take_step(crops, step)
    assert terms.keys() == {*TERMS, "critic", "total"}
    assert all(torch.isfinite(term) for term in terms.values())
    for who, learner in learners.items():
        for name, parameter in learner.named_parameters():
            assert parameter.grad is not None and parameter.grad.abs().max() > 0, name
            assert not torch.equal(parameter, before[who, name]), name


@pytest.mark.parametrize("term", [*TERMS[1:4], "levels"])
def test_each_term_can_stand_alone(sets, tmp_path, term):
    weights = {f"w_{name}": float(name == term) for name in TERMS}
    training = tiny_training(tmp_path / "run", sets, **weights)
    terms = training.take_step(next(iter(training.crops_until(1))), 0)
    assert terms.keys() == {term, "total"}
    assert torch.equal(terms[term], terms["total"])


def test_a_run_begins_with_weights_of_another(sets, tmp_path):
    run = tmp_path / "run"
    tiny_training(run, sets).run(until=2)
    averaged = load_file(run / "weights.safetensors")
    initial, source = read_painter(str(run), TINY_PAINTER)
    tuned = tiny_training(tmp_path / "tuned", sets[:1], initial=initial, source=source)
    state = tuned.players.bare.state_dict()
    assert all(torch.equal(averaged[key], state[key]) for key in initial)
    assert {"looks.mean", "looks.sd"} <= initial.keys()
    with pytest.raises(UserError, match="not those of such a painter"):
        read_painter(str(ROOT / "fancgan" / "bundles" / "tio2-sem"), TINY_PAINTER)


def test_a_run_of_two_folders_from_the_shell(folders, tmp_path, segmenter):
    command = [sys.executable, str(ROOT / "train.py"), "--run", str(tmp_path / "run"), "--data"]
    command += [str(folders[0]), f"{folders[1]}=2"]
    command += tiny_flags(steps=2, w_cycle=1.0, segmenter=segmenter)
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert "step 2 of 2, done" in done.stdout
    assert read_log(tmp_path / "run")[-1]["cycle"] > 0
