"""Very many micrographs: two processes, one of them killed, leave what one alone does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

from fancgan.__main__ import main
from tests.support.drawing import draw_discs
from tests.support.paths import ROOT

FILES = int(os.environ.get("FANCGAN_MANY_FILES", 10))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("many") / "pictures"
    folder.mkdir()
    for seed in range(FILES):
        Image.fromarray(draw_discs(96, 128, radii=(8, 10), seed=seed).image).save(
            folder / f"f{seed:05d}.png"
        )
    (folder / "f00003.png").write_text("no picture")
    return folder


def started(pictures: Path, out: Path, bundle: str, rank: int) -> subprocess.Popen:
    words = ["segment", str(pictures), "--out", str(out), "--bundle", bundle]
    group = {"RANK": str(rank), "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "fancgan", *words],
        cwd=ROOT,
        env=os.environ | group,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def contents(folder: Path) -> dict[str, bytes]:
    """All files but the workbook, which carries the time of day."""
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.suffix != ".xlsx"}


@pytest.mark.timeout(max(600, 2 * FILES))
def test_two_ranks_with_a_kill_leave_what_one_process_does(pictures, tiny_bundle, tmp_path, capsys):
    one, two = tmp_path / "one", tmp_path / "two"
    argv = ["segment", str(pictures), "--out", str(one), "--bundle", str(tiny_bundle)]
    assert main(argv) == 2
    assert f"1 of {FILES} files could not be segmented" in capsys.readouterr().err

    killed = started(pictures, two, str(tiny_bundle), 1)
    end = time.monotonic() + 120
    while not list(two.glob(".records-*/*.json")) and time.monotonic() < end:
        time.sleep(0.02)
    killed.kill()
    killed.communicate()
    left = len(list(two.glob(".records-*/*.json")))
    assert left > 0
    ranks = [started(pictures, two, str(tiny_bundle), rank) for rank in (0, 1)]
    with ThreadPoolExecutor() as readers:  # at once: a full pipe would hold a rank up
        said = list(readers.map(subprocess.Popen.communicate, ranks))
    assert [rank.returncode for rank in ranks] == [2, 0], said
    assert f"{left} files were done before: going on." in said[1][0]
    assert contents(two) == contents(one)
    assert len(json.loads((two / "settings.json").read_text())["fields"]) == FILES - 1
    assert not list(two.glob(".*")), "neither records nor parts are left"


def spoiled(folder: Path, good: Path) -> dict[str, str]:
    """Write a bad file of each of ten kinds; return what is said of each."""
    image = Image.open(good)
    image.resize((20, 24)).save(folder / "b0.png")
    Image.merge("RGB", [image, image.rotate(180), image]).save(folder / "b1.png")
    (folder / "b2.png").write_bytes(good.read_bytes()[:300])
    (folder / "b3.tif").write_bytes(b"")
    (folder / "b4.jpg").write_text("no picture")
    (folder / "b5.dm3").write_bytes(b"\0\0\0\3" + bytes(60))
    (folder / "b6.emd").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(99))
    (folder / "b7.ser").write_bytes(b"II\x97\1" + bytes(20))
    (folder / "b8.mrc").write_bytes(bytes(1024))
    tifffile.imwrite(folder / "b9.tif", np.full((96, 128), np.nan, np.float32))
    return {
        "b0.png": "32 x 32",
        "b1.png": "colour",
        **dict.fromkeys(("b2.png", "b3.tif", "b4.jpg", "b5.dm3", "b6.emd"), ""),
        **dict.fromkeys(("b7.ser", "b8.mrc", "b9.tif"), ""),
    }


def test_ten_bad_files_of_ten_kinds_cost_none_of_forty(pictures, tiny_bundle, tmp_path, capsys):
    good = sorted(pictures.glob("*.png"))[0]
    for number in range(40):
        shutil.copy(good, tmp_path / f"g{number:02d}.png")
    bad, out = spoiled(tmp_path, good), tmp_path / "out"
    assert main(["segment", str(tmp_path), "--out", str(out), "--bundle", str(tiny_bundle)]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[-1].endswith("10 of 50 files could not be segmented; the rest is done.")
    for name, words in bad.items():
        (line,) = (line for line in said if f"/{name}: " in line)
        assert words in line and "Traceback" not in line, line
    table = pd.read_csv(out / "files.csv")
    assert table["file"].tolist() == [f"g{number:02d}" for number in range(40)]
    assert len(said) == 11, said
    assert not {file for file in pd.read_csv(out / "particles.csv")["file"] if file[0] == "b"}
    assert not list(out.glob("b*"))


def test_processes_share_the_files_of_one_machine(pictures, tiny_bundle, tmp_path):
    out = tmp_path / "out"
    argv = ["segment", str(pictures), "--out", str(out), "--bundle", str(tiny_bundle)]
    assert main([*argv, "--workers", "2"]) == 2
    assert len(list(out.glob("*_labels.tif"))) == FILES - 1
