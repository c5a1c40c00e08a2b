"""The evaluation, with stand-in pipes whose score is known beforehand."""

from __future__ import annotations

import json
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image

from fancgan.__main__ import main
from fancgan.datasets.fields import Field, load_fields
from fancgan.errors import UserError
from fancgan.evaluation.contact_sheet import FOUND_COLOUR
from fancgan.evaluation.evaluate import CYCLE_SEEDS, evaluate_bundle, seed_of
from fancgan.evaluation.report import format_report
from fancgan.pipeline import Pipeline
from fancgan.segmentation.finding import Found
from fancgan.segmentation.prediction import CorePrediction
from tests.support.bundles import make_tiny_bundle

POINT = {"threshold": 0.5, "core_threshold": 0.5, "min_area_px": 20, "min_core_px": 40}


class Oracle:
    """Knows the truth of each real field, and writes the mask into the images it makes.

    The background of its images has the noise and the level that the test asks for.
    """

    config: ClassVar = {"operating_point": POINT}
    revision, paints, threshold = "oracle", True, 0.5

    def __init__(self, fields: list[Field], noise: float = 4, level_sd: float = 5):
        self.noise, self.level_sd = noise, level_sd
        self.truth = {f.image.tobytes(): f.mask for f in fields}
        self.passes = 0

    def synthesize(self, mask, seed=0, style=None):
        rng = np.random.default_rng(seed)
        level = 60 + self.level_sd * rng.standard_normal()
        grey = np.where(mask, 160, level) + self.noise * rng.standard_normal(mask.shape)
        image = grey.clip(0, 255).round().astype(np.uint8)
        self.truth[image.tobytes()] = mask
        return image

    def predict(self, image):
        self.passes += 1
        prob = self.truth[image.tobytes()].astype(np.float32)
        return CorePrediction(prob, prob, POINT)  # the drawn discs do not touch


class Blind(Oracle):
    """Sees nothing, and paints every mask and seed alike."""

    def synthesize(self, mask, seed=0, style=None):
        return super().synthesize(mask, seed=0)

    def predict(self, image):
        nothing = np.zeros(image.shape, np.float32)
        return CorePrediction(nothing, nothing, POINT)


class Doubting:
    """Has no generator, finds the particles of the fields, sure of every second picture."""

    config: ClassVar = {"name": "doubting", "data": {}}
    revision, paints, threshold = "doubting", False, 0.5

    def __init__(self, fields: list[Field]):
        self.number = {f.image.tobytes(): i for i, f in enumerate(fields)}
        self.labels = [f.labels for f in fields]

    def predict(self, image):
        self.asked = self.number[image.tobytes()]
        return self

    def decode(self):
        labels = self.labels[self.asked]
        sure = 1.0 - self.asked % 2
        return Found(labels, np.full(labels.max(), sure), sure, 20.0, 20.0)


@pytest.fixture
def fields(pair_folder) -> list[Field]:
    return load_fields(pair_folder, "all")


def figure(report: dict, name: str) -> float:
    return report["figures"][name]["value"]


def test_the_truth_scores_one(fields):
    report = evaluate_bundle(Oracle(fields), fields, seeds=4)
    ones = "dice iou boundary_f1 ap50 ap50_95 instance_pq ap50_mean ap50_share ap50_95_mean"
    for name in [*ones.split(), "typical_share", "cycle_dice", "cycle_ap50"]:
        assert figure(report, name) == 1
    assert figure(report, "image_count_error") == figure(report, "typical_error") == 0
    assert figure(report, "count_error") == figure(report, "d50_error") == 0
    assert report["figures"]["dice"]["n"] == len(fields)
    assert report["figures"]["dice"]["interval"] == pytest.approx([1, 1])


def test_each_image_is_segmented_once(fields):
    oracle = Oracle(fields)
    evaluate_bundle(oracle, fields, seeds=4)
    assert oracle.passes == len(fields) * (1 + CYCLE_SEEDS)


def test_seeing_nothing_scores_nothing(fields):
    report = evaluate_bundle(Blind(fields), fields, seeds=2)
    assert figure(report, "dice") == figure(report, "ap50") == figure(report, "cycle_dice") == 0
    assert figure(report, "count_error") == -1
    assert figure(report, "d50_error") is None
    assert figure(report, "background_spread") == 0


def test_the_spread_over_seeds_is_that_of_the_looks(fields):
    narrow = evaluate_bundle(Oracle(fields, level_sd=1), fields, seeds=16)
    wide = evaluate_bundle(Oracle(fields, level_sd=6), fields, seeds=16)
    assert figure(narrow, "background_spread") == pytest.approx(1, rel=0.25)
    assert figure(wide, "background_spread") == pytest.approx(6, rel=0.25)
    assert wide["figures"]["background_spread"]["n"] == 16 * len(fields)


def test_the_noise_ratio_is_linear_in_the_noise(fields):
    ratios = [
        figure(evaluate_bundle(Oracle(fields, noise=noise), fields, seeds=2), "noise_ratio")
        for noise in (4, 8)
    ]
    assert ratios[1] / ratios[0] == pytest.approx(2, rel=0.02)
    repeated = evaluate_bundle(Oracle(fields, noise=4), fields, seeds=2)
    assert figure(repeated, "noise_ratio") == ratios[0]


def test_every_synthetic_image_has_a_seed_of_its_own():
    seeds = [seed_of(7, field, draw) for field in range(40) for draw in range(8)]
    assert len(set(seeds)) == len(seeds)


def test_the_report_is_json_and_readable(fields):
    report = evaluate_bundle(Oracle(fields), fields, fields, seeds=2)
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    text = format_report(report)
    assert "cycle_dice" in text and "n = 4 images" in text and "real train" in text


def test_bad_requests_are_one_sentence(fields):
    with pytest.raises(UserError, match="no image"):
        evaluate_bundle(Oracle(fields), [])
    with pytest.raises(UserError, match="2"):
        evaluate_bundle(Oracle(fields), fields, seeds=1)
    with pytest.raises(UserError, match="no generator"):
        evaluate_bundle(Doubting(fields), fields, full=True)


def test_a_bundle_without_a_generator_is_judged_by_what_it_finds(fields):
    shown = []
    report = evaluate_bundle(Doubting(fields), fields, seen=lambda *seen: shown.append(seen))
    assert figure(report, "ap50") == figure(report, "dice") == 1
    assert report["seeds_per_image"] == 0
    assert not any(name.startswith(("cycle", "background", "noise")) for name in report["figures"])
    assert figure(report, "confidence_auc") is None, "no picture of the other class"
    assert [row["confidence"] for row in report["per_image"]] == [1, 0, 1, 0]
    assert [field for field, _, _ in shown] == fields
    assert all(found.labels.max() == scores.count_true for _, found, scores in shown)


def test_intervals_are_over_sources(fields):
    papers = {f.stem: "one" for f in fields[:3]}
    alone = evaluate_bundle(Oracle(fields), fields, seeds=0)["figures"]["ap50"]
    by_paper = evaluate_bundle(Oracle(fields), fields, seeds=0, sources=papers)["figures"]["ap50"]
    assert alone["interval"] and alone["of"] == "images"
    assert by_paper["interval"] is None and by_paper["of"] == "images of 2 sources"
    assert by_paper["value"] == alone["value"] and by_paper["n"] == alone["n"] == 4
    assert by_paper["references"] == alone["references"]


def test_the_command_writes_what_it_prints(pair_folder, tmp_path, capsys):
    bundle, out = make_tiny_bundle(tmp_path / "bundle"), tmp_path / "figures.json"
    command = ["evaluate", "--bundle", str(bundle), "--data", str(pair_folder), "--seeds", "2"]
    assert main([*command, "--json", str(out)]) == 0
    report = json.loads(out.read_text())
    printed = capsys.readouterr().out
    assert format_report(report) in printed
    assert report["split"] == "val" and report["images"] == ["disc3"]
    # The tiny bundle cuts at one grey level, which is right for the drawn discs.
    assert figure(report, "dice") > 0.95
    assert figure(report, "cycle_dice") > 0.9
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".part"] == []


def test_the_command_leaves_out_what_it_cannot_read(pair_folder, tmp_path, capsys, monkeypatch):
    fields = load_fields(pair_folder, "all")
    monkeypatch.setattr(Pipeline, "from_pretrained", lambda *_, **__: Doubting(fields))
    (pair_folder / "images/disc1.png").write_bytes(b"no picture")
    sheet, out = tmp_path / "sheet.png", tmp_path / "figures.json"
    command = ["evaluate", "--data", str(pair_folder), "--split", "all", "--sheet", str(sheet)]
    assert main([*command, "--json", str(out)]) == 0
    said = capsys.readouterr()
    assert "disc1 is left out." in said.err and "3 of 3, disc3" in said.err
    assert "no generator" in said.out and "confidence" in said.out
    assert json.loads(out.read_text())["images"] == ["disc0", "disc2", "disc3"]
    with Image.open(sheet) as image:
        pixels = np.asarray(image)
    assert pixels.shape == (300, 6 * 300, 3)
    red = (pixels == FOUND_COLOUR).all(-1)
    assert [red[:, i * 300 : (i + 1) * 300].any() for i in range(6)] == [True] * 3 + [False] * 3


def test_bad_commands_are_one_sentence(pair_folder, tmp_path, capsys):
    bundle = make_tiny_bundle(tmp_path / "bundle")
    command = ["evaluate", "--bundle", str(bundle), "--seeds", "2", "--data"]
    for data, more, word in (
        (tmp_path / "nowhere", [], "nowhere"),
        (pair_folder, ["--full"], "192 x 160"),
        (pair_folder, ["--json", str(tmp_path / "no" / "f.json")], "does not exist"),
        (pair_folder, ["--full", "--features", "vgg"], "efficientnet_lite1"),
        (pair_folder, ["--full", "--seeds", "0"], "at least 2 seeds"),
        (pair_folder, ["--sheet", str(tmp_path / "no" / "s.png")], "does not exist"),
        (f"{pair_folder}=2", [], "weight"),
        (f"{pair_folder}:stem", [], "sem or tsem"),
        (pair_folder, ["--split", "test"], "no test images"),
    ):
        assert main([*command, str(data), *more]) == 2
        sentence = capsys.readouterr().err.strip().splitlines()[-1]
        assert word in sentence and sentence.endswith(".")
