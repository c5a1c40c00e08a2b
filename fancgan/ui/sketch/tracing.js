// Drawn pixels become outlines: the region around one of them, and the polygons around it.

// The 4-connected region around a pixel, as a list of indices; empty on background.
export function regionAt(pixels, width, start) {
  if (!pixels[start]) return [];
  const seen = new Set([start]),
    found = [start];
  for (let i = 0; i < found.length; i++) {
    const at = found[i],
      x = at % width;
    const near = [at - width, at + width, x > 0 ? at - 1 : -1, x < width - 1 ? at + 1 : -1];
    for (const next of near) {
      if (next >= 0 && next < pixels.length && pixels[next] && !seen.has(next)) {
        seen.add(next);
        found.push(next);
      }
    }
  }
  return found;
}

// The outlines of a region through the middles of its pixels' sides: filled again, they give
// exactly its pixels; turned or enlarged, they have no steps.
export function trace(region, width) {
  const inside = new Set(region),
    next = new Map();
  const key = (x, y) => `${x},${y}`;
  const edge = (x0, y0, x1, y1) => {
    const from = key(x0, y0);
    if (!next.has(from)) next.set(from, []);
    next.get(from).push([x1, y1]);
  };
  for (const at of region) {
    const x = at % width,
      y = Math.floor(at / width);
    if (!inside.has(at - width)) edge(x, y, x + 1, y);
    if (!inside.has(at + width)) edge(x + 1, y + 1, x, y + 1);
    if (x === 0 || !inside.has(at - 1)) edge(x, y + 1, x, y);
    if (x === width - 1 || !inside.has(at + 1)) edge(x + 1, y, x + 1, y + 1);
  }
  const rings = [];
  for (const [start, ways] of next) {
    while (ways.length) {
      const first = start.split(",").map(Number),
        ring = [];
      let [x, y] = first;
      do {
        const [x1, y1] = next.get(key(x, y)).pop();
        ring.push([(x + x1) / 2, (y + y1) / 2]);
        [x, y] = [x1, y1];
      } while (x !== first[0] || y !== first[1]);
      rings.push(ring);
    }
  }
  return rings;
}
