"""Nothing of a visitor outlives the time that is stated, whatever ends the server or the upload."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fancgan.ui import leftovers
from tests.support.processes import children, wait_until
from tests.support.serving import serve

pytest.importorskip("gradio")
from tests.support.visitor import Visitor

PAIRS = {"n": 120, "size": "512 × 512"}  # minutes


@pytest.fixture
def temporary(tmp_path) -> Path:
    (tmp_path / "temporary").mkdir()
    return tmp_path / "temporary"


def order(served) -> list[int]:
    """Have a data set begun; return the processes at work."""
    Visitor(served.url, "203.0.113.5", "one").ask("dataset", PAIRS, None)
    wait_until(lambda: list(served.temporary.rglob("labels/*.txt")))
    return [pid for pid, words in children(served.pid) if "spawn_main" in words]


def test_a_killed_server_leaves_no_process_and_the_next_one_removes_its_files(
    tiny_bundle, temporary
):
    with serve(tiny_bundle, temporary) as served:
        processes = order(served)
        os.kill(served.pid, signal.SIGKILL)
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in processes), 10)
    assert list(temporary.rglob("plan.json"))
    with serve(tiny_bundle, temporary) as served:
        assert not list(temporary.rglob("plan.json"))
    assert not list(temporary.iterdir())


def test_a_living_servers_folder_stays(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with leftovers.served_folder() as folder:
        leftovers.remove_dead(tmp_path)
        assert folder.is_dir()
    assert not list(tmp_path.iterdir())


def test_what_was_cut_off_goes_soon_the_rest_when_it_is_said_and_an_order_with_the_server(
    tiny_bundle, temporary
):
    with serve(tiny_bundle, temporary) as served:
        address = urlsplit(served.url)
        with socket.create_connection((address.hostname, address.port)) as line:
            part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.tif"\r\n\r\n'
            head = "POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n"
            line.sendall(f"{head}Content-Type: multipart/form-data; boundary=x\r\n\r\n".encode())
            line.sendall(part + bytes(2_000_000))
            (uploads,) = temporary.glob(f"*/{leftovers.UPLOADS}")
            wait_until(lambda: any(path.stat().st_size > 10**6 for path in uploads.iterdir()))
        whole = uploads / "hash/picture.png"
        whole.parent.mkdir()
        whole.touch()
        now = time.time()
        leftovers.remove_old(uploads, now + leftovers.CUT_OFF_SECONDS + 1)
        assert [path for path in uploads.rglob("*") if path.is_file()] == [whole]
        leftovers.remove_old(uploads, now + leftovers.KEPT_SECONDS + 1)
        assert not list(uploads.iterdir())
        order(served)
    assert not list(temporary.iterdir())
