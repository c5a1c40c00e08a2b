"""Workbook and tables of a result in LibreOffice: opened without a word, with the same cells."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from fancgan.measuring.analysis import measure_field
from fancgan.measuring.field_of_view import FieldOfView
from fancgan.measuring.results import zip_bytes
from fancgan.measuring.settings import Settings

OFFICE = shutil.which("soffice")
pytestmark = pytest.mark.skipif(not OFFICE, reason="LibreOffice is not installed")
NAMES = ("=1+1", "ß 粒; a", "-5", '"quoted", @b', "plain")
AS_UTF8_WITH_COMMAS = "--infilter=CSV:44,34,76,1"


def opened(path: Path, folder: Path, *flags: str) -> openpyxl.Workbook:
    """The workbook that LibreOffice writes of what it opened at path."""
    profile = f"-env:UserInstallation=file://{folder.parent}/profile"
    words = [OFFICE, "--headless", "--norestore", profile, *flags]
    done = subprocess.run(
        [*words, "--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir", folder, path],
        capture_output=True,
        text=True,
        timeout=300,
    )
    said = [line for line in done.stderr.splitlines() if "javaldx" not in line]
    assert done.returncode == 0 and not said, done.stderr
    return openpyxl.load_workbook(folder / f"{path.stem}.xlsx", data_only=True)


def cells(sheet) -> list[tuple]:
    rows = sheet.iter_rows(values_only=True)
    return [tuple(None if v == "" else v for v in row) for row in rows]


def test_libreoffice_opens_what_was_written(draw_discs, tmp_path):
    fields = []
    for seed, name in enumerate(NAMES):
        discs = draw_discs(300, 400, radii=(5,) * 12, seed=seed)
        field = FieldOfView(name, discs.image, 7.344, "entered by hand", 0, 1)
        fields.append(measure_field(field, discs.labels, Settings()))
    content = zip_bytes(fields, {"name": "drawn", "revision": "1"})
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            if name.endswith((".csv", ".xlsx")):
                (tmp_path / name).write_bytes(archive.read(name))
    again = tmp_path / "again"
    ours = openpyxl.load_workbook(tmp_path / "particles.xlsx")
    book = opened(tmp_path / "particles.xlsx", again)
    assert book.sheetnames == ours.sheetnames
    for sheet in ours:
        assert cells(book[sheet.title]) == cells(sheet), sheet.title
    for path in sorted(tmp_path.glob("*.csv")):
        read = cells(opened(path, again, AS_UTF8_WITH_COMMAS).worksheets[0])
        table = pd.read_csv(path, keep_default_na=False)
        assert read[0] == tuple(table.columns), path.name
        assert len(read) == len(table) + 1
        for got, wanted in zip(read[1:], table.itertuples(index=False), strict=True):
            for cell, value in zip(got, wanted, strict=True):
                same = cell is None if value == "" else str(cell) == str(value)
                assert same or float(cell) == pytest.approx(float(value)), (path.name, value)
