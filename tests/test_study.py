"""The study at its smallest: cells are trained and judged once, what is empty says why."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import study

CELLS = ("help-real-kall", "help-synthetic-kall", "extrapolation-sparse", "cycle-cyclegan")


def run_study(out: Path, *flags: str) -> int:
    return study.main(["--quick", "--out", str(out), *flags])


def test_quick_study(tmp_path, capsys):
    assert run_study(tmp_path, "--only", *CELLS) == 0
    results = sorted(tmp_path.glob("cells/*/result.json"))
    assert len(results) == len(CELLS)
    written = [path.stat().st_mtime_ns for path in results]

    # A finished cell is not done again; one that cannot be had says why, and the others go on.
    assert run_study(tmp_path, "--only", *CELLS, "help-real-k16") == 0
    assert [path.stat().st_mtime_ns for path in results] == written

    table = json.loads((tmp_path / "study.json").read_text())
    rows = {(row["group"], row["arm"], row["fields"]): row for row in table["rows"]}
    real, made = rows["help", "real", "all"], rows["help", "synthetic", "all"]
    assert set(real["seeds"]) == set(made["seeds"]) == {"0"}
    assert set(real["figures"]) >= {"dice", "ap50", "instance_pq"}
    assert "k = 16 is no fewer" in rows["help", "real", 16]["empty"]["0"]
    assert rows["segmenter", "ce", "all"]["empty"] == {"0": "no budget left"}
    assert rows["cycle", "cyclegan", "all"]["figures"]["cycle_dice"]["mean"] >= 0
    assert [(c["arm"], c["figure"]) for c in table["comparisons"]] == [
        (arm, figure)
        for arm in ("synthetic", "synthetic-real-point")
        for figure in ("dice", "ap50")
    ]

    page = tmp_path / "page.md"
    page.write_text("Before\n<!-- study: help -->\nold\n<!-- study: end -->\nafter\n")
    assert run_study(tmp_path, "--report", str(page)) == 0
    text = page.read_text()
    assert "real pairs alone" in text and "old" not in text and text.endswith("after\n")
    assert (tmp_path / "page-help.png").exists()

    run_study(tmp_path, "--only", "help-real-kall", "--more=--jitter 0")
    assert "other settings" in capsys.readouterr().err
