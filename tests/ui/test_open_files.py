"""What one visitor's clicks do: every step done wholly or not at all, and nothing twice."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from fancgan.errors import UserError
from fancgan.measuring.results import bundle_facts, zip_bytes
from fancgan.measuring.settings import stored_settings
from fancgan.pipeline import Pipeline
from fancgan.ui.limits import Budget
from fancgan.ui.models import Models
from fancgan.ui.segment import open_file, open_files
from fancgan.ui.segment.earlier import still_wanted, take_stored
from fancgan.ui.segment.open_file import maps_cache
from fancgan.ui.segment.open_files import OpenFiles
from tests.support.bundles import make_tiny_bundle

pytest.importorskip("gradio")
from fancgan.ui.segment.answers import session


class Counting(Pipeline):
    """A pipeline that counts how often its network ran."""

    runs = 0

    def predict(self, image, **options):
        self.runs += 1
        return super().predict(image, **options)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    return make_tiny_bundle(tmp_path_factory.mktemp("files") / "tiny")


@pytest.fixture
def pipe(bundle, monkeypatch) -> Counting:
    monkeypatch.setattr(open_file, "CACHE", maps_cache())
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
def opened(models, stack) -> OpenFiles:
    opened = OpenFiles(models.default)
    opened.open(models, stack, "stack")
    return opened


def count(opened: OpenFiles) -> int:
    return len(opened.file.analysis.measured.table)


def at(opened: OpenFiles, row: int) -> list[float]:
    particle = opened.file.analysis.measured.table.iloc[row]
    return [particle["centroid_x_px"] + 0.5, particle["centroid_y_px"] + 0.5]


def delete(opened: OpenFiles, row: int) -> dict:
    return {"do": "edit", "edit": {"do": "delete", "at": at(opened, row)}}


def test_only_what_the_network_sees_makes_it_run(pipe, models, opened):
    assert (count(opened), pipe.runs) == (6, 1)
    for values in ({"split": 0.4}, {"min_area_px": 100}, {"split": 0.0}):
        opened.act(models, {"do": "set", "values": values})
    opened.act(models, delete(opened, 0))
    assert pipe.runs == 1
    opened.act(models, {"do": "set", "values": {"nm_per_px": 7.0}})
    assert pipe.runs == 1, "the model's own scale"
    opened.act(models, {"do": "set", "values": {"invert": True}})
    assert pipe.runs == 2
    opened.act(models, {"do": "set", "values": {"invert": False}})
    assert pipe.runs == 2


def test_edits_undo_and_redo(pipe, models, opened):
    whole = opened.file.analysis.labels
    opened.act(models, delete(opened, 1))
    one = opened.file.analysis.labels
    opened.act(models, delete(opened, 1))
    assert count(opened) == 4
    opened.act(models, {"do": "undo"})
    assert np.array_equal(opened.file.analysis.labels, one)
    opened.act(models, {"do": "undo"})
    opened.act(models, {"do": "undo"})
    assert np.array_equal(opened.file.analysis.labels, whole)
    opened.act(models, {"do": "redo"})
    assert np.array_equal(opened.file.analysis.labels, one)
    opened.act(models, delete(opened, 0))
    opened.act(models, {"do": "redo"})
    assert count(opened) == 4, "a new edit forgets what was undone"


def test_edits_outlive_the_slider(pipe, models, opened):
    opened.act(models, delete(opened, 2))
    opened.act(models, {"do": "set", "values": {"split": 0.5}})
    assert count(opened) == 5


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
        ({"do": "show", "file": 5}, "cannot be done"),
        ({"do": "quantity", "name": "charm"}, "cannot be done"),
        ({"do": "model", "name": "tio2-moon"}, "no model"),
        ({"do": "fly"}, "cannot be done"),
        (None, "cannot be done"),
        ("delete", "cannot be done"),
    ],
)
def test_what_fails_changes_nothing(models, opened, action, words):
    before = opened.file.settings, opened.file.analysis, opened.current, opened.quantity
    with pytest.raises(UserError, match=words):
        opened.act(models, action)
    assert before == (opened.file.settings, opened.file.analysis, opened.current, opened.quantity)


def test_pages_are_turned_while_the_file_is_there(models, opened, stack):
    opened.act(models, delete(opened, 0))
    opened.act(models, {"do": "page", "number": 1})
    assert count(opened) == 3
    assert opened.file.settings.edits == (), "corrections belong to the page they were made on"
    stack.unlink()
    with pytest.raises(UserError, match="drop it again"):
        opened.act(models, {"do": "page", "number": 0})
    assert count(opened) == 3


def test_sheets_have_names_of_their_own_and_can_be_closed(models, opened, stack):
    opened.open(models, stack, "stack")
    opened.put(models, opened.file.grey, "painted", 7.344)
    assert [file.name for file in opened.files] == ["stack", "stack_2", "painted"]
    assert opened.file.analysis.measured.nm_per_px == 7.344
    opened.act(models, {"do": "show", "file": 1})
    opened.act(models, {"do": "close", "file": 1})
    assert [file.name for file in opened.files] == ["stack", "painted"]
    opened.act(models, {"do": "pool", "all": True})
    assert len(opened.measured) == 2
    opened.act(models, {"do": "clear"})
    with pytest.raises(UserError, match="drop one first"):
        opened.act(models, {"do": "set", "values": {"split": 0.5}})
    opened.act(models, {"do": "undo"})
    assert [file.name for file in opened.files] == ["stack", "painted"]


def test_what_a_page_holds_is_bounded(models, opened, stack, monkeypatch):
    monkeypatch.setattr(open_files, "MAX_OPEN_PX", 200_000)
    with pytest.raises(UserError, match="python -m fancgan segment"):
        opened.open(models, stack, "another")
    assert len(opened.files) == 1


def test_forgotten_maps_are_predicted_again(pipe, models, stack, monkeypatch):
    monkeypatch.setattr(open_file, "CACHE", maps_cache(limit_bytes=1))
    opened = OpenFiles(models.default)
    opened.open(models, stack, "a")
    first = opened.file.analysis.labels
    opened.open(models, stack, "b")
    opened.act(models, {"do": "show", "file": 0})
    for split in (0.25, 0.0):
        opened.act(models, {"do": "set", "values": {"split": split}})
    assert pipe.runs == 3
    assert np.array_equal(opened.file.analysis.labels, first)


def test_another_model_sees_every_sheet_anew(models, opened, stack, tmp_path):
    opened.open(models, stack, "again")
    opened.act(models, delete(opened, 0))
    other = Counting.from_pretrained(make_tiny_bundle(tmp_path / "other", seed=1))
    models.names.append("other")
    models._loaded["other"] = other
    opened.act(models, {"do": "model", "name": "other", "all": True})
    assert (other.runs, len(opened.waiting)) == (1, 1), "the one on top first"
    opened.act(models, {"do": "reread"})
    assert other.runs == 2 and not opened.waiting
    assert opened.model == "other"
    assert [len(s.analysis.measured.table) for s in opened.files] == [6, 6]
    opened.act(models, {"do": "undo"})
    opened.act(models, {"do": "show", "file": 0})
    assert [file.model for file in opened.files] == [models.default] * 2
    assert len(opened.files[1].settings.edits) == 1, "corrections come back with their model"
    opened.act(models, {"do": "model", "name": "other"})
    assert [file.model for file in opened.files] == ["other", models.default], "this file alone"


def test_undo_covers_everything(pipe, models, opened, stack):
    opened.open(models, stack, "again")
    steps = [
        {"do": "set", "values": {"nm_per_px": 7.0}, "all": True},
        {"do": "set", "values": {"min_area_px": 900}},
        delete(opened, 0),
        {"do": "page", "number": 1},
        {"do": "close", "file": 0},
    ]
    states = []
    for step in steps:
        states.append(opened.state)
        opened.act(models, step)
    end = opened.state
    for state in reversed(states):
        opened.act(models, {"do": "undo"})
        assert opened.state.is_like(state)
    opened.act(models, {"do": "undo"})
    assert opened.state.is_like(states[0]), "no step is left"
    for _ in steps:
        opened.act(models, {"do": "redo"})
    assert opened.state.is_like(end)
    for split in (0.1, 0.2, 0.3):
        opened.act(models, {"do": "set", "values": {"split": split}, "live": True})
    opened.act(models, {"do": "undo"})
    assert opened.file.settings.split == 0, "a slider's way is one step"


def test_undo_closes_no_file_that_was_opened_later(models, opened, stack):
    opened.act(models, {"do": "set", "values": {"min_area_px": 900}})
    opened.open(models, stack, "later")
    opened.act(models, {"do": "undo"})
    assert [file.name for file in opened.files] == ["stack", "later"]
    assert opened.files[0].chosen[1].min_area_px is None


def test_what_changes_nothing_is_no_correction(models, opened):
    before = opened.state
    for edit in (
        {"do": "delete", "at": [1, 1]},
        {"do": "split", "from": [0, 0], "to": [3, 3]},
        {"do": "join", "from": [0, 0], "to": [3, 3]},
    ):
        opened.act(models, {"do": "edit", "edit": edit})
        assert opened.state.is_like(before) and opened.said
    assert not opened.history.past


def test_stop_leaves_the_others_as_they_are(models, opened, stack):
    for name in ("b", "c"):
        opened.open(models, stack, name)
    opened.act(models, {"do": "set", "values": {"split": 0.5}, "all": True})
    opened.act(models, {"do": "reread"})
    opened.act(models, {"do": "stop"})
    assert [file.settings.split for file in opened.files] == [0.5, 0, 0.5]
    assert not opened.waiting
    with pytest.raises(UserError, match="leaves fewer"):
        opened.act(models, {"do": "set", "values": {"bar_rows": 290}, "all": True})
    assert not opened.waiting


def test_an_earlier_result_brings_its_corrections_back(pipe, models, opened, stack, tmp_path):
    opened.act(models, delete(opened, 1))
    assert opened.is_unsaved
    facts = bundle_facts(pipe.config, pipe.revision)
    (tmp_path / "r.zip").write_bytes(zip_bytes(opened.analyses, facts))
    opened.saved = opened.state
    assert not opened.is_unsaved
    (tmp_path / "s.json").write_text(json.dumps(session(opened)))
    for name in ("r.zip", "s.json"):
        fresh = OpenFiles(models.default)
        take_stored(models, fresh, stored_settings(tmp_path / name), name)
        assert "1 file, 1 correction by hand" in fresh.said
        assert still_wanted(fresh) == " Drop their pictures too: stack."
        fresh.open(models, stack, "stack")
        assert np.array_equal(fresh.file.analysis.labels, opened.file.analysis.labels)
        fresh.act(models, {"do": "undo"})
        fresh.act(models, delete(fresh, 0))
        take_stored(models, fresh, stored_settings(tmp_path / name), name)
        fresh.act(models, {"do": "reread"})
        assert fresh.file.settings == opened.file.settings, "also for a file that is open"
    (tmp_path / "no.zip").write_text("{}")
    with pytest.raises(UserError, match="no settings"):
        stored_settings(tmp_path / "no.zip")


def test_a_picture_in_colour_waits_for_one_word(models, draw_discs, tmp_path):
    discs = draw_discs()
    colours = np.stack([discs.image, 255 - discs.image, discs.image // 2], axis=-1)
    Image.fromarray(colours).save(tmp_path / "c.png")
    opened = OpenFiles(models.default)
    opened.open(models, tmp_path / "c.png", "c")
    assert not opened.files and [name for _, name in opened.asked] == ["c"]
    opened.act(models, {"do": "colour", "channel": "red"})
    assert not opened.asked
    assert np.array_equal(opened.file.micrograph.pixels, discs.image)
    assert opened.file.settings.channel == "red"
    opened.open(models, tmp_path / "c.png", "d")
    opened.act(models, {"do": "colour", "channel": None})
    assert (len(opened.files), opened.asked) == (1, [])


def test_filters_are_those_of_the_files_that_the_distribution_is_of(models, opened, stack):
    opened.open(models, stack, "again")
    runs = models.get(opened.model).runs
    counts = [len(file.result.measured.table) for file in opened.files]
    names = {"do": "filter", "name": "ecd_px", "ends": [24, None]}
    opened.act(models, names)
    assert opened.files[0].settings.filters == {}
    opened.act(models, {"do": "pool", "all": True})
    opened.act(models, names | {"ends": [28, None]})
    for file, before in zip(opened.files, counts, strict=True):
        assert file.settings.filters == {"ecd_px": (28, None)}
        left = file.result.measured
        assert len(left.table) + left.left_out == before
    opened.act(models, names | {"ends": [None, None]})
    assert [len(file.result.measured.table) for file in opened.files] == counts
    assert models.get(opened.model).runs == runs, "a filter needs no network"


def test_files_longest_unused_are_put_away_with_a_word(models, stack, monkeypatch):
    one, other = (OpenFiles(models.default) for _ in range(2))
    one.open(models, stack, "one")
    size = one.file.micrograph.pixels.nbytes + open_files.BYTES_PER_PX * one.file.grey.size
    monkeypatch.setattr(open_files, "BUDGET", Budget(int(1.5 * size)))
    one.use()
    other.open(models, stack, "other")
    assert other.files and not one.files
    with pytest.raises(UserError, match="had to be put away"):
        one.act(models, {"do": "show", "file": 0})
    one.act(models, {"do": "clear"})
    one.open(models, stack, "one")
    assert one.files and not other.files
