"""The Segment tab: micrographs come in; their particles are outlined, corrected and measured."""

from __future__ import annotations

import html
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np
from PIL import Image

from fancgan.errors import UserError
from fancgan.measuring import overlay
from fancgan.measuring.analysis import distribution_of, pooled_values
from fancgan.measuring.distribution import MEANINGS, OF_SIZES, histogram
from fancgan.measuring.properties import SIZES
from fancgan.measuring.results import (
    QUANTITIES,
    bundle_facts,
    csv_bytes,
    overlay_png,
    particle_table,
    zip_bytes,
)
from fancgan.microscopy import image_files, side_file
from fancgan.microscopy.micrograph import KINDS
from fancgan.ui import wire
from fancgan.ui.page import MODEL, PLAIN, QUIET, component, downloader, shown_as_toast
from fancgan.ui.scripts import call
from fancgan.ui.segment.open_files import OpenFiles

if TYPE_CHECKING:
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
MESSAGES = "segment/messages.js"


def build(models: Models, painted: gr.State) -> None:
    """Add the tab's components and events; painted holds the last image of the Sketch tab."""
    open_files = gr.State(OpenFiles(models.default), time_to_live=STATE_SECONDS)
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
                f"<p class='fa-note'>{KINDS}; JEOL, Hitachi and Tescan text files may come along. "
                "Nothing of yours is kept or logged.</p>",
                **PLAIN,
            )
    with gr.Row(elem_classes="fa-bench fa-segment"):
        with gr.Column(min_width=320, scale=3, elem_classes="fa-left"):
            picture = component("segment/segment", elem_id="result", colours=overlay.OUTLINES)
        with gr.Column(min_width=320, scale=2, elem_classes="fa-left"):
            numbers = component("segment/sizes", elem_id="sizes")
    saved = downloader("parcel")
    actions = gr.JSON(visible=False)
    shown: dict[str, Any] = {"outputs": [open_files, picture, numbers], **QUIET, **MODEL}

    opening = upload.upload(
        partial(_open, models), [open_files, upload], js=call(MESSAGES, "opening"), **shown
    )
    opening.failure(None, js=call(MESSAGES, "failed"))
    opening.then(lambda: None, outputs=upload, **QUIET)
    stop.click(None, cancels=opening, js=call(MESSAGES, "failed"))
    take_painted = partial(_take_painted, models)
    taking = take.click(take_painted, [open_files, painted], **shown)
    taking.failure(None, js=call(MESSAGES, "failed"))
    acting = picture.input(
        partial(_act, models),
        [open_files, actions],
        js=call(MESSAGES, "actions"),
        trigger_mode="always_last",
        **shown,
    )
    acting.failure(None, js=call(MESSAGES, "failed"))
    saving = numbers.submit(
        partial(_save, models),
        [open_files, actions],
        saved,
        js=call(MESSAGES, "wantedFile"),
        **QUIET,
        **MODEL,
    )
    saving.failure(None, js=call(MESSAGES, "savingFailed"))


@shown_as_toast
def _open(models: Models, open_files: OpenFiles, paths: list[str] | None) -> Iterator[tuple]:
    """Open each uploaded file and show it as soon as it is ready; bad ones are said and left."""
    files = [Path(path) for path in paths or []]
    pictures = [path for path in files if path.suffix.lower() not in side_file.DROPPED]
    if not pictures:
        raise UserError(f"No micrograph arrived: {KINDS} are read.")
    beside = [path for path in files if path.suffix.lower() in side_file.DROPPED]
    bad = []
    for number, path in enumerate(pictures, 1):
        try:
            with _beside(path, beside) as place:
                open_files.open(models, place, path.stem)
            open_files.file.path = path
        except UserError as error:
            bad.append(error)
            if len(pictures) > 1:
                gr.Warning(html.escape(str(error), quote=False))
            continue
        if number < len(pictures):
            yield open_files, *_shown(models, open_files, f"{number + 1} of {len(pictures)}")
    if bad and len(pictures) == 1:
        raise bad[0]
    yield open_files, *_shown(models, open_files)


@contextmanager
def _beside(picture: Path, others: list[Path]) -> Iterator[Path]:
    """Give the picture in a folder with its side files, as they lay at home."""
    own = [path for path in others if path.name in side_file.names_of(picture)]
    if not own:
        yield picture
        return
    with tempfile.TemporaryDirectory(dir=picture.parent) as folder:
        for path in (picture, *own):
            shutil.copyfile(path, Path(folder) / path.name)
        yield Path(folder) / picture.name


@shown_as_toast
def _take_painted(models: Models, open_files: OpenFiles, painted: Painted | None) -> tuple:
    if painted is None:
        raise UserError("There is no synthetic image yet: paint one in the Sketch tab.")
    open_files.put(models, painted.image, "fancgan_synthetic_sketch", models.painter.nm_per_px)
    return open_files, *_shown(models, open_files)


@shown_as_toast
def _act(models: Models, open_files: OpenFiles, actions: list | None) -> tuple:
    if not isinstance(actions, list) or len(actions) > MAX_ACTIONS:
        raise UserError("The page's message did not arrive whole: please try again.")
    failed = False
    for action in actions:
        try:
            open_files.act(models, action)
        except UserError as error:  # the page shall show what is, whatever was asked for
            failed = True
            gr.Warning(html.escape(str(error), quote=False))
    picture, numbers = _shown(models, open_files)
    return open_files, picture | {"failed": failed}, numbers


@shown_as_toast
def _save(models: Models, open_files: OpenFiles, wanted: object) -> dict:
    """Make the file that was asked for; it travels as data and is never written here."""
    pipe = models.get(open_files.model)
    file, facts = open_files.file, bundle_facts(pipe.config, pipe.revision)
    many = len(open_files.files) > 1
    name = "fancgan_results" if many else f"{file.name}_results"
    match wanted:
        case "zip":
            content = zip_bytes(open_files.analyses, facts, open_files.quantity)
            mime, name = "application/zip", f"{name}.zip"
        case "csv":
            content, mime = csv_bytes(particle_table(open_files.measured)), "text/csv"
            name = "particles.csv" if open_files.pooled else f"{file.name}_particles.csv"
        case "labels":
            labels, scale = file.result.labels, file.result.field.nm_per_px
            content, mime = image_files.label_tiff(labels, scale), "image/tiff"
            name = f"{file.name}_labels.tif"
        case "overlay":
            content, mime = overlay_png(file.result), "image/png"
            name = f"{file.name}_overlay.png"
        case _:
            raise UserError("There is no such file to save.")
    return {"token": wire.token(), "name": name, "url": wire.data_url(content, mime)}


def _shown(models: Models, open_files: OpenFiles, note: str = "") -> tuple[dict, dict]:
    """What the page needs to show the open files: the picture's part and the numbers' part."""
    if not open_files.files:
        return {"token": wire.token(), "files": []}, {"token": wire.token()}
    return _picture(models, open_files, note), _numbers(open_files)


def _picture(models: Models, open_files: OpenFiles, note: str) -> dict:
    file = open_files.file
    analysis, settings = file.result, file.settings
    field = analysis.field
    height, width = file.grey.shape
    measured = analysis.measured
    return {
        "token": wire.token(),
        "note": note,
        "models": models.titles(),
        "model": open_files.model,
        "files": [one.name for one in open_files.files],
        "current": open_files.current,
        "picture": file.token,
        "image": wire.data_url(image_files.png_bytes(Image.fromarray(file.grey))),
        "labels": wire.data_url(labels_png(analysis.labels)),
        "width": width,
        "height": height,
        "rows": field.pixels.shape[0],
        "pages": file.micrograph.pages,
        "nm_per_px": field.nm_per_px,
        "nm_source": field.nm_source,
        "synthetic": field.synthetic,
        "count": len(measured.table),
        "cautions": list(measured.cautions),
        "settings": settings.to_dict() | {"edits": len(settings.edits)},
        "can_redo": bool(file.undone),
    }


def labels_png(labels: np.ndarray) -> bytes:
    """Return labels [H, W] below 2^24 as an RGB PNG, the number in its three bytes."""
    bytes_ = labels.astype("<u4")[..., None].view(np.uint8)[..., :3]
    return image_files.png_bytes(Image.fromarray(np.ascontiguousarray(bytes_)))


def _numbers(open_files: OpenFiles) -> dict:
    file, measured = open_files.file, open_files.measured
    mixed = len({one.unit for one in measured}) > 1
    measured = [file.result.measured] if mixed else measured
    found = distribution_of(measured, open_files.quantity)
    values, weights, _ = pooled_values(measured, open_files.quantity)
    edges, share = histogram(values, weights)
    column = measured[0].column(open_files.quantity)
    unit = {"nm": "nm", "nm2": "nm²", "px": "px"}.get(column.rpartition("_")[2], "")
    if open_files.quantity == "area" and unit == "px":
        unit = "px²"
    of_length = open_files.quantity in (*SIZES, "perimeter")
    names = [name for name in MEANINGS if of_length or name not in OF_SIZES]
    table = file.result.measured
    columns = [table.column(name) for name in TABLE_COLUMNS]
    return {
        "token": wire.token(),
        "picture": file.token,
        "name": file.name,
        "files": len(open_files.files),
        "pooled": open_files.pooled,
        "mixed": mixed,
        "quantity": open_files.quantity,
        "quantities": QUANTITIES,
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
        "columns": columns,
        "rows": [
            [int(row[0]), *_numbers_of(row[1:])] for row in table.table[columns].to_numpy(float)
        ],
    }


def _numbers_of(values: Iterable[float]) -> list[float | None]:
    """Plain numbers of five digits for JSON; None where one is not known."""
    return [float(f"{v:.5g}") if np.isfinite(v) else None for v in values]
