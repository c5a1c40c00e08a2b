"""What the README promises is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from fancgan.pretrained.find import find_bundle
from tests.support.paths import ROOT

README = (ROOT / "README.md").read_text()


def tracked_files() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listing.returncode:
        pytest.skip("this copy of the repository is no git clone")
    paths = [ROOT / name for name in listing.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def test_readme_names_scripts_that_are_there() -> None:
    scripts = set(re.findall(r"\b(?:python|bash|launch) ([\w/.]+\.py|tests/run)\b", README))
    assert scripts >= {"app.py", "export.py", "train.py", "tests/run"}
    assert all((ROOT / script).exists() for script in scripts)


@pytest.mark.parametrize(
    ("row", "figure"),
    [
        ("Dice of the segmenter on real images", "dice"),
        ("AP50 of the particles (at least 20 px) on real images", "ap50"),
        ("Dice of a mask and what is read back from its image", "cycle_dice"),
    ],
)
def test_readme_figures_are_those_of_the_bundle_that_ships(row: str, figure: str) -> None:
    """Both in float32, the README's rounded."""
    said = float(re.search(rf"\| {re.escape(row)} \| ([\d.]+) ", README)[1])
    measured = find_bundle(None).config["metrics"]["figures"][figure]["value"]
    assert said == pytest.approx(measured, abs=0.00051)


def test_no_micrograph_and_no_large_file_is_tracked() -> None:
    for path in tracked_files():
        assert path.suffix.lower() not in {".tif", ".tiff", ".bmp", ".jpg", ".jpeg"}, path
        assert path.stat().st_size <= 30e6, path


def test_licence_is_apache_2() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text and "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
