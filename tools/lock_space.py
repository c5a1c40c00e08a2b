"""Write space/requirements.lock: every package of the Space at one version, with its hashes.

    python tools/lock_space.py

Needs uv (pip install uv). The lock holds what space/requirements.txt names and the gradio of
sdk_version in space/README.md, for Python 3.11 on Linux (x86-64); to install exactly that:

    pip install --require-hashes -r space/requirements.lock
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SPACE = Path(__file__).resolve().parents[1] / "space"
COMMAND = "uv pip compile - --quiet --generate-hashes --no-header --no-annotate --upgrade"
TARGET = "--python-version 3.11 --python-platform x86_64-manylinux_2_28"


def main() -> int:
    card = (SPACE / "README.md").read_text(encoding="utf-8")
    gradio = re.search(r"^sdk_version: (\S+)$", card, re.MULTILINE)
    assert gradio, "space/README.md names no sdk_version"
    wanted = (SPACE / "requirements.txt").read_text(encoding="utf-8")
    wanted += f"gradio=={gradio[1]}\n"
    command = [*COMMAND.split(), *TARGET.split(), "-o", str(SPACE / "requirements.lock")]
    return subprocess.run(command, input=wanted, text=True, stdout=subprocess.DEVNULL).returncode


if __name__ == "__main__":
    sys.exit(main())
