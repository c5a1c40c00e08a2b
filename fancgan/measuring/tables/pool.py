"""Very many measured micrographs: their particles are read again when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from fancgan.measuring.analysis import Measured, described
from fancgan.measuring.distribution import AMOUNTS, Distribution, common_column, known_values
from fancgan.measuring.tables.rows import Rows
from fancgan.particles.arrangement import Field

_NEIGHBOUR_WEIGHT = "_neighbour_weight"


class Stored(Measured):
    """A Measured whose table is read from rows, start to stop, whenever it is asked for."""

    rows: Rows
    span: tuple[int, int]

    def __getattr__(self, name: str):
        if name != "table":
            raise AttributeError(name)
        return self.rows.table(*self.span).drop(columns="file")

    @property
    def count(self) -> int:
        return self.span[1] - self.span[0]

    def loaded(self) -> Measured:
        """Return the same with its table in memory."""
        return Measured(**{f.name: getattr(self, f.name) for f in fields(Measured)})

    @property
    def frame(self) -> Field | None:
        return self.loaded().frame


class Pool(Sequence[Measured]):
    """Micrographs whose particles are counted together, one property in memory at a time."""

    def __init__(self, rows: Rows | None = None, stored: Sequence[Stored] = ()):
        self.rows = Rows() if rows is None else rows
        self._stored = list(stored)

    @classmethod
    def of(cls, measured: Sequence[Measured]) -> Pool:
        if isinstance(measured, Pool):
            return measured
        pool = cls()
        for one in measured:
            pool.add(one)
        return pool

    def __len__(self) -> int:
        return len(self._stored)

    def __getitem__(self, number):
        return self._stored[number]

    def __iter__(self) -> Iterator[Measured]:
        return iter(self._stored)

    @property
    def trusted(self) -> Pool:
        """Those whose statistics are not withheld."""
        return Pool(self.rows, [one for one in self._stored if not one.withheld])

    def add(self, one: Measured) -> None:
        table = one.table.copy()
        table.insert(0, "file", one.name)
        table[_NEIGHBOUR_WEIGHT] = 0.0
        table.loc[~table["touches_border"], _NEIGHBOUR_WEIGHT] = one.weights("neighbour_distance")
        start = len(self.rows)
        self.rows.add(table)
        stored = object.__new__(Stored)
        stored.__dict__ |= vars(one) | {"rows": self.rows, "span": (start, len(self.rows))}
        del stored.__dict__["table"]
        self._stored.append(stored)

    def _images(self) -> NDArray[np.int32]:
        """The number of the micrograph of each row, -1 where it is cut or of none of these."""
        images = np.full(len(self.rows), -1, np.int32)
        for number, one in enumerate(self._stored):
            images[slice(*one.span)] = number
        if len(images):
            images[self.rows.values("touches_border") > 0] = -1
        return images

    def uncut(self, name: str) -> NDArray[np.float64]:
        """Return a column of the particles that no frame cuts."""
        return self.rows.values(name)[self._images() >= 0]

    def pooled_values(
        self, quantity: str, by: str = "number"
    ) -> tuple[NDArray, NDArray, NDArray, NDArray]:
        """Return the same as analysis.pooled_values."""
        units = {one.unit for one in self._stored}
        column = common_column({self._column(quantity, unit) for unit in units}, units, by)
        images = self._images()
        uncut = images >= 0
        weight = _NEIGHBOUR_WEIGHT if quantity == "neighbour_distance" else "border_weight"
        names = (column, weight, self._column("ecd", min(units)), "aspect_ratio")
        values, weights, sizes, ratios = (self.rows.values(name)[uncut] for name in names)
        return known_values(values, weights, images[uncut], AMOUNTS[by](sizes, ratios))

    def _column(self, quantity: str, unit: str) -> str:
        names = (quantity, f"{quantity}_{unit}", f"{quantity}_{unit}2")
        return next(name for name in names if name in self.rows)

    def distribution(self, quantity: str = "ecd", by: str = "number") -> Distribution:
        """Return the same as analysis.distribution_of."""
        return described(self.pooled_values(quantity, by), quantity)
