"""Results as files: tables, labels, pictures, regions, annotations, a report, all in one zip."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

import pandas as pd
from PIL import Image

from fancgan.files import Content, zipped
from fancgan.measuring import overlay
from fancgan.measuring.analysis import Analysis, Measured, pooled_values, radial_of
from fancgan.measuring.annotations import CocoDocument, coco_image, imagej_rois
from fancgan.measuring.distribution import (
    BY_NUMBER,
    LEVEL,
    MEANINGS,
    WITHOUT_UNIT,
    mean_orientation,
    median_of,
)
from fancgan.measuring.properties import FURTHER, RATIOS, SHAPES, SIZES
from fancgan.measuring.tables.pool import Pool
from fancgan.measuring.tables.rows import Rows
from fancgan.measuring.tables.spreadsheets import csv_bytes, csv_parts, parquet_parts, xlsx_bytes
from fancgan.microscopy import image_files

IN_STATISTICS = (*SIZES, "perimeter", "area", *RATIOS, "length", "width", "neighbour_distance")
QUANTITIES = (*IN_STATISTICS, "frame_distance", "mean_grey", "confidence")


def particle_table(measured: Sequence[Measured]) -> pd.DataFrame:
    """Return the particles of all micrographs, the file's name in the first column."""
    tables = []
    for one in measured:
        table = one.table.copy()
        table.insert(0, "file", one.name)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def statistics_table(measured: Sequence[Measured], by: str = "number") -> pd.DataFrame:
    """Return the statistics of every quantity: one row each, with unit, interval and meaning.

    by: one of WEIGHTINGS. Where some micrographs have a scale and others not, only what needs none
    is given.
    """
    rows, pool = [], Pool.of(measured)
    scales = {one.unit for one in measured}
    for quantity in IN_STATISTICS if len(scales) == 1 else RATIOS:
        found = pool.distribution(quantity, by)
        if quantity in FURTHER and not found.n:
            continue
        unit = measured[0].unit_of(quantity) or "1"
        for name, estimate in found.estimates.items():
            rows.append(
                {
                    "quantity": quantity,
                    "statistic": name,
                    "value": estimate.value,
                    f"low_{LEVEL:.0%}": estimate.low,
                    f"high_{LEVEL:.0%}": estimate.high,
                    "unit": "1" if name in WITHOUT_UNIT else unit,
                    "n": found.n,
                    "interval_over": found.over,
                    "meaning": MEANINGS[name],
                    "by": "number" if name in BY_NUMBER else by,
                }
            )
    degrees = pool.uncut("orientation_deg")
    direction, order = mean_orientation(degrees, pool.uncut("border_weight"))
    for name, value, unit, meaning in (
        ("mean_direction", direction, "deg", "mean direction of the major axes, 0 to 180"),
        ("order", order, "1", "0: no preferred direction, 1: all parallel"),
    ):
        row = {"quantity": "orientation", "statistic": name, "value": value, "unit": unit}
        rows.append(row | {"n": len(degrees), "meaning": meaning})
    return pd.DataFrame(rows)


def summary_row(one: Measured) -> dict:
    """Return the row of a micrograph in `summary_table`."""
    values, weights, *_ = pooled_values([one], "ecd")
    apart, apart_weights, *_ = pooled_values([one], "neighbour_distance")
    return {
        "file": one.name,
        "width_px": one.width_px,
        "height_px": one.height_px,
        "nm_per_px": one.nm_per_px,
        "nm_source": one.nm_source,
        "bar_rows": one.bar_rows,
        "top_rows": one.top_rows,
        "measured_area_px": one.area_px,
        "measured_area_um2": one.area_px * one.nm_per_px**2 / 1e6 if one.nm_per_px else None,
        "particles": len(one.table),
        "whole_particles": len(values),
        "left_out": one.left_out,
        f"ecd_median_{one.unit}": None if one.withheld else median_of(values, weights),
        "typical_diameter_px": one.diameter_px,
        "confidence": one.confidence,
        "withheld": one.doubt if one.withheld else "",
        "covered": one.covered,
        "per_um2": one.per_um2,
        f"neighbour_distance_median_{one.unit}": None
        if one.withheld
        else median_of(apart, apart_weights),
        **{name: int((one.table["shape"] == name).sum()) for name in SHAPES},
        "cautions": " ".join(one.cautions),
    }


def summary_table(measured: Sequence[Measured]) -> pd.DataFrame:
    """Return one row per micrograph: what was read, how many particles, their median size."""
    return pd.DataFrame([summary_row(one) for one in measured])


def radial_table(measured: Sequence[Measured]) -> pd.DataFrame:
    """Return the radial distribution function of all: between which distances, and g there."""
    edges, g = radial_of(measured)
    unit = measured[0].unit
    return pd.DataFrame({f"from_{unit}": edges[:-1], f"to_{unit}": edges[1:], "g": g})


def overlay_png(analysis: Analysis) -> bytes:
    """Return the field with coloured outlines and, where the scale is known, a scale bar."""
    image = overlay.composite(analysis.field.grey, overlay.outline_layer(analysis.labels))
    if analysis.field.nm_per_px:
        overlay.draw_scale_bar(image, analysis.field.nm_per_px)
    text = {"Software": "F-ANcGAN", "Particles": str(len(analysis.measured.table))}
    return image_files.png_bytes(image, text | _marks(analysis), level=6)


def measured_name(name: str) -> str:
    """Return the name of the file that holds a field as it was measured."""
    return f"{name}_measured.png"


def measured_png(analysis: Analysis) -> bytes:
    """Return the field as it was measured: cut, in 8-bit grey levels, the outlines' own pixels."""
    text = {"Software": "F-ANcGAN"} | _marks(analysis)
    return image_files.png_bytes(Image.fromarray(analysis.field.grey), text, level=6)


def _marks(analysis: Analysis) -> dict[str, str]:
    return {"Synthetic": "true"} if analysis.field.synthetic else {}


def facts_of(
    measured: Sequence[Measured], bundle: dict, bundles: dict[str, dict] | None = None
) -> dict:
    """Return what is needed to repeat the analysis; bundle: name and revision of the model.

    bundles: the same by the name of a file, where not all have one model.
    """
    return {
        "software": "F-ANcGAN",
        "bundle": bundle,
        "fields": {
            one.name: {
                "settings": one.settings.to_dict(),
                "nm_per_px": one.nm_per_px,
                "nm_source": one.nm_source,
                "bar_rows": one.bar_rows,
                "top_rows": one.top_rows,
                "measured_area_px": one.area_px,
                "synthetic": one.synthetic,
                "confidence": one.confidence,
                "typical_diameter_px": one.diameter_px,
                "doubt": one.doubt,
                "cautions": list(one.cautions),
                **({"bundle": bundles[one.name]} if bundles else {}),
            }
            for one in measured
        },
        "statistics": "particles cut by the frame left out, the others weighted by "
        "W H / ((W - Fx)(H - Fy)); intervals by bootstrap",
    }


def bundle_facts(config: dict, revision: str) -> dict:
    """Return what names a bundle in results."""
    return {"name": str(config.get("name", "own bundle")), "revision": revision}


def field_files(analysis: Analysis) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of a field: NAME_measured.png, _labels.tif, _overlay.png, _rois.zip."""
    name = analysis.field.name
    yield measured_name(name), measured_png(analysis)
    yield f"{name}_labels.tif", image_files.label_tiff(analysis.labels, analysis.field.nm_per_px)
    yield f"{name}_overlay.png", overlay_png(analysis)
    yield f"{name}_rois.zip", imagej_rois(analysis.labels)


class Results:
    """Files of several micrographs: each is written when it is done, what they share at the end.

    bundle: see bundle_facts; bundles: by the name of a file, where they differ. Of a micrograph its
    facts stay in memory, and of the first the picture, which the report shows; what comes with each
    particle lies in files without a name once it is much.
    """

    def __init__(self, bundle: dict, bundles: dict[str, dict] | None = None):
        self.bundle, self.bundles = bundle, bundles
        self.measured = Pool()
        self.first: Analysis | None = None
        self._summary: list[dict] = []
        self._coco = CocoDocument({"description": "particles found by F-ANcGAN", **bundle})

    def add(self, analysis: Analysis) -> None:
        self.add_measured(analysis.measured, annotations_of(analysis), lambda: analysis)

    def add_measured(
        self, measured: Measured, annotations: tuple[dict, list[dict]], load: Callable[[], Analysis]
    ) -> None:
        """Add what annotations_of says of a micrograph; load: the rest, for the report."""
        if self.first is None or self.first.measured.withheld:
            self.first = load()
        self.measured.add(measured)
        self._summary.append(summary_row(measured))
        self._coco.add_image(*annotations)

    def files(
        self, quantity: str = "ecd", by: str = "number", parquet: bool = False
    ) -> Iterator[tuple[str, Content]]:
        """Yield (name, content) of what is shared: tables, report, annotations, settings.

        quantity: what the report shows. by: one of WEIGHTINGS, of statistics and report. parquet:
        the tables of particles and files also in that format.
        The report needs one scale for all; where some pictures have none, it is left out. Files
        whose statistics are withheld (doubts.py) are in the tables of particles and files alone.
        """
        from fancgan.measuring.size_report import report_pdf

        if self.first is None:
            return
        facts = facts_of(self.measured, self.bundle, self.bundles)
        shown, particles = self.measured.trusted, self.measured.rows
        tables: dict[str, pd.DataFrame | Rows] = {"particles": particles}
        if shown:
            tables["statistics"] = statistics_table(shown, by)
        tables["files"] = files = pd.DataFrame(self._summary)
        if shown and len(radial := radial_table(shown)):
            tables["radial"] = radial
        for name, table in tables.items():
            is_small = isinstance(table, pd.DataFrame)
            yield f"{name}.csv", csv_bytes(table) if is_small else csv_parts(table.parts())
        if parquet:
            yield "particles.parquet", parquet_parts(particles.parts())
            yield "files.parquet", parquet_parts([files])
        yield "particles.xlsx", xlsx_bytes(tables, facts)
        yield "annotations_coco.json", self._coco.parts()
        yield "settings.json", json.dumps(facts, indent=1).encode()
        if len({one.unit for one in shown}) == 1:
            yield "report.pdf", report_pdf(self.first, shown, self.bundle, quantity, by)


def annotations_of(analysis: Analysis) -> tuple[dict, list[dict]]:
    """Return COCO's entries of a micrograph and of its particles, numbered from 1."""
    name, scale = measured_name(analysis.field.name), analysis.field.nm_per_px
    image, found = coco_image(analysis.labels, name, 1, 1)
    return image | ({"nm_per_px": scale} if scale else {}), found


def zip_bytes(
    analyses: Sequence[Analysis],
    bundle: dict,
    quantity: str = "ecd",
    by: str = "number",
    bundles: dict[str, dict] | None = None,
) -> bytes:
    """Return all result files of the micrographs as one zip; see `Results`."""
    results = Results(bundle, bundles)

    def files() -> Iterator[tuple[str, Content]]:
        for analysis in analyses:
            results.add(analysis)
            yield from field_files(analysis)
        yield from results.files(quantity, by)

    return zipped(files())
