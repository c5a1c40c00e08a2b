"""The Segment tab: micrographs come in; their particles are outlined, corrected and measured."""

from __future__ import annotations

import html
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr
import numpy as np
from PIL import Image

from fancgan.errors import UserError
from fancgan.measuring.analysis import distribution_of, pooled_values
from fancgan.measuring.distribution import MEANINGS, OF_SIZES, histogram
from fancgan.measuring.properties import SIZES
from fancgan.measuring.results import (
    bundle_facts,
    csv_bytes,
    overlay_png,
    particle_table,
    zip_bytes,
)
from fancgan.microscopy import image_files
from fancgan.microscopy.pixel_size import SIDE_SUFFIXES
from fancgan.ui import wire
from fancgan.ui.page import MODEL, asset, shown_as_toast
from fancgan.ui.segment.open_files import Bench, offered_quantities

if TYPE_CHECKING:
    from fancgan.pipeline import Pipeline
    from fancgan.ui.models import Models
    from fancgan.ui.sketch.painted import Painted

STATE_SECONDS = 1800
MAX_ACTIONS = 200
TABLE_COLUMNS = (
    "label",
    "ecd",
    "feret_max",
    "feret_min",
    "aspect_ratio",
    "circularity_iso",
    "solidity",
    "area",
    "mean_grey",
    "touches_border",
)
TAKE_ACTIONS = "(bench, actions) => [bench, window.fancganSegment.take()]"
SAY_FAILED = "() => window.fancganSegment.failed()"
SAY_OPENING = "(...all) => { window.fancganSegment.opening(); return all; }"


def build(pipe: Pipeline, models: Models, painted: gr.State) -> None:
    """Add the tab's components and events; painted holds the last image of the Sketch tab."""
    plain = {"apply_default_css": False, "padding": False, "container": False}
    bench = gr.State(Bench(models.default), time_to_live=STATE_SECONDS)
    with gr.Row(elem_classes="fa-drop"):
        upload = gr.File(
            label="Micrographs",
            elem_id="micrograph",
            height=110,
            file_count="multiple",
            show_label=False,
        )
        with gr.Column(min_width=200, elem_classes="fa-drop-side"):
            take = gr.Button(
                "Take the image from Sketch", size="md", elem_id="take-sketch", min_width=0
            )
            stop = gr.Button("Stop", size="md", elem_id="stop-opening", min_width=0)
            gr.HTML(
                "<p class='fa-note'>TIFF (8, 16, 32 bit), PNG, JPEG, BMP; JEOL, Hitachi and Tescan "
                "text files may come along. Nothing of yours is kept or logged.</p>",
                **plain,
            )
    with gr.Row(elem_classes="fa-bench fa-segment"):
        with gr.Column(min_width=320, scale=3, elem_classes="fa-left"):
            picture = gr.HTML(
                None,
                html_template=asset("segment.html"),
                js_on_load=asset("segment.js"),
                elem_id="result",
                **plain,
            )
        with gr.Column(min_width=320, scale=2, elem_classes="fa-left"):
            numbers = gr.HTML(
                None,
                html_template=asset("sizes.html"),
                js_on_load=asset("sizes.js"),
                elem_id="sizes",
                **plain,
            )
    parcel = gr.HTML(
        None, html_template="<i></i>", js_on_load=asset("parcel.js"), elem_id="parcel", **plain
    )
    actions = gr.JSON(visible=False)
    shown = {"outputs": [bench, picture, numbers], "api_visibility": "private"}
    quiet = {"show_progress": "hidden", **MODEL}

    opening = upload.upload(
        partial(_open, models), inputs=[bench, upload], js=SAY_OPENING, **shown, **quiet
    )
    opening.failure(None, js=SAY_FAILED)
    opening.then(lambda: None, outputs=upload, api_visibility="private", show_progress="hidden")
    stop.click(None, cancels=opening, js=SAY_FAILED)
    taking = take.click(
        partial(_take_painted, models, pipe.nm_per_px), inputs=[bench, painted], **shown, **quiet
    )
    taking.failure(None, js=SAY_FAILED)
    acting = picture.input(
        partial(_act, models),
        inputs=[bench, actions],
        js=TAKE_ACTIONS,
        trigger_mode="always_last",
        **shown,
        **quiet,
    )
    acting.failure(None, js=SAY_FAILED)
    saving = numbers.submit(
        partial(_save, models),
        inputs=[bench, actions],
        outputs=parcel,
        js="(bench) => [bench, window.fancganSizes.wanted()]",
        api_visibility="private",
        **quiet,
    )
    saving.failure(None, js="() => window.fancganSizes.failed()")


@shown_as_toast
def _open(models: Models, bench: Bench, paths: list[str] | None) -> Iterator[tuple]:
    """Open each uploaded file and show it as soon as it is ready; bad ones are said and left."""
    files = [Path(path) for path in paths or []]
    pictures = [path for path in files if path.suffix.lower() not in SIDE_SUFFIXES]
    if not pictures:
        raise UserError("No micrograph arrived: drop a TIFF, PNG, JPEG or BMP file.")
    beside = [path for path in files if path.suffix.lower() in SIDE_SUFFIXES]
    bad = []
    for number, path in enumerate(pictures, 1):
        try:
            with _beside(path, beside) as place:
                bench.open(models, place, path.stem)
            bench.sheet.path = path
        except UserError as error:
            bad.append(error)
            if len(pictures) > 1:
                gr.Warning(html.escape(str(error), quote=False))
            continue
        if number < len(pictures):
            yield bench, *_shown(models, bench, f"{number + 1} of {len(pictures)}")
    if bad and len(pictures) == 1:
        raise bad[0]
    yield bench, *_shown(models, bench)


@contextmanager
def _beside(picture: Path, others: list[Path]) -> Iterator[Path]:
    """Give the picture in a folder with the side files of its stem, as they lay at home."""
    own = [path for path in others if path.stem == picture.stem]
    if not own:
        yield picture
        return
    with tempfile.TemporaryDirectory(dir=picture.parent) as folder:
        for path in (picture, *own):
            shutil.copyfile(path, Path(folder) / path.name)
        yield Path(folder) / picture.name


@shown_as_toast
def _take_painted(
    models: Models, nm_per_px: float | None, bench: Bench, painted: Painted | None
) -> tuple:
    if painted is None:
        raise UserError("There is no synthetic image yet: paint one in the Sketch tab.")
    bench.put(models, painted.image, "fancgan_synthetic_sketch", nm_per_px)
    return bench, *_shown(models, bench)


@shown_as_toast
def _act(models: Models, bench: Bench, actions: list | None) -> tuple:
    if not isinstance(actions, list) or len(actions) > MAX_ACTIONS:
        raise UserError("The page's message did not arrive whole: please try again.")
    failed = False
    for action in actions:
        try:
            bench.act(models, action)
        except UserError as error:  # the page shall show what is, whatever was asked for
            failed = True
            gr.Warning(html.escape(str(error), quote=False))
    picture, numbers = _shown(models, bench)
    return bench, picture | {"failed": failed}, numbers


@shown_as_toast
def _save(models: Models, bench: Bench, wanted: object) -> dict:
    """Make the file that was asked for; it travels as data and is never written here."""
    pipe = models.get(bench.model)
    sheet, facts = bench.sheet, bundle_facts(pipe.config, pipe.revision)
    many = len(bench.sheets) > 1
    name = "fancgan_results" if many else f"{sheet.name}_results"
    match wanted:
        case "zip":
            content, mime = zip_bytes(bench.analyses, facts, bench.quantity), "application/zip"
            name += ".zip"
        case "csv":
            content, mime = csv_bytes(particle_table(bench.measured)), "text/csv"
            name = "particles.csv" if bench.pooled else f"{sheet.name}_particles.csv"
        case "labels":
            labels, scale = sheet.analysis.labels, sheet.analysis.field.nm_per_px
            content, mime = image_files.label_tiff(labels, scale), "image/tiff"
            name = f"{sheet.name}_labels.tif"
        case "overlay":
            content, mime = overlay_png(sheet.analysis), "image/png"
            name = f"{sheet.name}_overlay.png"
        case _:
            raise UserError("There is no such file to save.")
    return {"token": wire.token(), "name": name, "url": wire.data_url(content, mime)}


def _shown(models: Models, bench: Bench, note: str = "") -> tuple[dict, dict]:
    """What the page needs to show the bench: the picture's part and the numbers' part."""
    if not bench.sheets:
        return {"token": wire.token(), "sheets": []}, {"token": wire.token()}
    return _picture(models, bench, note), _numbers(bench)


def _picture(models: Models, bench: Bench, note: str) -> dict:
    sheet = bench.sheet
    analysis, settings = sheet.analysis, sheet.settings
    field = analysis.field
    height, width = sheet.grey.shape
    measured = analysis.measured
    return {
        "token": wire.token(),
        "note": note,
        "models": models.names,
        "model": bench.model,
        "sheets": [one.name for one in bench.sheets],
        "current": bench.current,
        "picture": sheet.token,
        "image": wire.data_url(image_files.png_bytes(Image.fromarray(sheet.grey))),
        "labels": wire.data_url(labels_png(analysis.labels)),
        "width": width,
        "height": height,
        "rows": field.pixels.shape[0],
        "pages": sheet.micrograph.pages,
        "nm_per_px": field.nm_per_px,
        "nm_source": field.nm_source,
        "synthetic": field.synthetic,
        "count": len(measured.table),
        "cautions": list(measured.cautions),
        "settings": settings.to_dict() | {"edits": len(settings.edits)},
        "can_redo": bool(sheet.undone),
    }


def labels_png(labels: np.ndarray) -> bytes:
    """Return labels [H, W] below 2^24 as an RGB PNG, the number in its three bytes."""
    bytes_ = labels.astype("<u4")[..., None].view(np.uint8)[..., :3]
    return image_files.png_bytes(Image.fromarray(np.ascontiguousarray(bytes_)))


def _numbers(bench: Bench) -> dict:
    sheet, measured = bench.sheet, bench.measured
    mixed = len({one.unit for one in measured}) > 1
    if mixed:
        measured = [sheet.analysis.measured]
    found = distribution_of(measured, bench.quantity)
    values, weights, _ = pooled_values(measured, bench.quantity)
    edges, share = histogram(values, weights)
    column = measured[0].column(bench.quantity)
    unit = {"nm": "nm", "nm2": "nm²", "px": "px"}.get(column.rpartition("_")[2], "")
    if bench.quantity == "area" and unit == "px":
        unit = "px²"
    names = [
        name for name in MEANINGS if name not in OF_SIZES or bench.quantity in (*SIZES, "perimeter")
    ]
    table = sheet.analysis.measured
    return {
        "token": wire.token(),
        "picture": sheet.token,
        "name": sheet.name,
        "sheets": len(bench.sheets),
        "pooled": bench.pooled,
        "mixed": mixed,
        "quantity": bench.quantity,
        "quantities": offered_quantities(),
        "unit": unit,
        "n": found.n,
        "over": found.over,
        "edges": _numbers_of(edges),
        "share": _numbers_of(share),
        "statistics": [
            [name, MEANINGS[name], *_numbers_of(vars(found.estimates[name]).values())]
            for name in names
        ],
        "fit_distance": _numbers_of([found.fit_distance])[0],
        "columns": [table.column(name) for name in TABLE_COLUMNS],
        "rows": [
            [int(row[0]), *_numbers_of(row[1:])]
            for row in table.table[[table.column(name) for name in TABLE_COLUMNS]].to_numpy(float)
        ],
    }


def _numbers_of(values: object) -> list[float | None]:
    """Plain numbers of five digits for JSON; None where one is not known."""
    return [float(f"{v:.5g}") if np.isfinite(v) else None for v in values]
