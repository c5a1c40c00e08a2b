"""Teaching from the page, without a browser: which pictures, where not, the model afterwards."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from fancgan.errors import UserError
from fancgan.pipeline import Pipeline
from fancgan.pretrained.find import find_bundle
from fancgan.training.teach.lessons import read_lessons
from fancgan.ui.models import Models
from fancgan.ui.segment.open_files import OpenFiles
from fancgan.ui.segment.teaching import Stand, write_lessons
from tests.support.bundles import make_tiny_bundle
from tests.support.drawing import draw_discs

pytest.importorskip("gradio")
import gradio as gr

from fancgan.ui.segment import teach_panel


@pytest.fixture
def models(tiny_bundle) -> Models:
    return Models(Pipeline.from_pretrained(tiny_bundle), with_packaged=False)


@pytest.fixture
def opened(models) -> OpenFiles:
    """Two pictures of discs: of the first, one disc is erased; filters leave out small ones."""
    opened = OpenFiles(models.default)
    for name in ("second", "first"):
        opened.put(models, draw_discs(gap=9).image, name, None)
    row, column = draw_discs(gap=9).centres[-1]
    opened.act(models, {"do": "edit", "edit": {"do": "delete", "at": [column, row]}})
    opened.act(models, {"do": "filter", "name": "ecd_px", "ends": [20, None]})
    return opened


def test_corrected_pictures_are_the_lessons_whatever_filters_say(opened, tmp_path):
    shown = len(opened.file.result.measured.table)
    (lesson,) = read_lessons([str(write_lessons(opened, tmp_path))])
    assert lesson.stem == "first"
    assert np.array_equal(lesson.image, draw_discs(gap=9).image)
    assert len(np.unique(lesson.labels)) - 1 == 5 > shown
    again = write_lessons(opened, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [again.name], "it goes on where it was"


def test_without_a_correction_there_is_nothing_to_teach(models, tmp_path):
    opened = OpenFiles(models.default)
    opened.put(models, draw_discs().image, "discs", None)
    with pytest.raises(UserError, match="No open picture is corrected yet"):
        write_lessons(opened, tmp_path)


def test_a_taught_model_is_used_for_all_but_what_is_corrected(models, opened, tmp_path):
    taught = Pipeline(find_bundle(make_tiny_bundle(tmp_path / "mine", seed=3)))
    taught.config = taught.config | {"name": "mine", "taught": {"pictures": 1}}
    models.add(taught)
    assert models.title("mine") == "taught own pictures (mine)"
    with pytest.raises(UserError, match="There is a model mine already"):
        models.add(taught)
    opened.act(models, {"do": "taught", "name": "mine"})
    assert opened.model == "mine"
    assert [file.chosen[0] for file in opened.files] == ["mine", models.default]
    opened.act(models, {"do": "undo"})
    assert [file.chosen[0] for file in opened.files] == 2 * [models.default]


@pytest.mark.parametrize(("space", "here"), [("lab/demo", False), ("", True)])
def test_the_public_space_says_why_it_teaches_nothing(models, monkeypatch, space, here):
    monkeypatch.setenv("SPACE_ID", space)
    with gr.Blocks() as page:
        teach_panel.build(models, gr.State(), {})
    parts = json.dumps(page.config["components"], default=str)
    assert ("teach-start" in parts) is here
    assert ("Not on this public page" in parts) is not here


def test_the_panel_says_how_long_it_takes_and_what_it_was_worth(monkeypatch):
    words = teach_panel._progress(Stand("trial", 3, 120, 200.0))
    assert "3 min left" in words and "value=3" in words
    assert "40 s left" in teach_panel._progress(Stand("whole", 80, 120, 40.0))
    scores = {"dice": 0.8, "ap50": 0.6, "n": 1}, {"dice": 0.9, "ap50": 0.7, "n": 1}
    monkeypatch.setattr(Stand, "scores", scores)
    assert "Dice 0.80 before, 0.90 after" in teach_panel._done(dataclasses.replace(Stand()))


@pytest.mark.parametrize(
    ("name", "steps", "sentence"),
    [
        ("../mine", 60, "up to 40 letters"),
        ("tiny-random", 60, "There is a model tiny-random already"),
        ("mine", 0, "Steps are a number from 1 to 1000"),
    ],
)
def test_bad_wishes_are_one_sentence(models, opened, name, steps, sentence):
    with pytest.raises(gr.Error, match=sentence):
        next(teach_panel._teach(models, "", opened, name, steps, None))
