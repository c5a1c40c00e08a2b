"""What the page is told of the open files: the picture's part and the numbers' part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from fancgan.measuring.analysis import (
    Analysis,
    Measured,
    distribution_of,
    pooled_values,
    unfiltered_by,
)
from fancgan.measuring.distribution import MEANINGS, WEIGHTINGS, histogram
from fancgan.measuring.filters import NAMES
from fancgan.measuring.properties import SHAPES
from fancgan.measuring.results import QUANTITIES
from fancgan.microscopy import image_files
from fancgan.microscopy.words import can_read
from fancgan.ui import wire
from fancgan.ui.segment.arranged import arrangement
from fancgan.ui.segment.numbers import plain

if TYPE_CHECKING:
    from fancgan.ui.models import Models
    from fancgan.ui.segment.open_files import OpenFiles

SHAPE_NUMBERS = {"shape": {name: number for number, name in enumerate(SHAPES)}}
UNSURE = 0.7  # a particle of less confidence has a broken outline
TABLE_COLUMNS = (
    "label",
    "ecd",
    "confidence",
    "feret_max",
    "feret_min",
    "aspect_ratio",
    "circularity_iso",
    "solidity",
    "area",
    "mean_grey",
    "length",
    "width",
    "neighbour_distance",
    "shape",
    "touches_border",
)


def shown(models: Models, open_files: OpenFiles, note: str = "") -> tuple[dict, dict]:
    """Return what the page needs to show the open files; note: how far opening is."""
    asked = {"asked": [name for _, name in open_files.asked]}
    said = open_files.said
    if not open_files.files:
        can_undo = bool(open_files.history.past)
        empty = {"token": wire.token(), "files": [], "said": said, "can_undo": can_undo}
        return empty | asked, {"token": wire.token()}
    any_scale = models.get(open_files.file.model).any_scale
    return _picture(models, open_files, note, said) | asked, _numbers(open_files, any_scale)


def _picture(models: Models, open_files: OpenFiles, note: str, said: str) -> dict:
    file = open_files.file
    analysis, settings = file.result, file.settings
    field = analysis.field
    height, width = file.grey.shape
    measured = analysis.measured
    return {
        "token": wire.token(),
        "note": note,
        "models": [(name, models.title(name)) for name in models.names],
        "model": file.model,
        "files": [one.name for one in open_files.files],
        "current": open_files.current,
        "picture": file.token,
        "image": wire.data_url(image_files.png_bytes(Image.fromarray(file.grey))),
        "labels": wire.data_url(labels_png(analysis.everything.labels)),
        "width": width,
        "height": height,
        "rows": field.pixels.shape[0],
        "top_rows": field.top_rows,
        "area_px": measured.area_px,
        "pages": file.micrograph.pages,
        "nm_per_px": field.nm_per_px,
        "nm_source": field.nm_source,
        "synthetic": field.synthetic,
        "count": len(measured.table),
        "left_out": _left_out(analysis),
        "threshold": round(settings.threshold or models.get(file.model).threshold, 3),
        "any_scale": models.get(file.model).any_scale,
        "diameter_px": plain([measured.diameter_px or np.nan])[0],
        "withheld": measured.withheld,
        "unsure": _unsure(measured),
        "written": file.finding.judged.written,
        "cautions": [] if measured.withheld else list(measured.cautions),
        "settings": settings.to_dict() | {"edits": len(settings.edits)},
        "can_undo": bool(open_files.history.past),
        "can_redo": bool(open_files.history.undone),
        "waiting": len(open_files.waiting),
        "said": said,
        "unsaved": open_files.is_unsaved,
        "session": session(open_files) if open_files.is_unsaved else None,
    }


def session(open_files: OpenFiles) -> dict:
    """Return what `stored_settings` reads: models, settings and corrections of all open files."""
    return {
        "fields": {
            file.name: {"bundle": {"name": model}, "settings": settings.to_dict()}
            for file in open_files.files
            for model, settings in (file.chosen,)
        }
    }


def _unsure(measured: Measured) -> list[int]:
    """Numbers of the particles that the model is not sure of."""
    table = measured.table
    return table["label"][table["confidence"] < UNSURE].tolist() if "confidence" in table else []


def _left_out(analysis: Analysis) -> list[int]:
    """Numbers of the particles that filters leave out."""
    everything, counted = analysis.everything.measured.table, analysis.measured.table
    return sorted(set(everything["label"].tolist()) - set(counted["label"].tolist()))


def labels_png(labels: np.ndarray) -> bytes:
    """Return labels [H, W] below 2^24 as an RGB PNG, the number in its three bytes."""
    bytes_ = labels.astype("<u4")[..., None].view(np.uint8)[..., :3]
    return image_files.png_bytes(Image.fromarray(np.ascontiguousarray(bytes_)))


def _numbers(open_files: OpenFiles, any_scale: bool) -> dict:
    file, table = open_files.file, open_files.file.result.measured
    asked = open_files.counted
    counted = [one for one in asked if not one.measured.withheld]
    mixed = len({one.measured.unit for one in counted}) > 1
    if mixed:
        counted = [one for one in (file.result,) if not one.measured.withheld]
    measured = [one.measured for one in counted]
    names = [name for name in TABLE_COLUMNS if name != "confidence" or name in table.table]
    if table.withheld:
        names = ["label", "confidence"]
    columns = [table.column(name) for name in names]
    answer = {
        "token": wire.token(),
        "picture": file.token,
        "found": file.finding.token,
        "name": file.name,
        "files": len(open_files.files),
        "pooled": open_files.pooled,
        "mixed": mixed,
        "left_out": 0 if mixed else len(asked) - len(measured),
        "filters": table.settings.filters,
        "filtered": sum(one.left_out for one in measured),
        "doubt": table.doubt,
        "withheld": table.withheld,
        "may_propose": (not table.nm_per_px and can_read())
        or (any_scale and (table.withheld if table.doubt else bool(table.nm_per_px))),
        "by": open_files.by,
        "columns": columns,
        "rows": [
            [int(row[0]), *plain(row[1:])]
            for row in table.table[columns].replace(SHAPE_NUMBERS).to_numpy(float)
        ],
    }
    known = all("confidence" in one.table for one in measured)
    quantities = [name for name in QUANTITIES if known or name != "confidence"]
    quantity = open_files.quantity if open_files.quantity in quantities else "ecd"
    answer |= {"quantity": quantity, "quantities": quantities}
    if not measured:
        return answer
    return answer | _distribution(counted, quantity, open_files.by) | arrangement(measured)


def _distribution(counted: list[Analysis], quantity: str, by: str) -> dict:
    measured = [one.measured for one in counted]
    found = distribution_of(measured, quantity, by)
    _, weights, _, amounts = pooled_values(measured, quantity, by)
    # What the filter of this quantity leaves out is shown too, in proportion to what counts.
    shown = [unfiltered_by(one, quantity) for one in counted]
    values, every_weight, _, every_amount = pooled_values(shown, quantity, by)
    edges, share = histogram(values, every_weight * every_amount)
    if len(values) > len(weights) > 0:
        share = share * (every_weight * every_amount).sum() / (weights * amounts).sum()
    column = measured[0].column(quantity)
    return {
        "filter": column if column in NAMES else "",
        "unit": measured[0].unit_of(quantity).replace("2", "²"),
        "n": found.n,
        "weighting": WEIGHTINGS[by],
        "over": found.over,
        "edges": plain(edges),
        "share": plain(share),
        "statistics": [
            [name, MEANINGS[name], *plain(vars(estimate).values())]
            for name, estimate in found.estimates.items()
        ],
        "fit_distance": plain([found.fit_distance])[0],
    }
