"""The Segment tab: micrographs come in; their particles are outlined, corrected and measured."""

from __future__ import annotations

import html
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from fancgan.errors import Stopped, UserError, stopped_by
from fancgan.measuring import overlay
from fancgan.measuring.results import (
    bundle_facts,
    overlay_png,
    particle_table,
    zip_bytes,
)
from fancgan.measuring.settings import stored_settings
from fancgan.measuring.tables.spreadsheets import csv_bytes
from fancgan.microscopy import image_files, side_file
from fancgan.microscopy.micrograph import KINDS
from fancgan.ui import wire
from fancgan.ui.page import (
    FILES,
    MODEL,
    PLAIN,
    QUIET,
    carrier,
    component,
    downloader,
    shown_as_toast,
)
from fancgan.ui.scripts import call
from fancgan.ui.segment import teach_panel
from fancgan.ui.segment.answers import shown
from fancgan.ui.segment.earlier import still_wanted, take_stored
from fancgan.ui.segment.open_files import OpenFiles
from fancgan.ui.segment.proposals import proposals
from fancgan.ui.turns import giving_up, others_wait

if TYPE_CHECKING:
    from fancgan.ui.models import Models
    from fancgan.ui.sketch.painted import Painted

STATE_SECONDS = 1800
RESULTS = (".json", ".zip")  # an earlier result, whose settings are taken over
MAX_ACTIONS = 200
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
                f"<p class='fa-note'>{KINDS}; JEOL, Hitachi and Tescan text files may come along, "
                "and the zip of an earlier result, whose corrections come back. "
                "Nothing of yours is kept or logged.</p>",
                **PLAIN,
            )
    with gr.Row(elem_classes="fa-bench fa-segment"):
        with gr.Column(min_width=320, scale=3, elem_classes="fa-left"):
            picture = component("segment/segment", elem_id="result", colours=overlay.OUTLINES)
        with gr.Column(min_width=320, scale=2, elem_classes="fa-left"):
            numbers = component("segment/sizes", elem_id="sizes", events=("propose",))
    saved, offered = downloader("parcel"), carrier("segment/offered.js", "offered")
    actions = gr.JSON(visible=False)
    numbers.propose(
        partial(_propose, models), open_files, offered, trigger_mode="multiple", **QUIET, **MODEL
    )
    shows: dict[str, Any] = {"outputs": [open_files, picture, numbers], **QUIET, **MODEL}
    opening = upload.upload(
        partial(_open, models), [open_files, upload], js=call(MESSAGES, "opening"), **shows | FILES
    )
    opening.failure(lambda: None, outputs=upload, js=call(MESSAGES, "failed"), **QUIET)
    opening.success(lambda: None, outputs=upload, js=call(MESSAGES, "opened"), **QUIET)
    stopping = giving_up(FILES["concurrency_id"])
    stop.click(stopping, js=call(MESSAGES, "stopping"), queue=False, **QUIET)
    take_painted = partial(_take_painted, models)
    taking = take.click(take_painted, [open_files, painted], js=call(MESSAGES, "working"), **shows)
    taking.failure(None, js=call(MESSAGES, "failed"))
    acting = picture.input(
        partial(_act, models),
        [open_files, actions],
        js=call(MESSAGES, "actions"),
        trigger_mode="always_last",
        **shows,
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
    teach_panel.build(models, open_files, shows)


@shown_as_toast
def _open(models: Models, open_files: OpenFiles, paths: list[str] | None) -> Iterator[tuple]:
    """Open each uploaded file and show it as soon as it is ready; bad ones are said and left."""
    files = [Path(path) for path in paths or []]
    results = [path for path in files if path.suffix.lower() in RESULTS]
    beside = [path for path in files if path.suffix.lower() in side_file.DROPPED]
    pictures = [path for path in files if path not in (*results, *beside)]
    if not pictures and not results:
        raise UserError(f"No micrograph arrived: {KINDS} are read.")
    open_files.said = ""
    for path in results:
        take_stored(models, open_files, stored_settings(path), path.name)
    bad = []
    for number, path in enumerate(pictures, 1):
        try:
            with _beside(path, beside) as place:
                open_files.open(models, place, path.stem, path)
        except UserError as error:
            bad.append(error)
            if len(pictures) > 1:
                gr.Warning(html.escape(str(error), quote=False))
            continue
        if number < len(pictures):
            yield open_files, *shown(models, open_files, f"{number + 1} of {len(pictures)}")
    if bad and len(pictures) == 1:
        raise bad[0]
    if results:
        open_files.said += still_wanted(open_files)
    if results and open_files.files:
        open_files.file.read_again(models)
    yield open_files, *shown(models, open_files)


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
    return open_files, *shown(models, open_files)


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
    picture, numbers = shown(models, open_files)
    return open_files, picture | {"failed": failed}, numbers


@shown_as_toast
def _propose(models: Models, open_files: OpenFiles) -> Iterator[dict]:
    """Offer one thing after another that may help, until the page asks for something else."""
    if not open_files.files:
        return
    offers: list[dict] = []
    offering, done = proposals(models, open_files), False
    while not done:
        try:
            with stopped_by(others_wait):
                offers.append(next(offering))
        except (StopIteration, Stopped):
            done = True
        found = open_files.file.finding.token
        yield {"token": wire.token(), "found": found, "offers": offers, "done": done}


def _bundles(models: Models, open_files: OpenFiles) -> tuple[dict, dict | None]:
    """Return what names the model, and by the name of a file, where not all have the same."""
    own = {}
    for file in open_files.files:
        pipe = models.get(file.model)
        own[file.name] = bundle_facts(pipe.config, pipe.revision)
    each = list({facts["revision"]: facts for facts in own.values()}.values())
    if len(each) == 1:
        return each[0], None
    return {key: ", ".join(facts[key] for facts in each) for key in each[0]}, own


@shown_as_toast
def _save(models: Models, open_files: OpenFiles, wanted: object) -> dict:
    """Make the file that was asked for; it travels as data and is never written here."""
    file, (facts, bundles) = open_files.file, _bundles(models, open_files)
    many = len(open_files.files) > 1
    name = "fancgan_results" if many else f"{file.name}_results"
    match wanted:
        case "zip":
            how = (open_files.quantity, open_files.by)
            content = zip_bytes(open_files.analyses, facts, *how, bundles)
            mime, name = "application/zip", f"{name}.zip"
            open_files.saved = open_files.state
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
