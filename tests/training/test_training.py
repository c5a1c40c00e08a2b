"""A run resumes bit for bit, stops gently, refuses what does not fit."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from fancgan.datasets.fields import Field, load_fields
from fancgan.errors import UserError
from fancgan.training.config import (
    ADVERSARIAL_NAMES,
    MASK_LOSS_NAMES,
    OBJECTIVES,
    PERCEPTUAL_NAMES,
    TRACKER_NAMES,
    TrainConfig,
)
from fancgan.training.crops import CropDataset, crop_indices, crop_loader
from fancgan.training.losses.image_losses import ADVERSARIAL, MASK_LOSSES
from fancgan.training.losses.perceptual import PERCEPTUAL
from fancgan.training.schedule import learning_rate_factor, step_generator
from fancgan.training.trackers import TRACKERS
from tests.support.paths import ROOT
from tests.support.trainings import tiny_config, tiny_flags, tiny_training


@pytest.fixture
def fields(pair_folder):
    return load_fields(pair_folder, "all")


def read_log(run: Path, name: str = "log.jsonl") -> list[dict]:
    return [json.loads(line) for line in (run / name).read_text().splitlines()]


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
    before = {name: copy.deepcopy(net.state_dict()) for name, net in training.bare.items()}
    assert training.run()
    for name, network in training.bare.items():
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
    before = {name: copy.deepcopy(net.state_dict()) for name, net in training.bare.items()}
    assert training.run()
    for name, network in training.bare.items():
        same = [torch.equal(v, before[name][k]) for k, v in network.state_dict().items()]
        assert all(same) == (name != "segmenter"), name
    assert training.step == 3


def test_a_training_begins_with_published_weights(fields, tmp_path):
    first = tiny_training(tmp_path / "first", fields)
    first.run()
    weights = load_file(tmp_path / "first" / "weights.safetensors")
    halves = {key: value.half() for key, value in weights.items()}
    tuned = tiny_training(tmp_path / "tuned", fields, data={"init": "first"}, initial=halves)
    for name, network in tuned.bare.items():
        for key, value in network.state_dict().items():
            if f"{name}.{key}" in halves:
                assert torch.equal(value, halves[f"{name}.{key}"].float()), key
    assert torch.equal(
        tuned.ema["generator"].network.to_image.bias, halves["generator.to_image.bias"].float()
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
    grey = ((item["image"][0] + 1) * 127.5).round().to(torch.uint8)
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
    assert whole == pytest.approx((dataset.core_weights[0] > 1.5).sum())
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


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "ACCELERATE_USE_CPU": "true"}


def test_sigterm_to_all_processes_saves_and_the_same_command_goes_on(pair_folder, tmp_path):
    """As Slurm and `timeout` send it: the processes that prepare crops get it too."""
    run = tmp_path / "run"
    command = [
        sys.executable,
        str(ROOT / "train.py"),
        "--data",
        str(pair_folder),
        "--run",
        str(run),
    ]
    command += [*tiny_flags(steps=100000)]
    command[command.index("--save-every-steps") + 1] = "1000000"
    command[command.index("--eval-every-steps") + 1] = "1000000"
    command[command.index("--workers") + 1] = "2"
    process = subprocess.Popen(
        command, env=environment(), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        deadline = time.time() + 240
        while not (run / "log.jsonl").exists() and time.time() < deadline:
            time.sleep(0.2)
        os.killpg(process.pid, signal.SIGTERM)
        _, errors = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    reached = torch.load(run / "checkpoint.pt", weights_only=True)["step"]
    assert reached >= 1

    # steps may be extended or cut on resuming
    command[command.index("--steps") + 1] = str(reached + 2)
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert f"step {reached + 2} of {reached + 2}, done" in done.stdout
    assert [line["step"] for line in read_log(run)] == list(range(1, reached + 3))


def test_bad_data_ends_with_one_sentence(tmp_path):
    command = [sys.executable, str(ROOT / "train.py"), "--data", str(tmp_path / "nowhere")]
    command += ["--run", str(tmp_path / "run")]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=240)
    assert done.returncode == 2
    assert "does not exist" in done.stderr
    assert "Traceback" not in done.stderr
