"""One page on paper: the picture, its outlines, the size distribution, how it was measured."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fancgan.measuring import overlay
from fancgan.measuring.analysis import Analysis, Measured
from fancgan.measuring.distribution import LEVEL, WITHOUT_UNIT, Distribution, histogram
from fancgan.measuring.filters import words_on
from fancgan.measuring.tables.pool import Pool

if TYPE_CHECKING:
    from matplotlib.axes import Axes

A4_INCHES = (8.27, 11.69)
SHOWN_PX = 1400  # longest side of the pictures in the report
BAR, FIT, MARK = "#94a3b8", "#0f766e", "#b45309"
GEOMETRIC = ("geometric_mean", "geometric_sd")
AXIS = {"number": "particles", "area": "area", "volume": "volume", "spheroid": "volume"}
SHORT_WEIGHTINGS = {"volume": "volume (sphere)", "spheroid": "volume (spheroid)"}
SHORT_NAMES = {
    "mean": "mean",
    "sd": "standard deviation",
    "d10": "D10",
    "median": "D50, median",
    "d90": "D90",
    "span": "span (D90 - D10) / D50",
    "geometric_mean": "geometric mean",
    "geometric_sd": "geometric sd (GSD)",
    "sauter_mean": "D[3,2]",
    "volume_mean": "D[4,3]",
}
LONG_NAMES = {
    "ecd": "equal-area diameter",
    "feret_max": "largest Feret diameter",
    "feret_min": "smallest Feret diameter",
    "perimeter": "perimeter",
    "area": "area",
    "aspect_ratio": "aspect ratio (min / max Feret)",
    "aspect_ratio_imagej": "aspect ratio (major / minor axis)",
    "circularity_iso": "circularity (ISO)",
    "circularity_imagej": "circularity (ImageJ)",
    "solidity": "solidity",
    "convexity": "convexity",
    "length": "length along the skeleton",
    "width": "width",
    "neighbour_distance": "distance to the nearest neighbour",
    "frame_distance": "distance to the frame",
    "mean_grey": "mean grey level",
    "confidence": "confidence",
}


def report_pdf(
    first: Analysis,
    measured: Sequence[Measured],
    bundle: dict,
    quantity: str = "ecd",
    by: str = "number",
) -> bytes:
    """Return the report as a PDF of one page.

    first: the micrograph that is shown. measured: all that are counted. bundle: name and revision
    of the model. quantity: what the distribution is of. by: one of WEIGHTINGS.
    """
    from matplotlib.figure import Figure

    pool = Pool.of(measured)
    found = pool.distribution(quantity, by)
    unit = measured[0].unit_of(quantity).replace("2", "²")
    figure = Figure(figsize=A4_INCHES, dpi=150)
    frame = {"left": 0.08, "right": 0.94, "top": 0.91, "bottom": 0.09, "hspace": 0.16}
    grid = figure.add_gridspec(3, 2, height_ratios=(2.5, 2.6, 2.2), **frame)
    title = first.field.name
    if len(measured) > 1:
        title = f"{len(measured)} micrographs, the first, {title}, is shown"
    figure.text(0.08, 0.955, f"Particles: {LONG_NAMES[quantity]}", size=17, weight="bold")
    title = title if len(title) <= 90 else f"{title[:89]}…"
    figure.text(0.08, 0.93, title, size=11, color="#475569", parse_math=False)
    if any(one.synthetic for one in measured):
        figure.text(0.94, 0.955, "SYNTHETIC IMAGE", size=11, color=MARK, weight="bold", ha="right")
    layer = overlay.outline_layer(first.labels, width=1 + max(first.labels.shape) // 500)
    for place, image, words in (
        (grid[0, 0], overlay.with_scale_bar(first.field.grey, first.field.nm_per_px), "as read"),
        (grid[0, 1], overlay.composite(first.field.grey, layer), "outlined"),
    ):
        axes = figure.add_subplot(place)
        image.thumbnail((SHOWN_PX, SHOWN_PX))
        axes.imshow(np.asarray(image))
        axes.set_axis_off()
        axes.set_title(words, size=9, color="#475569", loc="left")
    plot_distribution(figure.add_subplot(grid[1, :]), pool, quantity, found, unit, by)
    _table(figure.add_subplot(grid[2, 0]), found, unit, by)
    _words(figure.add_subplot(grid[2, 1]), measured, bundle, found)
    buffer = io.BytesIO()
    # Without a date the same analysis gives the same file.
    figure.savefig(buffer, format="pdf", metadata={"CreationDate": None, "Creator": "F-ANcGAN"})
    return buffer.getvalue()


def plot_distribution(
    axes: Axes,
    pool: Pool,
    quantity: str,
    found: Distribution,
    unit: str,
    by: str,
) -> None:
    """Draw histogram, log-normal fit of a size, D10, D50, D90 with their intervals into axes."""
    from scipy.stats import lognorm

    values, weights, _, amounts = pool.pooled_values(quantity, by)
    edges, share = histogram(values, weights * amounts)
    axes.bar(edges[:-1], 100 * share, np.diff(edges), align="edge", color=BAR, edgecolor="white")
    axes.set_xlabel(LONG_NAMES[quantity] + (f" / {unit}" if unit else ""))
    axes.set_ylabel(f"{AXIS[by]} / %")
    axes.margins(y=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    fit = [found.estimates[k].value for k in GEOMETRIC if k in found.estimates]
    if found.n >= 10 and fit and fit[1] > 1:
        centre, spread = fit
        x = np.linspace(max(edges[0] * 0.8, 1e-6), edges[-1] * 1.05, 300)
        density = lognorm.pdf(x, np.log(spread), scale=centre)
        axes.plot(x, 100 * density * np.diff(edges)[0], color=FIT, lw=1.8, label="log-normal fit")
    for name, words in (("d10", "D10"), ("median", "D50"), ("d90", "D90")):
        estimate = found.estimates[name]
        if not np.isfinite(estimate.value):
            continue
        axes.axvline(estimate.value, color=MARK, lw=1.2)
        if np.isfinite(estimate.low):
            axes.axvspan(estimate.low, estimate.high, color=MARK, alpha=0.12, lw=0)
        words, place = f" {words} {estimate.value:.4g}", (estimate.value, 1.0)
        where = ("data", "axes fraction")
        axes.annotate(words, place, xycoords=where, va="top", size=8.5, color=MARK)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, loc="center right")


def _table(axes: Axes, found: Distribution, unit: str, by: str) -> None:
    from matplotlib.transforms import Bbox

    axes.set_axis_off()
    rows = []
    for name, e in found.estimates.items():
        suffix = f" {unit}" if name not in WITHOUT_UNIT else ""
        interval = f"{e.low:.4g} to {e.high:.4g}" if np.isfinite(e.low) else "–"
        value = f"{e.value:.4g}{suffix}" if np.isfinite(e.value) else "–"
        rows.append([SHORT_NAMES[name], value, interval])
    table = axes.table(
        rows,
        colLabels=[f"by {SHORT_WEIGHTINGS.get(by, by)}", "value", f"{LEVEL:.0%} interval"],
        colWidths=[0.47, 0.25, 0.36],
        cellLoc="left",
        edges="horizontal",
        bbox=Bbox.from_bounds(-0.04, 0.0, 1.0, 1.0),
    )
    table.auto_set_font_size(False)
    table.set_fontsize(7.5)
    for cell in table.get_celld().values():
        cell.set_edgecolor("#e2e8f0")


def _words(axes: Axes, measured: Sequence[Measured], bundle: dict, found: Distribution) -> None:
    axes.set_axis_off()
    total = sum(one.count for one in measured)
    scale = "pixel size unknown: lengths in pixels"
    sizes = sorted({one.nm_per_px for one in measured if one.nm_per_px})
    if len(sizes) == 1:
        sources = sorted({str(one.nm_source) for one in measured})
        scale = f"{sizes[0]:.5g} nm per pixel ({', '.join(sources)})"
    elif sizes:
        scale = f"{sizes[0]:.5g} to {sizes[-1]:.5g} nm per pixel: see files.csv"
    shapes = sorted({f"{one.width_px} x {one.height_px}" for one in measured})
    bars = sum(bool(one.bar_rows) for one in measured)
    splits = sorted({f"{one.settings.split:+.2f}" for one in measured})
    corrections = sum(len(one.settings.edits) for one in measured)
    gap = found.fit_distance
    facts = [
        f"{total} particles, {found.n} of them whole",
        scale,
        f"{' and '.join(shapes) if len(shapes) < 3 else f'{len(shapes)} picture sizes in'} px, "
        f"an info bar cut off {bars} of {len(measured)}",
        f"split strength {', '.join(splits)}, {corrections} corrections by hand",
        *([f"filters: {words_on(filters)}"] if (filters := measured[0].settings.filters) else []),
        f"model {bundle['name']}, revision {bundle['revision']}",
        "Particles cut by the frame are left out, the others weighted for it (Miles-Lantuejoul); "
        f"intervals by bootstrap over {found.over}."
        + (f" Largest gap to the log-normal fit: {gap:.3f}." if np.isfinite(gap) else ""),
        *dict.fromkeys(word for one in measured for word in one.cautions),
    ]
    lines = [textwrap.fill(f"• {fact}", 62, subsequent_indent="   ") for fact in facts]
    axes.text(
        0.04, 1.0, "\n".join(lines)[:1800], va="top", size=7.5, linespacing=1.5, parse_math=False
    )
