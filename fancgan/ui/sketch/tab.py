"""The Sketch tab: a drawing becomes an SEM image, and the segmenter reads it back."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from fancgan.errors import UserError
from fancgan.layouts.config import AGGLOMERATIONS, SHAPES
from fancgan.layouts.layout import example_layouts
from fancgan.measuring.overlay import BAR_SHARE, NICE_NM
from fancgan.microscopy import image_files
from fancgan.microscopy.micrograph import read_micrograph
from fancgan.ui import wire
from fancgan.ui.layout_settings import OVERLAP_SHOWN, SETTINGS
from fancgan.ui.limits import MAX_PARTICLES
from fancgan.ui.page import MODEL, QUIET, component, downloader, shown_as_toast
from fancgan.ui.scripts import call
from fancgan.ui.sketch.look import FIRST_SEED, MAX_SEED, Look, finish_dials
from fancgan.ui.sketch.mask_sources import layout_mask, outline_bank, own_layout, read_mask_file
from fancgan.ui.sketch.painted import Painted, Painter, cycle_view, gallery, looks
from fancgan.ui.turns import FairLock, visitor_of

if TYPE_CHECKING:
    from fancgan.pipeline import Pipeline

FIRST_LAYOUT_SEED = 5
STATE_SECONDS = 1800
MESSAGES = "sketch/messages.js"


def build(pipe: Pipeline, look_pipe: Pipeline) -> gr.State:
    """Add the tab's components and events; return the state that holds the last image.

    pipe paints the looks of seeds, look_pipe those of micrographs and of the gallery.
    """
    names = [name for name, _ in example_layouts()]
    mask = layout_mask(names[0], FIRST_LAYOUT_SEED)
    painter = Painter(pipe, look_pipe)
    first = painter.paint(mask, Look(FIRST_SEED))
    first_view = first.view()

    with gr.Row(elem_classes="fa-start"):
        gr.HTML("<span class='fa-note'>Start from</span>", elem_classes="fa-start-word")
        chips = [
            gr.Button(name, size="sm", min_width=0, elem_classes="fa-chip", elem_id=f"layout-{i}")
            for i, name in enumerate(names)
        ]
        own = component(
            "sketch/layout",
            elem_id="own-layout",
            max_particles=MAX_PARTICLES,
            agglomerations=AGGLOMERATIONS,
            shapes={name: shape.size for name, shape in SHAPES.items()},
            settings=[setting.to_dict() for setting in (*SETTINGS, OVERLAP_SHOWN)],
        )
        upload = gr.UploadButton(
            "Upload a mask…", size="sm", min_width=0, elem_classes="fa-chip", elem_id="mask-upload"
        )
    with gr.Row(elem_classes="fa-bench"):
        scale: dict[str, Any] = {"nm_per_px": pipe.nm_per_px or 0, "min_width": 320}
        sketch = component(
            "sketch/sketch",
            wire.encode_mask(mask),
            elem_id="sketch",
            # As text: gradio walks through every list of the page at each request of it.
            outlines=json.dumps(outline_bank().round(3).tolist()),
            **scale,
        )
        view = component(
            "sketch/view",
            first_view,
            events=("refused", "save"),
            elem_id="view",
            server_functions=[live_painter(painter)],
            nice_nm=NICE_NM,
            bar_share=BAR_SHARE,
            **scale,
        )
    with gr.Row(elem_classes="fa-under"):
        with gr.Column(elem_classes="fa-left"):
            look = component(
                "sketch/look",
                events=("four", "gallery"),
                elem_id="look",
                seed=FIRST_SEED,
                max_seed=MAX_SEED,
                has_gallery=bool(look_pipe.looks()),
                ranges=pipe.style_scale.ranges(),
                levels=first_view["levels"],
                finish=finish_dials(),
            )
            # The button for it is the panel's own.
            refer = gr.UploadButton("Look of a micrograph", elem_id="reference-file")
        cycle = component(
            "sketch/cycle", cycle_view(pipe, first, first.round), elem_id="cycle", min_width=320
        )
    saved = downloader("image-parcel")
    painted = gr.State(first, time_to_live=STATE_SECONDS)
    extra, more = gr.JSON(visible=False), gr.JSON(visible=False)
    busy = MODEL | QUIET

    view.submit(
        partial(_check_cycle, painter),
        extra,
        [cycle, painted],
        js=call(MESSAGES, "shownImage"),
        trigger_mode="always_last",
        **busy,
    )
    view.refused(_refuse, extra, js=call(MESSAGES, "refusal"), **QUIET)
    view.save(
        partial(_save, painter), [extra, more], saved, js=call(MESSAGES, "imageToSave"), **busy
    )
    look.four(
        partial(_four_looks, pipe), [extra, more], look, js=call(MESSAGES, "fourLooks"), **busy
    )
    look.gallery(partial(_gallery, look_pipe), extra, look, js=call(MESSAGES, "drawing"), **busy)
    refer.upload(partial(_refer, look_pipe), refer, look, **busy)
    for name, chip in zip(names, chips, strict=True):
        chip.click(
            partial(_take_layout, name), extra, sketch, js=call(MESSAGES, "canvasSize"), **QUIET
        )
    take_own = partial(_take_own_layout, pipe.nm_per_px)
    own.submit(take_own, [extra, more], sketch, js=call(MESSAGES, "ownLayout"), **QUIET)
    upload.upload(_take_upload, upload, sketch, **QUIET)
    return painted


def live_painter(painter: Painter) -> Callable[[dict, gr.Request], dict]:
    """Return what the page calls for a new image.

    It goes past gradio's queue, which costs more time than the network.
    """
    lock = FairLock(24, 6)

    def paint_live(message: dict, request: gr.Request) -> dict:
        try:
            with lock.held(visitor_of(request)):
                return painter.from_message(message).view()
        except UserError as error:
            return {"error": str(error)}

    return paint_live


@shown_as_toast
def _refuse(words: object) -> None:
    raise UserError(str(words)[:400])


@shown_as_toast
def _check_cycle(painter: Painter, message: dict | None) -> tuple[dict, Painted]:
    painted = painter.from_message(message)
    return cycle_view(
        painter.pipe_of(painted.look), painted, str((message or {}).get("round"))
    ), painted


@shown_as_toast
def _save(painter: Painter, message: dict | None, wish: dict | None) -> dict:
    """Make the marked picture, or a zip of the labelled pair: wish says "strip" and "pair"."""
    painted, wish = painter.from_message(message), wish or {}
    if wish.get("pair"):
        url = wire.data_url(painted.pair_zip(), "application/zip")
        name = image_files.synthetic_name(painted.look.seed, "zip")
        return {"token": wire.token(), "name": name, "url": url}
    strip = wish.get("strip")
    url = wire.data_url(painted.png(bool(strip)))
    name = image_files.synthetic_name(painted.look.seed)
    return {"token": wire.token(), "name": name, "url": url}


@shown_as_toast
def _four_looks(pipe: Pipeline, drawing: dict, wish: dict) -> dict:
    return {"token": wire.token(), "tiles": looks(pipe, drawing, wish)}


@shown_as_toast
def _gallery(pipe: Pipeline, drawing: dict) -> dict:
    return {"token": wire.token(), "tiles": gallery(pipe, drawing)}


@shown_as_toast
def _refer(pipe: Pipeline, path: str | None) -> dict:
    """Measure the look of a visitor's micrograph; the page keeps the numbers, nobody the file."""
    if not path:
        raise UserError("No micrograph arrived: choose a file.")
    vector = pipe.measure_style(read_micrograph(path).field)
    return {"token": wire.token(), "reference": vector.tolist(), "name": Path(path).name}


@shown_as_toast
def _take_layout(name: str, size: list | None) -> dict:
    return wire.encode_mask(layout_mask(name, _new_seed(), _canvas_size(size)))


@shown_as_toast
def _take_own_layout(nm_per_px: float | None, wishes: dict | None, size: list | None) -> dict:
    mask, seen = own_layout(wishes, _new_seed(), _canvas_size(size), nm_per_px)
    wanted = (wishes or {}).get("count", seen)
    if seen < wanted:
        gr.Warning(f"{seen} particles are to be seen: no more of the {wanted} fit.")
    return wire.encode_mask(mask)


def _new_seed() -> int:
    return random.SystemRandom().randrange(10**6)


def _canvas_size(size: list | None) -> tuple[int, int]:
    match size:
        case [int(height), int(width)]:
            wire.check_sketch_size(height, width)
            return height, width
        case _:
            raise UserError("The canvas' size did not arrive: please try again.")


@shown_as_toast
def _take_upload(path: str | None) -> dict:
    return wire.encode_mask(read_mask_file(path))
