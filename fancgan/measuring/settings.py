"""What a user may choose for one micrograph."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fancgan.documents.schema import at_most, between, check_fields, inside, one_of
from fancgan.errors import UserError
from fancgan.measuring.corrections import check_edits
from fancgan.measuring.filters import Ends, check_filters
from fancgan.microscopy.micrograph import CHANNELS
from fancgan.microscopy.regions import check_boxes, check_regions
from fancgan.segmentation.typical_diameter import MAX_DIAMETER_PX

MAX_NM_PER_PX = 1e6
MAX_WORDS = 60
ROWS = "a number of rows, not fewer than 0"
POSITIVE = "a positive pixel size in nanometres, such as 7.34"
DIAMETER = f"a typical particle between 1 and {MAX_DIAMETER_PX} pixels"


@dataclass(frozen=True)
class Settings:
    """What a user may choose. Stored with every result: with the file it gives the same again.

    nm_per_px: pixel size in nm; None is what the file says. bar_rows: rows cut off at the bottom,
    top_rows: rows left out at the top; None is as found. page: of a file with several. invert: dark
    particles on bright ground.
    rescale: let the network see the picture at the scale of its training images, if both are known.
    split: -1 merges what touches, 1 splits most, 0 is the bundle's operating point.
    min_area_px: smaller particles are left out; None is the bundle's. diameter_px: of the typical
    particle, for a model that looks at any scale; None lets it find out. show_anyway: statistics
    even where the model doubts its outlines. scale_bar: what nm_per_px was read from, such as
    "200 nm = 83 px"; "" where it is entered by hand. regions: where particles are measured, see
    microscopy/regions.py; written: boxes (x, y, width, height) of words and scale bars in the
    picture, None is as found. threshold: on the probability of particle, 0 to 1; None is the
    bundle's. channel: what a picture in colour is measured by, one of CHANNELS; grey ones take no
    notice. edits: see corrections.py. filters: which particles count, see filters.py.
    """

    nm_per_px: Annotated[float, inside(0, MAX_NM_PER_PX, POSITIVE)] | None = None
    bar_rows: Annotated[int, between(0, words=ROWS)] | None = None
    page: Annotated[int, between(0, words="one counted from 0")] = 0
    invert: bool = False
    rescale: bool = True
    split: Annotated[float, between(-1, 1, "between -1 (merge) and 1 (split)")] = 0.0
    min_area_px: Annotated[int, between(1, words="1 pixel or more")] | None = None
    diameter_px: Annotated[float, between(1, MAX_DIAMETER_PX, DIAMETER)] | None = None
    show_anyway: bool = False
    scale_bar: Annotated[str, at_most(MAX_WORDS)] = ""
    top_rows: Annotated[int, between(0, words=ROWS)] | None = None
    regions: tuple[dict, ...] = ()
    written: tuple[list[int], ...] | None = None
    edits: tuple[dict, ...] = ()
    threshold: Annotated[float, inside(0, 1, "more than 0 and less than 1")] | None = None
    channel: Annotated[str, one_of(*CHANNELS)] | None = None
    filters: Mapping[str, Ends] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "edits", tuple(check_edits(self.edits)))
        object.__setattr__(self, "regions", tuple(check_regions(self.regions)))
        if self.written is not None:
            object.__setattr__(self, "written", tuple(check_boxes(self.written)))
        object.__setattr__(self, "filters", check_filters(self.filters))
        check_fields(self, "The setting")

    def to_dict(self) -> dict:
        lists = {n: list(v) for n, v in vars(self).items() if isinstance(v, tuple)}
        return dataclasses.asdict(self) | lists

    @classmethod
    def from_dict(cls, values: object) -> Settings:
        """Return the settings of `to_dict`; raise UserError for anything else."""
        names = {f.name for f in dataclasses.fields(cls)}
        if not isinstance(values, dict) or not set(values) <= names:
            raise UserError(f"Settings may hold {', '.join(sorted(names))}, and nothing else.")
        return cls(**values)


# By the name of a file: the name of the model and the settings.
StoredSettings = dict[str, tuple[str, Settings]]
MAX_STORED_BYTES = 50_000_000


def stored_settings(path: Path) -> StoredSettings:
    """Return what a settings.json of an earlier result holds, or the one in a zip of results.

    Raises UserError where it is none.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive, archive.open("settings.json") as file:
                text = file.read(MAX_STORED_BYTES)
        else:
            text = path.read_bytes()
        document = json.loads(text)
        bundle = document.get("bundle", {})
        return {
            str(name): (
                str((field.get("bundle") or bundle).get("name", "")),
                Settings.from_dict(field["settings"]),
            )
            for name, field in document["fields"].items()
        }
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise UserError(f"{path.name} is no settings.json of an earlier result.") from error
