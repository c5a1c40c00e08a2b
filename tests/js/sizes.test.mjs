// The numbers: histogram, table, words; and the scale bar.
import assert from "node:assert/strict";
import { test } from "node:test";
import { axes, bins, FRAME, fitted, ticks } from "../../fancgan/ui/segment/histogram_geometry.js";
import { sorted } from "../../fancgan/ui/segment/particle_table.js";
import { cellWords, headOf, quantityOf, significant } from "../../fancgan/ui/segment/quantities.js";
import { scaleBar } from "../../fancgan/ui/shared/scale_bar.js";

const near = (a, b, by = 1e-6) => assert.ok(Math.abs(a - b) <= by, `${a} is not ${b}`);

test("ticks are round and lie within the ends", () => {
  assert.deepEqual(ticks(0, 100, 5), [0, 20, 40, 60, 80, 100]);
  assert.deepEqual(ticks(13, 48, 5), [20, 30, 40]);
  const small = ticks(0.21, 0.34, 3);
  assert.equal(small.length, 2);
  near(small[0], 0.25);
  near(small[1], 0.3);
});

test("bins fill the frame, as high as their share", () => {
  const edges = [10, 20, 30, 50];
  const share = [0.5, 0.3, 0.2];
  const at = axes(edges, share);
  const made = bins(at, edges, share);
  const across = FRAME.width - FRAME.left - FRAME.right;
  near(made[0].x, FRAME.left + 0.5);
  near(made[2].width, across / 2 - 1);
  near(made[2].x + made[2].width, FRAME.width - FRAME.right - 0.5);
  near(made[1].height / made[0].height, 0.6);
  near(made[0].y + made[0].height, FRAME.height - FRAME.bottom);
  assert.deepEqual([made[1].from, made[1].to], [20, 30]);
});

test("the fitted law peaks at its mode and gives the bins their shares", () => {
  const edges = Array.from({ length: 41 }, (_, i) => 2.5 * i);
  const share = Array(40).fill(0.05);
  const at = axes(edges, share);
  const [mean, sd] = [30, 1.4];
  const points = fitted(at, { n: 200, mean, sd, binWidth: 2.5 });
  const highest = points.reduce((best, point) => (point[1] < best[1] ? point : best));
  near(highest[0], at.x(mean * Math.exp(-(Math.log(sd) ** 2))), 2);
  const shareAt = ([, y]) => (at.ground - y) / (at.ground - at.y(1));
  const sum = points.reduce((all, point) => all + shareAt(point), 0);
  near(sum * (100 / 160 / 2.5), 1, 0.01);
  assert.deepEqual(fitted(at, { n: 9, mean, sd, binWidth: 2.5 }), []);
  assert.deepEqual(fitted(at, { n: 200, mean, sd: 1, binWidth: 2.5 }), []);
  assert.deepEqual(fitted(at, { n: 200, mean, sd: undefined, binWidth: 2.5 }), []);
});

test("columns are named with their unit", () => {
  assert.equal(headOf("ecd_nm"), "ECD / nm");
  assert.equal(headOf("area_nm2"), "area / nm²");
  assert.equal(headOf("area_px"), "area / px²");
  assert.equal(headOf("label"), "no.");
  assert.equal(quantityOf("feret_max_px"), "feret_max");
});

test("numbers in a column have as many digits behind the point", () => {
  assert.equal(cellWords(12, "label"), "12");
  assert.equal(cellWords(12.345, "ecd_nm"), "12.3");
  assert.equal(cellWords(0.98765, "solidity"), "0.988");
  assert.equal(cellWords(1234.5, "area_nm2"), "1235");
  assert.equal(cellWords(99.6, "mean_grey"), "100");
  assert.equal(cellWords(1, "touches_border"), "yes");
  assert.equal(cellWords(0, "touches_border"), "");
  assert.equal(cellWords(null, "ecd_nm"), "–");
});

test("so many significant digits, and no more", () => {
  assert.equal(significant(123.456), "123.5");
  assert.equal(significant(0.000123456, 3), "0.000123");
  assert.equal(significant(50), "50");
  assert.equal(significant(null), "–");
});

test("rows are sorted by a column, what is not known as the smallest", () => {
  const rows = [
    [1, 5],
    [2, null],
    [3, 9],
  ];
  const labels = (sorting) => sorted(rows, sorting).map(([label]) => label);
  assert.deepEqual(labels({ column: 1, down: false }), [2, 1, 3]);
  assert.deepEqual(labels({ column: 1, down: true }), [3, 1, 2]);
  assert.deepEqual(rows[0], [1, 5], "the rows themselves stay");
});

test("the scale bar is the longest round length that fits", () => {
  const nice = [10, 20, 50, 100, 200, 500, 1000, 2000];
  assert.deepEqual(scaleBar(1000, 2, nice, 0.25), { nm: 500, share: 0.25, words: "500 nm" });
  assert.equal(scaleBar(1000, 9, nice, 0.25).words, "2 µm");
  assert.equal(scaleBar(10, 1, nice, 0.25).nm, 10, "none fits: the shortest");
});
