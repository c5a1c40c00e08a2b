"""Rows of many tables: a few stay in memory, millions in files without a name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from tempfile import SpooledTemporaryFile

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# Where pyarrow is installed pandas would take its strings, which hold no name that is not UTF-8.
pd.set_option("mode.string_storage", "python")

IN_MEMORY = 2**20  # bytes of a column
AT_ONCE = 50_000  # rows of a part


class Rows:
    """The rows of tables, one under the other, column by column: each can be read alone.

    Columns hold whole numbers, truths and texts, all of them known, or numbers, empty where a table
    had no such column.
    """

    def __init__(self) -> None:
        self._files: dict[str, SpooledTemporaryFile] = {}
        self._types: dict[str, set[str]] = {}
        self._texts: dict[str, dict[str, int]] = {}
        self._in_order: dict[str, list[str]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, name: str) -> bool:
        return name in self._files

    @property
    def columns(self) -> list[str]:
        """The columns' names; those that begin with _ belong to no table."""
        return [name for name in self._files if not name.startswith("_")]

    def add(self, table: pd.DataFrame) -> None:
        for name in [*self._files, *(new for new in table if new not in self._files)]:
            if name not in self._files:
                self._files[name] = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115
                self._types[name] = set()
                self._write(name, np.full(self._count, np.nan))
            if name not in table:
                self._types[name].add("float64")
                self._write(name, np.full(len(table), np.nan))
            elif table[name].dtype.kind in "ifb":
                self._types[name].add(str(table[name].dtype))
                self._write(name, table[name].to_numpy(np.float64))
            else:
                numbers, texts = pd.factorize(table[name])
                self._write(name, self._codes(name, texts)[numbers])
        self._count += len(table)

    def _codes(self, name: str, texts: Iterable[str]) -> NDArray[np.float64]:
        known = self._texts.setdefault(name, {})
        return np.array([known.setdefault(text, len(known)) for text in texts], np.float64)

    def _write(self, name: str, values: NDArray[np.float64]) -> None:
        self._files[name].seek(0, 2)
        self._files[name].write(values.tobytes())

    def values(self, name: str, start: int = 0, stop: int | None = None) -> NDArray[np.float64]:
        """Return rows start to stop of a column of numbers or truths, [stop - start]."""
        stop = self._count if stop is None else stop
        self._files[name].seek(8 * start)
        return np.frombuffer(self._files[name].read(8 * (stop - start)), np.float64)

    def table(self, start: int, stop: int) -> pd.DataFrame:
        """Return rows start to stop with all columns, of the types that they were added with."""
        return pd.DataFrame({name: self._typed(name, start, stop) for name in self.columns})

    def _typed(self, name: str, start: int, stop: int) -> NDArray | pd.Series:
        values = self.values(name, start, stop)
        if name in self._texts:
            codes, places = np.unique(values, return_inverse=True)
            return pd.Series(self._words(name, codes)[places], dtype=str)
        types = self._types[name]
        missing = len(types) > 1 or np.isnan(values).any()
        return values if missing else values.astype(next(iter(types), "float64"))

    def _words(self, name: str, codes: NDArray[np.float64]) -> NDArray:
        known = self._texts[name]
        if len(self._in_order.get(name, ())) < len(known):
            self._in_order[name] = list(known)
        return np.array([self._in_order[name][int(code)] for code in codes], object)

    def parts(self) -> Iterator[pd.DataFrame]:
        """Yield the rows AT_ONCE at a time, at least one part."""
        for start in range(0, max(self._count, 1), AT_ONCE):
            yield self.table(start, min(start + AT_ONCE, self._count))
