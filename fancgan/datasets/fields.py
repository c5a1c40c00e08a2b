"""Data sets on disk: pairs of a micrograph and its particle mask, at native resolution.

Three layouts are understood. `images/` + `masks/` with equal stems (or STEM_m, STEM_mask for the
mask), the one of the public TiO2 set: `sem/` + `masks_sem/` and `tsem/` + `masks_tsem/`, and that
of the Cell Tracking Challenge: `01/t000.tif` + `01_GT/SEG/man_seg000.tif`, where only frames with a
mask are taken, by stems like 01_t000.
A `split.json` ({"train": [stems], "val": [...]}, also one such table per modality) names the
split; without one, every k-th stem in sorted order is validation, a tenth of all and at least one.
A `papers.json` ({stem: source}) says which images are of one source, and must stay together.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from fancgan.errors import UserError
from fancgan.microscopy.micrograph import SUFFIXES, Micrograph, read_micrograph, read_raw, to_grey8
from fancgan.particles.labels import label_mask, separate

MODALITIES = ("sem", "tsem")
_MASK_ENDINGS = ("", "_m", "_mask")


@dataclass(frozen=True, eq=False)
class Field:
    """One annotated field of view, without the info bar.

    image: [H, W] uint8 grey levels. labels: [H, W] int32, 0 = background.
    nm_per_px: size of a pixel in nanometres, None if unknown.
    """

    stem: str
    image: np.ndarray
    labels: np.ndarray
    nm_per_px: float | None

    @cached_property
    def mask(self) -> np.ndarray:
        """[H, W] bool; touching particles are parted by one pixel of background."""
        return separate(self.labels) > 0


@dataclass(frozen=True)
class Listing:
    """The files of a data set: stem -> path, and the split by stems (None: no split.json)."""

    root: Path
    images: dict[str, Path]
    masks: dict[str, Path]
    split: dict[str, list[str]]
    modality: str | None

    def stems(self, split: str) -> list[str]:
        """Stems of "train", "val", "test", or "all", which is train and val."""
        names = ("train", "val") if split == "all" else (split,)
        return sorted(stem for name in names for stem in self.split.get(name, []))


def load_fields(root: str | Path, split: str = "train", modality: str | None = None) -> list[Field]:
    """Load the fields of one split ("train", "val", or "all" = both), in the order of their stems.

    modality: "sem" or "tsem" for the layout that has both (None: sem first); a folder with
    `images/` has only one and ignores it. Nothing is resized: an info bar is cut off image and
    mask alike. Raises UserError for a missing folder, an unpaired or unreadable file, sizes that
    differ, and a mask that is neither binary nor instance-labelled.
    """
    if split not in ("train", "val", "test", "all"):
        raise UserError(f"There is no split {split!r}; choose train, val or all.")
    listing = list_files(root, modality)
    stems = listing.stems(split)
    if not stems:
        raise UserError(f"{listing.root} has no {split} images; add image / mask pairs.")
    return [load_field(listing, stem) for stem in stems]


def load_field(listing: Listing, stem: str) -> Field:
    """Load the image and the mask of one stem."""
    for kind, files in (("image", listing.images), ("mask", listing.masks)):
        if stem not in files:
            raise UserError(
                f"{listing.root} has no {kind} for {stem}; add it, or take {stem} out of the set."
            )
    micrograph = read_micrograph(listing.images[stem])
    mask = fit_mask(read_raw(listing.masks[stem]), micrograph, listing.masks[stem])
    labels = label_mask(mask, listing.masks[stem].name)
    return Field(stem, to_grey8(micrograph.field), labels, micrograph.nm_per_px)


def list_files(root: str | Path, modality: str | None = None) -> Listing:
    """Find the files and the split of a data set; see load_fields. Nothing is read but names."""
    root = Path(root)
    if not root.is_dir():
        raise UserError(f"The data folder {root} does not exist.")
    if modality not in (None, *MODALITIES):
        raise UserError(f"There is no modality {modality!r}; choose sem or tsem.")
    sequences = sorted(root.glob("[0-9][0-9]_GT/SEG"))
    if sequences:
        images, masks = _frames(sequences)
        return Listing(root, images, masks, _read_split(root, None, sorted(images)), None)
    if (root / "images").is_dir():
        modality, folders = None, ("images", "masks")
    else:
        present = [m for m in MODALITIES if (root / m).is_dir()]
        modality = modality or next(iter(present), None)
        if modality is None:
            raise UserError(f"{root} has neither images/ and masks/ nor sem/ and masks_sem/.")
        folders = (modality, f"masks_{modality}")
    for folder in folders:
        if not (root / folder).is_dir():
            raise UserError(f"{root} has no folder {folder}/; image and mask folders are needed.")
    images = _by_stem(root / folders[0])
    masks = _masks_of(images, _by_stem(root / folders[1]))
    return Listing(root, images, masks, _read_split(root, modality, sorted(images)), modality)


def _frames(sequences: list[Path]) -> tuple[dict[str, Path], dict[str, Path]]:
    """Annotated frames of the Cell Tracking Challenge, given the folders NN_GT/SEG."""
    images: dict[str, Path] = {}
    masks: dict[str, Path] = {}
    for folder in sequences:
        sequence = folder.parent.name.removesuffix("_GT")
        for mask in sorted(folder.glob("man_seg*.tif")):
            frame = mask.stem.removeprefix("man_seg")
            stem = f"{sequence}_t{frame}"
            masks[stem] = mask
            image = folder.parents[1] / sequence / f"t{frame}.tif"
            if image.exists():
                images[stem] = image
    return images, masks


def fit_mask(samples: np.ndarray, micrograph: Micrograph, path: Path) -> np.ndarray:
    """Cut the info-bar rows off a mask that has them; UserError if the sizes still differ."""
    expected = micrograph.field.shape
    if samples.shape[:2] == micrograph.pixels.shape:
        samples = samples[: expected[0]]
    if samples.shape[:2] != expected:
        sizes = [f"{shape[1]} x {shape[0]}" for shape in (samples.shape, expected)]
        raise UserError(
            f"The mask {path.name} is {sizes[0]} pixels but its image is {sizes[1]}; "
            "image and mask must have the same size."
        )
    return samples


def _by_stem(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        if path.stem in found:
            raise UserError(f"{folder} has both {found[path.stem].name} and {path.name}; keep one.")
        found[path.stem] = path
    return found


def _masks_of(images: dict[str, Path], masks: dict[str, Path]) -> dict[str, Path]:
    """Masks under the stem of their image; those without an image keep their own stem."""
    paired, left = {}, dict(masks)
    for ending in _MASK_ENDINGS:
        for stem in images:
            if stem not in paired and stem + ending in left:
                paired[stem] = left.pop(stem + ending)
    return paired | left


def _read_split(root: Path, modality: str | None, stems: list[str]) -> dict[str, list[str]]:
    path = root / "split.json"
    if not path.exists():
        val = default_val(stems)
        return {"train": [stem for stem in stems if stem not in val], "val": val}
    try:
        split = json.loads(path.read_text(encoding="utf-8"))
        split = split.get(modality or "sem", split)
        names = ("train", "val", "test")
        split = {name: [str(stem) for stem in split.get(name, [])] for name in names}
    except (ValueError, AttributeError, TypeError, OSError) as error:
        raise UserError(
            f'{path} is not a split: it needs {{"train": [names], "val": [names]}} as JSON.'
        ) from error
    twice = set(split["train"]) & (set(split["val"]) | set(split["test"]))
    if twice:
        raise UserError(f"{path} names {min(twice)} in train and in another part; keep one.")
    return split


def read_papers(root: Path) -> dict[str, str]:
    """Return the source of each stem that papers.json names; without one, none."""
    path = root / "papers.json"
    if not path.exists():
        return {}
    try:
        papers = json.loads(path.read_text(encoding="utf-8"))
        return {str(stem): str(paper) for stem, paper in papers.items()}
    except (ValueError, AttributeError, OSError) as error:
        raise UserError(f'{path} is no table of sources: it needs {{"stem": "source"}}.') from error


def default_val(stems: list[str]) -> list[str]:
    """Every k-th of the sorted stems, a tenth of them and at least one; none of a single one."""
    stems = sorted(stems)
    wanted = max(1, round(len(stems) / 10))
    step = len(stems) // wanted if len(stems) > 1 else 1
    return stems[step - 1 :: step][:wanted] if len(stems) > 1 else []
