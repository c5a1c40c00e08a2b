"""From runs to a bundle: weights, figures and card, or one sentence and nothing."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest
import torch
from huggingface_hub import ModelCard
from safetensors.torch import load_file, save_file

import export
from fancgan.pipeline import Pipeline
from fancgan.pretrained.bundle import (
    CARD,
    PACKAGED,
    WEIGHTS,
    open_bundle,
)
from fancgan.pretrained.find import DEFAULT
from fancgan.publishing.data_sources import data_facts
from fancgan.publishing.model_card import write_card
from fancgan.publishing.run_weights import read_run, read_runs
from tests.support.bundles import tiny_networks
from tests.support.paths import ROOT
from tests.support.runs import FIGURE, make_run


def test_no_path_of_the_exporting_machine_is_published(tmp_path: Path) -> None:
    run, out = make_run(tmp_path / "run"), tmp_path / "out"
    assert export.main(["--run", str(run), "--out", str(out)]) == 0
    for path in (*out.iterdir(), *(PACKAGED / DEFAULT).iterdir()):
        contents = [path.read_bytes()]
        if path.suffix == ".pt":
            with zipfile.ZipFile(path) as archive:
                assert not [name for name in archive.namelist() if name.endswith(".debug_pkl")]
                contents += [archive.read(name) for name in archive.namelist()]
        for content in contents:
            assert str(ROOT).encode() not in content, path


def test_the_card_says_what_the_weights_were_begun_from(tmp_path: Path) -> None:
    run, out = make_run(tmp_path / "runs" / "tuned"), tmp_path / "out" / "tuned"
    assert export.main(["--run", str(run), "--out", str(out)]) == 0
    assert "begun from" not in (out / CARD).read_text()
    record = json.loads((run / "config.json").read_text())
    record["data"]["init"] = "first 0123456789ab"
    (run / "config.json").write_text(json.dumps(record))
    assert export.main(["--run", str(run), "--out", str(out)]) == 0
    assert "begun from the weights of first 0123456789ab" in (out / CARD).read_text()
    assert open_bundle(out).config["training"]["init"] == "first 0123456789ab"


def test_export_without_data_says_not_measured(tmp_path: Path, capsys) -> None:
    run, out = make_run(tmp_path / "runs" / "one"), tmp_path / "out" / "one"
    assert export.main(["--run", str(run), "--out", str(out)]) == 0
    assert capsys.readouterr().out.count("largest difference") == 3
    config = open_bundle(out).config
    assert config["name"] == "one"
    assert config["metrics"] is None
    assert config["training"]["trained_steps"] == 7
    assert "Not measured" in (out / CARD).read_text()
    original = load_file(run / "weights.safetensors")
    exported = load_file(out / WEIGHTS)
    assert original.keys() == exported.keys()
    for key, value in original.items():
        assert torch.equal(exported[key], value.to(exported[key].dtype)), key
        assert exported[key].dtype == (
            torch.float32 if key.startswith("style_density") else torch.float16
        )


def test_export_with_data_measures_and_says_so(tmp_path: Path, pair_folder: Path) -> None:
    run, out = make_run(tmp_path / "run"), tmp_path / "measured"
    argv = ["--run", str(run), "--out", str(out), "--data", str(pair_folder), "--name", "discs"]
    assert export.main(argv) == 0
    config = open_bundle(out).config
    figures = config["metrics"]["figures"]
    assert figures["dice"]["value"] > 0.9  # bright discs, and a segmenter that cuts at grey 90
    assert figures["dice"]["n"] == 1
    card = ModelCard((out / CARD).read_text(), ignore_metadata_errors=False)
    results = {result.metric_type: result for result in card.data.eval_results}
    assert results["dice"].metric_value == pytest.approx(figures["dice"]["value"], rel=1e-3)
    assert "val" in results["dice"].dataset_split
    assert Pipeline.from_pretrained(out).threshold == config["operating_point"]["threshold"]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda run: shutil.rmtree(run), "no config.json"),
        (lambda run: (run / "weights.safetensors").unlink(), "no weights.safetensors"),
        (lambda run: (run / "weights.safetensors").write_bytes(b"short"), "damaged"),
        (lambda run: (run / "config.json").write_text("{}"), "not the record of a run"),
        (
            lambda run: save_file({"x": torch.ones(1)}, run / "weights.safetensors"),
            "does not fit",
        ),
    ],
)
def test_export_of_a_broken_run_is_one_sentence(tmp_path: Path, capsys, damage, words) -> None:
    run, out = make_run(tmp_path / "run"), tmp_path / "out"
    damage(run)
    assert export.main(["--run", str(run), "--out", str(out)]) == 2
    message = capsys.readouterr().err
    assert words in message
    assert message.count("\n") == 1
    assert not out.exists()


def test_export_refuses_a_folder_that_is_no_bundle(tmp_path: Path, capsys) -> None:
    run = make_run(tmp_path / "run")
    assert export.main(["--run", str(run), "--out", str(run)]) == 2
    assert "no bundle" in capsys.readouterr().err
    assert (run / "weights.safetensors").exists()


def test_the_card_of_tio2_names_source_and_terms(tiny_bundle: Path) -> None:
    config = open_bundle(tiny_bundle).config | {
        "data": data_facts({"name": "tio2", "modality": "sem", "train_stems": list("abc")}),
        "metrics": {"split": "val", "images": ["x"], "seeds_per_image": 8, "seed": 0}
        | {"figures": {"dice": FIGURE, "none": FIGURE | {"value": None, "interval": None}}},
    }
    text = write_card(config)
    card = ModelCard(text, ignore_metadata_errors=False)
    assert card.data.license == "cc-by-nc-4.0"
    for words in ("10.5281/zenodo.4563942", "CC BY-NC-ND 4.0", "2505.18106", "synthetic"):
        assert words in text
    (result,) = card.data.eval_results
    assert (result.metric_type, result.metric_value) == ("dice", 0.9531)


def test_a_run_is_read_as_written(tmp_path: Path) -> None:
    networks, record = read_run(make_run(tmp_path / "run", seed=5))
    assert record["train"]["seed"] == 3
    theirs = tiny_networks(seed=5).state_dict()
    assert all(torch.equal(value, theirs[key]) for key, value in networks.state_dict().items())


def make_kin(folder: Path, seed: int, **changes: dict) -> Path:
    """A run that began from published weights, with changed parts of its config.json."""
    run = make_run(folder, seed)
    record = json.loads((run / "config.json").read_text())
    record["data"]["init"] = "first 0123456789ab"
    record["train"]["seed"] = seed
    for part, values in changes.items():
        record[part] |= values
    (run / "config.json").write_text(json.dumps(record))
    return run


def test_runs_of_one_start_are_averaged(tmp_path: Path) -> None:
    runs, out = [make_kin(tmp_path / f"run{k}", k) for k in (5, 6)], tmp_path / "mean"
    assert export.main(["--run", *map(str, runs), "--out", str(out)]) == 0
    mean = read_runs(runs)[0].state_dict()
    ours, theirs = (tiny_networks(seed=k).state_dict() for k in (5, 6))
    for key, value in mean.items():
        assert torch.allclose(value, (ours[key] + theirs[key]) / 2, atol=1e-6), key
    training = open_bundle(out).config["training"]
    assert training["averaged"] == [{"seed": 5}, {"seed": 6}]
    assert training["steps"] == 9
    assert "seed" not in training
    card = (out / CARD).read_text()
    assert "mean of the weights of 2 runs, seed 5, 7 steps, seed 6, 7 steps, begun from" in card


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data": {"init": "second 0123456789ab"}}, "different initial weights"),
        ({"data": {"train_stems": ["a", "b"]}}, "different data"),
        ({"model": {"z_dim": 4}}, "does not fit"),
    ],
)
def test_strangers_have_no_mean(tmp_path: Path, capsys, changes: dict, words: str) -> None:
    runs = [make_kin(tmp_path / "a", 0), make_kin(tmp_path / "b", 1, **changes)]
    assert export.main(["--run", *map(str, runs), "--out", str(tmp_path / "out")]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_runs_from_random_weights_have_no_mean(tmp_path: Path, capsys) -> None:
    runs = [make_run(tmp_path / name) for name in "ab"]
    assert export.main(["--run", *map(str, runs), "--out", str(tmp_path / "out")]) == 2
    assert "began from random weights" in capsys.readouterr().err
