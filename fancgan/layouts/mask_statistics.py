"""Measure masks, real or made: sizes, shapes, coverage, neighbours; and compare two groups of them.

`tools/fit_layouts.py` writes those of the training masks to mask_statistics.json, from which
layouts are drawn. What is kept of the masks are distributions (quantiles, standard deviations),
never an outline.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MIN_AREA_PX = 20
WHOLE_SOLIDITY = 0.955
CONTACT_PX = 2
HARMONICS = 8
QUANTILES = np.linspace(0, 1, 21)
PER_PARTICLE = ("ecd_px", "aspect", "solidity", "contacts", "neighbour_px")


@dataclass(frozen=True)
class MaskStatistics:
    """What one mask [H, W] looks like; the arrays have one entry per particle not cut by the frame.

    coverage: particle pixels per pixel; count: particles of MIN_AREA_PX and more, cut ones
    included; ecd_px equal-area diameters; aspect minor / major axis of the ellipse of equal
    moments; solidity area / convex area; contacts: particles within CONTACT_PX pixels;
    neighbour_px: centre to nearest centre; agglomerates: particles per agglomerate, whose members
    are contacts of contacts (one entry per agglomerate); harmonics [n, HARMONICS]: relative
    radius amplitudes, orders 3 and up, of whole particles.
    """

    coverage: float
    count: int
    ecd_px: np.ndarray
    aspect: np.ndarray
    solidity: np.ndarray
    contacts: np.ndarray
    neighbour_px: np.ndarray
    agglomerates: np.ndarray
    harmonics: np.ndarray


def measure_mask(mask: np.ndarray) -> MaskStatistics:
    """Measure a mask [H, W] bool whose touching particles are parted by lines of background."""
    from scipy import ndimage, spatial
    from skimage.measure import regionprops

    labels, _ = ndimage.label(mask)
    areas = np.bincount(labels.ravel())
    keep = areas >= MIN_AREA_PX
    keep[0] = False
    labels = np.where(keep, np.cumsum(keep), 0)[labels]
    regions = regionprops(labels)
    count = len(regions)
    pairs = contact_pairs(labels)
    contacts = np.bincount(pairs.ravel(), minlength=count + 1)[1:]
    centres = np.array([region.centroid for region in regions]).reshape(-1, 2)
    neighbours = np.full(count, np.nan)
    if count > 1:
        neighbours = spatial.cKDTree(centres).query(centres, k=2)[0][:, 1]
    boxes = np.array([region.bbox for region in regions]).reshape(-1, 4)
    inside = (boxes[:, :2] > 0).all(axis=1) & (boxes[:, 2:] < mask.shape).all(axis=1)
    solidity = np.array([region.solidity for region in regions])
    whole = inside & (solidity > WHOLE_SOLIDITY)
    profiles = [_harmonics(r.image) for r, w in zip(regions, whole, strict=True) if w]
    axes = np.array([(r.axis_minor_length, r.axis_major_length) for r in regions]).reshape(-1, 2)
    return MaskStatistics(
        coverage=float(mask.mean()),
        count=count,
        ecd_px=np.array([r.equivalent_diameter_area for r in regions])[inside],
        aspect=(axes[:, 0] / np.maximum(axes[:, 1], 1e-9))[inside],
        solidity=solidity[inside],
        contacts=contacts[inside],
        neighbour_px=neighbours[inside],
        agglomerates=_agglomerate_sizes(pairs, count),
        harmonics=np.array(profiles).reshape(-1, HARMONICS),
    )


def contact_pairs(labels: np.ndarray) -> np.ndarray:
    """Pairs [n, 2] of labels that come within CONTACT_PX pixels of each other, each pair once."""
    height, width = labels.shape
    found: list[np.ndarray] = []
    for dy in range(CONTACT_PX + 1):
        for dx in range(-CONTACT_PX, CONTACT_PX + 1):
            here = labels[: height - dy, max(0, -dx) : width - max(0, dx)]
            there = labels[dy:, max(0, dx) : width - max(0, -dx)]
            touching = (here > 0) & (there > 0) & (here != there)
            found.append(np.stack([here[touching], there[touching]], axis=1))
    return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)


def _agglomerate_sizes(pairs: np.ndarray, count: int) -> np.ndarray:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0] - 1, pairs[:, 1] - 1)), (count, count))
    return np.bincount(connected_components(graph, directed=False)[1]) if count else np.zeros(0)


def _harmonics(image: np.ndarray) -> np.ndarray:
    """Relative radius amplitudes of a particle, stretched to a circle by its second moments."""
    from skimage.measure import find_contours

    y, x = np.nonzero(image)
    values, vectors = np.linalg.eigh(np.cov(np.stack([x, y])))
    contour = max(find_contours(np.pad(image, 1).astype(float), 0.5), key=len)[:-1, ::-1] - 1
    unit = (contour - [x.mean(), y.mean()]) @ vectors / (2 * np.sqrt(np.maximum(values, 1e-6)))
    angle = np.arctan2(unit[:, 1], unit[:, 0])
    grid = np.linspace(-np.pi, np.pi, 64, endpoint=False)
    order = np.argsort(angle)
    radius = np.interp(grid, angle[order], np.hypot(*unit.T)[order], period=2 * np.pi)
    amplitude = np.abs(np.fft.rfft(radius)) * 2 / len(grid) / radius.mean()
    return amplitude[3 : 3 + HARMONICS]


def pooled_statistic(fields: list[MaskStatistics], name: str) -> np.ndarray:
    return np.concatenate([getattr(field, name) for field in fields])


def summarise(fields: list[MaskStatistics], shape: tuple[int, int], nm_per_px: float) -> dict:
    """Return the JSON-able statistics that shapes.py and layout.py draw from."""
    ecd, solidity, aspect = (
        pooled_statistic(fields, name) for name in ("ecd_px", "solidity", "aspect")
    )
    whole = solidity > WHOLE_SOLIDITY
    d50 = float(np.median(ecd[whole]))
    big = pooled_statistic(fields, "harmonics")[ecd[whole] > 24]
    density = [field.count / (shape[0] * shape[1] / 1e6) for field in fields]
    quantiles = {
        name: np.nanquantile(pooled_statistic(fields, name), QUANTILES).round(4).tolist()
        for name in (*PER_PARTICLE, "agglomerates")
    }
    return {
        "fields": len(fields),
        "field_shape_px": list(shape),
        "nm_per_px": nm_per_px,
        "particle": {
            "n": int(whole.sum()),
            "d50_nm": round(d50 * nm_per_px, 1),
            "relative_size_quantiles": np.quantile(ecd[whole] / d50, QUANTILES).round(4).tolist(),
            "aspect_mean": round(float(aspect[whole].mean()), 4),
            "aspect_sd": round(float(aspect[whole].std()), 4),
            "radius_harmonics_rms": np.sqrt((big**2).mean(axis=0)).round(4).tolist(),
        },
        "field": {
            "count_per_megapixel": np.quantile(density, QUANTILES).round(1).tolist(),
            "coverage": np.quantile([f.coverage for f in fields], QUANTILES).round(4).tolist(),
        },
        "visible_quantiles": {"n": len(ecd), **quantiles},
    }


def compare(
    real: list[MaskStatistics], made: list[MaskStatistics], *, shuffles: int = 500, seed: int = 0
) -> dict[str, dict[str, float]]:
    """Return per quantity the Kolmogorov-Smirnov distance of two groups of fields, and its odds.

    Particles of one field resemble each other, so that fields, not particles, are shuffled
    between the groups: "ks" is the distance, "ks_shuffled" its mean when the fields are dealt at
    random, "p" the share of deals at least as far apart.
    """
    rng = np.random.default_rng(seed)
    everything, size = real + made, len(real)
    deals = [np.arange(len(everything))]
    deals += [rng.permutation(len(everything)) for _ in range(shuffles)]
    report = {}
    for name in (*PER_PARTICLE, "agglomerates", "coverage", "count"):
        values = [np.atleast_1d(getattr(field, name)).astype(float) for field in everything]
        values = [v[np.isfinite(v)] for v in values]
        grid = np.unique(np.concatenate(values))
        grid = np.quantile(grid, np.linspace(0, 1, 400)) if len(grid) > 400 else grid
        below = np.array([np.searchsorted(np.sort(v), grid, side="right") for v in values])
        n = np.array([len(v) for v in values])
        distances = []
        for deal in deals:
            one, two = deal[:size], deal[size:]
            shares = [below[part].sum(axis=0) / max(n[part].sum(), 1) for part in (one, two)]
            distances.append(np.abs(shares[0] - shares[1]).max())
        shuffled = np.array(distances[1:])
        report[name] = {
            "ks": round(float(distances[0]), 4),
            "ks_shuffled": round(float(shuffled.mean()), 4),
            "p": round(float((1 + (shuffled >= distances[0]).sum()) / (1 + shuffles)), 4),
        }
    return report
