"""Every fault of a data set gets one plain sentence and the right level."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

import train
from fancgan.datasets.check import Finding, preflight
from fancgan.errors import UserError
from tests.support.drawing import draw_discs
from tests.support.paths import ROOT


@pytest.fixture
def good(tmp_path, write_pairs) -> Path:
    """Six pairs without a fault."""
    return write_pairs(tmp_path / "set", 6, 256, 256)


def only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, findings
    sentence = findings[0].sentence
    assert sentence.endswith(".") and "\n" not in sentence and sentence[0].isprintable()
    return findings[0]


def expect(root: Path, level: str, file: str, words: str, modality: str | None = None) -> None:
    finding = only(preflight(root, modality))
    assert (finding.level, finding.file) == (level, file), finding
    assert words in finding.sentence


def save(path: Path, pixels: np.ndarray) -> None:
    Image.fromarray(pixels).save(path)


def test_nothing_to_find(good):
    assert preflight(good) == []


def test_folders(tmp_path, good):
    expect(tmp_path / "none", "error", "", "does not exist")
    expect(tmp_path, "error", "", "neither images/")
    expect(good / "images", "error", "", "neither images/")
    (good / "masks").rename(good / "labels")
    expect(good, "error", "", "no folder masks/")


def test_image_without_mask(good):
    (good / "masks" / "disc3.png").unlink()
    expect(good, "error", "images/disc3.png", "has no mask")


def test_mask_without_image(good, draw_discs):
    save(good / "masks" / "other.png", draw_discs(256, 256).mask)
    expect(good, "warning", "masks/other.png", "has no image")


def test_sizes(good, draw_discs):
    save(good / "masks" / "disc0.png", draw_discs(256, 250).mask)
    expect(good, "error", "masks/disc0.png", "is 250 x 256 pixels but its image is 256 x 256")


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (np.zeros((256, 256), np.uint8), "is empty"),
        (np.full((256, 256), 255, np.uint8), "no background"),
        (np.zeros((256, 256, 3), np.uint8), "3 channels"),
    ],
)
def test_masks(good, pixels, words):
    save(good / "masks" / "disc0.png", pixels)
    expect(good, "error", "masks/disc0.png", words)


def test_smoothed_mask(good):
    mask = np.array(Image.open(good / "masks" / "disc0.png")).astype(float)
    smooth = (mask + np.roll(mask, 1, 0) + np.roll(mask, 1, 1)) / 3
    save(good / "masks" / "disc0.png", smooth.astype(np.uint8))
    expect(good, "error", "masks/disc0.png", "neither binary")


def test_inverted_mask(good):
    mask = np.array(Image.open(good / "masks" / "disc0.png"))
    save(good / "masks" / "disc0.png", 255 - mask)
    expect(good, "warning", "masks/disc0.png", "inverted")


def test_images(good):
    path = good / "images" / "disc0.png"
    path.write_text("text")
    expect(good, "error", "images/disc0.png", "not a readable image")
    save(path, np.full((256, 256), 7, np.uint8))
    expect(good, "error", "images/disc0.png", "every pixel has the value 7")
    save(path, np.zeros((256, 256, 3), np.uint8) + np.uint8([9, 99, 199]))
    expect(good, "error", "images/disc0.png", "colour")


def test_info_bar(tmp_path, draw_discs, info_bar):
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for seed in range(5):
        discs = draw_discs(300, 400, seed=seed)
        tail = info_bar(40, 400)
        save(tmp_path / "images" / f"{seed}.png", np.concatenate([discs.image, tail]))
        save(tmp_path / "masks" / f"{seed}.png", discs.mask)
    finding = only(preflight(tmp_path))
    assert finding.level == "warning"
    assert "5 images show" in finding.sentence and "at row 300" in finding.sentence


@pytest.mark.parametrize(
    ("count", "level", "words"),
    [
        (0, "error", "There are 0"),
        (1, "error", "at least 2 are needed"),
        (4, "warning", "only 4 image"),
    ],
)
def test_too_few(tmp_path, write_pairs, count, level, words):
    write_pairs(tmp_path / "few", count, 256, 256)
    expect(tmp_path / "few", level, "", words)


def test_small_images(good, draw_discs):
    for seed, (stem, level) in enumerate((("disc5", "warning"), ("disc0", "error")), 9):
        discs = draw_discs(191, 300, seed=seed)  # disc5 validates
        save(good / "images" / f"{stem}.png", discs.image)
        save(good / "masks" / f"{stem}.png", discs.mask)
        finding = preflight(good)[0]
        assert (finding.level, finding.file) == (level, f"images/{stem}.png")
        assert "only 300 x 191 pixels" in finding.sentence
    assert {finding.level for finding in preflight(good, paints=False)} == {"warning"}
    assert {finding.level for finding in preflight(good, crop_px=176)} == set()


def test_mixed_and_missing_pixel_sizes(good):
    for number, nm in enumerate((5, 5, 5, 5, 5, 8)):
        pixels = np.array(Image.open(good / "images" / f"disc{number}.png"))
        (good / "images" / f"disc{number}.png").unlink()
        scale = {"imagej": True, "resolution": (1 / nm, 1 / nm), "metadata": {"unit": "nm"}}
        tifffile.imwrite(good / "images" / f"disc{number}.tif", pixels, **scale)
    expect(good, "warning", "", "mixed, 5 to 8 nm")
    save(good / "images" / "disc5.tif", pixels)
    expect(good, "warning", "images/disc5.tif", "1 of 6 images do not tell")


def test_the_same_picture_twice(good):
    val = "disc5"  # the only validation field of six
    copy = (good / "images" / "disc0.png").read_bytes()
    (good / "images" / "disc1.png").write_bytes(copy)
    expect(good, "warning", "images/disc1.png", "same picture")
    (good / "images" / "disc1.png").write_bytes((good / "images" / f"{val}.png").read_bytes())
    finding = only(preflight(good))
    assert finding.level == "error" and "one in train and one in val" in finding.sentence


def test_split_table(good):
    parts = {"train": ["disc0", "disc1", "disc2", "disc3"], "val": ["disc4"]}
    (good / "split.json").write_text(json.dumps(parts))
    expect(good, "warning", "images/disc5.png", "does not name")
    (good / "split.json").write_text(json.dumps(parts | {"test": ["disc5", "elsewhere"]}))
    assert preflight(good) == []
    (good / "masks" / "disc5.png").unlink()
    assert preflight(good) == []
    (good / "split.json").write_text(json.dumps(parts | {"test": ["disc5"], "val": ["disc9"]}))
    findings = preflight(good)
    assert all(finding.level == "error" or "disc4" in finding.file for finding in findings)
    assert "split.json names disc9" in findings[0].sentence
    (good / "split.json").write_text("{")
    expect(good, "error", "", "is not a split")


def test_errors_come_first(good):
    (good / "images" / "disc0.png").write_text("text")
    save(good / "masks" / "disc1.png", np.zeros((256, 256), np.uint8))
    (good / "masks" / "other.png").write_bytes((good / "masks" / "disc2.png").read_bytes())
    assert [finding.level for finding in preflight(good)] == ["error", "error", "warning"]


def test_particles_too_small_to_say_how_they_look(tmp_path):
    """What `check` finds ready, train.py takes, and the other way round."""
    for folder in ("images", "masks"):
        (tmp_path / "set" / folder).mkdir(parents=True)
    for seed in range(5):
        discs = draw_discs(256, 300, radii=range(3, 6), seed=seed)
        save(tmp_path / "set/images" / f"{seed}.png", discs.image)
        save(tmp_path / "set/masks" / f"{seed}.png", discs.mask)
    command = ["--data", str(tmp_path / "set"), "--run", str(tmp_path / "run")]
    expect(tmp_path / "set", "error", "", "No training image shows enough")
    with pytest.raises(UserError, match="No training image shows enough"):
        train.train(train.parse_arguments(command))
    assert check(tmp_path / "set").returncode == 2
    assert check(tmp_path / "set", "--preset", "particles").returncode == 0


def check(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "fancgan", "check", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_command(good):
    done = check(good)
    assert (done.returncode, done.stderr) == (0, "")
    assert "5 images to train with, 1 to validate" in done.stdout
    (good / "masks" / "disc0.png").unlink()
    done = check(good)
    assert done.returncode == 2
    assert "error: The image images/disc0.png has no mask" in done.stdout
    assert "not ready" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.micrographs
@pytest.mark.parametrize("modality", ["sem", "tsem"])
def test_real_set_has_only_the_info_bar(tio2, modality):
    finding = only(preflight(tio2, modality))
    assert finding.level == "warning"
    assert "32 images" in finding.sentence and "row 712" in finding.sentence
