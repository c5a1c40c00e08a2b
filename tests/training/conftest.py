"""What the tests of a training learn from."""

from __future__ import annotations

from pathlib import Path

import pytest

from fancgan.datasets.fields import Field, load_fields


@pytest.fixture
def fields(pair_folder: Path) -> list[Field]:
    return load_fields(pair_folder, "all")
