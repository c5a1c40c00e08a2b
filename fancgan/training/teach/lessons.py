"""What people have corrected, as fields to learn from.

Results that the Segment tab or `fancgan segment` saved, folders of image / mask pairs, and single
pairs PICTURE=LABELS.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fancgan.datasets.fields import Field, fit_mask, list_files, load_field
from fancgan.errors import UserError
from fancgan.measuring.results import measured_name
from fancgan.measuring.settings import Settings, stored_settings
from fancgan.microscopy.micrograph import read_micrograph, read_raw, to_grey8
from fancgan.microscopy.regions import measured_area
from fancgan.particles.labels import label_mask

SETTINGS = "settings.json"
MAX_FILE_BYTES = 2_000_000_000  # of a picture in a zip


def read_lessons(corrected: Sequence[str]) -> list[Field]:
    """Return the fields that the words of a command line name, in their order.

    Each is the zip or the folder of an earlier result, a folder of image / mask pairs, or
    PICTURE=LABELS. Raises UserError for what cannot be read, sizes that differ, a picture without
    particles or without background, and two of one name.
    """
    fields = [field for words in corrected for field in _read(words)]
    seen: set[str] = set()
    for field in fields:
        covered = field.labels > 0
        if not covered.any():
            raise UserError(f"{field.stem} has no particles: outline them first, or leave it out.")
        if covered.all():
            raise UserError(f"{field.stem} has no background; 0 must mark what is no particle.")
        if field.stem in seen:
            raise UserError(f"Two pictures are called {field.stem}; give each once, by its name.")
        seen.add(field.stem)
    return fields


def _read(words: str) -> Iterator[Field]:
    path = Path(words)
    if path.is_dir():
        if (path / SETTINGS).is_file():
            yield from _of_results(path, path / SETTINGS)
            return
        listing = list_files(path)
        stems = sorted(set(listing.images) & set(listing.masks))
        if not stems:
            raise UserError(f"{path} has no picture with a mask of the same name; add one.")
        yield from (load_field(listing, stem) for stem in stems)
    elif path.is_file():
        if not zipfile.is_zipfile(path):
            raise UserError(
                f"{path} comes without outlines; give the zip that the Segment tab saves, or "
                f"{path}=LABELS with its label image."
            )
        with tempfile.TemporaryDirectory() as folder:
            yield from _of_results(_unpacked(path, Path(folder)), path)
    elif pair := _as_pair(words):
        yield _field(*pair)
    else:
        raise UserError(f"{words} does not exist; give a result's zip, a folder or PICTURE=LABELS.")


def _as_pair(words: str) -> tuple[Path, Path] | None:
    """PICTURE and LABELS of PICTURE=LABELS; file names may hold = themselves."""
    parts = words.split("=")
    pairs = [(Path("=".join(parts[:k])), Path("=".join(parts[k:]))) for k in range(1, len(parts))]
    return next((pair for pair in pairs if pair[0].is_file() and pair[1].is_file()), None)


def _field(picture: Path, labels: Path) -> Field:
    micrograph = read_micrograph(picture)
    found = label_mask(fit_mask(read_raw(labels), micrograph, labels), labels.name)
    return Field(picture.stem, to_grey8(micrograph.field), found, micrograph.nm_per_px)


def _unpacked(path: Path, folder: Path) -> Path:
    """Put the pictures and labels of a result's zip into a folder, and return that."""
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            name = entry.filename.rpartition("/")[2]
            if name.endswith((measured_name(""), "_labels.tif")):
                if entry.file_size > MAX_FILE_BYTES:
                    raise UserError(f"{name} in {path} is too large for a micrograph.")
                (folder / name).write_bytes(archive.read(entry))
    return folder


def _of_results(folder: Path, settings: Path) -> Iterator[Field]:
    """The fields of a result's files. settings: its settings.json, or the zip that holds it."""
    for name, (_, chosen) in stored_settings(settings).items():
        paths = folder / measured_name(name), folder / f"{name}_labels.tif"
        if chosen.filters:
            raise UserError(
                f"{name} was saved with filters, and what they leave out would be taken for "
                "background; take them away and save it again."
            )
        for path in paths:
            if not path.is_file():
                raise UserError(f"{settings} has no {path.name}; save the result again.")
        grey, labels = (read_raw(path) for path in paths)
        if grey.shape != labels.shape:
            raise UserError(
                f"{paths[0].name} and {paths[1].name} in {settings} are not of one size; save the "
                "result again."
            )
        labels = labels.astype(np.int32)
        yield Field(name, _measured_only(grey, labels, chosen), labels, chosen.nm_per_px)


def _measured_only(
    grey: NDArray[np.uint8], labels: NDArray[np.int32], settings: Settings
) -> NDArray[np.uint8]:
    """The picture [H, W] with bare ground where regions left it unmeasured: nobody looked there."""
    unknown = ~measured_area(grey.shape, settings.regions) & (labels == 0)
    ground = grey[(labels == 0) & ~unknown]
    if not unknown.any() or not len(ground):
        return grey
    filled = grey.copy()
    filled[unknown] = np.random.default_rng(0).choice(ground, np.count_nonzero(unknown))
    return filled
