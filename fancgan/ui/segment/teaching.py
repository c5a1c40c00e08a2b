"""A model is taught a visitor's corrected pictures, by `fancgan teach` in a process of its own.

Serving never reaches training: what is exchanged are files and signals. Nothing here knows gradio.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING

from fancgan.errors import UserError, check_stopped
from fancgan.measuring.results import facts_of, measured_name, measured_png
from fancgan.microscopy import image_files
from fancgan.pretrained.bundle import open_bundle
from fancgan.pretrained.find import SEGMENTER

if TYPE_CHECKING:
    from fancgan.ui.models import Models
    from fancgan.ui.segment.open_files import OpenFiles

LOOK_SECONDS = 0.5
END_SECONDS = 60  # a step and what is written after it
MAX_STEPS = 1000
PROGRESS = "progress.json"  # fancgan.training.teach.progress


@dataclass(frozen=True)
class Stand:
    """How far a teaching is; part: "trial" or "whole", "" while it gets ready. out: when done."""

    part: str = ""
    done: int = 0
    of: int = 1
    seconds_left: float | None = None
    out: Path | None = None

    @property
    def scores(self) -> tuple[dict, dict] | None:
        """Before and after, on what was kept aside; None where nothing was."""
        taught = open_bundle(self.out).config["taught"] if self.out else {}
        return (taught["before"], taught["after"]) if taught.get("before") else None


def teach(
    models: Models, open_files: OpenFiles, name: str, steps: int, place: Path
) -> Generator[Stand]:
    """Teach the corrected files to a bundle called `name`, and yield a Stand now and then.

    place: a folder of this visitor. Left early, the process is stopped; the same files, name and
    steps go on from there. Raises UserError where nothing is corrected, and what the process says.
    """
    folder = write_lessons(open_files, place)
    out = folder.parent / f"{folder.name}-{steps}" / name
    base = models.get(open_files.model)
    if not base.any_scale:
        base = models.get(SEGMENTER)
    command = [sys.executable, "-m", "fancgan", "teach", str(folder), "--out", str(out)]
    command += ["--bundle", str(base.path), "--steps", str(steps)]
    with tempfile.TemporaryFile(mode="w+") as errors:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        try:
            yield Stand()
            while process.poll() is None:
                sleep(LOOK_SECONDS)
                check_stopped()
                yield _stand(out.with_name(f"{name}.teaching") / PROGRESS)
        finally:
            if process.poll() is None:
                process.terminate()
                _wait(process)
        if process.returncode:
            errors.seek(0)
            last = (errors.read().strip().splitlines() or [""])[-1]
            if process.returncode != 2:
                raise RuntimeError(f"fancgan teach ended with {process.returncode}: {last}")
            raise UserError(last.removeprefix("fancgan teach: "))
    if out.is_dir():
        yield Stand(out=out)


def _wait(process: subprocess.Popen) -> None:
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _stand(path: Path) -> Stand:
    try:
        return Stand(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Stand()


def write_lessons(open_files: OpenFiles, place: Path) -> Path:
    """Write the corrected files as a result's folder below `place`, called by its content.

    Filters do not count: what they leave out is no background.
    """
    corrected = [file for file in open_files.files if file.settings.edits]
    if not corrected:
        raise UserError(
            "No open picture is corrected yet: put the outlines of one right, better of several, "
            "then teach them."
        )
    content = {}
    for file in corrected:
        whole = file.result.everything
        content[measured_name(file.name)] = measured_png(whole)
        scale = whole.field.nm_per_px
        content[f"{file.name}_labels.tif"] = image_files.label_tiff(whole.labels, scale)
    measured = [file.result.everything.measured for file in corrected]
    facts = facts_of(measured, {})
    for field in facts["fields"].values():
        field["settings"]["filters"] = {}
    content["settings.json"] = json.dumps(facts).encode()
    digest = hashlib.sha256()
    for name, data in content.items():
        digest.update(name.encode() + data)
    folder = place / f"lessons-{digest.hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in content.items():
        (folder / name).write_bytes(data)
    return folder
