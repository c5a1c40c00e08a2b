"""What one visitor's clicks do: every step done wholly or not at all, and nothing twice."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from fancgan.errors import UserError
from fancgan.measuring.analysis import Maps
from fancgan.pipeline import Pipeline
from fancgan.ui.models import Models
from fancgan.ui.segment import open_files
from fancgan.ui.segment.open_files import Bench, MapsCache
from tests.support.bundles import make_tiny_bundle

pytest.importorskip("gradio")
from fancgan.ui.segment.tab import labels_png


class Counting(Pipeline):
    """A pipeline that counts how often its network ran."""

    runs = 0

    def segment_with_cores(self, image):
        self.runs += 1
        return super().segment_with_cores(image)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    return make_tiny_bundle(tmp_path_factory.mktemp("bench") / "tiny")


@pytest.fixture
def pipe(bundle, monkeypatch) -> Counting:
    monkeypatch.setattr(open_files, "CACHE", MapsCache())
    return Counting.from_pretrained(bundle)


@pytest.fixture
def models(pipe) -> Models:
    return Models(pipe, with_packaged=False)


@pytest.fixture
def stack(draw_discs, tmp_path) -> Path:
    """Two pages of six and three discs."""
    pages = [
        draw_discs(300, 400, radii, gap=6).image
        for radii in ((14, 18, 22, 26, 30, 34), (20, 24, 28))
    ]
    tifffile.imwrite(tmp_path / "stack.tif", np.stack(pages))
    return tmp_path / "stack.tif"


@pytest.fixture
def bench(models, stack) -> Bench:
    opened = Bench(models.default)
    opened.open(models, stack, "stack")
    return opened


def count(bench: Bench) -> int:
    return len(bench.sheet.analysis.measured.table)


def at(bench: Bench, row: int) -> list[float]:
    particle = bench.sheet.analysis.measured.table.iloc[row]
    return [particle["centroid_x_px"] + 0.5, particle["centroid_y_px"] + 0.5]


def delete(bench: Bench, row: int) -> dict:
    return {"do": "edit", "edit": {"do": "delete", "at": at(bench, row)}}


def test_only_what_the_network_sees_makes_it_run(pipe, models, bench):
    assert (count(bench), pipe.runs) == (6, 1)
    for values in ({"split": 0.4}, {"min_area_px": 100}, {"split": 0.0}):
        bench.act(models, {"do": "set", "values": values})
    bench.act(models, delete(bench, 0))
    assert pipe.runs == 1
    bench.act(models, {"do": "set", "values": {"nm_per_px": 7.0}})
    assert pipe.runs == 1, "the model's own scale"
    bench.act(models, {"do": "set", "values": {"invert": True}})
    assert pipe.runs == 2
    bench.act(models, {"do": "set", "values": {"invert": False}})
    assert pipe.runs == 2


def test_edits_undo_and_redo(pipe, models, bench):
    whole = bench.sheet.analysis.labels
    bench.act(models, delete(bench, 1))
    one = bench.sheet.analysis.labels
    bench.act(models, delete(bench, 1))
    assert count(bench) == 4
    bench.act(models, {"do": "undo"})
    assert np.array_equal(bench.sheet.analysis.labels, one)
    bench.act(models, {"do": "undo"})
    bench.act(models, {"do": "undo"})
    assert np.array_equal(bench.sheet.analysis.labels, whole)
    bench.act(models, {"do": "redo"})
    assert np.array_equal(bench.sheet.analysis.labels, one)
    bench.act(models, delete(bench, 0))
    bench.act(models, {"do": "redo"})
    assert count(bench) == 4, "a new edit forgets what was undone"


def test_edits_outlive_the_slider(pipe, models, bench):
    bench.act(models, delete(bench, 2))
    bench.act(models, {"do": "set", "values": {"split": 0.5}})
    assert count(bench) == 5


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ({"do": "set", "values": {"nm_per_px": -3}}, "positive"),
        ({"do": "set", "values": {"bar_rows": 290}}, "leaves fewer"),
        ({"do": "set", "values": {"page": 1}}, "cannot be done"),
        ({"do": "set", "values": {"edits": []}}, "cannot be done"),
        ({"do": "edit", "edit": {"do": "explode"}}, "Correction 1"),
        ({"do": "edit", "edit": None}, "Correction 1"),
        ({"do": "page", "number": 7}, "no page 7"),
        ({"do": "show", "sheet": 5}, "cannot be done"),
        ({"do": "quantity", "name": "charm"}, "cannot be done"),
        ({"do": "model", "name": "tio2-moon"}, "no model"),
        ({"do": "fly"}, "cannot be done"),
        (None, "cannot be done"),
        ("delete", "cannot be done"),
    ],
)
def test_what_fails_changes_nothing(models, bench, action, words):
    before = bench.sheet.settings, bench.sheet.analysis, bench.current, bench.quantity
    with pytest.raises(UserError, match=words):
        bench.act(models, action)
    assert before == (bench.sheet.settings, bench.sheet.analysis, bench.current, bench.quantity)


def test_pages_are_turned_while_the_file_is_there(models, bench, stack):
    bench.act(models, delete(bench, 0))
    bench.act(models, {"do": "page", "number": 1})
    assert count(bench) == 3
    assert bench.sheet.settings.edits == (), "corrections belong to the page they were made on"
    stack.unlink()
    with pytest.raises(UserError, match="drop it again"):
        bench.act(models, {"do": "page", "number": 0})
    assert count(bench) == 3


def test_sheets_have_names_of_their_own_and_can_be_closed(models, bench, stack):
    bench.open(models, stack, "stack")
    bench.put(models, bench.sheet.grey, "painted", 7.344)
    assert [sheet.name for sheet in bench.sheets] == ["stack", "stack_2", "painted"]
    assert bench.sheet.analysis.measured.nm_per_px == 7.344
    bench.act(models, {"do": "show", "sheet": 1})
    bench.act(models, {"do": "close", "sheet": 1})
    assert [sheet.name for sheet in bench.sheets] == ["stack", "painted"]
    bench.act(models, {"do": "pool", "all": True})
    assert len(bench.measured) == 2
    bench.act(models, {"do": "clear"})
    with pytest.raises(UserError, match="drop one first"):
        bench.act(models, {"do": "undo"})


def test_what_a_page_holds_is_bounded(models, bench, stack, monkeypatch):
    monkeypatch.setattr(open_files, "MAX_BENCH_PX", 200_000)
    with pytest.raises(UserError, match="python -m fancgan segment"):
        bench.open(models, stack, "another")
    assert len(bench.sheets) == 1


def test_forgotten_maps_are_predicted_again(pipe, models, stack, monkeypatch):
    monkeypatch.setattr(open_files, "CACHE", MapsCache(limit_bytes=1))
    bench = Bench(models.default)
    bench.open(models, stack, "a")
    first = bench.sheet.analysis.labels
    bench.open(models, stack, "b")
    bench.act(models, {"do": "show", "sheet": 0})
    for split in (0.25, 0.0):
        bench.act(models, {"do": "set", "values": {"split": split}})
    assert pipe.runs == 3
    assert np.array_equal(bench.sheet.analysis.labels, first)


def test_another_model_sees_every_sheet_anew(models, bench, stack, tmp_path):
    bench.open(models, stack, "again")
    bench.act(models, delete(bench, 0))
    other = Counting.from_pretrained(make_tiny_bundle(tmp_path / "other", seed=1))
    models.names.append("other")
    models._loaded["other"] = other
    bench.act(models, {"do": "model", "name": "other"})
    assert other.runs == 2
    assert bench.model == "other"
    assert [len(s.analysis.measured.table) for s in bench.sheets] == [6, 6]


def test_the_cache_forgets_the_oldest_first():
    def maps(value: float) -> Maps:
        plane = np.full((10, 10), value, np.float32)
        return Maps(plane, plane, 1.0)

    cache = MapsCache(limit_bytes=2 * 800)
    for key in "abc":
        cache.put((key,), maps(1))
        cache.get(("a",))
    assert cache.get(("b",)) is None
    assert cache.get(("a",)) is not None
    assert cache.get(("c",)) is not None


def test_labels_survive_the_way_to_the_page():
    labels = np.random.default_rng(0).integers(0, 2**24, (40, 50)).astype(np.int32)
    decoded = np.asarray(Image.open(io.BytesIO(labels_png(labels)))).astype(np.int32)
    assert np.array_equal(decoded @ np.array([1, 256, 65536]), labels)
