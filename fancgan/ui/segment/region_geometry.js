// Polygons [[x, y], ...] of regions: numbers alone, no element of the page.

export const rectangle = ([x0, y0], [x1, y1]) => {
  const [left, right] = [Math.min(x0, x1), Math.max(x0, x1)];
  const [top, bottom] = [Math.min(y0, y1), Math.max(y0, y1)];
  return [
    [left, top],
    [right, top],
    [right, bottom],
    [left, bottom],
  ];
};

export const fromBox = ([x, y, width, height]) => rectangle([x, y], [x + width, y + height]);

export function toBox(points) {
  const [[x, y], , [right, bottom]] = points.map((place) => place.map(Math.round));
  return [x, y, Math.max(right - x, 1), Math.max(bottom - y, 1)];
}

// Whether four corners lie level, the first at the upper left.
export function isRectangle(points) {
  if (points.length !== 4) return false;
  const made = rectangle(points[0], points[2]);
  return made.every(([x, y], i) => x === points[i][0] && y === points[i][1]);
}

// The polygon with corner i at another place; a rectangle stays one.
export function withCorner(points, i, place) {
  if (isRectangle(points)) return rectangle(points[(i + 2) % 4], place);
  return points.map((point, k) => (k === i ? place : point));
}

export const moved = (points, dx, dy) => points.map(([x, y]) => [x + dx, y + dy]);

export function isInside(points, x, y) {
  let inside = false;
  for (const [i, [x0, y0]] of points.entries()) {
    const [x1, y1] = points[(i + 1) % points.length];
    if (y0 > y !== y1 > y && x < x0 + ((y - y0) * (x1 - x0)) / (y1 - y0)) inside = !inside;
  }
  return inside;
}

export function areaOf(points) {
  let twice = 0;
  for (const [i, [x0, y0]] of points.entries()) {
    const [x1, y1] = points[(i + 1) % points.length];
    twice += x0 * y1 - x1 * y0;
  }
  return Math.abs(twice) / 2;
}

// How far (x, y) is from the line from a to b.
function awayFrom([x, y], [x0, y0], [x1, y1]) {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const along = ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy || 1);
  const share = Math.min(Math.max(along, 0), 1);
  return Math.hypot(x - x0 - share * dx, y - y0 - share * dy);
}

// How far a place is from the outline of a polygon.
export const awayFromOutline = (points, place) =>
  Math.min(...points.map((point, i) => awayFrom(place, point, points[(i + 1) % points.length])));

// The nearest corner within reach of a place, -1 without one.
export function cornerAt(points, [x, y], reach) {
  const away = points.map(([px, py]) => Math.hypot(px - x, py - y));
  const nearest = Math.min(...away);
  return nearest <= reach ? away.indexOf(nearest) : -1;
}

// The points that a line drawn by hand needs, none further off than `off` (Douglas and Peucker).
export function simplified(points, off) {
  if (points.length < 3) return points;
  const [first, last] = [points[0], points[points.length - 1]];
  const away = points.map((point) => awayFrom(point, first, last));
  const furthest = away.indexOf(Math.max(...away));
  if (away[furthest] <= off) return [first, last];
  const before = simplified(points.slice(0, furthest + 1), off);
  return [...before.slice(0, -1), ...simplified(points.slice(furthest), off)];
}

const tenth = (v) => Math.round(10 * v) / 10;

// The polygon within a picture, to a tenth of a pixel.
export const within = (points, width, height) =>
  points.map(([x, y]) => [
    tenth(Math.min(Math.max(x, 0), width)),
    tenth(Math.min(Math.max(y, 0), height)),
  ]);
