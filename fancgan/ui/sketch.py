"""The Sketch tab: a drawing becomes an SEM image, and the segmenter reads it back."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr
import numpy as np
from PIL import Image

from fancgan import metrics, outputs, pictures
from fancgan.errors import UserError
from fancgan.masks import LayoutConfig, example_layouts, make_layout, to_mask
from fancgan.micrograph import read_micrograph
from fancgan.shapes import draw_aspects, draw_outlines
from fancgan.ui import wire
from fancgan.ui.look import Look, check_seed, paint
from fancgan.ui.page import MODEL, QUEUE_LENGTH, asset, shown_as_toast
from fancgan.ui.turns import Turns

if TYPE_CHECKING:
    from fancgan.pipeline import Pipeline

FIRST_SEED = 7
FIRST_LAYOUT_SEED = 5
FAN_SIDE_PX = 320
STATE_SECONDS = 1800

# The canvas' script, one file for each role, in the order in which they build on each other.
SKETCH_PARTS = ("page", "bits", "drawing", "history", "zoom", "handles", "tools", "keys", "start")
BANK_SIZE = 48

VIEW_HTML = """
<section class="fa-panel fa-view" data-nm-per-px="${nm_per_px}" data-shows="image">
  <header><h3>SEM image</h3><span class="fa-badge">synthetic</span>
    <span class="fa-status" role="status" aria-live="polite"></span></header>
  <div class="fa-stage">
    <img class="fa-picture" alt="">
    <img class="fa-overlay" alt="">
    <input class="fa-wipe" type="range" min="0" max="100" value="0" aria-label="Image or check">
    <div class="fa-bar" hidden><span></span></div>
    <p class="fa-blank">The canvas is empty. Draw a particle, or take a layout.</p>
  </div>
  <footer>
    <button type="button" data-show="image" aria-pressed="true">Image</button>
    <button type="button" data-show="cycle" aria-pressed="false">Cycle check</button>
    <span class="fa-gap"></span>
    <label class="fa-live" title="Rows under the saved picture that say synthetic"><input
      type="checkbox" checked data-strip> strip</label>
    <button type="button" class="fa-save" disabled>Save PNG</button>
  </footer>
</section>
"""

CYCLE_HTML = """
<section class="fa-cycle">
  <p class="fa-figures">
    <span><b data-figure="dice">–</b> Dice</span>
    <span><b data-figure="drawn">–</b> particles drawn</span>
    <span><b data-figure="read">–</b> read back</span>
  </p>
  <p class="fa-legend">
    <span class="fa-key fa-agree">drawn and read back</span>
    <span class="fa-key fa-drawn">only drawn</span>
    <span class="fa-key fa-read">only read back</span>
  </p>
  <p class="fa-note">Cycle check: the segmenter, which never saw your mask, outlines the synthetic
    image. What it finds should be what you drew.</p>
</section>
"""

TAKE_FOR_FOUR = """() => [window.fancganSketch.peek(),
  {look: window.fancganLook.take(), seeds: window.fancganLook.seeds()}]"""
TAKE_SHOWN = "() => [window.fancganView.shown()]"
TAKE_WORDS = "() => [window.fancganView.words()]"
TAKE_SIZE = "() => [window.fancganSketch.size()]"
TAKE_TO_SAVE = """() => [window.fancganView.shown(),
  document.querySelector('#view [data-strip]').checked]"""


@dataclasses.dataclass(frozen=True)
class Painted:
    """The last synthetic image of one visitor; it lives in the session and ends with it."""

    seq: int
    round: str
    mask: np.ndarray
    image: np.ndarray
    look: Look
    text: dict[str, str]

    def png(self, strip: bool, nm_per_px: float | None) -> bytes:
        """Return the marked PNG file, with a strip below that says synthetic, or without."""
        if not strip:
            return outputs.png_bytes(Image.fromarray(self.image), self.text)
        image = outputs.with_strip(self.image, self.look.seed, nm_per_px)
        text = self.text | {"FieldRows": str(len(self.image))}
        return outputs.png_bytes(Image.fromarray(image), text)


def read_back(pipe: Pipeline, mask: np.ndarray, image: np.ndarray) -> dict:
    """Segment the synthetic image and compare with the drawn mask; return the figures."""
    labels = pipe.instances(image)
    found = labels > 0
    return {
        "dice": round(metrics.dice(mask, found), 4),
        "drawn": pictures.count_particles(mask),
        "read_back": int(np.unique(labels[found]).size),
        "overlay": wire.data_url(
            outputs.png_bytes(pictures.difference_layer(mask, found), level=6)
        ),
    }


def outline_bank() -> np.ndarray:
    """Return outlines [BANK_SIZE, P, 2] of unit radius, as irregular as the training particles."""
    rng = np.random.default_rng(0)
    config = LayoutConfig()
    aspects = draw_aspects(rng, BANK_SIZE, config.aspect_mean, config.aspect_sd)
    angles, diameters = np.zeros(BANK_SIZE), np.full(BANK_SIZE, 2.0)
    return draw_outlines(rng, diameters, aspects, angles, roughness=1.0, facets=0.0)


def layout_mask(name: str, seed: int, size: tuple[int, int] = (512, 768)) -> np.ndarray:
    """Return the mask [H, W] bool of the example layout of that name, drawn from seed.

    size: height and width.
    """
    layouts = dict(example_layouts(*size))
    if name not in layouts:
        raise UserError(f"There is no layout '{name}'; there are: {', '.join(layouts)}.")
    return to_mask(make_layout(dataclasses.replace(layouts[name], seed=seed)))


def read_mask_file(path: str | None) -> np.ndarray:
    """Return the mask [H, W] bool of an uploaded binary or instance mask; raise UserError."""
    from fancgan.data import read_mask, separate

    if not path:
        raise UserError("No mask arrived: choose a file.")
    mask = separate(read_mask(Path(path))) > 0
    wire.check_sketch_size(*mask.shape)
    if not mask.any():
        raise UserError("The mask has no particle pixel.")
    return mask


def build(pipe: Pipeline) -> gr.State:
    """Add the tab's components and events; return the state that holds the last image."""
    names = [name for name, _ in example_layouts()]
    mask = layout_mask(names[0], FIRST_LAYOUT_SEED)
    first_view, first_painted = _answer(pipe, mask, 0, Look(FIRST_SEED))
    first_cycle = {"round": first_painted.round, **read_back(pipe, mask, first_painted.image)}

    with gr.Row(elem_classes="fa-start"):
        gr.HTML("<span class='fa-note'>Start from</span>", elem_classes="fa-start-word")
        chips = [
            gr.Button(name, size="sm", min_width=0, elem_classes="fa-chip", elem_id=f"layout-{i}")
            for i, name in enumerate(names)
        ]
        upload = gr.UploadButton(
            "Upload a mask…", size="sm", min_width=0, elem_classes="fa-chip", elem_id="mask-upload"
        )
    with gr.Row(elem_classes="fa-bench"):
        scale = {"nm_per_px": pipe.nm_per_px or 0, "min_width": 320}
        plain = {"apply_default_css": False, "padding": False, "container": False}
        sketch = gr.HTML(
            wire.encode_mask(mask),
            html_template=asset("sketch/sketch.html"),
            js_on_load="\n".join(asset(f"sketch/{part}.js") for part in SKETCH_PARTS),
            elem_id="sketch",
            bank=json.dumps(outline_bank().round(3).tolist()),
            **scale,
            **plain,
        )
        view = gr.HTML(
            first_view,
            html_template=VIEW_HTML,
            js_on_load=asset("view.js"),
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
            refer = gr.UploadButton(
                "Look of a micrograph…", size="sm", elem_id="reference", elem_classes="fa-chip"
            )
        cycle = gr.HTML(
            first_cycle,
            html_template=CYCLE_HTML,
            js_on_load=asset("cycle.js"),
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
    painted = gr.State(first_painted, time_to_live=STATE_SECONDS)
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
    upload.upload(_take_upload, inputs=upload, outputs=sketch, **quiet)
    return painted


def live_painter(pipe: Pipeline) -> Callable[[dict], dict]:
    """Return what the page calls for a new image.

    It goes past gradio's queue, which costs more time than the network.
    """
    turns = Turns(QUEUE_LENGTH)

    def paint_live(message: dict) -> dict:
        try:
            drawing, wish = _parts(message)
            mask, seq = wire.decode_mask(drawing)
            with turns.one():
                return _answer(pipe, mask, seq, Look.of(wish))[0]
        except UserError as error:
            return {"error": str(error)}

    return paint_live


def _parts(message: object) -> tuple[object, object]:
    """The drawing and the look of a message from the page."""
    if not isinstance(message, dict):
        raise UserError("The drawing did not arrive whole: please draw again.")
    return message.get("drawing"), message.get("look")


def _answer(pipe: Pipeline, mask: np.ndarray, seq: int, look: Look) -> tuple[dict, Painted]:
    image, text, levels = paint(pipe, mask, look)
    painted = Painted(seq, wire.token(), mask, image, look, text)
    height, width = image.shape
    view = {
        "seq": seq,
        "round": painted.round,
        "seed": look.seed,
        "width": width,
        "height": height,
        "image": wire.data_url(painted.png(False, None)),
        "levels": {name: round(value, 1) for name, value in levels.items()},
    }
    return view, painted


def _again(pipe: Pipeline, message: object) -> Painted:
    """Paint what the page shows once more: the same drawing and look give the same image."""
    drawing, wish = _parts(message)
    mask, seq = wire.decode_mask(drawing)
    return _answer(pipe, mask, seq, Look.of(wish))[1]


@shown_as_toast
def _refuse(words: object) -> None:
    raise UserError(str(words)[:400])


@shown_as_toast
def _check_cycle(pipe: Pipeline, message: dict | None) -> tuple[dict, Painted]:
    painted = _again(pipe, message)
    figures = read_back(pipe, painted.mask, painted.image)
    return {"round": str((message or {}).get("round")), **figures}, painted


@shown_as_toast
def _save(pipe: Pipeline, message: dict | None, strip: bool | None) -> dict:
    painted = _again(pipe, message)
    url = wire.data_url(painted.png(bool(strip), pipe.nm_per_px))
    name = outputs.synthetic_name(painted.look.seed)
    return {"token": wire.token(), "name": name, "url": url}


@shown_as_toast
def _four_looks(pipe: Pipeline, drawing: dict, wish: dict) -> dict:
    """Paint the fullest part of the drawing with other seeds; levels and finish stay."""
    mask, _ = wire.decode_mask(drawing)
    mask = _crop_with_most(mask)
    if not isinstance(wish, dict) or not isinstance(wish.get("seeds"), list):
        raise UserError("The look did not arrive whole: please try again.")
    look = dataclasses.replace(Look.of(wish.get("look")), mix_seed=None, reference=())
    tiles = []
    for number in wish["seeds"][:4]:
        one = dataclasses.replace(look, seed=check_seed(number))
        image, text, _ = paint(pipe, mask, one)
        url = wire.data_url(outputs.png_bytes(Image.fromarray(image), text))
        tiles.append({"seed": one.seed, "image": url})
    return {"token": wire.token(), "tiles": tiles}


def _crop_with_most(mask: np.ndarray) -> np.ndarray:
    """The part of mask [H, W], at most FAN_SIDE_PX square, with the most particle pixels."""
    height, width = (min(FAN_SIDE_PX, side) for side in mask.shape)
    sums = np.pad(mask.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    inside = (
        sums[height:, width:]
        - sums[:-height, width:]
        - sums[height:, :-width]
        + sums[:-height, :-width]
    )
    top, left = np.unravel_index(inside.argmax(), inside.shape)
    return mask[top : top + height, left : left + width]


@shown_as_toast
def _refer(pipe: Pipeline, path: str | None) -> dict:
    """Measure the look of a visitor's micrograph; the page keeps the numbers, nobody the file."""
    if not path:
        raise UserError("No micrograph arrived: choose a file.")
    vector = pipe.measure_style(read_micrograph(path).field)
    return {"token": wire.token(), "reference": vector.tolist(), "name": Path(path).name}


@shown_as_toast
def _take_layout(name: str, size: list | None) -> dict:
    match size:
        case [int(height), int(width)]:
            wire.check_sketch_size(height, width)
        case _:
            raise UserError("The canvas' size did not arrive: please try again.")
    seed = random.SystemRandom().randrange(10**6)
    return wire.encode_mask(layout_mask(name, seed, (height, width)))


@shown_as_toast
def _take_upload(path: str | None) -> dict:
    return wire.encode_mask(read_mask_file(path))
