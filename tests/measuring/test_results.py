"""Result files, read back by the programs that they are for."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
import roifile
import tifffile
from PIL import Image

from fancgan.measuring.analysis import Analysis, FieldOfView, Settings, measure_field
from fancgan.measuring.distribution import STATISTICS, histogram
from fancgan.measuring.results import (
    Results,
    csv_bytes,
    field_files,
    overlay_png,
    particle_table,
    statistics_table,
    summary_table,
    zip_bytes,
)
from fancgan.microscopy.micrograph import read_micrograph

BUNDLE = {"name": "tio2-sem", "revision": "0123456789ab"}


@pytest.fixture(scope="module")
def make(draw_discs):
    """make(name, nm_per_px, seed) -> the analysis of drawn discs with their true labels."""

    def made(name: str = "field", nm_per_px: float | None = 7.344, seed: int = 0) -> Analysis:
        discs = draw_discs(300, 400, radii=tuple(range(6, 26, 2)), seed=seed)
        source = "entered by hand" if nm_per_px else None
        field = FieldOfView(name, discs.image, nm_per_px, source, 0, 1)
        return measure_field(field, discs.labels, Settings())

    return made


def unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_zip_holds_everything_and_is_the_same_each_time(make):
    files, again = (unpacked(zip_bytes([make()], BUNDLE)) for _ in range(2))
    workbook = "particles.xlsx"  # carries the time of day
    assert {n: c for n, c in files.items() if n != workbook} == {
        n: c for n, c in again.items() if n != workbook
    }
    assert sorted(files) == [
        "annotations_coco.json",
        "field_labels.tif",
        "field_overlay.png",
        "field_rois.zip",
        "files.csv",
        "particles.csv",
        "particles.xlsx",
        "report.pdf",
        "settings.json",
        "statistics.csv",
    ]


def test_the_csv_says_its_units_and_keeps_its_digits(make):
    analysis = make()
    table = pd.read_csv(io.BytesIO(csv_bytes(particle_table([analysis.measured]))))
    assert list(table["file"].unique()) == ["field"]
    assert table["ecd_nm"].to_numpy() == pytest.approx(analysis.measured.table["ecd_nm"], rel=1e-5)
    dimensionless = {"aspect_ratio", "aspect_ratio_imagej", "circularity_iso"}
    dimensionless |= {"circularity_imagej", "solidity", "convexity"}
    others = {"file", "label", "mean_grey", "touches_border", "border_weight"}
    for column in set(table) - dimensionless - others:
        assert column.endswith(("_nm", "_nm2", "_px", "_deg")), column


def test_the_statistics_are_those_of_the_table(make):
    analysis = make()
    table = statistics_table([analysis.measured])
    ecd = table[table["quantity"] == "ecd"].set_index("statistic")
    assert list(ecd.index) == list(STATISTICS)
    whole = analysis.measured.whole
    assert ecd.loc["mean", "value"] == pytest.approx(
        np.average(whole["ecd_nm"], weights=whole["border_weight"])
    )
    assert (ecd["low_95%"] <= ecd["value"]).all() and (ecd["value"] <= ecd["high_95%"]).all()
    assert ecd.loc["mean", "unit"] == "nm"
    assert ecd.loc["span", "unit"] == "1"
    ratios = table[table["quantity"] == "solidity"]["statistic"]
    assert "sauter_mean" not in set(ratios), "a mean by volume is one of lengths"


def test_the_workbook_opens_with_its_sheets(make):
    content = unpacked(zip_bytes([make()], BUNDLE))["particles.xlsx"]
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert book.sheetnames == ["particles", "statistics", "files", "settings"]
    sheet = book["particles"]
    assert sheet.max_row == 11
    assert sheet.freeze_panes == "A2"


def test_the_label_tiff_keeps_scale_and_numbers(make, tmp_path):
    analysis = make()
    path = tmp_path / "labels.tif"
    path.write_bytes(dict(field_files(analysis))["field_labels.tif"])
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_imagej
        assert tiff.imagej_metadata["unit"] == "nm"
        across, per = tiff.pages[0].tags["XResolution"].value
        assert per / across == pytest.approx(7.344, rel=1e-6)
        assert np.array_equal(tiff.asarray(), analysis.labels)
        assert tiff.pages[0].dtype == np.uint16


def test_rois_coco_and_table_speak_of_the_same_particles(make):
    analysis = make()
    files = unpacked(zip_bytes([analysis], BUNDLE))
    rois = [roifile.ImagejRoi.frombytes(c) for c in unpacked(files["field_rois.zip"]).values()]
    coco = json.loads(files["annotations_coco.json"])
    labels = analysis.measured.table["label"].tolist()
    assert [int(roi.name) for roi in rois] == labels
    assert [a["label"] for a in coco["annotations"]] == labels
    assert [a["area"] for a in coco["annotations"]] == analysis.measured.table["area_px"].tolist()
    assert coco["images"][0]["nm_per_px"] == 7.344
    assert coco["info"]["revision"] == BUNDLE["revision"]


def test_the_overlay_has_a_scale_bar_of_the_right_length(make):
    analysis = make()
    image = np.asarray(Image.open(io.BytesIO(overlay_png(analysis))))
    assert image.shape == (*analysis.labels.shape, 3)
    white = (image == 255).all(axis=2)
    row = white[-10:].sum(axis=1).argmax() + len(white) - 10
    # 22 % of 400 px at 7.344 nm hold 646 nm: the bar is 500 nm.
    assert white[row].sum() == round(500 / 7.344)
    plain = np.asarray(Image.open(io.BytesIO(overlay_png(make(nm_per_px=None)))))
    assert not (plain == 255).all(axis=2).any()


def test_the_report_is_one_page_with_words(make):
    pdf = unpacked(zip_bytes([make()], BUNDLE))["report.pdf"]
    assert pdf.startswith(b"%PDF-")
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") == 1


def test_several_fields_share_their_tables(make):
    fields = [make("a", seed=0), make("b", seed=1), make("c", seed=2)]
    files = unpacked(zip_bytes(fields, BUNDLE))
    table = pd.read_csv(io.BytesIO(files["particles.csv"]))
    assert table.groupby("file").size().to_dict() == {"a": 10, "b": 10, "c": 10}
    statistics = pd.read_csv(io.BytesIO(files["statistics.csv"]))
    assert set(statistics["interval_over"].dropna()) == {"images"}
    per_file = pd.read_csv(io.BytesIO(files["files.csv"]))
    assert per_file["particles"].tolist() == [10, 10, 10]
    coco = json.loads(files["annotations_coco.json"])
    assert [image["file_name"] for image in coco["images"]] == ["a", "b", "c"]
    settings = json.loads(files["settings.json"])
    assert Settings.from_dict(settings["fields"]["b"]["settings"]) == Settings()


def test_mixed_scales_share_what_needs_none(make):
    results = Results(BUNDLE)
    for analysis in (make("a"), make("b", nm_per_px=None)):
        results.add(analysis)
    files = dict(results.files())
    assert "report.pdf" not in files
    statistics = pd.read_csv(io.BytesIO(files["statistics.csv"]))
    assert "ecd" not in set(statistics["quantity"])
    assert "solidity" in set(statistics["quantity"])
    assert len(summary_table(results.measured)) == 2


def test_a_file_name_is_no_formula(make):
    evil = make("=HYPERLINK(1)")
    assert particle_table([evil.measured])["file"].iloc[0] == "'=HYPERLINK(1)"
    files = unpacked(zip_bytes([evil], BUNDLE))
    book = openpyxl.load_workbook(io.BytesIO(files["particles.xlsx"]))
    for sheet in book:
        assert all(cell.data_type != "f" for row in sheet for cell in row), sheet.title


def test_nothing_found_makes_files_too(draw_discs):
    image = draw_discs().image
    empty = measure_field(
        FieldOfView("empty", image, None, None, 0, 1), np.zeros(image.shape, np.int32), Settings()
    )
    files = unpacked(zip_bytes([empty], BUNDLE))
    assert len(pd.read_csv(io.BytesIO(files["particles.csv"]))) == 0
    assert files["report.pdf"].startswith(b"%PDF-")


def test_a_synthetic_field_is_marked(make, tmp_path: Path):
    discs = make()
    field = FieldOfView("x_synthetic", discs.field.pixels, 7.344, "given", 0, 1, synthetic=True)
    analysis = measure_field(field, discs.labels, Settings())
    with Image.open(io.BytesIO(overlay_png(analysis))) as image:
        assert image.text["Synthetic"] == "true"
    settings = json.loads(unpacked(zip_bytes([analysis], BUNDLE))["settings.json"])
    assert settings["fields"]["x_synthetic"]["synthetic"] is True


def test_histogram_shares_add_up():
    values = np.random.default_rng(0).lognormal(4, 0.3, 500)
    edges, share = histogram(values, np.ones(500))
    assert 8 <= len(share) <= 40
    assert share.sum() == pytest.approx(1)
    assert (edges[0], edges[-1]) == (values.min(), values.max())
    assert histogram(np.array([]), np.array([]))[1].sum() == 0
    assert histogram(np.array([3.0, 3.0]), np.ones(2))[1].sum() == 1


def test_the_saved_overlay_is_read_as_a_picture(make, tmp_path):
    path = tmp_path / "labels.tif"
    path.write_bytes(dict(field_files(make()))["field_labels.tif"])
    assert read_micrograph(path).nm_per_px == pytest.approx(7.344, rel=1e-5)
