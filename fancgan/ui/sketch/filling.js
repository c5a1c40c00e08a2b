// Strokes and polygons become pixels of a mask, one byte a pixel.

// Fill every pixel whose centre lies within the radius of the segment from a to b.
export function sweep(pixels, width, height, a, b, radius, ink) {
  const x0 = Math.max(0, Math.floor(Math.min(a.x, b.x) - radius));
  const y0 = Math.max(0, Math.floor(Math.min(a.y, b.y) - radius));
  const x1 = Math.min(width, Math.ceil(Math.max(a.x, b.x) + radius) + 1);
  const y1 = Math.min(height, Math.ceil(Math.max(a.y, b.y) + radius) + 1);
  const dx = b.x - a.x,
    dy = b.y - a.y,
    long2 = dx * dx + dy * dy || 1;
  for (let y = y0; y < y1; y++) {
    for (let x = x0; x < x1; x++) {
      const px = x + 0.5 - a.x,
        py = y + 0.5 - a.y;
      const t = Math.max(0, Math.min(1, (px * dx + py * dy) / long2));
      const ex = px - t * dx,
        ey = py - t * dy;
      if (ex * ex + ey * ey <= radius * radius) pixels[y * width + x] = ink;
    }
  }
}

// Spans [row, from, to) of the pixels whose centres lie inside rings, by the even-odd rule.
export function spansOf(rings, width, height) {
  const rows = new Map();
  for (const ring of rings) {
    for (let i = 0; i < ring.length; i++) {
      const [x0, y0] = ring[i],
        [x1, y1] = ring[(i + 1) % ring.length];
      const top = Math.max(0, Math.ceil(Math.min(y0, y1) - 0.5));
      const end = Math.min(height, Math.ceil(Math.max(y0, y1) - 0.5));
      for (let y = top; y < end; y++) {
        const x = x0 + ((y + 0.5 - y0) * (x1 - x0)) / (y1 - y0);
        if (!rows.has(y)) rows.set(y, []);
        rows.get(y).push(x);
      }
    }
  }
  const spans = [];
  for (const [y, cuts] of rows) {
    cuts.sort((a, b) => a - b);
    for (let i = 0; i + 1 < cuts.length; i += 2) {
      const from = Math.max(0, Math.ceil(cuts[i] - 0.5));
      const to = Math.min(width, Math.ceil(cuts[i + 1] - 0.5));
      if (to > from) spans.push([y, from, to]);
    }
  }
  return spans;
}

// Fill spans, and clear the pixels around them: what they cover and touch stays parted.
export function paintApart(pixels, width, height, spans) {
  for (const [y, from, to] of spans) {
    const left = Math.max(0, from - 1),
      right = Math.min(width, to + 1);
    for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++) {
      pixels.fill(0, row * width + left, row * width + right);
    }
  }
  for (const [y, from, to] of spans) pixels.fill(1, y * width + from, y * width + to);
}
