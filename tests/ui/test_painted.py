"""A drawing is painted once for the page: shown, checked and saved are one image."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fancgan.pipeline import Pipeline
from fancgan.ui import wire
from fancgan.ui.limits import ByteCache
from fancgan.ui.sketch.look import FINISH, Look, finish_dials
from fancgan.ui.sketch.painted import Painted, Painter, cycle_view
from tests.support.bundles import make_tiny_bundle
from tests.support.drawing import draw_discs


class Counting(Pipeline):
    """A pipeline that counts how often it paints."""

    paintings = 0

    def synthesize(self, *args, **kwargs):
        self.paintings += 1
        return super().synthesize(*args, **kwargs)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return make_tiny_bundle(tmp_path_factory.mktemp("painted") / "tiny")


@pytest.fixture
def pipe(bundle) -> Counting:
    return Counting.from_pretrained(bundle)


@pytest.fixture(scope="module")
def mask() -> np.ndarray:
    return draw_discs(96, 128, (8, 12, 16)).mask


def message(mask: np.ndarray, seq: int = 1, **look: object) -> dict:
    return {"drawing": wire.encode_mask(mask) | {"seq": seq}, "look": {"seed": 3} | look}


def test_shown_checked_and_saved_are_one_painting(pipe, mask):
    painter = Painter(pipe)
    asked = message(mask, finish={"gamma": 1.2})
    shown = painter.from_message(asked)
    checked = painter.from_message(asked | {"round": shown.round})
    saved = painter.from_message(asked)
    assert pipe.paintings == 1
    cycle = cycle_view(pipe, checked, shown.round)
    assert cycle["round"] == shown.round and cycle["drawn"] == 3
    for again in (checked, saved):
        assert np.array_equal(again.image, shown.image)
        assert again.png(True) == shown.png(True)
        assert again.levels == shown.levels


def test_what_is_kept_is_what_would_be_painted(pipe, mask):
    painter = Painter(pipe)
    for _ in range(2):
        kept = painter.from_message(message(mask))
    fresh = Painted.of(pipe, mask, Look(3))
    assert pipe.paintings == 2
    assert np.array_equal(kept.image, fresh.image) and kept.text == fresh.text
    assert not kept.image.flags.writeable


def test_each_answer_has_a_mark_and_the_number_of_its_drawing(pipe, mask):
    painter = Painter(pipe)
    first, second = (painter.from_message(message(mask, seq)) for seq in (1, 2))
    assert (first.seq, second.seq) == (1, 2)
    assert first.round != second.round


@pytest.mark.parametrize(
    "look", [{"seed": 4}, {"mix_seed": 5, "mix": 0.5}, {"finish": {"contrast": 1.1}}]
)
def test_another_look_or_drawing_is_painted(pipe, mask, look):
    painter = Painter(pipe)
    painter.from_message(message(mask))
    painter.from_message(message(mask, **look))
    assert pipe.paintings == 2
    other = mask.copy()
    other[0, 0] = True
    painter.from_message(message(other))
    painter.from_message(message(np.ascontiguousarray(mask.T)))  # as many pixels, another shape
    assert pipe.paintings == 4


def test_images_are_forgotten_by_their_bytes(pipe, mask):
    painter = Painter(pipe, limit_bytes=4 * mask.size)  # two images with their masks
    for seed in (1, 2, 3, 3, 2):
        painter.paint(mask, Look(seed))
    assert pipe.paintings == 3
    painter.paint(mask, Look(1))
    assert pipe.paintings == 4


def test_a_cache_keeps_what_was_last_asked_for():
    cache = ByteCache(10, len)
    cache.put("a", "12345")
    cache.put("b", "12345")
    assert cache.get("a")
    cache.put("c", "12345")
    assert cache.get("b") is None and cache.get("a") and cache.get("c")
    cache.put("d", "longer than everything that may be kept")
    assert cache.get("d") and cache.get("a") is None, "the last one stays, alone"


def test_a_cache_may_be_used_by_many_at_once():
    cache = ByteCache(50, len)

    def use(k: int) -> None:
        for step in range(300):
            cache.put((k * step) % 17, "x" * 10)
            assert cache.get((k * step) % 17) in (None, "x" * 10)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(8)))
    assert sum(cache.get(key) is not None for key in range(17)) <= 5


def test_the_page_is_told_the_finish_as_it_is_checked(pipe):
    dials = finish_dials()
    assert list(dials) == list(FINISH)
    neutral = {name: value for name, (low, high, value) in dials.items() if low < value < high}
    assert len(neutral) == len(FINISH)
    look = dataclasses.replace(Look.of({"finish": neutral}), finish={})
    assert look == Look()
