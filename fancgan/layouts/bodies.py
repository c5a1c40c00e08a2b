"""Outlines of spheres, rods and convex polyhedra: projections of bodies onto the image plane."""

from __future__ import annotations

import functools

import numpy as np

from fancgan.layouts.config import LayoutConfig
from fancgan.layouts.shapes import Particle, draw_diameters

USUAL_GSD = 1.1
TURN = np.linspace(0, 2 * np.pi, 64, endpoint=False)
CIRCLE = np.stack([np.cos(TURN), np.sin(TURN)], axis=1)
MOST_BENDS, POINTS_A_BEND = 60, 4
CORNERS_OF_POLYHEDRA = 12
POLYHEDRA = 64


class BodySource:
    """An endless supply of the particles of a layout, in pixels, of all shapes but grains.

    diameter: of the largest circle that one of the median size may need.
    """

    def __init__(self, rng: np.random.Generator, config: LayoutConfig) -> None:
        self.rng, self.config = rng, config
        self.sizes = tuple(size / config.nm_per_px for size in config.sizes_nm)
        self.d50 = config.d50_nm / config.nm_per_px
        self.diameter = max(self.sizes, default=self.d50)

    def draw(self) -> Particle:
        config, rng = self.config, self.rng
        gsd = config.gsd or USUAL_GSD
        size = float(draw_diameters(rng, 1, self.d50, gsd, self.sizes)[0])
        slimness = config.aspect_ratio * np.exp(
            np.log(config.aspect_ratio_gsd) * rng.standard_normal()
        )
        slimness = max(1.0, float(slimness))
        core = None
        if config.shape in ("spheres", "core-shell"):
            outline = CIRCLE / 2
            core = outline * (1 - config.shell) if config.shape == "core-shell" else None
        elif config.shape == "rods":
            outline = rod(rng, slimness, config.flexibility)
        else:
            corners = body(config.shape, slimness, int(rng.integers(POLYHEDRA)))
            turned = corners @ _rotation(rng).T if rng.random() < config.tilted else corners
            outline = rounded(_hull(turned[:, :2]), config.rounding)
        return _particle(outline * size, rng.uniform(0, 2 * np.pi), core, size)


def _particle(outline: np.ndarray, angle: float, core: np.ndarray | None, size: float) -> Particle:
    area, centre = area_and_centre(outline)
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, sin], [-sin, cos]])
    outline = (outline - centre) @ turn
    return Particle(
        outline=outline,
        radius=float(np.sqrt(area / np.pi)),
        bound=float(np.linalg.norm(outline, axis=1).max()),
        aspect=1.0,
        angle=angle,
        core=None if core is None else core * size,
    )


def rod(rng: np.random.Generator, aspect_ratio: float, flexibility: float) -> np.ndarray:
    """Return the outline [P, 2] of a rod of contour length 1 with round ends, along x at its start.

    Its centre line is a worm-like chain in the plane (Kratky and Porod 1949): over a length s the
    mean cosine of its turn is exp(-s flexibility / 2). It bends no tighter than around its own
    half width, and is straightened until it does not cross itself.
    """
    width = 1 / aspect_ratio
    line = centre_line(rng, 1 - width, width, flexibility)
    tangents = np.gradient(line, axis=0)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    side = width / 2 * np.stack([-tangents[:, 1], tangents[:, 0]], axis=1)
    ends = _cap(line[-1], tangents[-1], width), _cap(line[0], -tangents[0], width)
    return np.concatenate([line + side, ends[0], line[::-1] - side[::-1], ends[1]])


def centre_line(
    rng: np.random.Generator, length: float, width: float, flexibility: float
) -> np.ndarray:
    """Return the points [M, 2] of a worm-like chain of that length, evenly spaced; see rod.

    Its heading wanders from bend to bend, about a width apart, and changes evenly in between.
    """
    bends = int(np.clip(round(length / width), 2, MOST_BENDS)) if flexibility > 0 else 1
    turns = np.sqrt(flexibility * length / bends) * rng.standard_normal(bends)
    most = 1.8 * length / bends / width
    walk = np.concatenate([[0.0], np.cumsum(turns.clip(-most, most))])
    points = POINTS_A_BEND * bends
    headings = np.interp((np.arange(points) + 0.5) / POINTS_A_BEND, np.arange(bends + 1), walk)
    step = max(length, 1e-6) / points
    while True:
        steps = step * np.stack([np.cos(headings), np.sin(headings)], axis=1)
        line = np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])
        if not _crosses_itself(line, width, step):
            return line
        headings *= 0.8


def _crosses_itself(line: np.ndarray, width: float, step: float) -> bool:
    apart = np.linalg.norm(line[:, None] - line[None], axis=2)
    along = step * np.abs(np.subtract.outer(np.arange(len(line)), np.arange(len(line))))
    return bool((apart < 1.3 * width)[along > 2.5 * width].any())


def _cap(end: np.ndarray, tangent: np.ndarray, width: float) -> np.ndarray:
    """Half a circle around an end, from the left side of the tangent to the right."""
    angles = np.linspace(np.pi / 2, -np.pi / 2, 9)[1:-1, None]
    left = np.array([-tangent[1], tangent[0]])
    return end + width / 2 * (np.cos(angles) * tangent + np.sin(angles) * left)


@functools.cache
def _regular(shape: str) -> np.ndarray:
    """Corners [n, 3] of a body of edge 1."""
    if shape == "cubes":
        return np.stack(np.meshgrid(*[[-0.5, 0.5]] * 3), axis=-1).reshape(-1, 3)
    if shape == "octahedra":
        return _lying(np.concatenate([np.eye(3), -np.eye(3)]) / np.sqrt(2))
    signs = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    return _lying(signs / np.sqrt(8))


def body(shape: str, slimness: float, number: int) -> np.ndarray:
    """Return the corners [n, 3] of a body of size 1 that lies on a face, normal along z.

    slimness: diameter / thickness of plates. number: which of the random polyhedra, whose surface
    is pi, that of a sphere of diameter 1.
    """
    if shape == "plates":
        angles = np.pi / 3 * np.arange(6)
        rim = np.stack([np.cos(angles), np.sin(angles), np.ones(6) / slimness], axis=1) / 2
        return np.concatenate([rim, rim * [1, 1, -1]])
    return _polyhedron(number) if shape == "polyhedra" else _regular(shape)


@functools.cache
def _polyhedron(number: int) -> np.ndarray:
    from scipy.spatial import ConvexHull

    rng = np.random.default_rng(number)
    corners = rng.standard_normal((CORNERS_OF_POLYHEDRA, 3))
    corners /= np.linalg.norm(corners, axis=1, keepdims=True)
    corners *= rng.uniform(0.7, 1.0, 3)
    return _lying(corners * np.sqrt(np.pi / ConvexHull(corners).area))


def _lying(corners: np.ndarray) -> np.ndarray:
    """Turn a body [n, 3] until the normal of its largest face is along z."""
    from scipy.spatial import ConvexHull

    hull = ConvexHull(corners)
    a, b, c = (corners[hull.simplices[:, k]] for k in range(3))
    largest = int(np.linalg.norm(np.cross(b - a, c - a), axis=1).argmax())
    normal = hull.equations[largest, :3]
    across = np.cross(normal, np.eye(3)[np.abs(normal).argmin()])
    across /= np.linalg.norm(across)
    return corners @ np.stack([across, np.cross(normal, across), normal], axis=1)


def _rotation(rng: np.random.Generator) -> np.ndarray:
    """A rotation [3, 3] drawn evenly from all: a unit quaternion."""
    w, x, y, z = (q := rng.standard_normal(4)) / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def _hull(points: np.ndarray) -> np.ndarray:
    from scipy.spatial import ConvexHull

    return points[ConvexHull(points).vertices]


def rounded(outline: np.ndarray, rounding: float) -> np.ndarray:
    """Round the corners of a convex outline [P, 2]; its area stays.

    rounding: from 0, as it is, to 1, a circle.
    """
    if rounding == 0:
        return outline
    area, centre = area_and_centre(outline)
    circle = np.sqrt(area / np.pi) * CIRCLE[::4]
    soft = ((1 - rounding) * (outline - centre))[:, None] + rounding * circle
    soft = _hull(soft.reshape(-1, 2))
    return centre + soft * np.sqrt(area / area_and_centre(soft)[0])


def area_and_centre(outline: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the area and the centroid [2] of a closed outline [P, 2]."""
    ahead = np.roll(outline, -1, axis=0)
    cross = outline[:, 0] * ahead[:, 1] - ahead[:, 0] * outline[:, 1]
    return abs(cross.sum()) / 2, ((outline + ahead) * cross[:, None]).sum(axis=0) / (
        3 * cross.sum()
    )


def mean_area(config: LayoutConfig) -> float:
    """Return the mean projected area of a body of size 1, in sizes squared.

    Turned at random, a convex body's is a quarter of its surface (Cauchy 1832).
    """
    from scipy.spatial import ConvexHull

    width = 1 / config.aspect_ratio
    if config.shape in ("grains", "spheres", "core-shell"):
        return np.pi / 4
    if config.shape == "rods":
        return width * (1 - width) + np.pi / 4 * width**2
    numbers = range(POLYHEDRA if config.shape == "polyhedra" else 1)
    bodies = [body(config.shape, config.aspect_ratio, number) for number in numbers]
    turned = np.mean([ConvexHull(corners).area / 4 for corners in bodies])
    lying = np.mean([ConvexHull(corners[:, :2]).volume for corners in bodies])
    return float(config.tilted * turned + (1 - config.tilted) * lying)
