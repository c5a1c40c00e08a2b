"""Run the program against the stand-in Hub with the real client, in a process of its own.

The client reads where the Hub is when it is imported; and it waits up to 23 seconds between its
five retries, which is cut short here.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.paths import ROOT
from tests.support.stand_in_hub import TOKEN

WITHOUT_WAITING = """
import sys, time
sleep = time.sleep
time.sleep = lambda seconds: sleep(min(seconds, 0.01))
"""
EXPORT = WITHOUT_WAITING + "import export\nsys.exit(export.main(sys.argv[1:]))"


def hub_environment(url: str, home: Path, token: str | None = TOKEN, **more: str) -> dict[str, str]:
    """The environment of somebody who uses that Hub, with a home (token, cache) of their own."""
    own = {
        "HF_ENDPOINT": url,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HOME": str(home),
        "PYTHONPATH": str(ROOT),
    }
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "FANCGAN_BUNDLE"))}
    return clean | own | ({"HF_TOKEN": token} if token else {}) | more


def run_python(
    code: str, *arguments: str, environment: dict[str, str]
) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def one_sentence(done: subprocess.CompletedProcess) -> str:
    """What a failed command says, in one line (progress bars may follow), without a traceback."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    lines = [s for s in done.stderr.splitlines() if s.startswith(("export.py: ", "app.py: "))]
    assert len(lines) == 1, done.stderr
    return lines[0].partition(": ")[2]
