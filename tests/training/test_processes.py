"""The same training on one process, on several, and with micro-batches in place of processes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

from fancgan.datasets.fields import load_fields
from fancgan.errors import UserError
from fancgan.training.crops import crop_indices
from tests.support.training_process import train_on
from tests.support.trainings import read_log, tiny_training

# Terms of all kinds: frozen critics called twice a step, remembered features, the segmenter alone.
EVERYTHING = {
    "steps": 3,
    "segmenter_steps": 1,
    "batch_size": 3,
    "random_batch": 3,
    "w_kernel": 1.0,
    "w_feature_matching": 3.0,
    "precision": "float32",
    "eval_every_steps": 100,
}
MICRO_BATCHES = 4
# Measured: the gradients of the first step differ by 1.3e-7 of their size, which is rounding. From
# step to step that grows: after four the weights differ by 2.7e-4 of what they have changed.
GRADIENT_TOLERANCE = 1e-6
CHANGE_TOLERANCE = 1e-3


@pytest.fixture(scope="module")
def pairs(write_pairs, tmp_path_factory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("scaling") / "pairs")


@dataclass(frozen=True)
class Run:
    """A training: what each of its processes left, and its log."""

    ranks: list[dict]
    log: list[dict]


@pytest.fixture(scope="module")
def runs(pairs: Path, tmp_path_factory) -> dict[int, Run]:
    """The same training, by the number of processes that share its micro-batches."""
    runs = {}
    for processes in (1, 2, 4):
        out = tmp_path_factory.mktemp("run")
        settings = {"accumulate": MICRO_BATCHES // processes, **EVERYTHING}
        runs[processes] = Run(train_on(processes, pairs, out, **settings), read_log(out / "run"))
    return runs


@pytest.mark.parametrize("processes", [2, 4])
def test_processes_and_micro_batches_are_one(runs: dict[int, Run], processes: int) -> None:
    """1 x 4, 2 x 2 and 4 x 1 take the same steps, up to the order of summation in float32."""
    (one,), several = runs[1].ranks, runs[processes].ranks[0]
    assert several["processes"] == processes
    for network, gradient in one["gradients"].items():
        error = (several["gradients"][network] - gradient).norm()
        assert 0 < gradient.norm() < float("inf"), network
        assert error < GRADIENT_TOLERANCE * gradient.norm(), network
    for network, then in one["start"].items():
        ours, theirs = one["state"][network], several["state"][network]
        changes = torch.cat([(ours[key] - value).flatten() for key, value in then.items()])
        errors = torch.cat([(theirs[key] - ours[key]).flatten() for key in then])
        assert changes.norm() > 0, network
        assert errors.norm() < CHANGE_TOLERANCE * changes.norm(), network
    for ours, theirs in zip(runs[1].log, runs[processes].log, strict=True):
        assert theirs == pytest.approx(ours, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("processes", [2, 4])
def test_painted_crops_are_remembered_in_the_same_order(
    runs: dict[int, Run], processes: int
) -> None:
    (one,), several = runs[1].ranks, runs[processes].ranks[0]
    assert len(one["remembered"]) == MICRO_BATCHES * 6 * EVERYTHING["steps"]
    error = (several["remembered"] - one["remembered"]).abs().max()
    assert error < 0.1 * torch.pdist(one["remembered"], p=float("inf")).min()
    assert runs[1].log[2]["kernel"] > 0


@pytest.mark.parametrize("processes", [2, 4])
def test_all_processes_hold_equal_weights_and_share_out_the_crops(
    runs: dict[int, Run], processes: int
) -> None:
    first, *others = runs[processes].ranks
    for other in others:
        for part in ("state", "ema"):
            for network, state in first[part].items():
                for key, value in state.items():
                    assert torch.equal(value, other[part][network][key]), f"{network}.{key}"
    seen, alone = (
        torch.cat([rank["seen"] for rank in runs[n].ranks]).numpy() for n in (processes, 1)
    )
    assert len(seen) == MICRO_BATCHES * 4 * 4  # by crops and steps
    # Two crops of so small fields may look alike; those of one process are drawn by number.
    assert sorted(map(bytes, seen)) == sorted(map(bytes, alone))


def test_the_crops_of_a_step_are_those_of_as_many_processes() -> None:
    for step in range(3):
        one = crop_indices(step, 4 * 3, rank=0, world_size=1)
        two = [i for rank in range(2) for i in crop_indices(step, 2 * 3, rank, world_size=2)]
        four = [i for rank in range(4) for i in crop_indices(step, 3, rank, world_size=4)]
        assert one == two == four


def test_the_memory_is_that_of_one_micro_batch(pairs: Path, tmp_path: Path) -> None:
    """What is kept for the backward passes, at its most; all of it would be three times as much."""
    peaks = {}
    for count in (1, 3):
        training = tiny_training(
            tmp_path / str(count), load_fields(pairs, "all"), steps=1, accumulate=count
        )
        meter = Meter()
        with saved_tensors_hooks(meter.keep, lambda kept: kept.tensor):
            training.run()
        peaks[count] = meter.peak
    assert peaks[3] <= 1.02 * peaks[1]


class Meter:
    """Counts the bytes that are kept for backward passes and not yet given up."""

    def __init__(self) -> None:
        self.now = self.peak = 0

    def keep(self, tensor: torch.Tensor) -> Kept:
        self.now += tensor.nbytes
        self.peak = max(self.peak, self.now)
        return Kept(self, tensor)


class Kept:
    def __init__(self, meter: Meter, tensor: torch.Tensor):
        self.meter, self.tensor = meter, tensor

    def __del__(self) -> None:
        self.meter.now -= self.tensor.nbytes


def test_a_run_goes_on_with_as_many_micro_batches(pairs: Path, tmp_path: Path) -> None:
    """Another number of processes takes another --accumulate; a step of another size is refused."""
    run, fields = tmp_path / "run", load_fields(pairs, "all")
    train_on(2, pairs, tmp_path, accumulate=1, steps=2)
    with pytest.raises(UserError, match="started with 2 micro-batches a step"):
        tiny_training(run, fields, steps=3)
    train_on(1, pairs, tmp_path, accumulate=2, steps=3)
    assert [line["step"] for line in read_log(run)] == [1, 2, 3]


def test_a_run_from_before_accumulation_goes_on(pairs: Path, tmp_path: Path) -> None:
    run, fields = tmp_path / "run", load_fields(pairs, "all")
    tiny_training(run, fields).run(until=1)
    described = json.loads((run / "config.json").read_text())
    del described["train"]["accumulate"]
    (run / "config.json").write_text(json.dumps(described))
    checkpoint = torch.load(run / "checkpoint.pt", weights_only=True)
    assert not checkpoint.pop("bank")
    torch.save(checkpoint, run / "checkpoint.pt")
    assert tiny_training(run, fields).step == 1
