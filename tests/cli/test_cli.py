"""The shell's synthesize and segment: marked files, one sentence for bad input, exit code 2."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

from fancgan.__main__ import main
from fancgan.cli.segment import FIELD_ENDS, SHARED
from fancgan.microscopy.micrograph import read_micrograph
from fancgan.pipeline import Pipeline
from tests.support.drawing import draw_discs
from tests.support.paths import ROOT


@pytest.fixture(scope="module")
def bundle(tiny_bundle) -> str:
    return str(tiny_bundle)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> Path:
    """A working folder with a mask, an image of discs, and files that are wrong."""
    discs = draw_discs()
    Image.fromarray(discs.mask.astype(np.uint8) * 255).save(tmp_path / "mask.png")
    Image.fromarray(discs.image).save(tmp_path / "discs.png")
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(tmp_path / "empty.png")
    Image.fromarray(np.full((1, 1), 255, np.uint8)).save(tmp_path / "dot.png")
    Image.fromarray(np.dstack([discs.image, discs.image // 2, discs.image])).save(
        tmp_path / "colour.png"
    )
    (tmp_path / "text.tif").write_text("not a picture")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_synthesize_writes_a_marked_png(folder: Path, bundle: str, capsys) -> None:
    assert main(["synthesize", "--mask", "mask.png", "--seed", "7", "--bundle", bundle]) == 0
    assert "synthetic" in capsys.readouterr().out
    pipe = Pipeline.from_pretrained(bundle)
    with Image.open("mask_synthetic_seed7.png") as image:
        assert image.text["Synthetic"] == "true"
        assert image.text["Seed"] == "7"
        assert image.text["Bundle"] == pipe.revision
        expected = pipe.synthesize(np.asarray(Image.open("mask.png")) > 0, seed=7)
        assert np.array_equal(np.asarray(image), expected)


def test_synthesize_writes_a_calibrated_tiff_in_the_style_of_an_image(folder, bundle) -> None:
    argv = ["synthesize", "--mask", "mask.png", "--out", "new/x.tif", "--style", "discs.png"]
    assert main([*argv, "--bundle", bundle]) == 0
    micrograph = read_micrograph("new/x.tif")
    assert micrograph.nm_per_px == pytest.approx(7.344, rel=1e-4)
    pipe = Pipeline.from_pretrained(bundle)
    style = np.asarray(Image.open("discs.png"))
    expected = pipe.synthesize(np.asarray(Image.open("mask.png")) > 0, style=style)
    assert np.array_equal(micrograph.pixels, expected)
    with tifffile.TiffFile("new/x.tif") as tiff:
        assert "Synthetic: true" in tiff.imagej_metadata["Info"]


def test_segment_goes_on_after_a_bad_file(folder: Path, bundle: str, capsys) -> None:
    for name, seed in (("scaled", 1), ("other", 2)):
        with tifffile.TiffWriter(f"{name}.tif", imagej=True) as tiff:
            image = draw_discs(seed=seed).image
            tiff.write(image, resolution=(1 / 7, 1 / 7), metadata={"unit": "nm"})
    files = ["text.tif", "other.tif", "dot.png", "scaled.tif"]
    assert main(["segment", *files, "--out", "found", "--bundle", bundle]) == 2
    captured = capsys.readouterr()
    assert "[2/4] other.tif: 6 particles, median diameter" in captured.out
    assert "7 nm per pixel (ImageJ" in captured.out
    assert captured.err.splitlines()[-1].endswith(
        "2 of 4 files could not be segmented; the rest is done."
    )
    own = FIELD_ENDS
    shared = [*SHARED, "annotations_coco.json", "settings.json"]
    names = [f"{stem}_{end}" for stem in ("other", "scaled") for end in own]
    assert sorted(path.name for path in Path("found").iterdir()) == sorted(
        {*names, *shared} - {"radial.csv"}
    ), "so few particles have no radial distribution"
    labels = tifffile.imread("found/scaled_labels.tif")
    assert labels.dtype == np.uint16
    assert labels.max() == 6
    assert read_micrograph("found/scaled_labels.tif").nm_per_px == pytest.approx(7, rel=1e-4)
    table = pd.read_csv("found/particles.csv")
    assert table.groupby("file").size().to_dict() == {"other": 6, "scaled": 6}


def test_segment_takes_a_folder(folder: Path, bundle: str, capsys) -> None:
    Path("fields").mkdir()
    for seed in range(3):
        Image.fromarray(draw_discs(seed=seed).image).save(f"fields/f{seed}.png")
    Path("fields/notes.md").write_text("no picture")
    assert main(["segment", "fields", "--out", "found", "--bundle", bundle]) == 0
    assert capsys.readouterr().out.count(": 6 particles") == 3
    statistics = pd.read_csv("found/statistics.csv")
    assert set(statistics["interval_over"].dropna()) == {"images"}


def test_without_a_bundle_any_particles_are_found_or_the_numbers_withheld(folder, capsys) -> None:
    noise = np.random.default_rng(0).normal(110, 12, (240, 320)).clip(0, 255)
    Image.fromarray(noise.astype(np.uint8)).save("noise.png")
    assert main(["segment", "discs.png", "--out", "found"]) == 0
    said = capsys.readouterr().out
    assert "6 particles" in said and "typical diameter" in said and "confidence" in said
    facts = json.loads(Path("found/settings.json").read_text())
    assert facts["bundle"]["name"] == "particles" and facts["fields"]["discs"]["confidence"] > 0.5
    assert Path("found/statistics.csv").exists()
    assert main(["segment", "noise.png", "--out", "found"]) == 0
    out, err = capsys.readouterr()
    assert "statistics withheld. No particle was found" in out and "--show-anyway" in err
    assert not Path("found/statistics.csv").exists(), "that of the earlier result is not true now"
    assert main(["segment", "discs.png", "--out", "found", "--diameter-px", "0.5"]) == 2
    assert "between 1 and" in capsys.readouterr().err


def test_stored_settings_give_the_same_again(folder: Path, bundle: str) -> None:
    argv = ["segment", "discs.png", "--bundle", bundle]
    chosen = ["--split", "0.5", "--min-area-px", "400", "--nm-per-px", "7"]
    chosen += ["--region", "0,0 192,160", "--exclude", "0,0 5,0 0,5"]
    assert main([*argv, "--out", "first", *chosen]) == 0
    assert main([*argv, "--out", "again", "--settings", "first/settings.json"]) == 0
    for path in Path("first").glob("*.[!x]*"):  # a workbook carries the time of day
        assert path.read_bytes() == (Path("again") / path.name).read_bytes(), path.name
    assert len(pd.read_csv("first/particles.csv")) < 6


def test_mixed_scales_are_said(folder: Path, bundle: str, capsys) -> None:
    with tifffile.TiffWriter("scaled.tif", imagej=True) as tiff:
        tiff.write(draw_discs().image, resolution=(1 / 7, 1 / 7), metadata={"unit": "nm"})
    argv = ["segment", "discs.png", "scaled.tif", "--out", "found", "--bundle", bundle]
    assert main(argv) == 0
    assert "give --nm-per-px" in capsys.readouterr().err
    assert not Path("found/report.pdf").exists()


def test_a_given_pixel_size_wins(folder: Path, bundle: str, capsys) -> None:
    argv = ["segment", "discs.png", "--out", "found", "--nm-per-px", "7.5", "--bundle", bundle]
    assert main(argv) == 0
    assert "7.5 nm per pixel (entered by hand)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["synthesize", "--mask", "empty.png"], "no particle pixel"),
        (["synthesize", "--mask", "dot.png"], "1 x 1 pixels"),
        (["synthesize", "--mask", "colour.png"], "3 channels"),
        (["synthesize", "--mask", "discs.png"], "neither binary"),
        (["synthesize", "--mask", "text.tif"], "not a readable image"),
        (["synthesize", "--mask", "missing.png"], "does not exist"),
        (["synthesize", "--mask", "mask.png", "--out", "x.jpg"], "must end in"),
        (["synthesize", "--mask", "mask.png", "--out", "mask.png"], "is an input"),
        (
            ["synthesize", "--mask", "mask.png", "--style", "discs.png", "--out", "discs.png"],
            "is an input",
        ),
        (["synthesize", "--mask", "mask.png", "--style", "colour.png"], "colour picture"),
        (["synthesize", "--mask", "mask.png", "--seed", "-3"], "seed"),
        (["synthesize", "--mask", "mask.png", "--out", "text.tif/x.png"], "cannot be written"),
        (["segment", "mask.png", "sub/mask.tif", "--out", "found"], "called mask"),
        (["segment", "mask.png", "--out", "found", "--nm-per-px", "-1"], "positive"),
        (["segment", "text.tif", "--out", "found"], "1 of 1 files"),
        (["segment", "mask.png", "--out", "found", "--split", "3"], "between -1"),
        (["segment", "mask.png", "--out", "found", "--quantity", "charm"], "--quantity is one"),
        (["segment", "mask.png", "--out", "found", "--settings", "text.tif"], "no settings.json"),
        (["segment", "mask.png", "--out", "found", "--settings", "gone.json"], "cannot be read"),
        (["segment", ".git", "--out", "found"], "does not exist"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(folder, bundle, capsys, argv, words) -> None:
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert main([*argv, "--bundle", bundle]) == 2
    message = capsys.readouterr().err
    assert words in message
    assert "Traceback" not in message
    assert before == {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_a_missing_bundle_is_one_sentence(folder: Path, capsys) -> None:
    assert main(["synthesize", "--mask", "mask.png", "--bundle", "nowhere"]) == 2
    assert "no bundle nowhere" in capsys.readouterr().err


def test_the_shell_sees_exit_2_and_no_traceback(folder: Path, bundle: str) -> None:
    command = [sys.executable, "-m", "fancgan", "synthesize", "--mask", str(folder / "dot.png")]
    done = subprocess.run(
        [*command, "--bundle", bundle], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("fancgan synthesize: ")
