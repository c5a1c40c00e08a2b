"""Properties of particles: measured in native pixels, converted to nanometres once.

A is the area, P the perimeter after Crofton in four directions (within 3 % for round outlines, up
to 6 % short for straight ones along rows and columns), A_c and H area and perimeter of the convex
hull.

ecd                  sqrt(4 A / pi), diameter of the circle of equal area (ISO 9276-6)
feret_max, feret_min largest and smallest distance of two parallel tangents
aspect_ratio         feret_min / feret_max, in (0, 1] (ISO 9276-6)
aspect_ratio_imagej  major / minor axis of the ellipse of equal second moments, 1 and more (ImageJ)
circularity_iso      sqrt(4 pi A / P^2) (ISO 9276-6)
circularity_imagej   4 pi A / P^2 (ImageJ)
solidity             A / A_c
convexity            H / P
orientation          of the major axis, counterclockwise from the horizontal, in [0, 180)
length, width        along the skeleton end to end, and A / length; of what is no compact, convex
                     particle alone (aspect_ratio < 2/3 or solidity < 0.9)
neighbour_distance   from centroid to centroid of the nearest other particle
frame_distance       from the particle to the frame
shape                irregular: solidity < 0.9, unless length >= 5 width (a bent fibre);
                     elongated: of the others, aspect_ratio < 2/3 or a fibre; round: the rest

Ratios that are at most 1 by definition are cut off there: on a grid, small round particles would
come out a little above.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from fancgan.particles.arrangement import nearest_neighbours
from fancgan.particles.labels import equal_area_diameter
from fancgan.particles.skeletons import skeleton_length

LENGTHS = ("ecd", "feret_max", "feret_min", "major_axis", "minor_axis", "perimeter")
RATIOS = (
    "aspect_ratio",
    "aspect_ratio_imagej",
    "circularity_iso",
    "circularity_imagej",
    "solidity",
    "convexity",
)
FURTHER = ("length", "width", "neighbour_distance", "frame_distance")  # lengths as well
SHAPES = ("round", "elongated", "irregular")
LONG, CONCAVE, FIBRE = 2 / 3, 0.9, 5.0  # aspect ratio below, solidity below, length / width from
SIZES = ("ecd", "feret_max", "feret_min")  # what a size distribution can be taken of
_AT_MOST_ONE = ("aspect_ratio", "circularity_iso", "circularity_imagej", "solidity", "convexity")
_BOX = ("left_px", "top_px", "right_px", "bottom_px")
_LIBRARY = {
    "label": "label",
    "centroid-0": "centroid_y_px",
    "centroid-1": "centroid_x_px",
    "bbox-0": "top_px",
    "bbox-1": "left_px",
    "bbox-2": "bottom_px",
    "bbox-3": "right_px",
    "num_pixels": "area_px",
    "perimeter_crofton": "perimeter",
    "axis_major_length": "major_axis",
    "axis_minor_length": "minor_axis",
    "orientation": "orientation_deg",
    "solidity": "solidity",
    "hull_measures-0": "feret_max",
    "hull_measures-1": "feret_min",
    "hull_measures-2": "hull_perimeter",
}


def length_unit(nm_per_px: float | None) -> str:
    """Return the unit in which lengths are given: "nm", or "px" where the scale is unknown."""
    return "nm" if nm_per_px else "px"


def measure_particles(
    labels: NDArray[np.integer], nm_per_px: float | None = None, image: NDArray | None = None
) -> pd.DataFrame:
    """Return one row per particle of labels [H, W], 0 = background, in the order of the labels.

    nm_per_px: size of a pixel; without it lengths are in pixels. image: [H, W], for `mean_grey`.

    Columns carry their unit at the end of the name (ratios have none): `label`, `centroid_x_px`,
    `centroid_y_px` (pixel centres are whole numbers), the box `left_px`, `top_px`, `right_px`,
    `bottom_px` (the last two exclusive), `area_px`, `area_nm2`, LENGTHS with `_nm`, RATIOS,
    `orientation_deg`, `mean_grey` where an image is given, `touches_border`, `border_weight`,
    FURTHER like LENGTHS (empty where not known), `shape`, one of SHAPES.
    Raises ValueError for labels that are not a plane of whole numbers from 0 up.
    """
    labels = np.asarray(labels)
    if labels.ndim != 2 or labels.dtype.kind not in "iu" or (labels.size and labels.min() < 0):
        raise ValueError("labels must be whole numbers from 0 up, [H, W]")
    if nm_per_px is not None and not 0 < nm_per_px < np.inf:
        raise ValueError(f"nm_per_px must be a positive number, not {nm_per_px}")
    return _in_units(_in_pixels(labels, image), nm_per_px)


def _in_pixels(labels: NDArray, image: NDArray | None) -> pd.DataFrame:
    from skimage.measure import regionprops_table

    wanted = _LIBRARY | ({} if image is None else {"mean_intensity": "mean_grey"})
    names = list(dict.fromkeys(name.split("-")[0] for name in wanted))
    names.remove("hull_measures")
    found = regionprops_table(
        labels, intensity_image=image, properties=names, extra_properties=(hull_measures,)
    )
    if not len(found["label"]):  # scikit-image cannot know the columns of hull_measures then
        found = {name: np.zeros(0) for name in wanted}
    table = pd.DataFrame({new: found[old] for old, new in wanted.items()})
    area, perimeter = table["area_px"], table["perimeter"]
    table["ecd"] = equal_area_diameter(area)
    table["aspect_ratio"] = table["feret_min"] / table["feret_max"]
    # One row of pixels has no minor axis: then this ratio is not known.
    minor = table["minor_axis"].where(table["minor_axis"] > 0)
    table["aspect_ratio_imagej"] = table["major_axis"] / minor
    table["circularity_imagej"] = 4 * np.pi * area / perimeter**2
    table["circularity_iso"] = np.sqrt(table["circularity_imagej"])
    table["convexity"] = table["hull_perimeter"] / perimeter
    table[list(_AT_MOST_ONE)] = table[list(_AT_MOST_ONE)].clip(upper=1.0)
    # scikit-image counts from the rows' axis downwards; people count from the horizontal.
    table["orientation_deg"] = (np.degrees(table["orientation_deg"]) + 90) % 180
    height, width = labels.shape
    table["touches_border"] = (
        (table["top_px"] == 0)
        | (table["left_px"] == 0)
        | (table["bottom_px"] == height)
        | (table["right_px"] == width)
    )
    table["border_weight"] = border_weights(
        table["right_px"] - table["left_px"], table["bottom_px"] - table["top_px"], width, height
    ).where(~table["touches_border"], 0.0)
    table["length"] = _skeleton_lengths(table, labels)
    table["width"] = area / table["length"]
    table["neighbour_distance"] = nearest_neighbours(
        table[["centroid_x_px", "centroid_y_px"]].to_numpy()
    )
    table["frame_distance"] = np.minimum(
        table[["left_px", "top_px"]].min(axis=1),
        (np.array([width, height]) - table[["right_px", "bottom_px"]]).min(axis=1),
    )
    table["shape"] = shape_classes(table)
    return table


def _skeleton_lengths(table: pd.DataFrame, labels: NDArray) -> list[float]:
    lengths = []
    compact = (table["aspect_ratio"] >= LONG) & (table["solidity"] >= CONCAVE)
    boxes = table[["label", *_BOX]].astype(int).to_numpy()
    for is_compact, (number, left, top, right, bottom) in zip(compact, boxes, strict=True):
        region = labels[top:bottom, left:right] == number
        lengths.append(np.nan if is_compact else skeleton_length(region))
    return lengths


def shape_classes(table: pd.DataFrame) -> NDArray[np.str_]:
    """Return one of SHAPES for each particle, from its solidity, aspect_ratio, length and width."""
    fibre = table["length"] >= FIBRE * table["width"]
    irregular = (table["solidity"] < CONCAVE) & ~fibre
    return np.select([irregular, fibre | (table["aspect_ratio"] < LONG)], SHAPES[:0:-1], SHAPES[0])


def _in_units(table: pd.DataFrame, nm_per_px: float | None) -> pd.DataFrame:
    unit, scale = length_unit(nm_per_px), nm_per_px or 1.0
    place = ("label", "centroid_x_px", "centroid_y_px", *_BOX, "area_px")
    columns = {name: table[name] for name in place}
    if nm_per_px:
        columns["area_nm2"] = table["area_px"] * scale**2
    columns |= {f"{name}_{unit}": table[name] * scale for name in LENGTHS}
    columns |= {name: table[name] for name in (*RATIOS, "orientation_deg")}
    if "mean_grey" in table:
        columns["mean_grey"] = table["mean_grey"]
    columns |= {name: table[name] for name in ("touches_border", "border_weight")}
    columns |= {f"{name}_{unit}": table[name] * scale for name in FURTHER}
    columns["shape"] = table["shape"].astype(str)
    types = dict.fromkeys(("label", *_BOX, "area_px"), np.int64) | {"touches_border": bool}
    return pd.DataFrame(columns).astype(types)


def hull_measures(region: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return (largest Feret diameter, smallest, perimeter) of the convex hull of region, in pixels.

    region: bool [h, w] with at least one pixel. The hull is that of the middles of the pixels'
    sides, as in scikit-image: a row of n pixels is n long, and a disc neither gains nor loses.
    The smallest diameter has one tangent along a side of the hull (rotating calipers).
    """
    points = _side_middles(region)
    hull = ConvexHull(points)
    corners = points[hull.vertices]
    distances = hull.equations[:, :2] @ corners.T  # [sides, corners]
    smallest = (distances.max(axis=1) - distances.min(axis=1)).min()
    return np.array([pdist(corners).max(), smallest, hull.area])


def _side_middles(region: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Middles of the outermost pixel sides of each row and column, [n, 2] as (row, column)."""
    points = []
    for axis, lines in ((0, region), (1, region.T)):
        numbers = np.flatnonzero(lines.any(axis=1))
        first = lines[numbers].argmax(axis=1) - 0.5
        last = lines.shape[1] - lines[numbers, ::-1].argmax(axis=1) - 0.5
        for ends in (first, last):
            pair = (numbers, ends) if axis == 0 else (ends, numbers)
            points.append(np.column_stack(pair))
    return np.unique(np.concatenate(points).astype(np.float64), axis=0)


def border_weights(width_px, height_px, field_width_px: int, field_height_px: int):
    """Return W H / ((W - Fx)(H - Fy)), the weight of an uncut particle of that box (any arrays).

    A large particle is cut by the frame more often than a small one. Leaving out what is cut, each
    other particle stands for as many as its chance to lie wholly inside is small (Miles and
    Lantuejoul; ISO 13322-1).
    """
    places = (field_width_px - width_px) * (field_height_px - height_px)
    return field_width_px * field_height_px / np.maximum(places, 1)
