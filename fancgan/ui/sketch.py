"""The Sketch tab: a drawing becomes an SEM image, and the segmenter reads it back."""

from __future__ import annotations

import dataclasses
import random
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr
import numpy as np
from PIL import Image

from fancgan import metrics, outputs, pictures
from fancgan.errors import UserError
from fancgan.masks import example_layouts, make_layout, to_mask
from fancgan.ui import wire
from fancgan.ui.page import MODEL, asset, shown_as_toast

if TYPE_CHECKING:
    from fancgan.pipeline import Pipeline

FIRST_SEED = 7
FIRST_LAYOUT_SEED = 5
MAX_SEED = 2**31 - 1
STATE_SECONDS = 1800

SKETCH_HTML = """
<section class="fa-panel fa-sketch" data-nm-per-px="${nm_per_px}">
  <header><h3>Mask</h3><span class="fa-note">white = particle</span>
    <label class="fa-live"><input type="checkbox" checked> live</label></header>
  <div class="fa-stage">
    <canvas tabindex="0" aria-label="Drawing canvas"></canvas>
    <div class="fa-cursor" hidden></div>
  </div>
  <footer>
    <button type="button" data-do="brush" title="Brush (B)">Brush</button>
    <button type="button" data-do="eraser" title="Eraser (E)">Eraser</button>
    <label class="fa-brush"><input type="range" min="4" max="160" value="44"
      aria-label="Brush size"><span class="fa-size"></span></label>
    <span class="fa-gap"></span>
    <button type="button" data-do="undo" title="Undo (Ctrl+Z)" aria-label="Undo">↶</button>
    <button type="button" data-do="redo" title="Redo (Ctrl+Y)" aria-label="Redo">↷</button>
    <button type="button" data-do="clear" title="Empty the canvas">Clear</button>
  </footer>
</section>
"""

VIEW_HTML = """
<section class="fa-panel fa-view" data-nm-per-px="${nm_per_px}" data-shows="image">
  <header><h3>SEM image</h3><span class="fa-badge">synthetic</span>
    <span class="fa-status" role="status" aria-live="polite"></span></header>
  <div class="fa-stage">
    <img class="fa-picture" alt="">
    <img class="fa-overlay" alt="">
    <div class="fa-bar" hidden><span></span></div>
    <p class="fa-blank">The canvas is empty. Draw a particle, or take a layout.</p>
  </div>
  <footer>
    <button type="button" data-show="image" aria-pressed="true">Image</button>
    <button type="button" data-show="cycle" aria-pressed="false">Cycle check</button>
    <span class="fa-gap"></span>
    <a class="fa-save" href="#" aria-disabled="true">Save PNG</a>
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

SEED_HINT = """<p class="fa-note">The seed sets the look: contrast, background, noise. The same
drawing and seed give the same image, every time.</p>"""

TAKE_DRAWING = "(sketch, seed) => [window.fancganSketch.take(), seed]"
NEW_SEED = "() => Math.floor(Math.random() * 1000000)"
SAY_FAILED = "() => document.dispatchEvent(new CustomEvent('fancgan:failed'))"


@dataclasses.dataclass(frozen=True)
class Painted:
    """The last synthetic image of one visitor; it lives in the session and ends with it."""

    seq: int
    round: str
    mask: np.ndarray
    image: np.ndarray


def paint_mask(pipe: Pipeline, mask: np.ndarray, seed: float | None) -> tuple[np.ndarray, bytes]:
    """Return the synthetic image [H, W] uint8 of mask [H, W] bool, and its marked PNG file."""
    if not mask.any():
        raise UserError("The mask has no particle: draw one, or take a layout.")
    seed = check_seed(seed)
    image = pipe.synthesize(mask, seed=seed)
    text = outputs.synthetic_text(pipe.revision, seed, pipe.nm_per_px)
    return image, outputs.png_bytes(Image.fromarray(image), text)


def check_seed(seed: float | None) -> int:
    """Return the seed as a whole number, or raise UserError."""
    if seed is None or seed != int(seed) or not 0 <= seed <= MAX_SEED:
        raise UserError(f"The seed must be a whole number from 0 to {MAX_SEED}.")
    return int(seed)


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


def layout_mask(name: str, seed: int) -> np.ndarray:
    """Return the mask [H, W] bool of the example layout of that name, drawn from seed."""
    layouts = dict(example_layouts())
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
    first_view, first_painted = _answer(pipe, mask, 0, FIRST_SEED)
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
            html_template=SKETCH_HTML,
            js_on_load=asset("sketch.js"),
            elem_id="sketch",
            **scale,
            **plain,
        )
        view = gr.HTML(
            first_view,
            html_template=VIEW_HTML,
            js_on_load=asset("view.js"),
            elem_id="view",
            **scale,
            **plain,
        )
    with gr.Row(elem_classes="fa-under"):
        with gr.Column(elem_classes="fa-left"):
            with gr.Row(elem_classes="fa-controls"):
                seed = gr.Number(
                    FIRST_SEED,
                    label="Seed",
                    precision=0,
                    minimum=0,
                    maximum=MAX_SEED,
                    min_width=110,
                    elem_id="seed",
                )
                another = gr.Button("Another look", elem_id="another", min_width=120)
                paint = gr.Button("Synthesize", variant="primary", elem_id="paint", min_width=120)
            gr.HTML(SEED_HINT, **plain)
        cycle = gr.HTML(
            first_cycle,
            html_template=CYCLE_HTML,
            js_on_load=asset("cycle.js"),
            elem_id="cycle",
            min_width=320,
            **plain,
        )
    painted = gr.State(first_painted, time_to_live=STATE_SECONDS)
    quiet = {"show_progress": "hidden", "api_visibility": "private"}

    painting = gr.on(
        [sketch.input, seed.change, paint.click],
        partial(_paint, pipe),
        inputs=[sketch, seed],
        outputs=[view, painted],
        js=TAKE_DRAWING,
        trigger_mode="always_last",
        **MODEL,
        **quiet,
    )
    painting.failure(None, js=SAY_FAILED)
    view.submit(
        partial(_check_cycle, pipe),
        inputs=painted,
        outputs=cycle,
        trigger_mode="always_last",
        **MODEL,
        **quiet,
    )
    another.click(None, outputs=seed, js=NEW_SEED, show_progress="hidden")
    for name, chip in zip(names, chips, strict=True):
        chip.click(partial(_take_layout, name), outputs=sketch, **quiet)
    upload.upload(_take_upload, inputs=upload, outputs=sketch, **quiet)
    return painted


@shown_as_toast
def _paint(pipe: Pipeline, drawing: dict, seed: float | None) -> tuple[dict, Painted]:
    mask, seq = wire.decode_mask(drawing)
    return _answer(pipe, mask, seq, seed)


def _answer(pipe: Pipeline, mask: np.ndarray, seq: int, seed: float | None) -> tuple[dict, Painted]:
    image, png = paint_mask(pipe, mask, seed)
    painted = Painted(seq=seq, round=wire.token(), mask=mask, image=image)
    height, width = image.shape
    view = {
        "seq": seq,
        "round": painted.round,
        "seed": int(seed),
        "width": width,
        "height": height,
        "image": wire.data_url(png),
        "name": outputs.synthetic_name(int(seed)),
    }
    return view, painted


@shown_as_toast
def _check_cycle(pipe: Pipeline, painted: Painted | None) -> dict:
    if painted is None:
        return gr.skip()
    return {"round": painted.round, **read_back(pipe, painted.mask, painted.image)}


@shown_as_toast
def _take_layout(name: str) -> dict:
    return wire.encode_mask(layout_mask(name, random.SystemRandom().randrange(10**6)))


@shown_as_toast
def _take_upload(path: str | None) -> dict:
    return wire.encode_mask(read_mask_file(path))
