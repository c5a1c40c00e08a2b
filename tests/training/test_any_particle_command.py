"""train.py --preset particles: which flags and folders go together, and one small run."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys

import pytest

import train
from fancgan.errors import UserError
from fancgan.training.any_particle.config import ParticleTrainConfig
from fancgan.training.config import TrainConfig
from tests.support.drawing import write_pairs
from tests.support.particle_trainings import tiny_flags
from tests.support.paths import ROOT
from tests.support.trainings import read_log
from tests.training.test_command import environment

BEGIN = ["--run", "runs/a", "--data"]


def chosen(*words: str):
    args = train.parse_arguments([*BEGIN, *words])
    return train.choose_training(args), train.choose_data(args)


def test_the_preset_has_settings_of_its_own():
    config, sources = chosen("a", "b:tsem=2", "--preset", "particles", "--lr", "1e-3")
    assert config == ParticleTrainConfig(lr=1e-3)
    assert [(s.name, s.weight) for s in sources] == [("a", 1), ("b:tsem", 2)]
    config, sources = chosen("a", "--modality", "tsem")
    assert config == TrainConfig()
    assert sources[0].modality == "tsem"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("a", "b"), "--preset small learns from one folder, and --data names 2"),
        (("a=2",), "learns from one folder, which takes no weight"),
        (("a", "b", "--preset", "particles", "--modality", "sem"), "--modality is for one folder"),
        (("a:tsem", "--modality", "sem"), "--modality is for one folder"),
        (("a", "--lr", "1"), "--lr does not go with --preset small"),
        (("a", "--preset", "paper", "--encoder", "random"), "--encoder does not go with"),
        (("a", "--preset", "particles", "--w-kl", "0"), "--w-kl does not go with --preset parti"),
        (("a", "--preset", "particles", "--widths", "8"), "--widths does not go with"),
        (("a", "--preset", "particles", "--no-attention-gates"), "--no-attention-gates does not"),
        (("a", "--preset", "particles", "--objective", "gan"), "--objective does not go with"),
        (("a", "--preset", "particles", "--crop-px", "80"), "no multiple of 32"),
        (("a", "--preset", "particles", "--batch-size", "0"), "--batch-size 0 is too small"),
    ],
)
def test_what_does_not_go_together_is_refused(words, sentence):
    with pytest.raises(UserError, match=sentence):
        chosen(*words)


def test_help_names_both_defaults():
    said = io.StringIO()
    with contextlib.redirect_stdout(said), pytest.raises(SystemExit):
        train.parse_arguments(["--help"])
    words = " ".join(said.getvalue().split())
    assert "[3000; particles: 8000]" in words
    assert "of --preset painter:" in words


def test_a_run_of_two_folders_from_the_shell(tmp_path):
    folders = [write_pairs(tmp_path / n, count=2, height=128, width=128) for n in ("a", "b")]
    command = [sys.executable, str(ROOT / "train.py"), "--run", str(tmp_path / "run"), "--data"]
    command += [str(folders[0]), f"{folders[1]}=2", *tiny_flags(steps=2)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert "step 2 of 2, done" in done.stdout
    assert [line["step"] for line in read_log(tmp_path / "run")] == [1, 2]
    assert "oddities" in done.stderr  # small images: one line a folder
