"""Corrections by hand: what was meant happens, and nothing else."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from fancgan.errors import UserError
from fancgan.measuring import corrections
from fancgan.measuring.corrections import apply_edits


@pytest.fixture
def labels() -> np.ndarray:
    """A bar of two touching squares (1, 2) and a square apart (3)."""
    plane = np.zeros((60, 80), np.int32)
    plane[10:30, 10:30] = 1
    plane[10:30, 30:50] = 2
    plane[40:55, 10:25] = 3
    return plane


def delete(x: float, y: float) -> dict:
    return {"do": "delete", "at": [x, y]}


def line(do: str, x0: float, y0: float, x1: float, y1: float) -> dict:
    return {"do": do, "from": [x0, y0], "to": [x1, y1]}


def test_delete_takes_one_particle_and_touches_no_other(labels):
    before = labels.copy()
    after = apply_edits(labels, [delete(35.5, 12)])
    assert np.array_equal(labels, before), "the labels given are not changed"
    assert not (after == 2).any()
    assert np.array_equal(after[before != 2], before[before != 2])


@pytest.mark.parametrize(
    "nothing",
    [
        delete(70, 5),
        delete(-3, 500),
        line("split", 10, 35, 50, 35),
        line("split", 12, 12, 20, 20),  # ends inside
        line("join", 15, 15, 20, 20),
        line("join", 60, 0, 70, 50),
        {"do": "add", "points": [[-90, -90]], "radius": 3},
        {"do": "add", "points": [[20, 20]], "radius": 3},  # covered already
    ],
)
def test_an_edit_that_meets_nothing_changes_nothing(labels, nothing):
    assert np.array_equal(apply_edits(labels, [nothing]), labels)


@pytest.mark.parametrize(
    ("cut", "shares"),
    [
        ((20, 0, 20, 40), (0.5, 0.5)),
        ((0, 0, 40, 40), (0.5, 0.5)),
        ((5, 15, 29.9, 15), (0.25, 0.75)),
    ],
)
def test_split_parts_without_loss(labels, cut, shares):
    after = apply_edits(labels, [line("split", *cut)])
    parts = np.bincount(after[labels == 1])
    sizes = sorted(parts[parts > 0])
    assert len(sizes) == 2
    assert sum(sizes) == 400
    assert sizes == pytest.approx([400 * share for share in shares], abs=21)
    assert after[labels == 3].tolist() == [3] * 225


def test_one_line_splits_all_that_it_crosses(labels):
    after = apply_edits(labels, [line("split", 0, 20, 60, 20)])
    assert len(np.unique(after)) - 1 == 5
    assert np.array_equal(after > 0, labels > 0)
    assert {1, 2, 3} <= set(np.unique(after)), "the largest piece keeps the number"


def test_join_makes_one_particle_and_bridges_the_gap(labels):
    touching = apply_edits(labels, [line("join", 20, 20, 40, 20)])
    assert np.array_equal(touching, np.where(labels == 2, 1, labels))
    apart = apply_edits(labels, [line("join", 15, 20, 15, 50)])
    assert not (apart == 3).any()
    assert (apart[20:50, 15] == 1).all()


def test_split_and_join_undo_each_other(labels):
    once = apply_edits(labels, [line("split", 20, 0, 20, 40), line("join", 15, 20, 25, 20)])
    assert np.array_equal(once, labels)


def test_a_stroke_on_the_ground_is_a_new_particle(labels):
    after = apply_edits(labels, [{"do": "add", "points": [[65, 40]], "radius": 8}])
    assert (after == 4).sum() == pytest.approx(np.pi * 64, rel=0.05)
    assert np.array_equal(after[after != 4], labels[after != 4])
    long = apply_edits(labels, [{"do": "add", "points": [[60, 10], [60, 50]], "radius": 2}])
    assert (long == 4).sum() == pytest.approx(4 * 40 + np.pi * 4, rel=0.03)


def test_a_stroke_from_a_particle_adds_to_it_and_spares_the_others(labels):
    stroke = {"do": "add", "points": [[28, 20], [28, 45]], "radius": 6}
    after = apply_edits(labels, [stroke])
    assert (after == 1).sum() > 400
    assert np.array_equal(after[labels > 0], labels[labels > 0])
    assert after.max() == 3


def test_a_stroke_is_all_that_lies_within_its_radius():
    """Also where distances are the radius exactly: 3, 4, 5."""
    path = np.array([[20.5, 20.5], [20.5, 33.5], [44.5, 49.5], [30.25, 9.0]])
    places = np.stack(np.meshgrid(np.arange(60), np.arange(60)), axis=-1) + 0.5
    within = np.zeros((60, 60), bool)
    for begin, end in itertools.pairwise(path):
        way = end - begin
        along = np.clip(((places - begin) @ way) / (way @ way), 0, 1)
        within |= np.hypot(*np.moveaxis(places - begin - along[..., None] * way, -1, 0)) <= 5
    stroke = {"do": "add", "points": path.tolist(), "radius": 5}
    assert np.array_equal(apply_edits(np.zeros((60, 60), np.int32), [stroke]) > 0, within)


@pytest.mark.parametrize(
    "edit",
    [
        {"do": "add", "points": [[40, 30], [41, 30], [42, 30]], "radius": 500},
        {"do": "split", "from": [20, 0], "to": [20, 40]},
        {"do": "join", "from": [-900, 0], "to": [900, 9]},
    ],
)
def test_the_work_of_all_corrections_is_bounded(labels, edit, monkeypatch):
    monkeypatch.setattr(corrections, "MAX_WORK", 100_000)
    apply_edits(labels, [edit])
    with pytest.raises(UserError, match="too much work"):
        apply_edits(labels, [edit] * 40)


def test_the_points_of_all_strokes_are_bounded(labels):
    stroke = {"do": "add", "points": [[9, 9]] * 5000, "radius": 500}
    with pytest.raises(UserError, match="200000 points"):
        apply_edits(labels, [stroke] * 41)


@pytest.mark.parametrize(
    "bad",
    [
        "delete",
        [{"do": "vanish", "at": [1, 2]}],
        [{"do": "delete", "at": [1]}],
        [{"do": "delete", "at": [1, float("nan")]}],
        [{"do": "delete", "at": "12"}],
        [{"do": "split", "from": [1, 2]}],
        [{"do": "add", "points": [], "radius": 3}],
        [{"do": "add", "points": [[1, 2]], "radius": 0}],
        [{"do": "add", "points": [[1, 2]], "radius": "3"}],
        [{"do": "delete", "at": [1, 2]}] * 2001,
        None,
    ],
)
def test_what_is_no_edit_is_refused_in_words(labels, bad):
    with pytest.raises(UserError, match="orrection"):
        apply_edits(labels, bad)
