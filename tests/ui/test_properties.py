"""Whatever arrives is taken, or refused in one sentence: the documents of page and programs."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fancgan.errors import UserError
from fancgan.measuring.corrections import check_edits
from fancgan.measuring.settings import Settings
from fancgan.pretrained.bundle import CONFIG, open_bundle
from fancgan.ui import wire
from fancgan.ui.dataset import making
from fancgan.ui.sketch.look import Look

pytest.importorskip("gradio")
from fancgan.datasets.synthetic import MANIFEST, read_line
from fancgan.ui.sketch.mask_sources import WISHES, own_layout

scalars = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.just(10**400)),
    st.integers(-3, 300),
    st.floats(),
    st.text(max_size=9),
)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)


def like(*names: str) -> st.SearchStrategy:
    """Documents with these names, or nearly, and values of any kind."""
    keys = st.sampled_from(names) | st.text(max_size=5)
    return documents | st.dictionaries(keys, documents, max_size=6)


class Painter(SimpleNamespace):
    """As much of a pipeline as a plan asks for."""

    def need_generator(self) -> None:
        pass


painter = Painter(nm_per_px=7.344, revision="0" * 12, half=False, config={"name": "tiny"})


def a_plan(wishes: object) -> None:
    if isinstance(wishes, dict):
        making.make_plan(painter, **wishes)


def a_layout(wishes: object) -> None:
    if isinstance(wishes, dict) and not isinstance(wishes.get("count"), int):
        wishes = wishes | {"count": 3}
    own_layout(wishes, 1, (64, 64), 7.344)


EDITS = ("op", "kind", "points", "label", "radius", "width", "x", "y", "add", "remove")
TAKEN = {
    "look": (Look.of, like(*Look.__dataclass_fields__)),
    "settings": (Settings.from_dict, like(*Settings.__dataclass_fields__)),
    "edits": (check_edits, st.lists(like(*EDITS), max_size=4) | documents),
    "drawing": (wire.decode_mask, like("width", "height", "runs", "seq")),
    "data set": (a_plan, like(*making.DEFAULTS)),
    "layout": (a_layout, like(*WISHES)),
}


@pytest.mark.parametrize("name", TAKEN)
def test_a_document_is_taken_or_refused_in_one_sentence(name):
    take, kinds = TAKEN[name]

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(kinds)
    def check(document: object) -> None:
        try:
            take(document)
        except UserError as error:
            assert str(error) and "\n" not in str(error)[:400]

    check()


@pytest.mark.parametrize(
    ("name", "read"),
    [(CONFIG, lambda path: open_bundle(path.parent)), (MANIFEST, lambda path: read_line(path, 0))],
)
def test_a_file_is_read_or_refused_in_one_sentence(name, read, tmp_path):
    path = tmp_path / name
    kinds = like("sha256", "version", "format", "index").map(json.dumps) | st.text(max_size=40)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(kinds.map(str.encode) | st.binary(max_size=40))
    def check(content: bytes) -> None:
        path.write_bytes(content)
        try:
            read(path)
        except UserError as error:
            assert str(error)

    check()
