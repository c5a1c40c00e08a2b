"""The demo as other programs meet it: one server for a test module, and the pipeline behind it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fancgan import Pipeline
from tests.support.drawing import draw_discs
from tests.support.serving import Served, serve


@pytest.fixture(scope="module")
def pipe(tiny_bundle: Path) -> Pipeline:
    return Pipeline.from_pretrained(tiny_bundle)


@pytest.fixture(scope="module")
def served(request, tiny_bundle: Path, tmp_path_factory) -> Iterator[Served]:
    """The demo with the FLAGS of the test module; at the end no file of a caller is left."""
    temporary = tmp_path_factory.mktemp("served") / "temporary"
    temporary.mkdir()
    with serve(tiny_bundle, temporary, flags=getattr(request.module, "FLAGS", ())) as running:
        yield running
    assert not list(temporary.rglob("*")), "the server left a caller's files behind"


@pytest.fixture(scope="module")
def mask() -> np.ndarray:
    """Three discs [96, 128]."""
    return draw_discs(96, 128, (8, 12, 16)).mask
