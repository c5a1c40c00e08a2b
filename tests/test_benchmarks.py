"""The benchmark that kills make-dataset: at a small number it says what is true."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.dataset import differences
from tests.support.bundles import make_tiny_bundle
from tests.support.paths import ROOT


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc (Linux)")
def test_a_data_set_outlives_kills(tmp_path):
    bundle = make_tiny_bundle(tmp_path / "tiny")
    flags = ["--kills", "1", "--n", "30", "--workers", "2", "--bundle", str(bundle)]
    done = subprocess.run(
        [sys.executable, "benchmarks/dataset.py", *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "killed 1 times" in done.stdout
    assert "the same, byte for byte" in done.stdout


def test_differences_are_found(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name / "images").mkdir(parents=True)
        (tmp_path / name / "images/0.png").write_bytes(b"one")
        (tmp_path / name / "plan.json").write_bytes(b"{}")
    assert differences(tmp_path / "a", tmp_path / "b") == []
    (tmp_path / "b/images/0.png").write_bytes(b"two")
    (tmp_path / "b/.left.part").write_bytes(b"")
    (tmp_path / "a/val.txt").write_bytes(b"")
    expected = [".left.part", "images/0.png", "val.txt"]
    assert differences(tmp_path / "a", tmp_path / "b") == expected
