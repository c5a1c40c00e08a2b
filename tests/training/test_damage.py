"""A full disk, a flipped bit and a cut file end a training in one sentence, or are mended."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save

from fancgan.errors import UserError
from fancgan.networks.weights_file import checked_weights
from fancgan.training.run.folder import load_checkpoint
from fancgan.training.run.journal import trim_log
from tests.support.full_disk import FULL, full_disk
from tests.support.trainings import tiny_training

FULL_AT = {
    "log.jsonl": 300,
    "tensorboard/events": 1_500,
    "samples/0000001_synthetic.png": 20_000,
    "weights.safetensors": 60_000,
    "checkpoint.pt": 300_000,
}


@pytest.fixture
def run(fields, tmp_path: Path) -> Path:
    tiny_training(tmp_path / "run", fields, steps=1).run()
    return tmp_path / "run"


def test_a_full_disk_is_one_sentence_and_the_run_goes_on(run, fields, tmp_path, capfd) -> None:
    changes = {"steps": 1, "eval_every_steps": 1}
    parted = tmp_path / "parted"

    def refused(name: str) -> str:
        advice = "free some space or choose another --run."
        return f"{re.escape(str(parted / name))}.* cannot be written: {FULL}; {advice}"

    with full_disk(100), pytest.raises(UserError, match=refused("config.json")):
        tiny_training(parted, fields, **changes)
    for name, room in FULL_AT.items():
        training = tiny_training(parted, fields, **changes)
        with full_disk(room), pytest.raises(UserError, match=refused(name)):
            training.run()
            training.close()
        assert not list(parted.rglob(".*"))
    assert "Traceback" not in capfd.readouterr().err
    tiny_training(parted, fields, **changes).run()
    for name in ("weights.safetensors", "log.jsonl", "val.jsonl"):
        assert (parted / name).read_bytes() == (run / name).read_bytes(), name


def test_a_flipped_bit_in_a_checkpoint_is_refused(run, fields) -> None:
    path = run / "checkpoint.pt"
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    ends = [0, 1, len(whole) - 95, len(whole) - 73, len(whole) - 72, len(whole) - 1]
    for place in [*ends, *rng.integers(len(whole), size=20).tolist()]:
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        with pytest.raises(
            UserError, match=r"cannot be read \(its checksum .*; delete it to start"
        ):
            load_checkpoint(path)
    path.write_bytes(whole[:-100])
    with pytest.raises(UserError, match=r"checkpoint\.pt cannot be read"):
        tiny_training(run, fields)


def test_a_flipped_bit_in_the_weights_is_refused(run) -> None:
    path = run / "weights.safetensors"
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for place in [0, 8, len(whole) - 1, *rng.integers(len(whole), size=20).tolist()]:
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        with pytest.raises(UserError, match=r"weights\.safetensors is damaged"):
            checked_weights(path)
    path.write_bytes(whole)
    plain = save(checked_weights(path))  # as older versions wrote it
    path.write_bytes(plain)
    assert save(checked_weights(path)) == plain


def test_a_checkpoint_without_a_checksum_is_read(run, fields) -> None:
    path = run / "checkpoint.pt"
    torch.save(torch.load(path, weights_only=True), path)  # as older versions wrote it
    assert tiny_training(run, fields).step == 1


@pytest.mark.parametrize("content", [b"", b'{"model": {"pre', b"[]", b'{"train": 3}', b"\xff\0"])
def test_a_damaged_record_of_a_run_is_named(fields, tmp_path, content) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(UserError, match=r"config\.json is damaged; restore it .* or delete it and"):
        tiny_training(tmp_path, fields)


def test_a_damaged_log_keeps_its_whole_lines(tmp_path) -> None:
    path = tmp_path / "log.jsonl"
    for damage in (b"", b"\0\0\n", b"\xff\n", b"[]\n3\n", b'{"step": null}\n', b'{"step": 2, "to'):
        path.write_bytes(b'{"step": 1}\n' + damage)
        trim_log(path, 4)
        assert path.read_bytes() == b'{"step": 1}\n'
    path.write_bytes(b"")
    trim_log(path, 4)
    assert path.read_bytes() == b""
