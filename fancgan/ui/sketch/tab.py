"""The Sketch tab: a drawing becomes an SEM image, and the segmenter reads it back."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

from fancgan.errors import UserError
from fancgan.layouts.layout import example_layouts
from fancgan.microscopy import image_files
from fancgan.microscopy.micrograph import read_micrograph
from fancgan.ui import wire
from fancgan.ui.one_at_a_time import Turns
from fancgan.ui.page import MODEL, QUEUE_LENGTH, asset, shown_as_toast
from fancgan.ui.sketch.look import FIRST_SEED, Look
from fancgan.ui.sketch.mask_sources import layout_mask, outline_bank, own_layout, read_mask_file
from fancgan.ui.sketch.painted import Painted, cycle_view, looks

if TYPE_CHECKING:
    from fancgan.pipeline import Pipeline

FIRST_LAYOUT_SEED = 5
STATE_SECONDS = 1800

# Scripts of one role each, in the order in which they build on each other.
SKETCH_PARTS = ("page", "bits", "drawing", "history", "zoom", "handles", "tools", "keys", "start")
VIEW_PARTS = ("view", "compare", "start")

TAKE_FOR_FOUR = """() => [window.fancganSketch.peek(),
  {look: window.fancganLook.take(), seeds: window.fancganLook.seeds()}]"""
TAKE_SHOWN = "() => [window.fancganView.shown()]"
TAKE_WORDS = "() => [window.fancganView.words()]"
TAKE_SIZE = "() => [window.fancganSketch.size()]"
TAKE_LAYOUT = "() => [window.fancganLayout.take(), window.fancganSketch.size()]"
TAKE_TO_SAVE = """() => [window.fancganView.shown(),
  document.querySelector('#view [data-strip]').checked]"""


def build(pipe: Pipeline) -> gr.State:
    """Add the tab's components and events; return the state that holds the last image."""
    names = [name for name, _ in example_layouts()]
    mask = layout_mask(names[0], FIRST_LAYOUT_SEED)
    first = Painted.of(pipe, mask, Look(FIRST_SEED))
    first_view = first.view()

    with gr.Row(elem_classes="fa-start"):
        gr.HTML("<span class='fa-note'>Start from</span>", elem_classes="fa-start-word")
        chips = [
            gr.Button(name, size="sm", min_width=0, elem_classes="fa-chip", elem_id=f"layout-{i}")
            for i, name in enumerate(names)
        ]
        own = gr.HTML(
            None,
            html_template=asset("sketch/layout.html"),
            js_on_load=asset("sketch/layout.js"),
            elem_id="own-layout",
            apply_default_css=False,
            padding=False,
            container=False,
        )
        upload = gr.UploadButton(
            "Upload a mask…", size="sm", min_width=0, elem_classes="fa-chip", elem_id="mask-upload"
        )
    with gr.Row(elem_classes="fa-bench"):
        scale = {"nm_per_px": pipe.nm_per_px or 0, "min_width": 320}
        plain = {"apply_default_css": False, "padding": False, "container": False}
        sketch = gr.HTML(
            wire.encode_mask(mask),
            html_template=asset("sketch/sketch.html"),
            js_on_load=_script("sketch", SKETCH_PARTS),
            elem_id="sketch",
            bank=json.dumps(outline_bank().round(3).tolist()),
            **scale,
            **plain,
        )
        view = gr.HTML(
            first_view,
            html_template=asset("view/view.html"),
            js_on_load=_script("view", VIEW_PARTS),
            elem_id="view",
            server_functions=[live_painter(pipe)],
            **scale,
            **plain,
        )
    with gr.Row(elem_classes="fa-under"):
        with gr.Column(elem_classes="fa-left"):
            look = gr.HTML(
                None,
                html_template=asset("look.html"),
                js_on_load=asset("look.js"),
                elem_id="look",
                seed=FIRST_SEED,
                ranges=json.dumps(pipe.style_scale.ranges()),
                levels=json.dumps(first_view["levels"]),
                **plain,
            )
            # The button for it is the panel's own.
            refer = gr.UploadButton("Look of a micrograph", elem_id="reference-file")
        cycle = gr.HTML(
            cycle_view(pipe, first, first.round),
            html_template=asset("view/cycle.html"),
            js_on_load=asset("view/cycle.js"),
            elem_id="cycle",
            min_width=320,
            **plain,
        )
    parcel = gr.HTML(
        None,
        html_template="<i></i>",
        js_on_load=asset("parcel.js"),
        elem_id="image-parcel",
        **plain,
    )
    painted = gr.State(first, time_to_live=STATE_SECONDS)
    extra, more = gr.JSON(visible=False), gr.JSON(visible=False)
    quiet = {"show_progress": "hidden", "api_visibility": "private"}

    view.submit(
        partial(_check_cycle, pipe),
        inputs=extra,
        outputs=[cycle, painted],
        js=TAKE_SHOWN,
        trigger_mode="always_last",
        **MODEL,
        **quiet,
    )
    view.refused(_refuse, inputs=extra, js=TAKE_WORDS, **quiet)
    view.save(
        partial(_save, pipe),
        inputs=[extra, more],
        outputs=parcel,
        js=TAKE_TO_SAVE,
        **MODEL,
        **quiet,
    )
    look.four(
        partial(_four_looks, pipe),
        inputs=[extra, more],
        outputs=look,
        js=TAKE_FOR_FOUR,
        **MODEL,
        **quiet,
    )
    refer.upload(partial(_refer, pipe), inputs=refer, outputs=look, **MODEL, **quiet)
    for name, chip in zip(names, chips, strict=True):
        chip.click(partial(_take_layout, name), inputs=extra, outputs=sketch, js=TAKE_SIZE, **quiet)
    own.submit(
        partial(_take_own_layout, pipe.nm_per_px),
        inputs=[extra, more],
        outputs=sketch,
        js=TAKE_LAYOUT,
        **quiet,
    )
    upload.upload(_take_upload, inputs=upload, outputs=sketch, **quiet)
    return painted


def _script(folder: str, parts: tuple[str, ...]) -> str:
    return "\n".join(asset(f"{folder}/{part}.js") for part in parts)


def live_painter(pipe: Pipeline) -> Callable[[dict], dict]:
    """Return what the page calls for a new image.

    It goes past gradio's queue, which costs more time than the network.
    """
    turns = Turns(QUEUE_LENGTH)

    def paint_live(message: dict) -> dict:
        try:
            with turns.one():
                return Painted.from_message(pipe, message).view()
        except UserError as error:
            return {"error": str(error)}

    return paint_live


@shown_as_toast
def _refuse(words: object) -> None:
    raise UserError(str(words)[:400])


@shown_as_toast
def _check_cycle(pipe: Pipeline, message: dict | None) -> tuple[dict, Painted]:
    painted = Painted.from_message(pipe, message)
    return cycle_view(pipe, painted, str((message or {}).get("round"))), painted


@shown_as_toast
def _save(pipe: Pipeline, message: dict | None, strip: bool | None) -> dict:
    painted = Painted.from_message(pipe, message)
    url = wire.data_url(painted.png(bool(strip), pipe.nm_per_px))
    name = image_files.synthetic_name(painted.look.seed)
    return {"token": wire.token(), "name": name, "url": url}


@shown_as_toast
def _four_looks(pipe: Pipeline, drawing: dict, wish: dict) -> dict:
    return {"token": wire.token(), "tiles": looks(pipe, drawing, wish)}


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
