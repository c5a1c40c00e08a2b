"""Synthetic data sets: the same bytes whoever makes them, readable by those who train on them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.draw import polygon2mask

from fancgan.__main__ import main
from fancgan.datasets import archives
from fancgan.datasets.fields import load_fields
from fancgan.datasets.synthetic import MANIFEST, Folder, Plan, make_pair, read_line
from fancgan.datasets.workers import Share, make_missing
from fancgan.errors import UserError
from fancgan.layouts.config import LayoutConfig
from fancgan.microscopy.image_files import STRIP_PX
from fancgan.microscopy.micrograph import read_micrograph
from fancgan.pipeline import Pipeline
from tests.support.bundles import make_tiny_bundle
from tests.support.paths import ROOT

N = 8


@pytest.fixture(scope="module")
def bundle(tiny_bundle) -> str:
    return str(tiny_bundle)


@pytest.fixture(scope="module")
def pipe(bundle) -> Pipeline:
    return Pipeline.from_pretrained(bundle, precision="float32")


def command(bundle: str, out: Path, *more: str) -> list[str]:
    flags = ["--n", str(N), "--seed", "5", "--height", "96", "--width", "128", "--coverage", "0.3"]
    flags += ["--val-share", "0.4", "--workers", "2", "--precision", "float32"]
    return ["make-dataset", "--out", str(out), "--bundle", bundle, *flags, *more]


@pytest.fixture(scope="module")
def made(bundle, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("made") / "set"
    assert main(command(bundle, out)) == 0
    return out


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def lines(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / MANIFEST).read_text().splitlines()]


def test_everything_is_there_and_nothing_else(made):
    names = set(contents(made))
    for line in lines(made):
        stem = Path(line["image"]).stem
        assert "synthetic" in stem
        names -= {line["image"], line["mask"], f"labels/{stem}.txt"}
    assert names == {
        "plan.json",
        "manifest.jsonl",
        "split.json",
        "data.yaml",
        "train.txt",
        "val.txt",
        "coco_train.json",
        "coco_val.json",
        "README.md",
    }


def test_it_is_a_data_set_for_training(made):
    train, val = load_fields(made, "train"), load_fields(made, "val")
    assert len(train) + len(val) == N
    assert len(val) > 0
    for field in train:
        labels = np.asarray(Image.open(made / "masks" / f"{field.stem}.png"))
        assert labels.max() == len(np.unique(labels)) - 1
        assert field.image.shape == labels.shape == (96, 128)
        bright = field.image[field.mask].mean() - field.image[~field.mask].mean()
        assert bright > 50, "the image shows the mask"


def test_every_file_says_that_it_is_synthetic(made):
    for line in lines(made):
        assert line["synthetic"] is True
        for name in (line["image"], line["mask"]):
            with Image.open(made / name) as image:
                assert image.text["Synthetic"] == "true"
                assert image.text["Licence"] == line["licence"]
    assert "synthetic" in (made / "README.md").read_text()


def test_a_pair_is_made_again_from_its_line_alone(made, bundle, tmp_path):
    argv = ["make-dataset", "--again", str(made / MANIFEST), "3", "--out", str(tmp_path / "one")]
    assert main([*argv, "--bundle", bundle]) == 0
    again = contents(tmp_path / "one")
    assert len(again) == 3
    for name, content in again.items():
        assert content == (made / name).read_bytes()


def test_two_ranks_make_what_one_makes(made, bundle, tmp_path, monkeypatch):
    out = tmp_path / "set"
    for rank in (1, 0):  # the first one finishes, so it comes last here
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv("WORLD_SIZE", "2")
        assert main(command(bundle, out)) == 0
    assert contents(out) == contents(made)


def test_what_was_interrupted_goes_on(made, bundle, pipe, tmp_path, capsys):
    plan = Plan(**{**_stored(made), "layout": LayoutConfig(**_stored(made)["layout"])})
    folder = Folder(tmp_path / "set", plan)
    folder.begin()
    making = make_missing(folder, bundle, workers=2)
    next(making)
    making.close()
    left = folder.missing()
    assert 0 < len(left) < N
    (folder.root / "images" / ".broken.png.part").write_bytes(b"half a file")
    assert main(command(bundle, folder.root)) == 0
    assert contents(folder.root) == contents(made)
    assert main(command(bundle, folder.root)) == 0
    assert "is complete" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["zip", "webdataset"])
def test_archives_hold_the_folder_and_repeat(made, bundle, tmp_path, kind, capsys):
    names = {"zip": "set.zip", "webdataset": "set"}
    packed = []
    for place in ("a", "b"):
        out = tmp_path / place / "set"
        assert main(command(bundle, out, "--format", kind)) == 0
        path = out.parent / names[kind]
        assert list(out.parent.iterdir()) == [path], "no working folder is left"
        packed.append(contents(path) if path.is_dir() else {"": path.read_bytes()})
    assert packed[0] == packed[1]
    assert main(command(bundle, out, "--format", kind)) == 0
    assert "is complete" in capsys.readouterr().out
    assert main(command(bundle, out, "--format", kind, "--seed", "6")) == 2
    assert "other settings" in capsys.readouterr().err
    found = _unzipped(path) if kind == "zip" else _samples(path)
    expected = contents(made)
    if kind == "webdataset":
        expected = {k: v for k, v in expected.items() if "/" in k and not k.startswith("labels")}
    assert found == expected


def _unzipped(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def _samples(folder: Path) -> dict[str, bytes]:
    """The images and masks of all shards, by their names in a folder."""
    found = {}
    for shard in folder.glob("*.tar"):
        with tarfile.open(shard) as tar:
            members = {member.name: tar.extractfile(member).read() for member in tar}
            assert all(member.mtime == 0 for member in tar)
        for name, content in members.items():
            if name.endswith(".json"):
                line = json.loads(content)
                stem = name.removesuffix(".json")
                assert line["split"] == shard.name.split("-")[0]
                assert members[f"{stem}.txt"].count(b"\n") == line["particles"]
                found[line["image"]] = members[f"{stem}.png"]
                found[line["mask"]] = members[f"{stem}.mask.png"]
    return found


def test_an_archive_is_packed_after_a_kill(bundle, tmp_path):
    out = tmp_path / "set"
    pack = archives.pack
    calls = []

    def broken(*args):
        calls.append(args)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archives, "pack", broken)
        assert main(command(bundle, out, "--format", "zip")) == 130
    assert archives.pack is pack
    (tmp_path / ".set.zip.part").write_bytes(b"half")
    assert calls and not (tmp_path / "set.zip").exists()
    assert main(command(bundle, out, "--format", "zip")) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["set.zip"]


def test_the_strip_is_no_part_of_the_field(bundle, tmp_path):
    out = tmp_path / "set"
    assert main(command(bundle, out, "--strip")) == 0
    for line in lines(out):
        image = read_micrograph(out / line["image"])
        assert image.pixels.shape == (96 + STRIP_PX, 128)
        assert image.field.shape == (96, 128)
        strip = image.pixels[96:]
        assert strip.max() == 255 and (strip == 0).mean() > 0.6
    for field in load_fields(out, "all"):
        assert field.image.shape == field.labels.shape == (96, 128)


def _stored(made: Path) -> dict:
    return json.loads((made / "plan.json").read_text())


def test_killed_at_random_the_result_is_the_same(made, bundle, tmp_path):
    out = tmp_path / "set"
    argv = [sys.executable, "-m", "fancgan", *command(bundle, out)]
    rng = np.random.default_rng(0)
    for _ in range(2):
        process = subprocess.Popen(
            argv,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 120
        while not list(out.rglob("*.txt")) and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(float(rng.uniform(0, 0.3)))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert main(command(bundle, out)) == 0
    assert contents(out) == contents(made)


def test_coco_is_the_labels(made):
    coco_api = pytest.importorskip("pycocotools.coco")
    seen = 0
    for split in ("train", "val"):
        coco = coco_api.COCO(str(made / f"coco_{split}.json"))
        for image in coco.loadImgs(coco.getImgIds()):
            labels = np.asarray(Image.open(made / "masks" / image["file_name"]))
            found = coco.loadAnns(coco.getAnnIds(imgIds=[image["id"]]))
            assert len(found) == labels.max()
            for annotation in found:
                region = labels == annotation["label"]
                assert annotation["area"] == region.sum()
                assert np.array_equal(coco.annToMask(annotation).astype(bool), region)
            seen += 1
    assert seen == N


def test_yolo_outlines_drawn_back_are_the_particles(made):
    for line in lines(made):
        stem = Path(line["image"]).stem
        labels = np.asarray(Image.open(made / line["mask"]))
        rows = (made / "labels" / f"{stem}.txt").read_text().splitlines()
        assert len(rows) == line["particles"] == labels.max()
        for number, row in enumerate(rows, 1):
            kind, *values = row.split()
            corners = np.array(values, float).reshape(-1, 2) * labels.shape[::-1]
            assert kind == "0"
            drawn = polygon2mask(labels.shape, corners[:, ::-1] - 0.5)
            assert np.array_equal(drawn, labels == number)
    listed = [
        name for split in ("train", "val") for name in (made / f"{split}.txt").read_text().split()
    ]
    assert sorted(listed) == sorted(f"./{line['image']}" for line in lines(made))


def test_pairs_differ_and_depend_on_the_seed(made, pipe):
    plan = Plan(**{**_stored(made), "layout": LayoutConfig(**_stored(made)["layout"])})
    pairs = [make_pair(pipe, plan.line(index)) for index in (0, 1)]
    assert not np.array_equal(pairs[0].labels, pairs[1].labels)
    other = Plan(**{**_stored(made), "layout": plan.layout, "seed": 6})
    assert not np.array_equal(make_pair(pipe, other.line(0)).labels, pairs[0].labels)


def test_a_style_is_shared_by_all(bundle, pipe, made, tmp_path):
    reference = tmp_path / "reference.png"
    Image.fromarray(np.asarray(Image.open(made / lines(made)[0]["image"]))).save(reference)
    out = tmp_path / "styled"
    assert main(command(bundle, out, "--style", str(reference))) == 0
    styles = [line["style"] for line in lines(out)]
    assert all(style == styles[0] for style in styles)
    assert len(styles[0]) == pipe.style_dim


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--n", "0"], "ask for one"),
        (["--val-share", "2"], "choose 0 to 0.9"),
        (["--workers", "0"], "--workers"),
        (["--d50-nm", "1"], "choose 22.1 to 705.0 nm"),
        (["--d50-nm", "37", "--height", "8192", "--width", "8192"], "at most 20000"),
        (["--style", "missing.png"], "does not exist"),
        (["--again", "missing.jsonl", "3"], "cannot be read"),
        (["--again", "missing.jsonl", "x"], "number of a pair"),
    ],
)
def test_bad_wishes_are_one_sentence(bundle, tmp_path, capsys, more, words):
    assert main(command(bundle, tmp_path / "set", *more)) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "set" / MANIFEST).exists()


def test_what_is_there_is_never_overwritten(made, bundle, tmp_path, capsys):
    before = contents(made)
    assert main(command(bundle, made, "--seed", "6")) == 2
    assert "other settings" in capsys.readouterr().err
    assert contents(made) == before
    (tmp_path / "thesis.txt").write_text("years of work")
    assert main(command(bundle, tmp_path)) == 2
    assert "other files" in capsys.readouterr().err


def test_another_bundle_cannot_make_it_again(made, tmp_path):
    other = Pipeline.from_pretrained(make_tiny_bundle(tmp_path / "other", seed=1))
    with pytest.raises(UserError, match="revision"):
        make_pair(other, read_line(made / MANIFEST, 0))
    with pytest.raises(UserError, match="no pair 99"):
        read_line(made / MANIFEST, 99)


@pytest.mark.parametrize(("rank", "size"), [("2", "2"), ("-1", "2"), ("x", "2")])
def test_shares_that_cannot_be_are_refused(monkeypatch, rank, size):
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", size)
    with pytest.raises(UserError, match="RANK"):
        Share.from_environment()
