"""The particle network learns from several data sets at once, and a run resumes bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from fancgan.datasets.sources import DataSource, parse_source
from fancgan.errors import UserError
from fancgan.networks.particle_net.network import ParticleNet
from fancgan.training.any_particle.build import read_initial
from fancgan.training.any_particle.pictures import ParticleCrops, PictureSet, spread
from fancgan.training.any_particle.step import on_device
from fancgan.training.schedule import trapezium
from tests.support.drawing import write_pairs
from tests.support.particle_trainings import sets_of, tiny_config, tiny_training
from tests.support.trainings import read_log


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders of fields of discs: three of 128 x 144, two of 128 x 128."""
    return (
        write_pairs(tmp_path / "many", count=3, height=128, width=144),
        write_pairs(tmp_path / "few", count=2, height=128, width=128),
    )


@pytest.fixture
def sets(folders: tuple[Path, Path]) -> list[PictureSet]:
    return sets_of(*folders)


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
    assert ours.keys() == ParticleNet().state_dict().keys()
    assert all(torch.equal(value, theirs[key]) for key, value in ours.items())
    assert read_log(straight) == read_log(parted)
    val = read_log(straight, "val.jsonl")
    assert val == read_log(parted, "val.jsonl")
    assert [line["step"] for line in val] == [2, 4]
    assert val[0].keys() >= {"loss_total", "loss_particle", "dice", "ap50", "n"}
    states = [torch.load(run / "checkpoint.pt", weights_only=True) for run in (straight, parted)]
    assert str(states[0]["optimiser"]) == str(states[1]["optimiser"])
    for part in ("network", "ema"):
        assert all(torch.equal(v, states[1][part][k]) for k, v in states[0][part].items())
    assert not torch.equal(states[0]["network"]["head.weight"], states[0]["ema"]["head.weight"])


def test_a_run_goes_on_with_its_own_settings_and_data_alone(sets, tmp_path):
    run = tmp_path / "run"
    tiny_training(run, sets).run(until=1)
    assert tiny_training(run, sets, steps=9, workers=1).step == 1
    with pytest.raises(UserError, match=r"lr = 0\.0015, not 0\.1"):
        tiny_training(run, sets, lr=0.1)
    with pytest.raises(UserError, match=r"sets = \['many', 'few'\], not \['many'\]"):
        tiny_training(run, sets[:1])


def test_the_loss_falls(sets, tmp_path):
    run = tmp_path / "run"
    tiny_training(run, sets, steps=14, lr_encoder=1.5e-3, eval_every_steps=100).run()
    total = [line["total"] for line in read_log(run)]
    assert np.mean(total[-3:]) < 0.8 * np.mean(total[:3])


def test_gradient_reaches_every_parameter(sets, tmp_path):
    training = tiny_training(tmp_path / "run", sets)
    crops = next(iter(training.crops_until(1)))
    before = {k: v.clone() for k, v in training.learner.bare.named_parameters()}
    training.take_step(crops, 0)
    for name, parameter in training.learner.bare.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name
        assert not torch.equal(parameter, before[name]), name


def test_encoder_and_decoder_have_their_rates(sets, tmp_path):
    training = tiny_training(tmp_path / "run", sets, steps=8, warmup_steps=2, decay_share=0.5)
    crops = next(iter(training.crops_until(1)))
    groups = training.learner.optimiser.param_groups
    for step, factor in ((0, 0.5), (2, 1.0), (6, 0.5)):
        training.take_step(crops, step)
        assert [g["lr"] for g in groups] == pytest.approx([4e-4 * factor, 1.5e-3 * factor])
    assert sum(p.numel() for p in groups[0]["params"]) == sum(
        p.numel() for p in training.learner.bare.encoder.parameters()
    )
    assert trapezium(7, 8, 2, 0.5) == 0.25


def test_sets_are_drawn_by_weight_times_their_images(folders):
    many, few = folders  # two and one training images
    crops = ParticleCrops(sets_of(many, f"{few}=3"), tiny_config())
    drawn = [crops.choose(np.random.default_rng([3, index])) for index in range(4000)]
    share = np.mean([chosen == 1 for chosen, _ in drawn])
    assert share == pytest.approx(3 / (2 + 3), abs=0.03)
    first = np.mean([number == 0 for chosen, number in drawn if chosen == 0])
    assert first == pytest.approx(0.5, abs=0.05)
    alike = ParticleCrops(sets_of(many, few), tiny_config())
    drawn = [alike.choose(np.random.default_rng([3, index]))[0] for index in range(4000)]
    assert np.mean(drawn) == pytest.approx(1 / 3, abs=0.03)


def test_crops_are_functions_of_seed_and_index(sets):
    crops, again, other = (ParticleCrops(sets, tiny_config(seed=s)) for s in (3, 3, 4))
    for index in (5, 2):
        assert all(torch.equal(v, again[index][k]) for k, v in crops[index].items())
    assert not torch.equal(crops[5]["image"], other[5]["image"])
    measured = next(crops.images_to_measure(1))
    assert measured.shape == (2, 1, 64, 64)
    assert not torch.equal(measured[0], crops[0]["image"])


def test_a_run_begins_with_weights_of_another(sets, tmp_path):
    run = tmp_path / "run"
    tiny_training(run, sets).run(until=2)
    averaged = load_file(run / "weights.safetensors")
    prefixed = tmp_path / "prefixed.safetensors"
    save_file({f"network.{key}": value.half() for key, value in averaged.items()}, prefixed)
    for source in (run, run / "weights.safetensors", run / "checkpoint.pt"):
        initial, _ = read_initial(str(source))
        assert all(torch.equal(value, initial[key]) for key, value in averaged.items())
    assert read_initial(str(prefixed))[0].keys() == averaged.keys()
    initial, source = read_initial(str(run / "checkpoint.pt"))
    training = tiny_training(tmp_path / "tuned", sets, initial=initial, source=source)
    assert source == "run/checkpoint.pt"
    state = training.learner.bare.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in averaged.items())


def test_weights_of_another_network_are_refused(tiny_bundle, tmp_path):
    odd = tmp_path / "odd.safetensors"
    save_file({"encoder.stem.weight": torch.zeros(3)}, odd)
    for source in (odd, tiny_bundle):
        with pytest.raises(UserError, match="not those of a particle network"):
            read_initial(str(source))
    odd.write_bytes(b"{}")
    with pytest.raises(UserError, match="damaged"):
        read_initial(str(odd))
    with pytest.raises(UserError, match="There is no bundle nowhere"):
        read_initial("nowhere")


def test_without_the_wheel_a_sentence_names_the_flag(sets, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "efficientnet_lite_pytorch", None)
    with pytest.raises(UserError, match="--encoder random"):
        tiny_training(tmp_path / "run", sets, encoder="imagenet")


def test_data_sets_are_named_with_modality_and_weight(tmp_path):
    odd = tmp_path / "a=2"
    odd.mkdir()
    assert parse_source(str(odd)) == DataSource(odd)
    assert parse_source("b:tsem=0.5") == DataSource(Path("b"), "tsem", 0.5)
    assert parse_source("b=2") == DataSource(Path("b"), None, 2.0)
    assert parse_source("c:/data") == DataSource(Path("c:/data"))
    assert parse_source("b:tsem").name == "b:tsem"
    for words in ("b=0", "b=x", "b=-1", "b=nan", "b=inf"):
        with pytest.raises(UserError, match=f"The weight of {words} is no number above 0"):
            parse_source(words)
    with pytest.raises(UserError, match="no modality 'stem'"):
        parse_source(f"{tmp_path}:stem")


def test_the_same_set_twice_is_refused(folders):
    with pytest.raises(UserError, match="names many twice"):
        sets_of(folders[0], f"{folders[0]}=2")


def test_a_set_may_lack_validation_images(folders, tmp_path):
    many, _ = folders
    (many / "split.json").write_text('{"train": ["disc0"]}')
    sets = sets_of(many)
    assert len(sets[0].train) == 1 and not sets[0].val
    run = tmp_path / "run"
    tiny_training(run, sets, steps=2).run()
    assert not (run / "val.jsonl").exists()


def test_items_are_spread_over_their_order():
    assert spread(range(10), 2) == [2, 7]
    assert spread(range(3), 8) == [0, 1, 2]
    assert spread([], 3) == []


def test_crops_keep_their_layout_on_the_way_to_the_device(sets):
    crops = torch.utils.data.default_collate([ParticleCrops(sets, tiny_config())[0]])
    moved = on_device(crops, torch.device("cpu"))
    assert moved.keys() == crops.keys()
    assert moved["targets"].shape == (1, 6, 64, 64) and moved["weights"].shape == (1, 3, 64, 64)
