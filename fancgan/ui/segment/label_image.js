// A label image: one particle number a pixel, 0 for the ground, and what is drawn of it.

const OUT = [255, 255, 255];

export class LabelImage {
  // labels: Int32Array in row order.
  constructor(labels, width) {
    this.labels = labels;
    this.width = width;
    this.height = width ? labels.length / width : 0;
    this.boxes = boxesOf(labels, width);
  }

  static empty() {
    return new LabelImage(new Int32Array(0), 0);
  }

  // From RGBA bytes that hold the number in red, green and blue, the lowest first.
  static decode(bytes, width, height) {
    const labels = new Int32Array(width * height);
    for (let i = 0, k = 0; i < labels.length; i++, k += 4) {
      labels[i] = bytes[k] | (bytes[k + 1] << 8) | (bytes[k + 2] << 16);
    }
    return new LabelImage(labels, width);
  }

  // The label at a place, 0 outside of the picture.
  at(x, y) {
    const column = Math.floor(x);
    const row = Math.floor(y);
    if (column < 0 || row < 0 || column >= this.width || row >= this.height) return 0;
    return this.labels[row * this.width + column];
  }

  // The middle of a pixel that surely belongs to the particle (its own middle may lie outside).
  pixelOf(label) {
    const i = this.labels.indexOf(label);
    return i < 0 ? null : [(i % this.width) + 0.5, Math.floor(i / this.width) + 0.5];
  }

  // The RGBA bytes of the outlines, `thick` pixels wide and inside the particles, in the colours
  // [n][3] one after another, dashed for those in the set `unsure`; with `filled` the particles
  // themselves too, half seen through. Those in `leftOut` are white and dashed.
  overlay(colours, thick, filled, unsure = new Set(), leftOut = new Set()) {
    const { labels, width } = this;
    const bytes = new Uint8ClampedArray(4 * labels.length);
    const below = thick * width;
    for (let i = 0, k = 0; i < labels.length; i++, k += 4) {
      const label = labels[i];
      if (!label) continue;
      const x = i % width;
      const edge =
        (x >= thick && labels[i - thick] !== label) ||
        (x + thick < width && labels[i + thick] !== label) ||
        (i >= below && labels[i - below] !== label) ||
        (i + below < labels.length && labels[i + below] !== label);
      const out = leftOut.has(label);
      if (!edge && (!filled || out)) continue;
      const gap = edge && (out || unsure.has(label)) && isGap(x, (i - x) / width, thick);
      if (gap && (!filled || out)) continue;
      bytes.set(out ? OUT : colours[(label - 1) % colours.length], k);
      bytes[k + 3] = edge && !gap ? 255 : 110;
    }
    return bytes;
  }

  // The pixels' sides [x, y, width, height] between a particle and what is not of it.
  sidesOf(label) {
    const box = this.boxes.get(label);
    if (!box) return [];
    const isOther = (x, y) => this.at(x, y) !== label;
    const sides = [];
    for (let y = box.y0; y <= box.y1; y++) {
      for (let x = box.x0; x <= box.x1; x++) {
        if (isOther(x, y)) continue;
        if (isOther(x - 1, y)) sides.push([x, y, 0, 1]);
        if (isOther(x + 1, y)) sides.push([x + 1, y, 0, 1]);
        if (isOther(x, y - 1)) sides.push([x, y, 1, 0]);
        if (isOther(x, y + 1)) sides.push([x, y + 1, 1, 0]);
      }
    }
    return sides;
  }
}

// Whether a dashed line `thick` pixels wide leaves a pixel out, whichever way it runs.
const isGap = (x, y, thick) => Math.floor((x + 0.62 * y) / (3.5 * thick)) % 2 === 1;

// By label: the corners { x0, y0, x1, y1 }, the sums x and y over its pixels, and their number n.
function boxesOf(labels, width) {
  const boxes = new Map();
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i];
    if (!label) continue;
    const x = i % width;
    const y = (i - x) / width;
    const box = boxes.get(label);
    if (!box) boxes.set(label, { x0: x, y0: y, x1: x, y1: y, x, y, n: 1 });
    else {
      box.x0 = Math.min(box.x0, x);
      box.x1 = Math.max(box.x1, x);
      box.y1 = y;
      box.x += x;
      box.y += y;
      box.n += 1;
    }
  }
  return boxes;
}
