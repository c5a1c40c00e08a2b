"""What is wrong with a data set, in plain words, before hours of training are spent on it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from fancgan.datasets.fields import Listing, fit_mask, list_files, load_field
from fancgan.errors import UserError
from fancgan.microscopy.micrograph import Micrograph, read_micrograph, read_raw
from fancgan.particles.labels import label_mask

MIN_IMAGES = 2
FEW_IMAGES = 5
FULL_COVERAGE = 0.75


@dataclass(frozen=True)
class Finding:
    """One fault of a data set.

    level: "error" stops the training, "warning" does not. file: what it is about, relative to the
    data folder ("" = the whole set). sentence: what is wrong and what to do, naming the file.
    """

    level: Literal["error", "warning"]
    file: str
    sentence: str


def preflight(
    root: str | Path, modality: str | None = None, *, crop_px: int = 192, paints: bool = True
) -> list[Finding]:
    """Check a data set as load_fields reads it; errors first, an empty list if all is well.

    Looks at the images and masks of the training and validation split (all of a folder without a
    split.json), not at the test split. crop_px: side of the crops to train on. paints: whether a
    generator is to be trained, which needs whole crops, and looks that can be measured. `check` and
    train.py both ask here, so a set without an error is one that train.py takes.
    """
    try:
        listing = list_files(root, modality)
    except UserError as error:
        return [Finding("error", "", str(error))]
    findings = [*_pairing(listing), *_number(listing)]
    micrographs: dict[str, Micrograph] = {}
    for stem in listing.stems("all"):
        if stem in listing.images:
            findings += _check_image(listing, stem, micrographs)
        if stem in listing.masks:
            findings += _check_mask(listing, stem, micrographs.get(stem))
    findings += _crops(listing, micrographs, crop_px, paints)
    for check in (_info_bars, _pixel_sizes, _twins):
        findings += check(listing, micrographs)
    if paints and not any(finding.level == "error" for finding in findings):
        findings += _looks(listing)
    return sorted(findings, key=lambda finding: finding.level != "error")


def _name(listing: Listing, path: Path) -> str:
    return path.relative_to(listing.root).as_posix()


def _pairing(listing: Listing) -> Iterator[Finding]:
    used = set(listing.stems("all"))
    known = used | set(listing.stems("test"))
    for stem in sorted(used - set(listing.images) - set(listing.masks)):
        sentence = f"split.json names {stem}, but there is no image and no mask of that name."
        yield Finding("error", "split.json", sentence)
    for kind, partner, files, partners in (
        ("image", "mask", listing.images, listing.masks),
        ("mask", "image", listing.masks, listing.images),
    ):
        for stem in sorted(set(files) - set(partners)):
            if kind == "image" and stem not in used:
                continue
            name = _name(listing, files[stem])
            advice = "add it or take the file away" if stem in used else "the file is ignored"
            sentence = f"The {kind} {name} has no {partner} of the same name; {advice}."
            yield Finding("error" if stem in used else "warning", name, sentence)
    for stem in sorted(set(listing.images) - known):
        name = _name(listing, listing.images[stem])
        sentence = f"split.json does not name {name}, so it is not used."
        yield Finding("warning", name, sentence)


def _number(listing: Listing) -> list[Finding]:
    pairs = set(listing.images) & set(listing.masks)
    counts = {part: len(pairs & set(listing.stems(part))) for part in ("train", "val")}
    total = sum(counts.values())
    if total < MIN_IMAGES:
        sentence = (
            f"There are {total} image / mask pairs; at least {MIN_IMAGES} are needed, "
            "one to train and one to validate."
        )
        return [Finding("error", "", sentence)]
    empty = [part for part, count in counts.items() if not count]
    if empty:
        sentence = f"No {empty[0]} pair is left; name at least one under {empty[0]} in split.json."
        return [Finding("error", "split.json", sentence)]
    if total < FEW_IMAGES:
        sentence = f"There are only {total} image / mask pairs; {FEW_IMAGES} or more train better."
        return [Finding("warning", "", sentence)]
    return []


def _check_image(listing: Listing, stem: str, found: dict[str, Micrograph]) -> list[Finding]:
    path = listing.images[stem]
    try:
        found[stem] = read_micrograph(path)
    except UserError as error:
        return [Finding("error", _name(listing, path), str(error))]
    field = found[stem].field
    if field.min() == field.max():
        sentence = f"{path.name} shows nothing: every pixel has the value {field.flat[0]}."
        return [Finding("error", _name(listing, path), sentence)]
    return []


def _check_mask(listing: Listing, stem: str, micrograph: Micrograph | None) -> list[Finding]:
    path = listing.masks[stem]
    name = _name(listing, path)
    try:
        samples = read_raw(path)
        label_mask(samples, name)
        if micrograph is None:
            return []
        covered = float((fit_mask(samples, micrograph, path) > 0).mean())
    except UserError as error:
        return [Finding("error", name, str(error))]
    if covered == 0:
        sentence = f"The mask {name} is empty; draw its particles or take the pair out."
        return [Finding("error", name, sentence)]
    if covered == 1:
        sentence = f"The mask {name} has no background; 0 must mark what is not a particle."
        return [Finding("error", name, sentence)]
    if covered > FULL_COVERAGE:
        sentence = f"Particles cover {covered:.0%} of the mask {name}; see that it is not inverted."
        return [Finding("warning", name, sentence)]
    return []


def _info_bars(listing: Listing, micrographs: dict[str, Micrograph]) -> Iterator[Finding]:
    rows = Counter(m.info_bar_row for m in micrographs.values() if m.info_bar_row is not None)
    for row, count in sorted(rows.items()):
        stem = next(s for s, m in sorted(micrographs.items()) if m.info_bar_row == row)
        name = _name(listing, listing.images[stem])
        which = f"{count} images show" if count > 1 else "One image shows"
        sentence = (
            f"{which} the microscope's info bar ({name}); image and mask are cropped "
            f"automatically at row {row}."
        )
        yield Finding("warning", name, sentence)


def _crops(
    listing: Listing, micrographs: dict[str, Micrograph], crop_px: int, paints: bool
) -> Iterator[Finding]:
    trained = set(listing.stems("train"))
    for stem, micrograph in micrographs.items():
        height, width = micrograph.field.shape
        if min(height, width) >= crop_px:
            continue
        name = _name(listing, listing.images[stem])
        needed = paints and stem in trained
        advice = "choose a smaller --crop-px" if needed else "and learns less from smaller images"
        sentence = (
            f"{name} is only {width} x {height} pixels; training works on crops of {crop_px} x "
            f"{crop_px}{': ' if needed else ' '}{advice}{' or take it out' * needed}."
        )
        yield Finding("error" if needed else "warning", name, sentence)


def _looks(listing: Listing) -> list[Finding]:
    from fancgan.datasets.looks import measure_fields

    try:
        measure_fields(load_field(listing, stem) for stem in listing.stems("train"))
    except UserError as error:
        return [Finding("error", "", str(error))]
    return []


def _pixel_sizes(listing: Listing, micrographs: dict[str, Micrograph]) -> Iterator[Finding]:
    sizes = {stem: m.nm_per_px for stem, m in micrographs.items()}
    known = [size for size in sizes.values() if size is not None]
    if not known:
        return
    if max(known) > 1.02 * min(known):
        sentence = (
            f"The pixel sizes are mixed, {min(known):.4g} to {max(known):.4g} nm; "
            "train one model per magnification."
        )
        yield Finding("warning", "", sentence)
    unknown = [stem for stem, size in sizes.items() if size is None]
    if unknown:
        name = _name(listing, listing.images[unknown[0]])
        sentence = f"{len(unknown)} of {len(sizes)} images do not tell their pixel size ({name})."
        yield Finding("warning", name, sentence)


def _twins(listing: Listing, micrographs: dict[str, Micrograph]) -> Iterator[Finding]:
    """The same picture twice; across the split it would make the validation meaningless."""
    first: dict[tuple, str] = {}
    val = set(listing.stems("val"))
    for stem, micrograph in micrographs.items():
        pixels = np.ascontiguousarray(micrograph.field)
        key = (pixels.shape, hashlib.sha256(pixels.data).hexdigest())
        twin = first.setdefault(key, stem)
        if twin == stem:
            continue
        across = (twin in val) != (stem in val)
        names = [_name(listing, listing.images[s]) for s in (twin, stem)]
        where = ", one in train and one in val" if across else ""
        sentence = f"{names[0]} and {names[1]} are the same picture{where}; take one away."
        yield Finding("error" if across else "warning", names[1], sentence)
