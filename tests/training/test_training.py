"""A run resumes bit for bit, stops gently, refuses what does not fit."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from fancgan.errors import UserError
from tests.support.trainings import read_log, tiny_training


def same_weights(a: Path, b: Path) -> bool:
    return (a / "weights.safetensors").read_bytes() == (b / "weights.safetensors").read_bytes()


def test_four_steps_equal_two_and_two(fields, tmp_path):
    straight, parted = tmp_path / "straight", tmp_path / "parted"
    assert tiny_training(straight, fields).run()
    assert not tiny_training(parted, fields).run(until=2)
    with open(parted / "log.jsonl", "a") as log:  # a kill after the checkpoint leaves more lines
        log.write('{"step": 3, "total": 0.0}\n{"step": 4, "tot')
    resumed = tiny_training(parted, fields)
    assert resumed.step == 2
    assert resumed.run()

    assert same_weights(straight, parted)
    assert read_log(straight) == read_log(parted)
    assert read_log(straight, "val.jsonl") == read_log(parted, "val.jsonl")
    states = [torch.load(run / "checkpoint.pt", weights_only=True) for run in (straight, parted)]
    for network in states[0]["networks"]:
        for key, value in states[0]["networks"][network].items():
            assert torch.equal(value, states[1]["networks"][network][key]), key


def test_remembered_features_resume_bit_for_bit(fields, tmp_path):
    """The kernel term remembers painted crops; a resumed training must remember the same."""
    changes = {"w_kernel": 1.0, "batch_size": 16, "random_batch": 16, "crop_px": 128, "steps": 3}
    straight, parted = tmp_path / "straight", tmp_path / "parted"
    tiny_training(straight, fields, **changes).run()
    tiny_training(parted, fields, **changes).run(until=2)
    tiny_training(parted, fields, **changes).run()
    log = read_log(straight)
    assert log[0]["kernel"] == 0  # nothing remembered yet
    assert log[2]["kernel"] > 0  # an untrained generator is far from all real crops
    assert log == read_log(parted)
    assert same_weights(straight, parted)


def test_the_segmenter_ends_alone_and_resumes_bit_for_bit(fields, tmp_path):
    straight, parted = tmp_path / "straight", tmp_path / "parted"
    changes = {"steps": 2, "segmenter_steps": 3, "log_every_steps": 4}
    training = tiny_training(straight, fields, **changes)
    assert not training.run(until=2)
    before = {name: copy.deepcopy(net.state_dict()) for name, net in training.players.bare.items()}
    assert training.run()
    for name, network in training.players.bare.items():
        same = [torch.equal(v, before[name][k]) for k, v in network.state_dict().items()]
        assert all(same) == (name != "segmenter"), name
    assert not tiny_training(parted, fields, **changes).run(until=3)
    assert tiny_training(parted, fields, **changes).run()
    assert same_weights(straight, parted)
    lines = read_log(parted)
    assert [line["step"] for line in lines] == [2, 3, 4, 5]
    assert set(lines[-1]) == {"step", "paired_mask", "paired_core", "total"}


def test_without_steps_of_the_cycle_the_segmenter_learns_alone(fields, tmp_path):
    training = tiny_training(tmp_path, fields, steps=0, segmenter_steps=3)
    before = {name: copy.deepcopy(net.state_dict()) for name, net in training.players.bare.items()}
    assert training.run()
    for name, network in training.players.bare.items():
        same = [torch.equal(v, before[name][k]) for k, v in network.state_dict().items()]
        assert all(same) == (name != "segmenter"), name
    assert training.step == 3


def test_a_training_begins_with_published_weights(fields, tmp_path):
    first = tiny_training(tmp_path / "first", fields)
    first.run()
    weights = load_file(tmp_path / "first" / "weights.safetensors")
    halves = {key: value.half() for key, value in weights.items()}
    tuned = tiny_training(tmp_path / "tuned", fields, data={"init": "first"}, initial=halves)
    for name, network in tuned.players.bare.items():
        for key, value in network.state_dict().items():
            if f"{name}.{key}" in halves:
                assert torch.equal(value, halves[f"{name}.{key}"].float()), key
    assert torch.equal(
        tuned.players.ema["generator"].network.to_image.bias,
        halves["generator.to_image.bias"].float(),
    )
    tuned.run()
    described = json.loads((tmp_path / "tuned" / "config.json").read_text())
    assert described["data"]["init"] == "first"


def test_a_run_writes_what_its_readers_expect(fields, tmp_path):
    run = tmp_path / "run"
    tiny_training(run, fields).run()
    lines = read_log(run)
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    terms = {
        "adv_image",
        "adv_mask",
        "critic_image",
        "critic_mask",
        "paired_l1",
        "paired_perceptual",
        "paired_mask",
        "cycle_mask",
        "cycle_l1",
        "cycle_perceptual",
        "style_statistics",
        "kl",
        "latent",
        "spectrum",
        "grey_levels",
        "profile",
        "grain",
        "kernel",
    }
    assert terms <= set(lines[0])
    described = json.loads((run / "config.json").read_text())
    assert described["model"]["widths"] == [8, 8, 16]
    assert described["train"]["seed"] == 3
    prefixes = {key.split(".")[0] for key in load_file(run / "weights.safetensors")}
    assert prefixes == {"generator", "segmenter", "style_encoder", "style_density"}
    assert len(list((run / "samples").glob("*_synthetic.png"))) == 2
    assert not list(run.rglob(".*.part"))


def test_other_settings_are_refused(fields, tmp_path):
    run = tmp_path / "run"
    tiny_training(run, fields).run(until=1)
    with pytest.raises(UserError, match="seed = 3, not 4"):
        tiny_training(run, fields, seed=4)
    assert tiny_training(run, fields, steps=6).step == 1


def test_a_damaged_checkpoint_is_named(fields, tmp_path):
    run = tmp_path / "run"
    tiny_training(run, fields).run(until=1)
    (run / "checkpoint.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(UserError, match=r"checkpoint\.pt cannot be read"):
        tiny_training(run, fields)


def test_a_run_that_cannot_be_written_is_named(fields, tmp_path):
    (tmp_path / "taken").write_text("a file, not a folder")
    with pytest.raises(UserError, match="cannot be written"):
        tiny_training(tmp_path / "taken", fields)


def test_divergence_stops_with_a_sentence(fields, tmp_path):
    training = tiny_training(tmp_path / "run", fields, lr_generator=1e30)
    with pytest.raises(UserError, match="diverged at step"):
        training.run()
