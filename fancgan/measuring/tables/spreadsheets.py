"""CSV and XLSX as Excel, LibreOffice and Numbers open them in any language."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Iterable, Iterator
from tempfile import SpooledTemporaryFile
from typing import Any

import pandas as pd

from fancgan.errors import UserError
from fancgan.measuring.tables.rows import Rows

DIGITS = 6
MAX_ROWS = 2**20 - 1  # of an XLSX sheet, below its head
MAX_IN_MEMORY = 2**22  # bytes
MAX_CELL = 32_767  # characters in a cell
# What XML or UTF-8 cannot hold, and what breaks a line.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\ufffe\uffff]")
# The separator that a spreadsheet expects depends on the country.
_FORMULA = re.compile(r"(^|[,;|])(\s*)(?=[=+\-@＝＋－＠])")


def plain_text(words: str) -> str:
    """Return words without control characters, and no part of them a formula in a spreadsheet.

    An apostrophe stands before what begins like one, at the start or behind a separator (OWASP,
    "CSV Injection").
    """
    return _FORMULA.sub(r"\1\2'", _UNPRINTABLE.sub("\ufffd", words))


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    def cell(value: object) -> object:
        return plain_text(value) if isinstance(value, str) else value

    texts = table.select_dtypes(exclude=["number", "bool"])
    known = {name: {v: cell(v) for v in texts[name].unique()} for name in texts}
    return table.assign(**{name: texts[name].map(cells) for name, cells in known.items()})


def csv_bytes(table: pd.DataFrame) -> bytes:
    """Return a table as CSV, numbers to DIGITS digits, in UTF-8 with the mark that Excel needs."""
    text = _plain(table).to_csv(index=False, float_format=f"%.{DIGITS}g", lineterminator="\n")
    return text.encode("utf-8-sig")


def csv_parts(tables: Iterable[pd.DataFrame]) -> Iterator[bytes]:
    """Yield a table that comes in parts, with the same columns each, as CSV; see csv_bytes."""
    for number, table in enumerate(tables):
        content = csv_bytes(table)
        yield content if not number else content.split(b"\n", 1)[1]


def parquet_parts(tables: Iterable[pd.DataFrame]) -> Iterator[bytes]:
    """Yield a table that comes in parts as Parquet, as it is; raise UserError without pyarrow."""
    pyarrow, parquet = parquet_library()
    with SpooledTemporaryFile(MAX_IN_MEMORY) as file:
        writer = None
        for table in tables:
            part = pyarrow.Table.from_pandas(table, preserve_index=False)
            writer = writer or parquet.ParquetWriter(file, part.schema)
            writer.write_table(part.cast(writer.schema))
        if writer:
            writer.close()
        file.seek(0)
        while content := file.read(MAX_IN_MEMORY):
            yield content


def parquet_library() -> tuple[Any, Any]:
    """Return the modules pyarrow and pyarrow.parquet; raise UserError where there are none."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise UserError("Parquet needs a package more: pip install pyarrow") from error
    return pyarrow, pyarrow.parquet


def xlsx_bytes(tables: dict[str, pd.DataFrame | Rows], facts: dict) -> bytes:
    """Return a workbook: a sheet for each table, and one of facts, the settings.

    A table of more rows than a sheet holds is named there, with the CSV that has it.
    """
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    for name, table in (tables | {"settings": _settings(facts)}).items():
        sheet = book.create_sheet(name)
        sheet.freeze_panes = "A2"
        if len(table) > MAX_ROWS:
            sheet.append([f"{len(table)} rows are more than a sheet holds: see {name}.csv"])
            continue
        sheet.append([plain_text(str(column)) for column in table.columns])
        for part in [table] if isinstance(table, pd.DataFrame) else table.parts():
            for row in _plain(part).round(DIGITS).itertuples(index=False, name=None):
                sheet.append([None if _unknown(value) else value for value in row])
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _unknown(value: object) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def _settings(facts: dict) -> pd.DataFrame:
    """Return facts as rows (key, value as JSON); those of the fields have a row each."""
    rows = {key: value for key, value in facts.items() if key != "fields"}
    rows |= {f"field {name}": value for name, value in facts.get("fields", {}).items()}
    words = {key: json.dumps(value, ensure_ascii=False) for key, value in rows.items()}
    long = "too long for a cell: see settings.json"
    return pd.DataFrame(
        [{"key": key, "value": w if len(w) < MAX_CELL else long} for key, w in words.items()]
    )
