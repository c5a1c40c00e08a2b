// Masks, one byte a pixel: runs, filling, tracing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { paintApart, spansOf, sweep } from "../../fancgan/ui/sketch/filling.js";
import { fromRuns, toRuns } from "../../fancgan/ui/sketch/mask_runs.js";
import { regionAt, trace } from "../../fancgan/ui/sketch/tracing.js";

const WIDTH = 40;
const HEIGHT = 30;
const blank = () => new Uint8Array(WIDTH * HEIGHT);
const area = (pixels) => pixels.reduce((sum, pixel) => sum + pixel, 0);
const at = (x, y) => y * WIDTH + x;

function fill(pixels, rings) {
  for (const [y, from, to] of spansOf(rings, WIDTH, HEIGHT)) {
    pixels.fill(1, at(from, y), at(to, y));
  }
  return pixels;
}

test("runs begin with background and give the mask back", () => {
  const mask = Uint8Array.from([1, 1, 0, 0, 0, 1]);
  assert.deepEqual(toRuns(mask), [0, 2, 3, 1]);
  assert.deepEqual(toRuns(new Uint8Array(5)), [5]);
  const noise = blank().map(() => (Math.random() < 0.4 ? 1 : 0));
  assert.deepEqual(fromRuns(toRuns(noise), noise.length), noise);
});

test("a swept point is a disc, a swept line a stadium, both cut by the frame", () => {
  const disc = blank();
  sweep(disc, WIDTH, HEIGHT, { x: 20, y: 15 }, { x: 20, y: 15 }, 8, 1);
  assert.ok(Math.abs(area(disc) - Math.PI * 64) < 8);
  const stadium = blank();
  sweep(stadium, WIDTH, HEIGHT, { x: 10, y: 15 }, { x: 30, y: 15 }, 5, 1);
  assert.ok(Math.abs(area(stadium) - (Math.PI * 25 + 200)) < 8);
  const corner = blank();
  sweep(corner, WIDTH, HEIGHT, { x: 0, y: 0 }, { x: 0, y: 0 }, 8, 1);
  assert.ok(Math.abs(area(corner) - (Math.PI * 64) / 4) < 6);
});

test("a sweep without ink erases", () => {
  const pixels = blank().fill(1);
  sweep(pixels, WIDTH, HEIGHT, { x: 20, y: 15 }, { x: 20, y: 15 }, 3, 0);
  assert.equal(pixels[at(20, 15)], 0);
  assert.equal(pixels[at(24, 15)], 1);
});

test("a polygon holds the pixels whose centres it holds, a ring within it is a hole", () => {
  const square = [
    [2, 3],
    [12, 3],
    [12, 9],
    [2, 9],
  ];
  assert.equal(area(fill(blank(), [square])), 60);
  const hole = [
    [4, 5],
    [6, 5],
    [6, 7],
    [4, 7],
  ];
  const ring = fill(blank(), [square, hole]);
  assert.equal(area(ring), 56);
  assert.equal(ring[at(4, 5)], 0);
  const beyond = square.map(([x, y]) => [x - 7, y - 6]);
  assert.equal(area(fill(blank(), [beyond])), 5 * 3);
});

test("what is painted apart touches nothing else", () => {
  const pixels = blank().fill(1);
  const spans = spansOf(
    [
      [
        [10, 10],
        [20, 10],
        [20, 16],
        [10, 16],
      ],
    ],
    WIDTH,
    HEIGHT,
  );
  paintApart(pixels, WIDTH, HEIGHT, spans);
  assert.equal(regionAt(pixels, WIDTH, at(15, 12)).length, 60);
  assert.equal(area(pixels), WIDTH * HEIGHT - (12 * 8 - 60));
});

test("a region is 4-connected and does not run around the edge", () => {
  const pixels = blank();
  pixels[at(WIDTH - 1, 4)] = pixels[at(0, 5)] = 1; // neighbours in memory, not in the picture
  pixels[at(10, 10)] = pixels[at(11, 11)] = 1; // only their corners touch
  assert.deepEqual(regionAt(pixels, WIDTH, at(0, 5)), [at(0, 5)]);
  assert.deepEqual(regionAt(pixels, WIDTH, at(10, 10)), [at(10, 10)]);
  assert.deepEqual(regionAt(pixels, WIDTH, at(3, 3)), []);
});

test("a traced region, filled again, has exactly its pixels", () => {
  const pixels = blank();
  sweep(pixels, WIDTH, HEIGHT, { x: 12, y: 12 }, { x: 25, y: 17 }, 7, 1);
  sweep(pixels, WIDTH, HEIGHT, { x: 15, y: 14 }, { x: 15, y: 14 }, 3, 0); // a hole
  const region = regionAt(pixels, WIDTH, pixels.indexOf(1));
  assert.equal(region.length, area(pixels));
  const rings = trace(region, WIDTH);
  assert.equal(rings.length, 2);
  assert.deepEqual(fill(blank(), rings), pixels);
});
