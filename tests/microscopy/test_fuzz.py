"""Files of every format, damaged in many ways: each gives a picture or one sentence, in time.

    FANCGAN_FUZZ=1000 python -m pytest -s tests/microscopy/test_fuzz.py     # nightly: two seeds

FANCGAN_FUZZ: damaged files of each seed; -s shows what they took.
"""

from __future__ import annotations

import logging
import os
import resource
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest
import tifffile
from PIL import Image

from fancgan.errors import UserError
from fancgan.microscopy.micrograph import read_micrograph
from tests.microscopy.test_formats import WRITERS
from tests.support.tags import fei_tag, zeiss_tag

INPUTS = int(os.environ.get("FANCGAN_FUZZ", "40"))
MOST_SECONDS, MOST_MB = 10, 300  # MB: by which the peak of the process may grow
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF)


def whole_files(folder: Path, picture: np.ndarray) -> list[Path]:
    """One small file of each format, and of TIFF one of each way to store it."""
    folder.mkdir()
    for name, write in WRITERS.items():
        write(folder / name)
    for name in ("a.png", "a.jpg", "a.bmp", "a.tif"):
        Image.fromarray(picture).save(folder / name)
    Image.fromarray(picture).convert("P").save(folder / "palette.png")
    tiffs: dict[str, dict] = {
        "zeiss": {"compression": "zlib", "extratags": zeiss_tag("7 nm")},
        "fei": {"extratags": fei_tag("7e-9")},
        "lzw": {"compression": "lzw", "predictor": True},
        "tiles": {"tile": (64, 64), "bigtiff": True},
        "imagej": {"imagej": True, "resolution": (0.4, 0.4), "metadata": {"unit": "nm"}},
        "ome": {"ome": True, "metadata": {"PhysicalSizeX": 2.5, "PhysicalSizeXUnit": "nm"}},
    }
    for name, options in tiffs.items():
        tifffile.imwrite(folder / f"{name}.tif", picture, **options)
    return sorted(folder.iterdir())


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def damaged(content: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """content after one to three kinds of damage, most of it where a file's structure lies."""
    data = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        reach = len(data) if rng.random() < 0.3 else min(len(data), 1500)
        place = int(rng.integers(max(reach, 1)))
        if rng.random() < 0.3:  # some formats keep their tags at the end
            place = max(0, len(data) - 1 - place)
        length = int(2 ** rng.integers(0, 9))
        match rng.integers(7):
            case 0:
                data[place : place + 1] = rng.bytes(1)
            case 1:
                data[place : place + length] = rng.bytes(length)
            case 2:  # a number that is too large, negative, or nothing
                width = int(rng.choice([2, 4, 8]))
                data[place : place + width] = bytes([int(rng.choice(EXTREMES))]) * width
            case 3:
                del data[place:]
            case 4:
                del data[place : place + length]
            case 5:
                data[place:place] = data[place : place + length]
            case 6:
                data[place : place + length] = other[place : place + length]
    return bytes(data)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", [1, 2])
def test_damaged_files_are_read_or_refused(tmp_path, picture, seed, caplog) -> None:
    caplog.set_level(logging.CRITICAL, "tifffile")
    rng = np.random.default_rng(seed)
    sources = whole_files(tmp_path / "whole", picture)
    contents = [path.read_bytes() for path in sources]
    for path in sources:
        read_micrograph(path)
    before_mb = peak_mb()
    slowest, refused, others = (0.0, ""), 0, []
    (tmp_path / "damaged").mkdir()
    for number in range(INPUTS):
        source = sources[number % len(sources)]
        path = tmp_path / "damaged" / f"{number}{source.suffix}"
        other = contents[int(rng.integers(len(contents)))]
        path.write_bytes(damaged(contents[number % len(sources)], other, rng))
        begun = perf_counter()
        try:
            assert read_micrograph(path, int(rng.integers(2))).pixels.ndim == 2
            path.unlink()
        except UserError as error:
            assert path.name in str(error) and "\n" not in str(error)
            refused += 1
            path.unlink()
        except Exception as error:
            others.append(f"{path.name} of {source.name}: {error!r}"[:200])
        slowest = max(slowest, (perf_counter() - begun, source.name))
    print(
        f"seed {seed}: {INPUTS} files, {refused} refused, {len(others)} other exceptions, slowest "
        f"{slowest[0]:.2f} s ({slowest[1]}), peak {peak_mb():.0f} MB"
    )
    assert not others, "\n".join(others)
    assert slowest[0] < MOST_SECONDS and peak_mb() - before_mb < MOST_MB
