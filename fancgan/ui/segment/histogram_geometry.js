// Where the parts of a histogram lie: numbers alone, no element of the page.

export const FRAME = { width: 460, height: 220, left: 38, right: 10, top: 22, bottom: 36 };
const HEADROOM = 1.15;
const FIT_POINTS = 160;
const FEWEST_FOR_FIT = 10;

// Round numbers from low to high, about `count` steps apart.
export function ticks(low, high, count) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
  const found = [];
  for (let v = Math.ceil(low / step) * step; v <= high + 1e-9 * step; v += step) found.push(v);
  return found;
}

// x(value) and y(share) in the frame, the ends of both axes, and the line of share 0.
export function axes(edges, share) {
  const { width, height, left, right, top, bottom } = FRAME;
  const low = edges[0];
  const high = edges[edges.length - 1];
  const most = Math.max(...share, 0.01) * HEADROOM;
  const x = (v) => left + ((v - low) / (high - low || 1)) * (width - left - right);
  const y = (s) => height - bottom - (s / most) * (height - top - bottom);
  return { low, high, most, x, y, ground: y(0) };
}

// One rectangle a bin, half a pixel apart on both sides.
export function bins({ x, y, ground }, edges, share) {
  return share.map((s, i) => ({
    x: x(edges[i]) + 0.5,
    y: y(s),
    width: Math.max(x(edges[i + 1]) - x(edges[i]) - 1, 0.5),
    height: ground - y(s),
    from: edges[i],
    to: edges[i + 1],
  }));
}

// The points [x, y] of the log-normal law of that geometric mean and standard deviation, as the
// share it gives a bin; none where too few particles, or none of a spread, were measured.
export function fitted({ low, high, x, y }, { n, mean, sd, binWidth }) {
  if (n < FEWEST_FOR_FIT || !(sd > 1)) return [];
  const sigma = Math.log(sd);
  const points = [];
  for (let i = 0; i <= FIT_POINTS; i++) {
    const v = low + ((high - low) * i) / FIT_POINTS;
    if (v <= 0) continue;
    const z = Math.log(v / mean) / sigma;
    const density = Math.exp(-0.5 * z * z) / (v * sigma * Math.sqrt(2 * Math.PI));
    points.push([x(v), y(density * binWidth)]);
  }
  return points;
}
