// What is drawn: strokes as pixels, and above them particles as objects, the last on top.
// The truth that is shown and sent is `bits`, composed from both. A particle is { rings, x, y,
// scale, angle }: rings in units of the particle, about its middle; x, y, scale in pixels; angle
// in radians.
import { paintApart, spansOf } from "./filling.js";
import { fromRuns, toRuns } from "./mask_runs.js";
import { regionAt, trace } from "./tracing.js";

const MIN_RADIUS_PX = 2;

export function outline({ rings, x, y, scale, angle }) {
  const cos = scale * Math.cos(angle);
  const sin = scale * Math.sin(angle);
  return rings.map((ring) => ring.map(([u, v]) => [x + cos * u - sin * v, y + sin * u + cos * v]));
}

export class Drawing {
  width = 0;
  height = 0;
  strokes = new Uint8Array(0);
  bits = new Uint8Array(0);
  particles = [];
  selected = -1;

  // onComposed: called whenever `bits` are another mask.
  constructor(onComposed = () => {}) {
    this.onComposed = onComposed;
  }

  get chosen() {
    return this.particles[this.selected];
  }

  get isEmpty() {
    return !this.bits.includes(1);
  }

  resize(width, height) {
    this.width = width;
    this.height = height;
    this.bits = new Uint8Array(width * height);
  }

  compose() {
    this.bits.set(this.strokes);
    for (const one of this.particles)
      paintApart(this.bits, this.width, this.height, this.spans(one));
    this.onComposed(this);
  }

  spans(one) {
    return spansOf(outline(one), this.width, this.height);
  }

  load(state) {
    this.resize(state.width, state.height);
    this.strokes = fromRuns(state.runs, this.width * this.height);
    this.particles = (state.particles ?? []).map((one) => ({ ...one }));
    this.selected = -1;
    this.compose();
  }

  snapshot() {
    const particles = this.particles.map((one) => ({ ...one }));
    return { width: this.width, height: this.height, runs: toRuns(this.strokes), particles };
  }

  // What the server is sent: strokes and particles as one mask.
  message(seq) {
    return { width: this.width, height: this.height, runs: toRuns(this.bits), seq };
  }

  clear() {
    this.strokes.fill(0);
    this.particles = [];
    this.selected = -1;
  }

  limited(scale) {
    return Math.max(MIN_RADIUS_PX, Math.min(Math.max(this.width, this.height), scale));
  }

  contains(one, x, y) {
    const row = Math.floor(y);
    const column = Math.floor(x);
    return this.spans(one).some(([at, from, to]) => at === row && column >= from && column < to);
  }

  // The number of the topmost particle at a place, or -1.
  hit(x, y) {
    return this.particles.findLastIndex((one) => this.contains(one, x, y));
  }

  // Turn a drawn region into an object, so that it can be moved like one that was placed.
  lift(x, y) {
    const { width, strokes } = this;
    const region = regionAt(strokes, width, Math.floor(y) * width + Math.floor(x));
    if (!region.length) return -1;
    const mean = (of) => region.reduce((sum, at) => sum + of(at), 0) / region.length;
    const middle = [mean((at) => (at % width) + 0.5), mean((at) => Math.floor(at / width) + 0.5)];
    const scale = Math.sqrt(region.length / Math.PI);
    const rings = trace(region, width).map((ring) =>
      ring.map(([u, v]) => [(u - middle[0]) / scale, (v - middle[1]) / scale]),
    );
    for (const at of region) strokes[at] = 0;
    this.particles.unshift({ rings, x: middle[0], y: middle[1], scale, angle: 0 });
    return 0;
  }

  // The eraser works on pixels: what it meets becomes strokes again.
  settle(meets) {
    const kept = [];
    for (const one of this.particles) {
      if (meets(one)) paintApart(this.strokes, this.width, this.height, this.spans(one));
      else kept.push(one);
    }
    if (kept.length < this.particles.length) this.selected = -1;
    this.particles = kept;
  }

  // What is chosen comes to lie on top.
  raise() {
    if (this.selected === this.particles.length - 1) return;
    this.particles.push(...this.particles.splice(this.selected, 1));
    this.selected = this.particles.length - 1;
  }

  // Another canvas size keeps the middle of the drawing.
  crop(width, height) {
    const before = this.strokes;
    const [oldWidth, oldHeight] = [this.width, this.height];
    const left = Math.floor((width - oldWidth) / 2);
    const top = Math.floor((height - oldHeight) / 2);
    this.resize(width, height);
    this.strokes = new Uint8Array(width * height);
    const x0 = Math.max(0, left);
    const x1 = Math.min(width, left + oldWidth);
    for (let y = Math.max(0, top); y < Math.min(height, top + oldHeight); y++) {
      const from = (y - top) * oldWidth;
      this.strokes.set(before.subarray(from + x0 - left, from + x1 - left), y * width + x0);
    }
    this.particles = this.particles.map((one) => ({ ...one, x: one.x + left, y: one.y + top }));
    this.compose();
  }
}
