// What is drawn: strokes as pixels, and above them particles as objects, the last on top.
// The truth that is shown and sent is `bits`, composed from both.
const INK = 0xfff9f5f1, GROUND = 0xff1c120b; // little-endian RGBA

let width = 0, height = 0;
let strokes = new Uint8Array(0), bits = new Uint8Array(0);
let particles = [];
let selected = -1;

// rings in units of the particle, about its middle; x, y, scale in pixels; angle in radians.
function outline({ rings, x, y, scale, angle }) {
  const cos = scale * Math.cos(angle), sin = scale * Math.sin(angle);
  return rings.map((ring) => ring.map(([u, v]) => [x + cos * u - sin * v, y + sin * u + cos * v]));
}

function compose() {
  bits.set(strokes);
  for (const one of particles) {
    paintApart(bits, width, height, spansOf(outline(one), width, height));
  }
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < pixels.length; i++) pixels[i] = bits[i] ? INK : GROUND;
  context.putImageData(image, 0, 0);
}

function resize(newWidth, newHeight) {
  width = newWidth;
  height = newHeight;
  canvas.width = width;
  canvas.height = height;
  bits = new Uint8Array(width * height);
  root.style.setProperty("--fa-ratio", `${width} / ${height}`);
}

function load(state) {
  resize(state.width, state.height);
  strokes = fromRuns(state.runs, width * height);
  particles = (state.particles ?? []).map((one) => ({ ...one }));
  selected = -1;
  compose();
}

const snapshot = () => ({
  width, height, runs: toRuns(strokes), particles: particles.map((one) => ({ ...one })),
});
const message = () => ({ width, height, runs: toRuns(bits), seq });
const isEmpty = () => !bits.includes(1);

function contains(one, x, y) {
  const row = Math.floor(y), column = Math.floor(x);
  return spansOf(outline(one), width, height).some(
    ([at, from, to]) => at === row && column >= from && column < to,
  );
}

function hit(x, y) {
  for (let i = particles.length - 1; i >= 0; i--) if (contains(particles[i], x, y)) return i;
  return -1;
}

// Turn a drawn region into an object, so that it can be moved like one that was placed.
function lift(x, y) {
  const region = regionAt(strokes, width, height, Math.floor(y) * width + Math.floor(x));
  if (!region.length) return -1;
  const mean = (of) => region.reduce((sum, at) => sum + of(at), 0) / region.length;
  const middle = [mean((at) => (at % width) + 0.5), mean((at) => Math.floor(at / width) + 0.5)];
  const scale = Math.sqrt(region.length / Math.PI);
  const rings = trace(region, width).map((ring) =>
    ring.map(([u, v]) => [(u - middle[0]) / scale, (v - middle[1]) / scale]),
  );
  for (const at of region) strokes[at] = 0;
  particles.unshift({ rings, x: middle[0], y: middle[1], scale, angle: 0 });
  return 0;
}

// The eraser works on pixels: what it meets becomes strokes again.
function settle(meets) {
  const kept = [];
  for (const one of particles) {
    if (meets(one)) paintApart(strokes, width, height, spansOf(outline(one), width, height));
    else kept.push(one);
  }
  if (kept.length < particles.length) selected = -1;
  particles = kept;
}

// Another canvas size keeps the middle of the drawing.
function crop(newWidth, newHeight) {
  const before = strokes, oldWidth = width, oldHeight = height;
  const left = Math.floor((newWidth - width) / 2), top = Math.floor((newHeight - height) / 2);
  resize(newWidth, newHeight);
  strokes = new Uint8Array(width * height);
  for (let y = Math.max(0, top); y < Math.min(height, top + oldHeight); y++) {
    const x0 = Math.max(0, left), x1 = Math.min(width, left + oldWidth);
    const from = (y - top) * oldWidth;
    strokes.set(before.subarray(from + x0 - left, from + x1 - left), y * width + x0);
  }
  particles = particles.map((one) => ({ ...one, x: one.x + left, y: one.y + top }));
  compose();
}
