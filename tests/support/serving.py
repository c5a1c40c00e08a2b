"""Start app.py as a user does, and find out where it listens."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

from tests.support.paths import ROOT

START_SECONDS = 300  # a loaded machine takes its time


@dataclass(frozen=True)
class Served:
    """A running demo: its address, the folder that it was given for its files, its process."""

    url: str
    temporary: Path
    pid: int


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run_app(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run app.py with arguments that should make it stop at once."""
    command = [sys.executable, str(ROOT / "app.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=START_SECONDS)


@contextmanager
def serve(
    bundle: Path | str | None,
    temporary: Path,
    *,
    app: Path = ROOT / "app.py",
    python: Path | str = sys.executable,
    flags: tuple[str, ...] = (),
) -> Iterator[Served]:
    """Run `python app.py [--bundle BUNDLE] [FLAGS]` on a free port until the block ends.

    What it writes to stderr goes to server.log beside the folder `temporary`.
    """
    command = [str(python), str(app), "--port", str(free_port())]
    command += ["--bundle", str(bundle), *flags] if bundle else [*flags]
    environment = os.environ | {"TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"}
    log = temporary.parent / "server.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        try:
            yield Served(_address(process, log), temporary, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    assert "Traceback" not in log.read_text(), log.read_text()


def _address(process: subprocess.Popen, log: Path) -> str:
    killer = Timer(START_SECONDS, process.kill)
    killer.start()
    try:
        for line in process.stdout:
            if found := re.search(r"F-ANcGAN is at (http://\S+)", line):
                return found.group(1)
    finally:
        killer.cancel()
    raise AssertionError(f"app.py did not come up:\n{log.read_text()}")
