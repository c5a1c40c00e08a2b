"""A finished data set as one zip or as WebDataset shards: equal bytes for equal contents.

Neither holds a date, an owner or an order of its own; both are written whole or not at all.
"""

from __future__ import annotations

import io
import json
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from fancgan.datasets.synthetic import MANIFEST, PLAN, Folder
from fancgan.errors import UserError
from fancgan.files import whole_file, whole_folder, writing, zip_entry

SHARD_PAIRS = 1000
# Endings of a sample's files in a shard; a loader groups them by the name before the first dot.
IMAGE, MASK, LINE = ".png", ".mask.png", ".json"


def working_folder(out: Path, kind: str) -> Path:
    """Where the pairs are made: in `out`, or beside what will be packed from them."""
    return out if kind == "folder" else out.with_name(f"{out.name}.making")


def packed_path(out: Path, kind: str) -> Path:
    """The file or folder that a packed data set becomes."""
    named = kind != "zip" or out.suffix == ".zip"
    return out if named else out.with_name(f"{out.name}.zip")


def packed_plan(path: Path) -> dict | None:
    """Return the plan of a packed data set, None where nothing is yet.

    Raises UserError where something else is in its place.
    """
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return None
    try:
        if path.is_dir():
            return json.loads((path / PLAN).read_text(encoding="utf-8"))
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read(PLAN))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        raise UserError(f"{path} is there already; choose another --out.") from None


def pack(folder: Folder, path: Path, kind: str) -> None:
    """Pack a finished data set into path; its working folder stays. Raises UserError."""
    with writing(path):
        if kind == "zip":
            with whole_file(path) as part, part.open("wb") as file:
                write_zip(folder.root, file)
        else:
            with whole_folder(path) as part:
                write_shards(folder.root, part)
                if path.is_dir():
                    path.rmdir()  # an empty one: packed_plan has looked


def write_zip(root: Path, file: io.IOBase) -> None:
    """Write all files of a data set to an open file, sorted by name."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            entry = zip_entry(path.relative_to(root).as_posix())
            if path.suffix == ".png":
                entry.compress_type = zipfile.ZIP_STORED
            with path.open("rb") as source, archive.open(entry, "w") as target:
                shutil.copyfileobj(source, target)


def write_shards(root: Path, out: Path, pairs: int = SHARD_PAIRS) -> None:
    """Write SPLIT-000000.tar and so on to the folder out, with the files that speak of all pairs.

    A sample is STEM.png, STEM.mask.png (16-bit instance labels), STEM.txt (YOLO) and STEM.json
    (its line of the manifest).
    """
    for split, lines in _by_split(root).items():
        for number, start in enumerate(range(0, len(lines), pairs)):
            with tarfile.open(
                out / f"{split}-{number:06d}.tar", "w", format=tarfile.USTAR_FORMAT
            ) as shard:
                for line in lines[start : start + pairs]:
                    for name, content in _sample(root, json.loads(line)):
                        entry = tarfile.TarInfo(name)
                        entry.size = len(content)
                        shard.addfile(entry, io.BytesIO(content))
    for path in sorted(root.iterdir()):
        if path.is_file() and path.name not in ("data.yaml", "train.txt", "val.txt"):
            shutil.copyfile(path, out / path.name)


def _by_split(root: Path) -> dict[str, list[str]]:
    lines: dict[str, list[str]] = {}
    with (root / MANIFEST).open(encoding="utf-8") as file:
        for line in file:
            lines.setdefault(json.loads(line)["split"], []).append(line)
    return lines


def _sample(root: Path, line: dict) -> Iterator[tuple[str, bytes]]:
    stem = Path(line["image"]).stem
    yield stem + LINE, json.dumps(line).encode()
    yield stem + MASK, (root / line["mask"]).read_bytes()
    yield stem + IMAGE, (root / line["image"]).read_bytes()
    yield f"{stem}.txt", (root / "labels" / f"{stem}.txt").read_bytes()
