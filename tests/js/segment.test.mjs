// The micrograph: label images, the window onto it, and the actions that wait.
import assert from "node:assert/strict";
import { test } from "node:test";
import { wordsOnParticle } from "../../fancgan/ui/segment/card.js";
import { LabelImage } from "../../fancgan/ui/segment/label_image.js";
import { numberOf } from "../../fancgan/ui/segment/number_field.js";
import { figuresOf } from "../../fancgan/ui/segment/offers.js";
import { wordsOnDiameter, wordsOnScale } from "../../fancgan/ui/segment/panel.js";
import { PendingActions } from "../../fancgan/ui/segment/pending_actions.js";
import { wordsOnWaiting } from "../../fancgan/ui/segment/rereading.js";
import { wordsOnKept } from "../../fancgan/ui/segment/session.js";
import { Viewport } from "../../fancgan/ui/segment/viewport.js";

const COLOURS = [
  [10, 20, 30],
  [40, 50, 60],
];

// Label 1: 4 x 3 pixels from (1, 1); label 70000: one pixel at (7, 4).
function labelImage() {
  const [width, height] = [9, 6];
  const bytes = new Uint8ClampedArray(4 * width * height);
  const put = (x, y, label) => {
    const k = 4 * (y * width + x);
    bytes.set([label & 255, (label >> 8) & 255, label >> 16, 255], k);
  };
  for (let y = 1; y < 4; y++) for (let x = 1; x < 5; x++) put(x, y, 1);
  put(7, 4, 70_000);
  return LabelImage.decode(bytes, width, height);
}

test("three bytes are one label", () => {
  const labels = labelImage();
  assert.equal(labels.at(7.9, 4.1), 70_000);
  assert.equal(labels.at(1, 1), 1);
  assert.equal(labels.at(0, 0), 0);
  assert.equal(labels.at(-0.1, 2), 0);
  assert.equal(labels.at(9, 2), 0);
  assert.equal(LabelImage.empty().at(0, 0), 0);
});

test("boxes and middles are those of the pixels", () => {
  const { x0, y0, x1, y1, x, y, n } = labelImage().boxes.get(1);
  assert.deepEqual([x0, y0, x1, y1, n], [1, 1, 4, 3, 12]);
  assert.deepEqual([x / n + 0.5, y / n + 0.5], [3, 2.5]);
});

test("a pixel of a particle lies in it", () => {
  const labels = labelImage();
  assert.deepEqual(labels.pixelOf(70_000), [7.5, 4.5]);
  assert.equal(labels.pixelOf(5), null);
});

test("outlines lie inside the particles, in the colours one after another", () => {
  const labels = labelImage();
  const bytes = labels.overlay(COLOURS, 1, false);
  const at = (x, y) => [...bytes.subarray(4 * (9 * y + x), 4 * (9 * y + x) + 4)];
  assert.deepEqual(at(1, 1), [10, 20, 30, 255]);
  assert.deepEqual(at(2, 2), [0, 0, 0, 0], "the inside is seen through");
  assert.deepEqual(at(0, 1), [0, 0, 0, 0]);
  assert.deepEqual(at(7, 4), [40, 50, 60, 255]);
  const filled = labels.overlay(COLOURS, 1, true);
  assert.equal(filled[4 * (9 * 2 + 2) + 3], 110);
  const dashed = labels.overlay(COLOURS, 1, false, new Set([1]));
  const drawn = (some) => some.filter((value, i) => i % 4 === 3 && value).length;
  assert.ok(drawn(dashed) < drawn(bytes), "a particle that the model is not sure of is dashed");
});

test("the sides of a particle are its perimeter", () => {
  const labels = labelImage();
  const length = (label) => labels.sidesOf(label).reduce((sum, [, , w, h]) => sum + w + h, 0);
  assert.equal(length(1), 14);
  assert.equal(length(70_000), 4);
  assert.equal(length(5), 0);
});

function viewport() {
  const view = new Viewport(
    () => ({ width: 200, height: 100 }),
    () => ({ width: 400, height: 400 }),
  );
  view.fit();
  return view;
}

test("the whole picture is fitted into the middle", () => {
  const view = viewport();
  assert.equal(view.scale, 0.25);
  assert.deepEqual([view.x, view.y], [50, 0]);
  assert.deepEqual(view.toPicture(100, 50), { x: 200, y: 200 });
});

test("what is zoomed at stays where it is, within the limits", () => {
  const view = viewport();
  const before = view.toPicture(80, 30);
  view.zoom(4, 80, 30);
  assert.deepEqual(view.toPicture(80, 30), before);
  assert.ok(!view.fitted);
  view.zoom(1e6);
  assert.equal(view.scale, 40);
  view.zoom(1e-6);
  assert.ok(view.fitted);
  assert.equal(view.scale, 0.25);
});

test("only a zoomed picture is moved", () => {
  const view = viewport();
  view.move(5, 5);
  view.centre(0, 0);
  assert.deepEqual([view.x, view.y], [50, 0]);
  view.zoom(4);
  view.centre(10, 20);
  assert.deepEqual(view.toPicture(100, 50), { x: 10, y: 20 });
});

test("settings made one after another become one action, and none is taken twice", () => {
  const pending = new PendingActions();
  pending.add({ do: "set", values: { split: 0.1 } });
  pending.add({ do: "set", values: { split: 0.2, invert: true } });
  pending.add({ do: "undo" });
  pending.add({ do: "set", values: { split: 0.3 } });
  assert.deepEqual(pending.take(), [
    { do: "set", values: { split: 0.2, invert: true } },
    { do: "undo" },
    { do: "set", values: { split: 0.3 } },
  ]);
  assert.ok(pending.isEmpty);
  assert.deepEqual(pending.take(), []);
});

test("a number is written with a comma or a point, or not at all", () => {
  assert.equal(numberOf(" 2,5 "), 2.5);
  assert.equal(numberOf("2.5"), 2.5);
  assert.equal(numberOf("  "), null);
  assert.ok(Number.isNaN(numberOf("much")));
});

test("the scale, the info bar and the corrections are said in words", () => {
  const answer = { nm_per_px: 2.123456, nm_source: "TIFF tags", height: 100, rows: 90 };
  assert.equal(
    wordsOnScale({ ...answer, settings: { edits: 2, regions: [] } }),
    "2.1235 nm per pixel (TIFF tags). Info bar cut off: the bottom 10 rows. " +
      "Corrections by hand: 2.",
  );
  const unknown = wordsOnScale({
    nm_per_px: null,
    height: 9,
    rows: 9,
    settings: { edits: 0, regions: [] },
  });
  assert.match(unknown, /^Pixel size unknown/);
});

test("a typical diameter, a preview and a particle are said in words", () => {
  assert.equal(wordsOnDiameter(43.2, 7.2), "px across, 311 nm");
  assert.equal(wordsOnDiameter(43.2, null), "px across");
  assert.equal(figuresOf({ count: 1, confidence: null }), "1 outline");
  assert.equal(figuresOf({ count: 34, confidence: 0.8 }), "34 outlines, confidence 0.80");
  const numbers = { columns: ["label", "ecd_nm", "confidence"], rows: [[7, 310.25, 0.831]] };
  assert.equal(wordsOnParticle(numbers, 7), "no. 7 · ECD 310.3 nm · confidence 0.83");
  assert.equal(wordsOnParticle(numbers, 8), "");
});

test("settings for all files do not mix with those of one", () => {
  const pending = new PendingActions();
  pending.add({ do: "set", values: { split: 0.1 }, live: true });
  pending.add({ do: "set", values: { split: 0.2 } });
  pending.add({ do: "set", values: { split: 0.3 }, all: true });
  assert.deepEqual(pending.take(), [
    { do: "set", values: { split: 0.2 } },
    { do: "set", values: { split: 0.3 }, all: true },
  ]);
});

test("what is read again says how far it is, and what is kept what it holds", () => {
  assert.equal(wordsOnWaiting(20, 21, 500), "reading again 2 of 21");
  assert.equal(wordsOnWaiting(16, 21, 8000), "reading again 6 of 21, 32 s left");
  const fields = { a: { settings: { edits: [{}] } }, b: { settings: { edits: [] } } };
  assert.match(wordsOnKept({ at: 0, session: { fields } }), /: 2 files, 1 correction by hand\.$/);
});
