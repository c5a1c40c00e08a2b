// Regions: their corners, what lies in them, and how much of the picture that is.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  areaOf,
  awayFromOutline,
  cornerAt,
  fromBox,
  isInside,
  isRectangle,
  rectangle,
  simplified,
  toBox,
  withCorner,
  within,
} from "../../fancgan/ui/segment/region_geometry.js";
import { wordsOnArea } from "../../fancgan/ui/segment/regions.js";

test("a rectangle stays one, whichever corner is taken", () => {
  const points = rectangle([30, 40], [10, 20]);
  assert.deepEqual(points[0], [10, 20]);
  assert.ok(isRectangle(points));
  for (const i of points.keys()) {
    const taken = withCorner(points, i, [50, 60]);
    assert.ok(isRectangle(taken));
    assert.ok(cornerAt(taken, [50, 60], 0.5) >= 0);
  }
  const bent = withCorner([...points, [15, 50]], 1, [99, 1]);
  assert.deepEqual(bent[1], [99, 1]);
  assert.deepEqual(toBox(fromBox([3, 4, 50, 6])), [3, 4, 50, 6]);
});

test("what lies in a polygon, how large it is, how far its outline is", () => {
  const triangle = [
    [0, 0],
    [40, 0],
    [0, 30],
  ];
  assert.equal(areaOf(triangle), 600);
  assert.ok(isInside(triangle, 5, 5));
  assert.ok(!isInside(triangle, 30, 20));
  assert.equal(awayFromOutline(triangle, [10, -3]), 3);
  assert.equal(cornerAt(triangle, [38, 1], 3), 1);
  assert.equal(cornerAt(triangle, [20, 1], 3), -1);
});

test("a line drawn by hand keeps the points that it needs, within the picture", () => {
  const line = Array.from({ length: 50 }, (_, i) => [i, i < 25 ? 0 : i - 25]);
  const few = simplified(line, 0.1);
  assert.deepEqual(few, [line[0], line[25], line[49]]);
  assert.deepEqual(within([[-3, 4.449]], 20, 30), [[0, 4.4]]);
});

test("the measured area is said in the unit that is known", () => {
  const answer = { settings: { regions: [{}] }, width: 200, rows: 100, area_px: 5000 };
  assert.equal(
    wordsOnArea({ ...answer, nm_per_px: 10 }),
    " Measured in 0.5 µm², 25 % of the picture (regions: 1).",
  );
  assert.match(wordsOnArea(answer), /^ Measured in 5000 px,/);
  assert.equal(wordsOnArea({ ...answer, settings: { regions: [] } }), "");
});
