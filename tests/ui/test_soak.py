"""The soak in short: many visitors, two of them hostile, and nothing goes wrong."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.paths import ROOT

pytest.importorskip("gradio")


def test_hostile_visitors_spoil_nothing(tiny_bundle):
    command = [sys.executable, str(ROOT / "benchmarks/soak.py"), "--visitors", "6"]
    command += ["--seconds", "20", "--bundle", str(tiny_bundle)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "faults: 0" in done.stdout
