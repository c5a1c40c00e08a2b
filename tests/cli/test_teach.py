"""`fancgan teach`: corrected pictures in, a bundle of one's own out, whole or not at all."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from fancgan.__main__ import main
from fancgan.pipeline import Pipeline
from fancgan.pretrained.bundle import CARD, PACKAGED, WEIGHTS, open_bundle
from fancgan.training.teach import progress
from fancgan.training.teach.teaching import Settings
from tests.support.drawing import draw_discs, write_pairs
from tests.support.particle_trainings import tiny_config


@pytest.fixture(autouse=True)
def tiny(monkeypatch) -> None:
    """Teachings with crops of 64 px."""

    def training(settings: Settings):
        return tiny_config(steps=settings.steps, seed=settings.seed)

    monkeypatch.setattr(Settings, "training", property(training))


def test_a_bundle_is_taught_stopped_and_gone_on_with(tmp_path: Path, monkeypatch, capsys) -> None:
    pairs, out = write_pairs(tmp_path / "pairs", count=2), tmp_path / "mine"
    argv = ["teach", str(pairs), "--out", str(out), "--steps", "3"]
    said, write = [], progress.write_whole

    def interrupt(path: Path, content: bytes, **advice) -> None:
        write(path, content, **advice)
        said.append(json.loads(content))
        if len(said) == 4:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(progress, "write_whole", interrupt)
    assert main(argv) == 0
    assert "the same command goes on" in capsys.readouterr().out
    assert not out.exists()
    assert main(argv) == 0
    assert [s["part"] for s in said] == 3 * ["trial"] + 3 * ["whole"]
    assert [s["done"] for s in said] == [1, 2, 3, 4, 5, 6] and said[0]["of"] == 6
    assert said[0]["seconds_left"] is None and said[1]["seconds_left"] > 0
    words = capsys.readouterr().out
    assert "2 corrected pictures with 12 particles" in words and "On 1 kept aside: Dice" in words
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "pairs"]
    _is_a_taught_bundle(out)
    assert main(argv) == 2
    assert "mine exists; choose another --out" in capsys.readouterr().err


def _is_a_taught_bundle(out: Path) -> None:
    base, bundle = open_bundle(PACKAGED / "particles"), open_bundle(out)
    for name in ("generator.pt", "style_encoder.pt"):
        assert bundle.read(name) == base.read(name)
    assert bundle.config["judgement"] == base.config["judgement"]
    taught = bundle.config["taught"]
    assert (taught["pictures"], taught["particles"], taught["synthetic"]) == (2, 12, True)
    assert taught["before"]["n"] == taught["after"]["n"] == 1
    old, new = (load_file(each.path / WEIGHTS) for each in (base, bundle))
    changed = {key for key in old if not torch.equal(old[key], new[key])}
    assert changed and all(key.startswith("segmenter.") for key in changed)
    card = (out / CARD).read_text()
    assert "learned 2 pictures of its owner" in card and "cc-by-nc-4.0" in card
    assert "disc0" not in card + json.dumps(bundle.config), "names of pictures stay at home"
    pipe = Pipeline.from_pretrained(out)
    assert pipe.any_look and pipe.find(draw_discs().image).labels.any()


def test_without_a_trial_or_painted_pairs(tmp_path: Path, capsys) -> None:
    pairs, out = write_pairs(tmp_path / "pairs", count=1), tmp_path / "mine"
    argv = ["teach", str(pairs), "--out", str(out), "--steps", "1", "--no-trial", "--no-synthetic"]
    assert main(argv) == 0
    assert "kept aside" not in capsys.readouterr().out
    taught = open_bundle(out).config["taught"]
    assert taught["before"] is None and not taught["synthetic"]
    assert "Nothing was kept aside" in (out / CARD).read_text()
    again = tmp_path / "again"
    assert main(["teach", str(pairs), "--out", str(again), "--steps", "0"]) == 2
    assert "--steps 0 is too small" in capsys.readouterr().err
    assert not again.exists()
