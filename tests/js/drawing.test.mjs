// The drawing: strokes and particles, composed; undo.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Drawing, outline } from "../../fancgan/ui/sketch/drawing.js";
import { fromRuns, toRuns } from "../../fancgan/ui/sketch/mask_runs.js";
import { UndoHistory } from "../../fancgan/ui/sketch/undo_history.js";

const SQUARE = [
  [
    [-1, -1],
    [1, -1],
    [1, 1],
    [-1, 1],
  ],
];
const particle = (x, y, scale = 4) => ({ rings: SQUARE, x, y, scale, angle: 0 });
const area = (pixels) => pixels.reduce((sum, pixel) => sum + pixel, 0);

function drawn({ width = 40, height = 30, particles = [], strokes = [] } = {}) {
  const drawing = new Drawing();
  const pixels = new Uint8Array(width * height);
  for (const [x, y, w, h] of strokes) {
    for (let row = y; row < y + h; row++) pixels.fill(1, row * width + x, row * width + x + w);
  }
  drawing.load({ width, height, runs: toRuns(pixels), particles });
  return drawing;
}

test("what is sent is strokes and particles in one mask, the last on top and apart", () => {
  const particles = [particle(10, 10), particle(16, 10)];
  const drawing = drawn({ particles, strokes: [[0, 25, 40, 2]] });
  const message = drawing.message(3);
  assert.deepEqual({ ...message, runs: 0 }, { width: 40, height: 30, runs: 0, seq: 3 });
  const mask = fromRuns(message.runs, 1200);
  assert.deepEqual(mask, drawing.bits);
  assert.equal(area(mask), 80 + 64 + (64 - 3 * 8)); // two columns covered, one more cleared
});

test("a snapshot is loaded as it was, and shares nothing with the drawing", () => {
  const drawing = drawn({ particles: [particle(10, 10)], strokes: [[30, 3, 5, 5]] });
  const before = drawing.snapshot();
  drawing.particles[0].x = 20;
  drawing.strokes.fill(0);
  drawing.compose();
  const changed = drawing.bits.slice();
  drawing.load(before);
  assert.deepEqual(drawing.snapshot(), before);
  assert.notDeepEqual(drawing.bits, changed);
});

test("a place hits the topmost particle", () => {
  const drawing = drawn({ particles: [particle(10, 10), particle(13, 10)] });
  assert.equal(drawing.hit(12, 10), 1);
  assert.equal(drawing.hit(7, 10), 0);
  assert.equal(drawing.hit(30, 20), -1);
});

test("a lifted region becomes a particle of the same pixels", () => {
  const drawing = drawn({ strokes: [[5, 6, 9, 7]] });
  const before = drawing.bits.slice();
  assert.equal(drawing.lift(7.5, 8.5), 0);
  drawing.compose();
  assert.equal(area(drawing.strokes), 0);
  assert.deepEqual(drawing.bits, before);
  assert.equal(drawing.lift(35, 25), -1);
  const { x, y, scale } = drawing.particles[0];
  assert.deepEqual([x, y], [9.5, 9.5]);
  assert.ok(Math.abs(scale - Math.sqrt(63 / Math.PI)) < 1e-9);
});

test("the eraser makes strokes of the particles it meets", () => {
  const drawing = drawn({ particles: [particle(10, 10), particle(30, 20)] });
  drawing.selected = 1;
  drawing.settle((one) => one.x < 20);
  assert.equal(drawing.particles.length, 1);
  assert.equal(drawing.selected, -1);
  assert.equal(area(drawing.strokes), 64);
});

test("another size keeps the middle", () => {
  const drawing = drawn({ particles: [particle(20, 15)], strokes: [[0, 0, 4, 4]] });
  drawing.crop(20, 20);
  assert.deepEqual([drawing.particles[0].x, drawing.particles[0].y], [10, 10]);
  assert.equal(area(drawing.strokes), 0, "the corner is cut off");
  drawing.crop(60, 50);
  assert.equal(area(drawing.bits), 64);
  assert.ok(drawing.contains(drawing.particles[0], 30, 25));
});

test("an outline is turned and enlarged about the middle", () => {
  const [[[x, y]]] = outline({ rings: [[[1, 0]]], x: 5, y: 6, scale: 3, angle: Math.PI / 2 });
  assert.ok(Math.abs(x - 5) < 1e-9 && Math.abs(y - 9) < 1e-9);
});

test("what is raised lies on top and stays chosen", () => {
  const drawing = drawn({ particles: [particle(5, 5), particle(20, 20)] });
  drawing.selected = 0;
  drawing.raise();
  assert.equal(drawing.selected, 1);
  assert.equal(drawing.chosen.x, 5);
});

test("undo and redo go back and forth, a new change forgets what was undone", () => {
  const history = new UndoHistory();
  history.remember("a");
  history.remember("b");
  assert.equal(history.undo("c"), "b");
  assert.equal(history.undo("b"), "a");
  assert.equal(history.undo("a"), undefined);
  assert.equal(history.redo("a"), "b");
  assert.ok(history.canRedo);
  history.remember("b");
  assert.ok(!history.canRedo);
  assert.equal(history.redo("d"), undefined);
});

test("the oldest steps are forgotten", () => {
  const history = new UndoHistory(3);
  for (const state of [1, 2, 3, 4, 5]) history.remember(state);
  assert.deepEqual(
    [history.undo(6), history.undo(5), history.undo(4), history.undo(3)],
    [5, 4, 3, undefined],
  );
});
