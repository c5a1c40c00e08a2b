"""Result files, read back by the programs that they are for."""

from __future__ import annotations

import csv
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
from matplotlib.text import Text
from PIL import Image

from fancgan.measuring.analysis import Analysis, FieldOfView, Settings, measure_field
from fancgan.measuring.distribution import STATISTICS, histogram
from fancgan.measuring.properties import RATIOS, SIZES
from fancgan.measuring.results import (
    QUANTITIES,
    Results,
    field_files,
    overlay_png,
    particle_table,
    statistics_table,
    summary_table,
    zip_bytes,
)
from fancgan.measuring.size_report import LONG_NAMES, report_pdf
from fancgan.measuring.tables import spreadsheets
from fancgan.measuring.tables.spreadsheets import csv_bytes, xlsx_bytes
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
        "field_measured.png",
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
    others = {"file", "label", "mean_grey", "touches_border", "border_weight", "shape"}
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


def test_by_volume_is_said_and_the_radial_distribution_comes_with_enough_particles(make):
    analyses = [make(name, seed=seed) for seed, name in enumerate("abc")]
    files = unpacked(zip_bytes(analyses, BUNDLE, by="volume"))
    table = pd.read_csv(io.BytesIO(files["statistics.csv"])).set_index(["quantity", "statistic"])
    mean, moment = table.loc[("ecd", "mean")], table.loc[("ecd", "volume_mean")]
    assert (mean["by"], moment["by"]) == ("volume", "number")
    assert mean["value"] == pytest.approx(moment["value"], rel=1e-4)
    radial = pd.read_csv(io.BytesIO(files["radial.csv"]))
    assert list(radial) == ["from_nm", "to_nm", "g"]
    assert radial["g"].iloc[0] == 0, "no two centres in one place"
    fields = pd.read_csv(io.BytesIO(files["files.csv"]))
    density = sum(1e6 / ((300 - side) * (400 - side) * 7.344**2) for side in range(12, 52, 4))
    assert fields["per_um2"].tolist() == pytest.approx([density] * 3, rel=0.02)
    assert fields["round"].tolist() == [10, 10, 10]
    assert "radial.csv" not in unpacked(zip_bytes(analyses[:1], BUNDLE)), "ten are too few"


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


def test_coco_of_the_zip_lies_over_its_pictures(make, tmp_path):
    coco_api = pytest.importorskip("pycocotools.coco")
    analyses = [make("a"), make("b.tif", nm_per_px=None, seed=1)]
    with zipfile.ZipFile(io.BytesIO(zip_bytes(analyses, BUNDLE))) as archive:
        archive.extractall(tmp_path)
    coco = coco_api.COCO(str(tmp_path / "annotations_coco.json"))
    for analysis, entry in zip(analyses, coco.loadImgs(coco.getImgIds()), strict=True):
        with Image.open(tmp_path / entry["file_name"]) as image:
            assert image.size == (entry["width"], entry["height"])
            assert np.array_equal(np.asarray(image), analysis.field.grey)
        drawn = np.zeros(analysis.labels.shape, np.int32)
        for particle in coco.loadAnns(coco.getAnnIds(imgIds=[entry["id"]])):
            drawn[coco.annToMask(particle) > 0] = particle["label"]
        assert np.array_equal(drawn, analysis.labels)


@pytest.mark.parametrize("quantity", QUANTITIES[:-1])  # a drawn field has no confidence
def test_the_report_is_one_page_and_shows_what_it_names(make, quantity, monkeypatch):
    fields = [make("a $x$ \\frac{"), make("b", seed=1)]
    words: list[str] = []
    draw = Text.draw
    monkeypatch.setattr(Text, "draw", lambda t, r: (words.append(t.get_text()), draw(t, r))[1])
    measured = [one.measured for one in fields]
    pdf = report_pdf(fields[0], measured, BUNDLE, quantity)
    assert pdf.startswith(b"%PDF-")
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") == 1
    unit = {"area": "nm²"}.get(quantity, "" if quantity in (*RATIOS, "mean_grey") else "nm")
    assert f"Particles: {LONG_NAMES[quantity]}" in words
    assert LONG_NAMES[quantity] + (f" / {unit}" if unit else "") in words
    of_size = {"D[3,2]", "geometric sd (GSD)", "log-normal fit"}
    assert of_size & set(words) == (of_size if quantity in SIZES else set())
    assert not any("nan" in word for word in words)


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
    assert [image["file_name"] for image in coco["images"]] == [f"{n}_measured.png" for n in "abc"]
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


EVIL = ("=HYPERLINK(1)", "a;=1+1", "a, @b", "-5", "bell\a\tand\nline", "\udcff.tif", "ß 粒", "a-5")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_no_text_is_a_formula_in_any_spreadsheet(separator):
    content = csv_bytes(pd.DataFrame({"file": EVIL, "ecd_nm": -1.5}))
    assert content.startswith(b"\xef\xbb\xbf"), "Excel takes it for another encoding"
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=separator))
    assert len(rows) == 1 + len(EVIL)
    cells = [cell for row in rows for cell in row if cell.strip() not in ("-1.5", "-1.5,")]
    assert not [cell for cell in cells if cell.strip()[:1] in ("=", "+", "-", "@")]
    assert "\t" not in content.decode() and "\a" not in content.decode()


def test_the_workbook_holds_every_name_and_number(make, monkeypatch):
    table = pd.DataFrame({"file": EVIL, "n": range(8), "x": [np.nan, np.inf, *range(6)]})
    long = {"fields": {name: {"words": "x" * 20_000 * (name == "-5")} for name in EVIL}}
    monkeypatch.setattr(spreadsheets, "MAX_ROWS", 10)
    more = pd.concat([table, table])
    book = openpyxl.load_workbook(
        io.BytesIO(xlsx_bytes({"files": table, "particles": more}, long | {"a": "y" * 40_000}))
    )
    assert all(cell.data_type != "f" for sheet in book for row in sheet for cell in row)
    assert [cell.value for cell in book["files"]["C"]] == ["x", None, None, *range(6)]
    assert book["files"]["A"][7].value == "ß 粒"
    assert book["particles"]["A1"].value.startswith("16 rows are more than a sheet holds")
    settings = dict(row[:2] for row in book["settings"].iter_rows(values_only=True))
    assert settings["a"] == "too long for a cell: see settings.json"
    assert len(settings["field -5"]) > 20_000


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
