"""The endpoints for programs: the same functions as the tabs, with files in and files out."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache
from PIL import Image

from fancgan import outputs
from fancgan.analysis import Analysis, Settings, analyse, distribution_of
from fancgan.errors import UserError
from fancgan.micrograph import read_micrograph
from fancgan.results import bundle_facts, overlay_png, zip_bytes
from fancgan.ui import sketch
from fancgan.ui.look import Look, check_seed, paint
from fancgan.ui.page import MODEL, shown_as_toast

if TYPE_CHECKING:
    from fancgan.pipeline import Pipeline

MAX_FILES = 32


def build(pipe: Pipeline) -> None:
    """Add the named endpoints: synthesize, synthesize_look, layout, segment, measure.

    The page shows none of them. Files are written straight into gradio's cache, so that its
    clean-up deletes them.
    """
    with gr.Group(visible=False):
        trigger = gr.Button()
        mask, micrograph = gr.File(label="mask"), gr.File(label="micrograph")
        micrographs = gr.File(label="micrographs", file_count="multiple")
        seed = gr.Number(sketch.FIRST_SEED, label="seed", precision=0)
        name = gr.Textbox(label="name")
        look = gr.JSON(None, label="look")
        nm_per_px = gr.Number(None, label="nm_per_px")
        settings = gr.JSON(None, label="settings")
        image, drawn = gr.File(label="synthetic image"), gr.File(label="mask image")
        labels, outlined = gr.File(label="label image"), gr.File(label="outlined image")
        results = gr.File(label="results")
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
        partial(_synthesize_look, pipe, image.GRADIO_CACHE),
        inputs=[mask, look, micrograph],
        outputs=[image, figures],
        api_name="synthesize_look",
        api_description="The same in a chosen look. look may hold seed, mix_seed and mix (0 to 1), "
        "levels (background, contrast, noise: grey levels), finish (brightness, contrast, gamma, "
        "shadows, highlights); micrograph: a file whose look is taken over, or nothing.",
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
        api_description="Outline the particles of a micrograph: 16-bit label TIFF, PNG with "
        "outlines, count and size distribution. nm_per_px overrides the file's pixel size.",
        **MODEL,
    )
    trigger.click(
        partial(_measure, pipe, results.GRADIO_CACHE),
        inputs=[micrographs, settings],
        outputs=[results, figures],
        api_name="measure",
        api_description="Measure the particles of several micrographs: a zip with tables, labels, "
        "outlines, ImageJ regions, COCO and a report; and the size distribution of all. settings "
        "may hold nm_per_px, split (-1 to 1), min_area_px, bar_rows, page, invert, rescale, edits.",
        **MODEL,
    )


@shown_as_toast
def _synthesize(
    pipe: Pipeline, cache: str, path: str | None, seed: float | None
) -> tuple[str, dict]:
    return _painted_file(pipe, cache, path, Look(check_seed(seed)))


@shown_as_toast
def _synthesize_look(
    pipe: Pipeline, cache: str, path: str | None, look: dict | None, style_path: str | None
) -> tuple[str, dict]:
    wish = dict(look or {})
    if style_path:
        wish["reference"] = pipe.measure_style(read_micrograph(style_path).field).tolist()
    return _painted_file(pipe, cache, path, Look.of(wish))


def _painted_file(pipe: Pipeline, cache: str, path: str | None, look: Look) -> tuple[str, dict]:
    mask = sketch.read_mask_file(path)
    image, text, levels = paint(pipe, mask, look)
    figures = sketch.read_back(pipe, mask, image)
    del figures["overlay"]
    png = outputs.png_bytes(Image.fromarray(image), text)
    name = outputs.synthetic_name(look.seed)
    return save_bytes_to_cache(png, name, cache), figures | {"levels": levels}


@shown_as_toast
def _layout(cache: str, name: str, seed: float | None) -> str:
    seed = check_seed(seed)
    mask = sketch.layout_mask(name, seed)
    png = outputs.png_bytes(Image.fromarray(mask.astype("uint8") * 255), {"Synthetic": "true"})
    return save_bytes_to_cache(png, f"fancgan_layout_seed{seed}.png", cache)


@shown_as_toast
def _segment(
    pipe: Pipeline, cache: str, path: str | None, nm_per_px: float | None
) -> tuple[str, str, dict]:
    if not path:
        raise UserError("No file arrived: give a micrograph.")
    analysis = analyse(pipe, path, Settings(nm_per_px=nm_per_px or None))
    field = analysis.field
    tiff = outputs.label_tiff(analysis.labels, field.nm_per_px)
    return (
        save_bytes_to_cache(tiff, f"{field.name}_labels.tif", cache),
        save_bytes_to_cache(overlay_png(analysis), f"{field.name}_overlay.png", cache),
        summary([analysis]) | _reading(analysis),
    )


@shown_as_toast
def _measure(
    pipe: Pipeline, cache: str, paths: list[str] | None, settings: dict | None
) -> tuple[str, dict]:
    if not paths:
        raise UserError("No file arrived: give one or more micrographs.")
    if len(paths) > MAX_FILES:
        raise UserError(
            f"These are {len(paths)} files: at most {MAX_FILES} at a time, or use 'python -m "
            "fancgan segment' for more."
        )
    stems = [Path(path).stem for path in paths]
    if len(set(stems)) < len(stems):
        raise UserError("Two files have the same name: their results would be mixed up.")
    chosen = Settings.from_dict(settings or {})
    analyses = [analyse(pipe, path, chosen) for path in paths]
    content = zip_bytes(analyses, bundle_facts(pipe.config, pipe.revision))
    return save_bytes_to_cache(content, "fancgan_results.zip", cache), summary(analyses)


def summary(analyses: list[Analysis]) -> dict:
    """Return count and size distribution as plain numbers, lengths in the unit that is named."""
    measured = [analysis.measured for analysis in analyses]
    found = distribution_of(measured)
    unit = measured[0].unit
    figures = {
        "particles": sum(len(one.table) for one in measured),
        "whole_particles": found.n,
        "unit": unit,
        "interval_over": found.over,
    }
    for name, estimate in found.estimates.items():
        values = (estimate.value, estimate.low, estimate.high)
        figures[f"ecd_{name}"] = [float(f"{v:.6g}") if v == v else None for v in values]
    return figures


def _reading(analysis: Analysis) -> dict:
    field = analysis.field
    return {
        "nm_per_px": field.nm_per_px,
        "nm_source": field.nm_source,
        "info_bar_rows_cropped": field.bar_rows,
        "cautions": list(analysis.measured.cautions),
    }
