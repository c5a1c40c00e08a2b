"""What finds and what paints, what of it is kept in memory, and labels on their way to the page."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from fancgan.measuring.predicting import Seen
from fancgan.pretrained.bundle import PACKAGED
from fancgan.pretrained.find import packaged
from fancgan.segmentation.prediction import CorePrediction
from fancgan.ui.models import Models
from fancgan.ui.segment.open_file import maps_cache

pytest.importorskip("gradio")
from fancgan.ui.segment.answers import labels_png


def test_what_is_served_decides_what_finds_and_what_paints():
    def named(name: str, path: Path, origin: str = "") -> Models:
        served = SimpleNamespace(config={"name": name}, path=path, origin=origin, paints=True)
        return Models(served)

    assert named("tio2-sem", PACKAGED / "tio2-sem").default == "particles"
    assert named("tio2-sem", Path("cache"), "owner/name@commit").default == "particles"
    own = named("mine", Path("mine"))
    assert own.default == "mine" and own.names[1:] == packaged()
    assert own.title("particles") == "any particles (particles)"
    assert own.title("tio2-sem") == "TiO2 nanoparticles, SEM (tio2-sem)"
    assert own.painter.config["name"] == "mine"


def test_the_cache_forgets_the_oldest_first():
    def seen(value: float) -> Seen:
        plane = np.full((10, 10), value, np.float32)
        return Seen(CorePrediction(plane, plane, {}))

    cache = maps_cache(limit_bytes=2 * 800)
    for key in "abc":
        cache.put((key,), seen(1))
        cache.get(("a",))
    assert cache.get(("b",)) is None
    assert cache.get(("a",)) is not None
    assert cache.get(("c",)) is not None


def test_labels_survive_the_way_to_the_page():
    labels = np.random.default_rng(0).integers(0, 2**24, (40, 50)).astype(np.int32)
    decoded = np.asarray(Image.open(io.BytesIO(labels_png(labels)))).astype(np.int32)
    assert np.array_equal(decoded @ np.array([1, 256, 65536]), labels)
