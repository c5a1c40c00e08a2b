"""What a finished micrograph leaves behind until all are pooled: numbers, or why there are none."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
from PIL import Image

from fancgan.errors import UserError
from fancgan.files import remove, write_whole
from fancgan.measuring.analysis import Analysis, Measured
from fancgan.measuring.field_of_view import FieldOfView
from fancgan.measuring.results import Results, annotations_of, field_files, measured_name
from fancgan.measuring.settings import Settings

FOLDER = ".records-"
FORMAT = 2  # records of another one are made anew
POLL_SECONDS = 0.5


class Records:
    """The records of the files of one order in an output folder.

    Another order (files, their sizes and times, settings, model) has other records, so what is left
    of it is never taken for this one's.
    """

    def __init__(self, out: Path, chosen: dict[Path, Settings], revision: str):
        self.out, self.files = out, list(chosen)
        order = [[str(p), _state(p), settings.to_dict()] for p, settings in chosen.items()]
        words = json.dumps([FORMAT, revision, order]).encode()
        self.folder = out / f"{FOLDER}{hashlib.sha256(words).hexdigest()[:16]}"

    def path(self, number: int) -> Path:
        return self.folder / f"{number:07d}.json"

    def _annotations(self, number: int) -> Path:
        return self.path(number).with_suffix(".coco")

    def missing(self, rank: int = 0, world_size: int = 1) -> list[int]:
        """Return the numbers of the files that one of world_size processes has yet to do."""
        mine = range(rank, len(self.files), world_size)
        return [number for number in mine if not self.path(number).exists()]

    def add(self, number: int, analysis: Analysis, said: str = "") -> None:
        """Write the files of a micrograph; its record comes last, so what has one is whole.

        said: what else is to be told of it.
        """
        for name, content in field_files(analysis):
            write_whole(self.out / name, content)
        write_whole(self._annotations(number), json.dumps(annotations_of(analysis)).encode())
        record = {"said": said, "measured": _to_dict(analysis.measured)}
        write_whole(self.path(number), json.dumps(record, default=np.generic.item).encode())

    def add_failure(self, number: int, error: UserError) -> None:
        write_whole(self.path(number), json.dumps({"said": str(error)}).encode())

    def measured(self, number: int) -> tuple[Measured | None, str]:
        """Return what was measured in a file, None where it failed, and what is to be told."""
        record = json.loads(self.path(number).read_text(encoding="utf-8"))
        return _from_dict(record["measured"]) if "measured" in record else None, record["said"]

    def add_to(self, results: Results, number: int) -> bool:
        """Add a file to results where it is done; return whether it failed."""
        if not self.path(number).exists():
            return False
        one, _ = self.measured(number)
        if one is not None:
            image, found = json.loads(self._annotations(number).read_bytes())
            results.add_measured(one, (image, found), lambda: self._analysis(one))
        return one is None

    def _analysis(self, one: Measured) -> Analysis:
        """Return the same with the picture and its labels, from the files beside."""
        with Image.open(self.out / measured_name(one.name)) as image:
            grey = np.asarray(image)
        facts = (one.nm_per_px, one.nm_source, one.bar_rows, 1, one.synthetic)
        labels = tifffile.imread(self.out / f"{one.name}_labels.tif").astype(np.int32)
        return Analysis(FieldOfView(one.name, grey, *facts), labels, one)

    def wait_for_all(self) -> None:
        """Return when all processes have done their share."""
        while self.missing():
            time.sleep(POLL_SECONDS)

    def finish(self) -> None:
        """Remove the records, those of earlier orders too."""
        for path in self.out.glob(f"{FOLDER}*"):
            remove(path)


def _state(path: Path) -> Sequence[int]:
    try:
        return path.stat().st_size, path.stat().st_mtime_ns
    except OSError:
        return ()


def _to_dict(measured: Measured) -> dict:
    facts = {f.name: getattr(measured, f.name) for f in dataclasses.fields(measured)}
    table = measured.table
    columns = {name: [str(table[name].dtype), table[name].tolist()] for name in table}
    return facts | {"settings": measured.settings.to_dict(), "table": columns}


def _from_dict(record: dict) -> Measured:
    table = pd.DataFrame(
        {name: pd.Series(values, dtype=kind) for name, (kind, values) in record["table"].items()}
    )
    facts = {name: tuple(v) if isinstance(v, list) else v for name, v in record.items()}
    return Measured(**facts | {"settings": Settings.from_dict(record["settings"]), "table": table})
