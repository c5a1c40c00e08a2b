"""Many micrographs counted together: from disk the same as from memory."""

from __future__ import annotations

import dataclasses
import io
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from fancgan.measuring import distribution
from fancgan.measuring.analysis import Measured, distribution_of, measure_field, radial_of
from fancgan.measuring.distribution import describe
from fancgan.measuring.field_of_view import FieldOfView
from fancgan.measuring.results import Results, particle_table
from fancgan.measuring.settings import Settings
from fancgan.measuring.tables import rows as stored_rows
from fancgan.measuring.tables.pool import Pool
from fancgan.measuring.tables.spreadsheets import csv_bytes

BUNDLE = {"name": "b", "revision": "r"}


@pytest.fixture
def measured(draw_discs) -> list[Measured]:
    found = []
    for seed in range(4):
        discs = draw_discs(200, 260, radii=(5,) * 12, seed=seed)
        field = FieldOfView(f"f{seed}", discs.image, 2.5, "typed", 0, 1)
        found.append(measure_field(field, discs.labels, Settings()).measured)
    return found


def test_a_pool_counts_as_what_it_holds(measured, monkeypatch):
    monkeypatch.setattr(stored_rows, "IN_MEMORY", 64)
    pool = Pool.of([measured[0], dataclasses.replace(measured[1], doubt="why"), *measured[2:]])
    trusted = [measured[0], *measured[2:]]
    for quantity in ("ecd", "neighbour_distance", "solidity", "area"):
        found = pool.trusted.distribution(quantity, "volume")
        assert repr(found) == repr(distribution_of(trusted, quantity, "volume"))
    assert np.array_equal(radial_of(pool)[1], radial_of(measured)[1])
    for one, again in zip(measured, pool, strict=True):
        pd.testing.assert_frame_equal(again.table, one.table)
        assert again.count == len(one.table)


def test_tables_in_parts_are_the_whole_table(measured, draw_discs, monkeypatch):
    monkeypatch.setattr(stored_rows, "AT_ONCE", 7)
    pq = pytest.importorskip("pyarrow.parquet")
    results, discs = Results(BUNDLE), draw_discs(200, 260, radii=(6, 8))
    for name, scale in (("a", 2.0), ("=b", None)):
        field = FieldOfView(name, discs.image, scale, None, 0, 1)
        results.add(measure_field(field, discs.labels, Settings()))
    for one in measured:
        results.measured.add(one)
    files = dict(results.files(parquet=True))
    table = particle_table(list(results.measured))
    assert b"".join(files["particles.csv"]) == csv_bytes(table)
    read = pq.read_table(io.BytesIO(b"".join(files["particles.parquet"]))).to_pandas()
    pd.testing.assert_frame_equal(read, table, check_dtype=False)
    assert read["label"].dtype == np.int64


def test_the_particles_are_not_in_memory(measured):
    many = dataclasses.replace(
        measured[0], table=pd.concat([measured[0].table] * 200, ignore_index=True)
    )
    pool = Pool()
    pool.add(many)
    tracemalloc.start()
    for _ in range(200):
        pool.add(many)
    for _ in pool.rows.parts():
        pass
    pool.uncut("ecd_nm")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    whole = len(pool.rows) * (len(pool.rows.columns) + 1) * 8
    assert whole > 120e6 and peak < 0.5 * whole


def test_intervals_of_very_many_particles(monkeypatch):
    rng = np.random.default_rng(0)
    images = np.repeat(np.arange(40), 1500)
    values = np.exp(rng.normal(3, 0.3, 60_000) + rng.normal(0, 0.1, 40)[images])
    weights = rng.uniform(1, 1.3, 60_000)
    monkeypatch.setattr(distribution, "DRAWS", 100)
    exact = describe(values, weights, images, amounts=values**3)
    monkeypatch.setattr(distribution, "EXACT", 100)
    quick = describe(values, weights, images, amounts=values**3)
    for name, one in exact.estimates.items():
        again = quick.estimates[name]
        assert again.value == one.value
        assert (again.low, again.high) == pytest.approx((one.low, one.high), rel=2e-3), name
