"""Where particles are measured: polygons against closed forms, and what is no region."""

from __future__ import annotations

import numpy as np
import pytest

from fancgan.errors import UserError
from fancgan.microscopy.regions import (
    check_boxes,
    check_regions,
    inside,
    measured_area,
    parse_region,
    window_weights,
)

SHAPE = (60, 80)


def rectangle(x0: float, y0: float, x1: float, y1: float, use: str = "include") -> dict:
    return {"use": use, "points": [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]}


def test_a_pixel_lies_where_its_middle_lies():
    where = inside(SHAPE, rectangle(10, 5, 30, 20)["points"])
    assert where.sum() == 20 * 15 and where[5:20, 10:30].all()
    assert inside(SHAPE, rectangle(10.4, 5, 30.6, 20)["points"])[:, 30].any()
    assert inside(SHAPE, [[-20, -20], [200, -20], [200, 200], [-20, 200]]).all()
    triangle = inside((200, 200), [[0, 0], [200, 0], [0, 200]])
    assert triangle.sum() == pytest.approx(200 * 200 / 2, rel=0.01)
    angles = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    circle = inside((200, 200), np.stack([100 + 70 * np.cos(angles), 100 + 70 * np.sin(angles)], 1))
    assert circle.sum() == pytest.approx(np.pi * 70**2, rel=0.002)


def test_what_is_included_less_what_is_left_out():
    assert measured_area(SHAPE, []).all()
    both = [rectangle(0, 0, 40, 60), rectangle(30, 0, 60, 60), rectangle(10, 10, 20, 20, "exclude")]
    assert measured_area(SHAPE, both).sum() == 60 * 60 - 100
    assert measured_area(SHAPE, both[2:]).sum() == 60 * 80 - 100, "all the rest counts"
    assert measured_area(SHAPE, [], boxes=[(70, 50, 30, 30)], top_rows=5).sum() == 55 * 80 - 100


def test_weights_of_a_whole_frame_are_those_of_miles_and_lantuejoul():
    sides = np.array([4.0, 10.0, 20.0])
    weights = window_weights(np.ones(SHAPE, bool), sides / 2, sides / 2, sides / 2, sides / 2)
    assert weights == pytest.approx(60 * 80 / ((80 - sides) * (60 - sides)))
    middle = measured_area(SHAPE, [rectangle(30, 20, 50, 40)])
    assert window_weights(middle, *(sides / 2,) * 4) == pytest.approx([1, 1, 1]), "none is cut"


@pytest.mark.parametrize(
    "regions",
    [
        None,
        "include",
        [{"use": "include", "points": [[0, 0], [1, 1]]}],
        [{"use": "keep", "points": [[0, 0], [1, 1], [2, 0]]}],
        [{"use": "include", "points": [[0, 0], [1, "a"], [2, 0]]}],
        [{"use": "include", "points": [[0, 0], [1, float("nan")], [2, 0]]}],
        [rectangle(0, 0, 1, 1)] * 101,
    ],
)
def test_what_is_no_region(regions):
    with pytest.raises(UserError, match="egion"):
        check_regions(regions)


@pytest.mark.parametrize("boxes", [None, [[0, 0, 5]], [[0, 0, 0, 5]], [[0.5, 0, 5, 5]], ["abcd"]])
def test_what_is_no_box(boxes):
    with pytest.raises(UserError, match="box"):
        check_boxes(boxes)


def test_regions_in_words():
    assert parse_region("10,5 30,20", "include") == rectangle(10, 5, 30, 20)
    assert parse_region("0,0 9,0 0,9.5", "exclude")["points"][-1] == [0, 9.5]
    for words in ("", "10,5", "a,b c,d", "1,2,3 4,5,6"):
        with pytest.raises(UserError, match="two corners of a rectangle"):
            parse_region(words, "include")
