"""The download against a stand-in server: verified, resumed, and honest about what failed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote

import pytest
from PIL import Image

from fancgan.datasets import download
from fancgan.datasets.download import download_tio2
from fancgan.datasets.fields import load_fields
from tests.support.paths import ROOT
from tests.support.sentences import fails

IMAGES = "Datasets/Electron Microscopy Images"
MASKS = "Datasets/Electron Microscopy Image Masks"


@dataclass
class Mirror:
    """A server of files by path; it counts what it is asked for and can be told to fail."""

    files: dict[str, bytes]
    url: str = ""
    asked: list[str] = field(default_factory=list)
    cut_off: set[str] = field(default_factory=set)


@pytest.fixture
def mirror(draw_discs) -> Iterator[Mirror]:
    served = Mirror({})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = unquote(self.path).removeprefix("/mirror/")
            served.asked.append(path)
            if path not in served.files:
                self.send_error(404)
                return
            data = served.files[path]
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2] if path in served.cut_off else data)

        def log_message(self, *arguments: object) -> None:
            pass

    for number, stem in enumerate(("1908248", "1908250", "1908268")):
        discs = draw_discs(seed=number)
        served.files[f"{IMAGES}/SEM/{stem}.tif"] = tiff(discs.image)
        served.files[f"{IMAGES}/TSEM/{stem}.tif"] = tiff(255 - discs.image)
        mask = tiff(discs.mask)
        served.files[f"{MASKS}/TiO2_Masks_Manual_4connected/{stem}_m.tif"] = mask
        served.files[f"{MASKS}/TiO2_Masks_TSEM/{stem}.tif"] = mask
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    served.url = f"http://127.0.0.1:{server.server_port}/mirror/"
    yield served
    server.shutdown()
    server.server_close()


@pytest.fixture
def lists(tmp_path, mirror) -> dict[str, Path]:
    """The mirror's own checksum list and split."""
    sums, split = tmp_path / "sums.txt", tmp_path / "split.json"
    lines = [f"{hashlib.sha256(data).hexdigest()}  {path}" for path, data in mirror.files.items()]
    sums.write_text("\n".join(lines) + "\n")
    split.write_text('{"train": ["1908248"], "val": ["1908268"], "test": ["1908250"]}')
    return {"checksums": sums, "split": split}


def tiff(pixels) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, "TIFF")
    return file.getvalue()


def stored(out: Path) -> set[str]:
    return {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}


def refused(words: str, *arguments, **options) -> None:
    fails(words, download_tio2, *arguments, retries=0, **options)


def test_fetches_the_whole_set(tmp_path, mirror, lists):
    out = download_tio2(tmp_path / "a" / "tio2", base_url=mirror.url, **lists)
    assert len(mirror.asked) == len(mirror.files) == 12
    assert "split.json" in stored(out) and "masks_sem/1908248_m.tif" in stored(out)
    for modality in ("sem", "tsem"):
        assert [f.stem for f in load_fields(out, "all", modality)] == ["1908248", "1908268"]


def test_what_is_there_is_not_fetched_again(tmp_path, mirror, lists):
    out = download_tio2(tmp_path / "tio2", base_url=mirror.url, **lists)
    (out / "sem" / "1908250.tif").unlink()
    (out / "tsem" / "1908250.tif").write_bytes(b"damaged")
    mirror.asked.clear()
    download_tio2(out, base_url=mirror.url, **lists)
    assert sorted(mirror.asked) == [f"{IMAGES}/SEM/1908250.tif", f"{IMAGES}/TSEM/1908250.tif"]
    assert len(stored(out)) == 13


def test_broken_off_and_resumed(tmp_path, mirror, lists):
    victim = f"{IMAGES}/SEM/1908250.tif"
    mirror.cut_off.add(victim)
    out = tmp_path / "tio2"
    refused("run the same command again to go on", out, base_url=mirror.url, **lists)
    before = stored(out)
    assert "sem/1908250.tif" not in before and "sem/1908248.tif" in before
    assert len(before) == 1 + list(mirror.files).index(victim)
    mirror.cut_off.clear()
    mirror.asked.clear()
    download_tio2(out, base_url=mirror.url, **lists)
    assert len(mirror.asked) == 12 - (len(before) - 1)
    assert len(stored(out)) == 13


def test_wrong_file_is_refused(tmp_path, mirror, lists):
    mirror.files[f"{IMAGES}/SEM/1908250.tif"] += b"\0"
    refused("sha256 differs", tmp_path / "tio2", base_url=mirror.url, **lists)
    assert "sem/1908250.tif" not in stored(tmp_path / "tio2")


def test_missing_on_the_server(tmp_path, mirror, lists):
    del mirror.files[f"{IMAGES}/SEM/1908250.tif"]
    refused(r"127.0.0.1 does not deliver sem/1908250.tif \(HTTP 404\)", tmp_path / "tio2",
          base_url=mirror.url, **lists)  # fmt: skip


def test_no_connection(tmp_path, lists):
    refused("No connection to 127.0.0.1", tmp_path, base_url="http://127.0.0.1:9/", **lists)


def test_folder_that_cannot_be_written(tmp_path, mirror, lists):
    (tmp_path / "file").touch()
    refused("cannot be written", tmp_path / "file" / "tio2", base_url=mirror.url, **lists)


def test_a_split_of_ones_own_is_not_overwritten(tmp_path, mirror, lists):
    out = tmp_path / "mine"
    out.mkdir()
    (out / "split.json").write_text("{}")
    refused("another split", out, base_url=mirror.url, **lists)
    assert (out / "split.json").read_text() == "{}" and not mirror.asked


def test_command(tmp_path, mirror, lists):
    arguments = ["tio2", "--out", tmp_path / "tio2", "--base-url", mirror.url]
    arguments += ["--checksums", lists["checksums"]]
    command = [sys.executable, "-m", "fancgan", "download", *map(str, arguments)]

    def run() -> subprocess.CompletedProcess:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)

    done = run()
    assert done.returncode == 0, done.stderr
    for words in ("CC BY-NC-ND 4.0", "10.1038/s41598-021-84287-6", "Complete and verified"):
        assert words in done.stdout
    command[command.index(mirror.url)] = "http://127.0.0.1:9/"
    assert run().returncode == 0, "a complete set needs no network"
    (tmp_path / "tio2" / "sem" / "1908250.tif").unlink()
    done = run()
    assert done.returncode == 2
    assert "No connection" in done.stderr and "Traceback" not in done.stderr


def test_the_published_list():
    sources = download.read_checksums(ROOT / "fancgan/datasets/tio2_sha256.txt")
    assert len(sources) == 160
    folders = [name.split("/")[0] for name in sources]
    assert {folder: folders.count(folder) for folder in folders} == {
        "sem": 40, "tsem": 40, "masks_sem": 40, "masks_tsem": 40
    }  # fmt: skip
    assert all(len(digest) == 64 for digest, _ in sources.values())


@pytest.mark.micrographs
def test_the_published_list_fits_the_micrographs(tio2):
    sources = download.read_checksums(ROOT / "fancgan/datasets/tio2_sha256.txt")
    there = [name for name in sources if (tio2 / name).exists()]
    assert len(there) == 128
    for name in there:
        assert hashlib.sha256((tio2 / name).read_bytes()).hexdigest() == sources[name][0]
    split = ROOT / "fancgan/datasets/tio2_split.json"
    assert split.read_bytes() == (tio2 / "split.json").read_bytes()
