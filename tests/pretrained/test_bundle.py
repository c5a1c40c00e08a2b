"""Bundles: written whole or not at all, refused when changed, found by name."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import export
from fancgan.errors import UserError
from fancgan.networks.deploy import Networks
from fancgan.pipeline import Pipeline
from fancgan.pretrained.bundle import (
    CARD,
    CONFIG,
    FILES,
    MODULES,
    WEIGHTS,
    config_digest,
    open_bundle,
    replacing,
)
from fancgan.pretrained.find import find_bundle, packaged
from fancgan.publishing.export_run import DEFAULT_POINT
from tests.support.bundles import TINY, make_tiny_bundle, tiny_networks


@pytest.fixture
def copy(tiny_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle, tmp_path / "copy"))


def test_a_bundle_holds_what_the_contract_names(tiny_bundle: Path) -> None:
    assert sorted(path.name for path in tiny_bundle.iterdir()) == sorted(FILES)
    config = open_bundle(tiny_bundle).config
    assert config["architecture"]["widths"] == list(TINY.widths)
    assert set(config["sha256"]) == set(FILES)
    assert config["operating_point"].keys() == set(DEFAULT_POINT)
    weights = load_file(tiny_bundle / WEIGHTS)
    networks = Networks(TINY)
    networks.load_state_dict(weights)
    bias = tiny_networks().generator.to_image.bias
    assert torch.equal(networks.generator.to_image.bias, bias.half().float())


def test_the_revision_tells_networks_apart(tiny_bundle: Path, tmp_path: Path) -> None:
    # TorchScript numbers its classes per process, so equal networks share only their weights.
    ours = open_bundle(tiny_bundle)
    again = open_bundle(make_tiny_bundle(tmp_path / "again"))
    assert again.config["sha256"][WEIGHTS] == ours.config["sha256"][WEIGHTS]
    other = open_bundle(make_tiny_bundle(tmp_path / "other", seed=1))
    assert other.config["sha256"][WEIGHTS] != ours.config["sha256"][WEIGHTS]
    assert other.revision != ours.revision


@pytest.mark.parametrize("name", [*MODULES, WEIGHTS])
def test_one_changed_byte_is_refused_before_loading(copy: Path, name: str, monkeypatch) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    monkeypatch.setattr(torch.jit, "load", lambda *a, **k: pytest.fail("loaded before checked"))
    with pytest.raises(UserError, match=name):
        Pipeline.from_pretrained(copy)


def test_a_changed_configuration_is_refused(copy: Path) -> None:
    text = (copy / CONFIG).read_text()
    (copy / CONFIG).write_text(text.replace('"threshold": 0.5', '"threshold": 0.6'))
    with pytest.raises(UserError, match=r"config\.json is not as it was exported"):
        Pipeline.from_pretrained(copy)


def test_line_ends_and_the_card_may_change(copy: Path) -> None:
    (copy / CONFIG).write_bytes((copy / CONFIG).read_bytes().replace(b"\n", b"\r\n"))
    (copy / CARD).write_text("edited on the Hub")
    open_bundle(copy).verify()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "segmenter.pt").unlink(), r"no readable segmenter\.pt"),
        (lambda folder: (folder / CONFIG).unlink(), "is no bundle"),
        (lambda folder: (folder / CONFIG).write_text("{"), "damaged"),
        (lambda folder: (folder / CONFIG).write_text("[]"), "damaged"),
        (lambda folder: (folder / CONFIG).write_bytes(b"\xff\xfe"), "damaged"),
        (lambda folder: reseal(folder, version=3), "format version 3"),
        (lambda folder: reseal(folder, format="other"), "not describe a bundle"),
    ],
)
def test_a_broken_bundle_gives_one_sentence(copy: Path, damage, words: str) -> None:
    damage(copy)
    with pytest.raises(UserError, match=words) as error:
        Pipeline.from_pretrained(copy)
    assert "\n" not in str(error.value)


def reseal(folder: Path, **changes: object) -> None:
    config = json.loads((folder / CONFIG).read_text()) | changes
    config["sha256"][CONFIG] = config_digest(config)
    (folder / CONFIG).write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("source", "revision", "words"),
    [
        ("no-such-bundle", None, "no bundle no-such-bundle"),
        ("/no/such/folder", None, "no bundle /no/such/folder"),
        ("../outside", None, r"no bundle \.\./outside"),
        ("owner/name", None, "40 digits"),
        ("owner/name", "HEAD", "not .HEAD."),
        ("owner/name@main", None, "40 digits, or a tag, not .main."),
        ("no-such-bundle", "0" * 40, "takes no revision"),
    ],
)
def test_a_source_that_is_none_gives_one_sentence(
    source: str, revision: str | None, words: str
) -> None:
    with pytest.raises(UserError, match=words):
        find_bundle(source, revision)


def test_a_folder_takes_no_revision(tiny_bundle: Path) -> None:
    assert find_bundle(str(tiny_bundle)).path == tiny_bundle
    with pytest.raises(UserError, match="takes no revision"):
        find_bundle(tiny_bundle, "0" * 40)


def test_without_network_the_cache_serves_or_one_sentence_says_so(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    commit = "a" * 40
    cached = tmp_path / "hub" / "models--owner--name" / "snapshots" / commit
    shutil.copytree(tiny_bundle, cached)
    code = (
        "from fancgan.pretrained.find import find_bundle\nfrom fancgan.errors import UserError\n"
        f"print(find_bundle('owner/name@{commit}').revision)\n"
        f"try:\n    find_bundle('owner/other', '{commit}')\n"
        "except UserError as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)},
        cwd=Path(export.__file__).parent,
        capture_output=True,
        text=True,
        timeout=300,
    )
    revision, sentence = done.stdout.splitlines()
    assert revision == open_bundle(tiny_bundle).revision
    assert sentence.startswith("owner/other")
    assert "cannot be reached" in sentence


def test_replacing_spares_what_is_no_bundle(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years")
    with pytest.raises(UserError, match="no bundle"), replacing(precious):
        pytest.fail("the block must not run")
    assert (precious / "thesis.txt").read_text() == "years"


def test_replacing_keeps_the_old_bundle_where_the_new_one_fails(copy: Path) -> None:
    before = open_bundle(copy).revision
    with pytest.raises(RuntimeError), replacing(copy) as stage:
        (stage / "generator.pt").write_text("half")
        raise RuntimeError
    assert open_bundle(copy).revision == before
    open_bundle(copy).verify()
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]


def test_replacing_swaps_whole_folders(copy: Path) -> None:
    with replacing(copy) as stage:
        (stage / "new").write_text("all of it")
    assert [path.name for path in copy.iterdir()] == ["new"]
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]


@pytest.mark.parametrize("name", ["tio2-sem"])
def test_a_packaged_bundle_is_whole(name: str) -> None:
    assert name in packaged()
    bundle = find_bundle(name)
    bundle.verify()
    assert bundle.config["name"] == name
    assert bundle.config["data"]["licence"]
    assert bundle.config["metrics"], "the shipped bundle carries measured numbers"
    assert sum(path.stat().st_size for path in bundle.path.iterdir()) <= 30e6
