"""The endpoints for programs: the same functions as the tabs, with files in and files out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache
from PIL import Image

from fancgan import outputs
from fancgan.ui import segment, sketch
from fancgan.ui.page import MODEL, shown_as_toast

if TYPE_CHECKING:
    from fancgan.pipeline import Pipeline


def build(pipe: Pipeline) -> None:
    """Add the named endpoints: /synthesize, /layout and /segment. They show nothing on the page.

    Files are written straight into gradio's cache, so that its clean-up deletes them.
    """
    with gr.Group(visible=False):
        trigger = gr.Button()
        mask, micrograph = gr.File(label="mask"), gr.File(label="micrograph")
        seed = gr.Number(sketch.FIRST_SEED, label="seed", precision=0)
        name = gr.Textbox(label="name")
        nm_per_px = gr.Number(None, label="nm_per_px")
        image, drawn = gr.File(label="synthetic image"), gr.File(label="mask image")
        labels, outlined = gr.File(label="label image"), gr.File(label="outlined image")
        figures = gr.JSON(label="figures")
    trigger.click(
        partial(_synthesize, pipe, image.GRADIO_CACHE),
        inputs=[mask, seed],
        outputs=[image, figures],
        api_name="synthesize",
        api_description="Paint a mask file (0 = background) as a synthetic SEM image, PNG; with "
        "the cycle check: Dice, particles drawn and read back.",
        **MODEL,
    )
    trigger.click(
        partial(_layout, drawn.GRADIO_CACHE),
        inputs=[name, seed],
        outputs=drawn,
        api_name="layout",
        api_description="Draw a particle layout by the name of an example; PNG, 255 = particle.",
    )
    trigger.click(
        partial(_segment, pipe, labels.GRADIO_CACHE),
        inputs=[micrograph, nm_per_px],
        outputs=[labels, outlined, figures],
        api_name="segment",
        api_description="Outline the particles of a micrograph: 16-bit label TIFF, outlined PNG, "
        "count and median equal-area diameter. nm_per_px overrides the file's pixel size.",
        **MODEL,
    )


@shown_as_toast
def _synthesize(
    pipe: Pipeline, cache: str, path: str | None, seed: float | None
) -> tuple[str, dict]:
    mask = sketch.read_mask_file(path)
    image, png = sketch.paint_mask(pipe, mask, seed)
    figures = sketch.read_back(pipe, mask, image)
    del figures["overlay"]
    return save_bytes_to_cache(png, outputs.synthetic_name(int(seed)), cache), figures


@shown_as_toast
def _layout(cache: str, name: str, seed: float | None) -> str:
    seed = sketch.check_seed(seed)
    mask = sketch.layout_mask(name, seed)
    png = outputs.png_bytes(Image.fromarray(mask.astype("uint8") * 255), {"Synthetic": "true"})
    return save_bytes_to_cache(png, f"fancgan_layout_seed{seed}.png", cache)


@shown_as_toast
def _segment(
    pipe: Pipeline, cache: str, path: str | None, nm_per_px: float | None
) -> tuple[str, str, dict]:
    outlined = segment.outline_file(pipe, path, nm_per_px)
    return (
        save_bytes_to_cache(segment.label_tiff(outlined), f"{outlined.stem}_labels.tif", cache),
        save_bytes_to_cache(segment.outlined_png(outlined), f"{outlined.stem}_outlined.png", cache),
        segment.summary(outlined),
    )
