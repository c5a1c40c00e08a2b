"""Fixtures: what is drawn, data and a bundle made of it, the development micrographs, a browser."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.support.drawing import Discs, draw_discs, info_bar, write_pairs
from tests.support.paths import ROOT

pytest_plugins = ("tests.support.browsing", "tests.support.programs")


@pytest.fixture(scope="session", name="draw_discs")
def _draw_discs() -> Callable[..., Discs]:
    """The function draw_discs(height, width, radii, seed, gap) -> Discs."""
    return draw_discs


@pytest.fixture(scope="session", name="write_pairs")
def _write_pairs() -> Callable[..., Path]:
    """The function write_pairs(root, count, height, width) -> root."""
    return write_pairs


@pytest.fixture(scope="session", name="info_bar")
def _info_bar() -> Callable[..., np.ndarray]:
    """The function info_bar(height, width, paper, ink) -> [height, width] uint8."""
    return info_bar


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory) -> Path:
    """A bundle of tiny networks, for all tests: what changes one makes a copy."""
    from tests.support.bundles import make_tiny_bundle

    return make_tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture
def pair_folder(tmp_path: Path) -> Path:
    """A folder with images/ and masks/ of four fields of discs, 160 x 192, binary PNG masks."""
    return write_pairs(tmp_path / "pairs")


@pytest.fixture(scope="session")
def tio2() -> Path:
    """The folder of the development micrographs; tests that use it carry the mark micrographs."""
    beside = ROOT / "../shared/data/tio2"
    folder = Path(os.environ.get("FANCGAN_TIO2", beside)).resolve()
    if not (folder / "split.json").exists():
        pytest.skip("the TiO2 micrographs are not here; set FANCGAN_TIO2 to their folder")
    return folder
