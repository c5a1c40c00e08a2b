"""From a run of the particle network to a bundle, to the Hub and back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard
from safetensors.torch import load_file, save_file

import export
from fancgan.errors import UserError
from fancgan.networks.particle_net.network import ParticleNet
from fancgan.pipeline import Pipeline
from fancgan.pretrained.bundle import CARD, MODULES, PACKAGED, WEIGHTS, open_bundle
from tests.support.drawing import draw_discs
from tests.support.hub_client import hub_environment, run_python
from tests.support.stand_in_hub import stand_in_hub

NAME = "particles"
STEMS = {"emps": ["a", "b"], "tio2:tsem": ["c"]}
RECORD = {
    "model": {"preset": "particles", "network": "ParticleNet"},
    "train": {"seed": 3, "batch_size": 6, "steps": 9},
    "data": {
        "sets": list(STEMS),
        "weights": [1.0, 2.5],
        "train_stems": STEMS,
        "val_stems": {"emps": ["v"], "tio2:tsem": []},
        "aside_stems": {"emps": [], "tio2:tsem": ["d"]},
        "init": None,
    },
    "hardware": {"name": "some processor", "device": "cpu"},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "mine"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(RECORD))
    torch.manual_seed(0)
    save_file(ParticleNet().state_dict(), folder / "weights.safetensors")
    judgement = open_bundle(PACKAGED / NAME).config["judgement"]
    (folder / "judgement.json").write_text(json.dumps(judgement))
    return folder


@pytest.fixture(scope="module")
def bundle(run: Path, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("out") / "mine"
    assert export.main(["--run", str(run), "--out", str(out)]) == 0
    return out


def test_the_bundle_holds_the_runs_network_and_what_it_learned_from(run, bundle) -> None:
    config = open_bundle(bundle).config
    assert (config["name"], config["version"]) == ("mine", 2)
    assert config["training"]["hardware"]["name"] == "some processor"
    original, stored = (load_file(p) for p in (run / "weights.safetensors", bundle / WEIGHTS))
    for key, value in original.items():
        assert torch.equal(stored[f"segmenter.{key}"], value.half()), key
    pipe = Pipeline.from_pretrained(bundle, precision="float32")
    assert pipe.any_scale and not pipe.paints
    found = pipe.find(draw_discs(96, 128, radii=(9, 12)).image)
    assert found.labels.shape == (96, 128) and 0 <= found.picture_confidence <= 1


def test_a_bundle_without_a_generator_says_so(bundle: Path) -> None:
    pipe, mask = Pipeline.from_pretrained(bundle), np.ones((64, 64), bool)
    assert set(MODULES) & set(open_bundle(bundle).files) == {"segmenter.pt"}
    asked = (
        lambda: pipe.synthesize(mask),
        lambda: pipe.sample_style(),
        lambda: pipe.measure_style(mask),
        lambda: pipe.style_dim,
        lambda: pipe.style_scale,
    )
    for ask in asked:
        with pytest.raises(UserError, match=r"no generator, so it cannot paint; .* tio2-sem"):
            ask()


def test_the_card_is_valid_and_names_sources_and_licence(bundle: Path) -> None:
    card = ModelCard((bundle / CARD).read_text())
    assert card.data.license == "cc-by-nc-4.0"
    for words in ("2 images for training, 0 kept", "TSEM: 1 images for training, 1 kept"):
        assert words in card.text
    assert "10.1021/acs.jcim.0c01455" in card.text and "4563942" in card.text
    assert "weight 2.5" in card.text and "paints nothing" in card.text


def test_export_with_data_measures_on_val_beside_the_thresholds(run, tmp_path, pair_folder) -> None:
    out = tmp_path / "measured"
    argv = ["--run", str(run), "--out", str(out), "--data", str(pair_folder)]
    assert export.main(argv) == 0
    measured = open_bundle(out).config["metrics"]
    (report,) = measured["sets"].values()
    assert 0 <= report["figures"]["dice"]["value"] <= 1
    assert "| Otsu + watershed |" in (out / CARD).read_text()


@pytest.mark.parametrize(
    ("change", "arguments", "words"),
    [
        (lambda run: (run / "judgement.json").unlink(), [], "training ends with it"),
        (lambda run: (run / "judgement.json").write_text("{"), [], "damaged"),
        (
            lambda run: (run / "weights.safetensors").write_text("x"),
            [],
            "is damaged or no safetensors file",
        ),
        (lambda run: None, ["--formats", "torchscript,onnx"], "as torchscript"),
    ],
)
def test_what_cannot_be_exported_is_one_sentence_and_nothing(
    run: Path, tmp_path: Path, capsys, change, arguments: list[str], words: str
) -> None:
    copy = tmp_path / "run"
    copy.mkdir()
    for file in run.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    change(copy)
    out = tmp_path / "out"
    assert export.main(["--run", str(copy), "--out", str(out), *arguments]) == 2
    assert words in capsys.readouterr().err
    assert not out.exists()


def test_to_the_hub_and_back_without_a_generator(bundle: Path, tmp_path: Path) -> None:
    with stand_in_hub() as hub:
        environment = hub_environment(hub.url, tmp_path)
        push = "import export, sys; sys.exit(export.main(sys.argv[1:]))"
        arguments = ("--bundle", str(bundle), "--push", "lab/mine", "--tag", "v1")
        done = run_python(push, *arguments, environment=environment)
        assert done.returncode == 0, done.stderr
        files = hub.model("lab/mine").files
        assert files.keys() - {".gitattributes"} == set(open_bundle(bundle).files)
        load = (
            "import numpy as np\nfrom fancgan import Pipeline\n"
            "pipe = Pipeline.from_pretrained('lab/mine', 'v1', precision='float32')\n"
            "grey = (np.arange(64 * 96) % 251).reshape(64, 96).astype('uint8')\n"
            "print(pipe.origin[:8], pipe.segment(grey).sum().item())"
        )
        seen = []
        for offline in ({}, {"HF_HUB_OFFLINE": "1"}):
            there = hub_environment(hub.url, tmp_path, token=None, **offline)
            done = run_python(load, environment=there)
            assert done.returncode == 0, done.stderr
            seen.append(done.stdout.split())
    grey = (np.arange(64 * 96) % 251).reshape(64, 96).astype("uint8")
    own = Pipeline.from_pretrained(bundle, precision="float32").segment(grey).sum().item()
    assert seen[0] == seen[1] and seen[0][0] == "lab/mine"
    assert float(seen[0][1]) == pytest.approx(own, rel=1e-5)
