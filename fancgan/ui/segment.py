"""The Segment tab: a micrograph comes in, its particles are outlined, counted and sized."""

from __future__ import annotations

import dataclasses
import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr
import numpy as np
from PIL import Image

from fancgan import outputs, pictures
from fancgan.errors import UserError
from fancgan.ui import wire
from fancgan.ui.page import MODEL, asset, shown_as_toast

if TYPE_CHECKING:
    from fancgan.pipeline import Pipeline
    from fancgan.ui.sketch import Painted

MAX_FIELD_PX = 16_000_000
MAX_NM_PER_PX = 1e6

RESULT_HTML = """
<section class="fa-panel fa-result" data-shows="outlines" data-state="none">
  <header><h3>Particles</h3><span class="fa-note" data-text="name"></span></header>
  <div class="fa-stage">
    <img class="fa-picture" alt="">
    <img class="fa-overlay" alt="">
    <p class="fa-blank">Drop a micrograph on the left: TIFF (8, 16 or 32 bit), PNG or JPEG.</p>
  </div>
  <footer>
    <button type="button" data-show="outlines" aria-pressed="true">Outlines</button>
    <button type="button" data-show="image" aria-pressed="false">Image</button>
    <span class="fa-saves">
      <a data-save="labels" aria-disabled="true" href="#">Label TIFF</a>
      <a data-save="outlined" aria-disabled="true" href="#">Outlined PNG</a>
    </span>
  </footer>
  <p class="fa-figures">
    <span><b data-text="count">–</b> particles</span>
    <span><b data-text="median">–</b> median diameter</span>
    <span><b data-text="covered">–</b> of the field covered</span>
  </p>
  <p class="fa-note" data-text="notes"></p>
</section>
"""


@dataclasses.dataclass(frozen=True, eq=False)
class Outlined:
    """A segmented micrograph.

    field: [H, W] uint8, without the info bar. labels: [H, W] int32, 0 = background.
    median_px: median equal-area diameter of the particles that the frame does not cut, in pixels;
    None where there is no such particle.
    """

    stem: str
    field: np.ndarray
    labels: np.ndarray
    nm_per_px: float | None
    nm_source: str | None
    info_bar_rows: int
    synthetic: bool
    count: int
    whole: int
    median_px: float | None

    @property
    def median(self) -> str:
        if self.median_px is None:
            return "–"
        if self.nm_per_px is None:
            return f"{self.median_px:.1f} px"
        return f"{self.median_px * self.nm_per_px:.0f} nm"

    @property
    def notes(self) -> str:
        """What was done to the file and where the scale comes from, in words."""
        scale = "Pixel size unknown: enter it to get nanometres."
        if self.nm_per_px is not None:
            scale = f"Pixel size {self.nm_per_px:.4g} nm ({self.nm_source})."
        words = [scale]
        if self.info_bar_rows:
            words.append(f"Info bar cropped: the bottom {self.info_bar_rows} rows.")
        if self.whole:
            words.append(f"Median equal-area diameter of the {self.whole} uncut particles")
            cut = self.count - self.whole
            words[-1] += f"; {cut} cut by the frame left out." if cut else "."
        elif not self.count:
            words.append("No particle was found.")
        return " ".join(words)


def outline_file(pipe: Pipeline, path: str | None, nm_per_px: float | str | None) -> Outlined:
    """Read a microscope file, crop its info bar and segment it.

    nm_per_px overrides what the file says; None or 0 takes the file's. Raises UserError.
    """
    from fancgan.micrograph import read_micrograph

    if not path:
        raise UserError("No file arrived: drop a micrograph first.")
    if not Path(path).is_file():
        raise UserError("The uploaded file is no longer here: please drop it again.")
    entered = check_nm_per_px(nm_per_px)
    micrograph = read_micrograph(path)
    field = micrograph.field
    if field.size > MAX_FIELD_PX:
        raise UserError(
            f"{Path(path).name} has {field.size / 1e6:.0f} megapixels: the page takes up to "
            f"{MAX_FIELD_PX / 1e6:.0f}; use 'python -m fancgan segment' for larger ones."
        )
    scale = (
        (entered, "entered by hand") if entered else (micrograph.nm_per_px, micrograph.nm_source)
    )
    return outline_pixels(
        pipe,
        field,
        stem=Path(path).stem,
        scale=scale,
        info_bar_rows=len(micrograph.pixels) - len(field),
    )


def outline_pixels(
    pipe: Pipeline,
    field: np.ndarray,
    stem: str,
    scale: tuple[float | None, str | None],
    info_bar_rows: int = 0,
    synthetic: bool = False,
) -> Outlined:
    """Segment a field [H, W] of any grey type and count its particles."""
    from fancgan.micrograph import to_grey8

    labels = pipe.instances(field)
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    cut = np.unique(np.concatenate((labels[0], labels[-1], labels[:, 0], labels[:, -1])))
    whole = areas.copy()
    whole[cut] = 0
    whole = whole[whole > 0]
    return Outlined(
        stem=stem,
        field=to_grey8(field),
        labels=labels,
        nm_per_px=scale[0],
        nm_source=scale[1],
        info_bar_rows=info_bar_rows,
        synthetic=synthetic or "synthetic" in stem.lower(),
        count=int((areas > 0).sum()),
        whole=int(whole.size),
        median_px=float(np.median(np.sqrt(4 * whole / math.pi))) if whole.size else None,
    )


def check_nm_per_px(value: float | str | None) -> float | None:
    """Return an entered pixel size, None where nothing (or 0) was entered; raise UserError."""
    try:
        number = float(str(value or 0).strip().replace(",", "."))
    except ValueError:
        number = math.nan
    if not 0 <= number < MAX_NM_PER_PX:
        raise UserError("The pixel size must be a positive number of nanometres, such as 7.34.")
    return number or None


def label_tiff(outlined: Outlined) -> bytes:
    """Return the 16-bit label TIFF, calibrated in nm for ImageJ where the scale is known."""
    return outputs.label_tiff(outlined.labels, outlined.nm_per_px)


def outlined_png(outlined: Outlined) -> bytes:
    """Return the micrograph with coloured outlines as PNG."""
    layer = pictures.outline_layer(outlined.labels)
    text = {"Software": "F-ANcGAN", "Particles": str(outlined.count)}
    if outlined.synthetic:
        text["Synthetic"] = "true"
    return outputs.png_bytes(pictures.composite(outlined.field, layer), text, level=6)


def summary(outlined: Outlined) -> dict:
    """Return the figures as plain numbers, for the API."""
    nm = outlined.nm_per_px
    median_nm = round(outlined.median_px * nm, 2) if nm and outlined.median_px else None
    return {
        "particles": outlined.count,
        "whole_particles": outlined.whole,
        "median_ecd_px": round(outlined.median_px, 3) if outlined.median_px else None,
        "median_ecd_nm": median_nm,
        "nm_per_px": nm,
        "nm_source": outlined.nm_source,
        "info_bar_rows_cropped": outlined.info_bar_rows,
    }


def build(pipe: Pipeline, painted: gr.State) -> None:
    """Add the tab's components and events; painted holds the last image of the Sketch tab."""
    with gr.Row(elem_classes="fa-segment"):
        with gr.Column(scale=1, min_width=260, elem_classes="fa-side"):
            upload = gr.File(
                label="Micrograph", elem_id="micrograph", height=150, file_count="single"
            )
            scale = gr.Textbox(
                label="Pixel size in nm",
                placeholder="from the file",
                elem_id="nm-per-px",
                max_lines=1,
                max_length=20,
            )
            again = gr.Button("Outline particles", variant="primary", elem_id="outline")
            take = gr.Button("Take the image from Sketch", size="sm", elem_id="take-sketch")
            gr.HTML(
                "<p class='fa-note'>Your file is read, answered and deleted within minutes; "
                "nothing of it is kept or logged.</p>",
                apply_default_css=False,
            )
        with gr.Column(scale=3, min_width=320):
            result = gr.HTML(
                None,
                html_template=RESULT_HTML,
                js_on_load=asset("segment.js"),
                elem_id="result",
                apply_default_css=False,
            )
    shared = {
        "outputs": result,
        "api_visibility": "private",
        "show_progress": "minimal",
        "show_progress_on": [result],
        **MODEL,
    }
    gr.on(
        [upload.upload, scale.submit, again.click],
        partial(_outline, pipe),
        inputs=[upload, scale],
        **shared,
    )
    take.click(partial(_outline_painted, pipe), inputs=painted, **shared)


@shown_as_toast
def _outline(pipe: Pipeline, path: str | None, nm_per_px: str | None) -> dict:
    return _shown(outline_file(pipe, path, nm_per_px))


@shown_as_toast
def _outline_painted(pipe: Pipeline, painted: Painted | None) -> dict:
    if painted is None:
        raise UserError("There is no synthetic image yet: paint one in the Sketch tab.")
    scale = (pipe.nm_per_px, "of the model's training data") if pipe.nm_per_px else (None, None)
    return _shown(
        outline_pixels(pipe, painted.image, "fancgan_synthetic_sketch", scale, synthetic=True)
    )


def _shown(outlined: Outlined) -> dict:
    height, width = outlined.field.shape
    overlay = outputs.png_bytes(pictures.outline_layer(outlined.labels), level=6)
    covered = 100 * float((outlined.labels > 0).mean())
    return {
        "token": wire.token(),
        "name": outlined.stem + (" · synthetic" if outlined.synthetic else ""),
        "width": width,
        "height": height,
        "image": wire.data_url(outputs.png_bytes(Image.fromarray(outlined.field))),
        "overlay": wire.data_url(overlay),
        "count": str(outlined.count),
        "median": outlined.median,
        "covered": f"{covered:.1f} %",
        "notes": outlined.notes,
        "files": {
            "labels": {
                "name": f"{outlined.stem}_labels.tif",
                "url": wire.data_url(label_tiff(outlined), "image/tiff"),
            },
            "outlined": {
                "name": f"{outlined.stem}_outlined.png",
                "url": wire.data_url(outlined_png(outlined)),
            },
        },
    }
