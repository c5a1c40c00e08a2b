"""What a model for any scale says of its own outlines, and what becomes of the statistics."""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fancgan.measuring.analysis import Analysis, analyse
from fancgan.measuring.doubts import kept_confidence
from fancgan.measuring.results import zip_bytes
from fancgan.measuring.settings import Settings
from fancgan.pipeline import Pipeline
from fancgan.segmentation.finding import Found
from tests.support.drawing import draw_discs

BUNDLE = {"name": "particles", "revision": "0"}


@pytest.fixture(scope="module")
def pipe() -> Pipeline:
    return Pipeline.from_pretrained("particles")


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("files")
    noise = np.random.default_rng(0).normal(110, 12, (240, 320)).clip(0, 255).astype(np.uint8)
    pictures = {"discs": draw_discs(240, 320, radii=range(10, 19)).image, "noise": noise}
    for name, picture in pictures.items():
        Image.fromarray(picture).save(folder / f"{name}.png")
    return {name: folder / f"{name}.png" for name in pictures}


def parts(analyses: list[Analysis]) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(zip_bytes(analyses, BUNDLE))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_what_the_model_trusts_has_statistics_and_confidences(pipe, files) -> None:
    result = analyse(pipe, files["discs"]).measured
    assert not result.withheld and result.confidence > 0.8
    assert result.diameter_px == pytest.approx(28, rel=0.1)
    assert result.table["confidence"].between(0.5, 1).all()
    polarity = analyse(pipe, files["discs"], Settings(invert=True)).measured
    assert len(polarity.table) == len(result.table)
    scaled = analyse(pipe, files["discs"], Settings(nm_per_px=0.02)).measured
    assert len(scaled.table) == len(result.table), "nm never change what is found"


def test_without_particles_statistics_are_withheld_but_for_who_insists(pipe, files) -> None:
    none = analyse(pipe, files["noise"])
    assert none.measured.withheld and none.measured.doubt.startswith("No particle was found")
    alone = parts([none])
    assert "statistics.csv" not in alone and "report.pdf" not in alone
    line = pd.read_csv(io.BytesIO(alone["files.csv"])).iloc[0]
    assert line["withheld"] == none.measured.doubt
    assert json.loads(alone["settings.json"])["fields"]["noise"]["doubt"] == line["withheld"]

    doubted = analyse(pipe, files["discs"])
    doubted = dataclasses.replace(
        doubted,
        field=dataclasses.replace(doubted.field, name="doubted"),
        measured=dataclasses.replace(doubted.measured, name="doubted", doubt="So."),
    )
    both = parts([doubted, analyse(pipe, files["discs"])])
    n = pd.read_csv(io.BytesIO(both["statistics.csv"]))["n"].iloc[0]
    assert n == len(doubted.measured.whole), "the doubted file is not counted"
    insisted = dataclasses.replace(doubted.measured.settings, show_anyway=True)
    shown = dataclasses.replace(doubted.measured, settings=insisted)
    assert not shown.withheld


def test_confidence_stays_with_what_nobody_changed() -> None:
    labels = np.zeros((6, 12), np.int32)
    labels[1:5, 1:4], labels[1:5, 5:8], labels[1:5, 9:11] = 1, 2, 3
    found = Found(labels, np.array([0.9, 0.8, 0.7]), 0.8, 4.0, 4.0)
    edited = labels.copy()
    edited[labels == 1] = 0  # taken out
    edited[1:3, 5:8] = 4  # 2 parted, the rest keeps its number
    kept = kept_confidence(found, edited)
    assert np.isnan(kept[[0, 1, 2, 4]]).all() and kept[3] == 0.7
