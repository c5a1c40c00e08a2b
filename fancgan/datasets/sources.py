"""Data sets as a command line names them: DIR, DIR:MODALITY, DIR=WEIGHT, DIR:MODALITY=WEIGHT."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from fancgan.datasets.fields import MODALITIES
from fancgan.errors import UserError


@dataclass(frozen=True)
class DataSource:
    """A folder of image / mask pairs, which of its modalities, and how often its images are drawn.

    weight: how many times as often as an image of a set of weight 1.
    """

    path: Path
    modality: str | None = None
    weight: float = 1.0

    @property
    def name(self) -> str:
        """Name of the folder, with the modality where one was asked for."""
        folder = self.path.resolve().name
        return f"{folder}:{self.modality}" if self.modality else folder


def parse_source(words: str) -> DataSource:
    """Read "DIR[:MODALITY][=WEIGHT]"; a folder of that whole name is taken as it is.

    Raises UserError for a weight that is no number above 0 and for an unknown modality.
    """
    if Path(words).is_dir():
        return DataSource(Path(words))
    named, weighted, number = words.rpartition("=")
    weight = _weight(words, number) if weighted else 1.0
    named = named if weighted else words
    folder, _, modality = named.rpartition(":")
    if modality in MODALITIES and folder:
        return DataSource(Path(folder), modality, weight)
    if folder and Path(folder).is_dir() and not Path(named).is_dir():
        raise UserError(f"There is no modality {modality!r} ({words}); choose sem or tsem.")
    return DataSource(Path(named), None, weight)


def _weight(words: str, number: str) -> float:
    try:
        weight = float(number)
    except ValueError:
        weight = math.nan
    if not 0 < weight < math.inf:
        raise UserError(f"The weight of {words} is no number above 0; write DIR=2, for example.")
    return weight
