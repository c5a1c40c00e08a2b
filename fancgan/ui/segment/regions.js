// Where particles are measured: regions to measure and to leave out, words found in the picture.
import { surface } from "../shared/pixels.js";
import {
  areaOf,
  awayFromOutline,
  cornerAt,
  fromBox,
  isInside,
  moved,
  rectangle,
  simplified,
  toBox,
  withCorner,
  within,
} from "./region_geometry.js";

const COLOURS = { include: "#14f1d9", exclude: "#ffb000", written: "#ffb000" };
const SHADE = "rgba(11, 18, 28, 0.55)";
const REACH_PX = { mouse: 8, pen: 10, touch: 18 }; // of corners and outlines, in window pixels
const MOST_CORNERS = 60; // a line drawn by hand has no corners to take
const SMALLEST_PX = 4; // of a region, in window pixels
const CLOSE_MS = 350;

export class Regions {
  shape = "rectangle";
  use = "include";
  chosen = -1; // number of the region that has corners to take
  draft = null; // points of the region that is being drawn
  held = null; // { i, corner, from, points }: what is being moved
  shade = null;

  // tab: { picture, tools, request(action) }.
  constructor(root, tab) {
    this.tab = tab;
    this.row = root.querySelector(".fa-regions");
    for (const button of this.row.querySelectorAll("[data-shape], [data-use]")) {
      button.addEventListener("click", () => {
        Object.assign(this, button.dataset);
        this.leave();
      });
    }
    const acts = { drop: () => this.drop(), finish: () => this.finish(), none: () => this.clear() };
    for (const button of this.row.querySelectorAll("[data-region]")) {
      button.addEventListener("click", () => acts[button.dataset.region]());
    }
  }

  // What is drawn and found, as { use, points }.
  get items() {
    const { settings, written } = this.tab.picture.answer;
    const boxes = written.map((box) => ({ use: "written", points: fromBox(box) }));
    return [...settings.regions, ...boxes];
  }

  refresh() {
    const { picture, tools } = this.tab;
    this.row.hidden = tools.tool !== "region" || !picture.isOpen;
    for (const button of this.row.querySelectorAll("[data-shape], [data-use]")) {
      const [[name, value]] = Object.entries(button.dataset);
      button.setAttribute("aria-pressed", String(this[name] === value));
    }
    const any =
      picture.isOpen && (this.items.length > 0 || picture.answer.settings.written !== null);
    this.row.querySelector("[data-region=drop]").disabled = this.chosen < 0;
    this.row.querySelector("[data-region=none]").disabled = !any;
    this.row.querySelector("[data-region=finish]").hidden = !(this.draft?.length > 2);
  }

  // Another answer of the server: what was moved is there now, or was refused.
  receive(another) {
    this.held = null;
    if (another) this.draft = null;
    if (another || this.chosen >= this.items.length) this.chosen = -1;
    this.shade = null;
    this.refresh();
  }

  leave() {
    this.draft = this.held = null;
    this.chosen = -1;
    this.shade = null;
    this.refresh();
    this.tab.picture.draw();
  }

  send(items) {
    const clean = (points) => {
      const { width, rows } = this.tab.picture.answer;
      return within(points, width, rows);
    };
    const regions = items
      .filter(({ use }) => use !== "written")
      .map(({ use, points }) => ({ use, points: clean(points) }));
    const written = items.filter(({ use }) => use === "written").map(({ points }) => toBox(points));
    const values = { regions };
    // Boxes that nobody touched stay those that are found.
    const before = this.tab.picture.answer.written;
    if (JSON.stringify(written) !== JSON.stringify(before)) values.written = written;
    this.tab.request({ do: "set", values });
  }

  isRegion(points) {
    return Math.sqrt(areaOf(points)) * this.tab.picture.view.scale > SMALLEST_PX;
  }

  add(points) {
    this.draft = null;
    if (this.isRegion(points)) {
      const { regions } = this.tab.picture.answer.settings;
      this.chosen = regions.length;
      this.send([...regions, { use: this.use, points }, ...this.items.slice(regions.length)]);
    }
    this.refresh();
  }

  finish() {
    if (this.draft) this.add(this.draft);
    this.tab.picture.draw();
  }

  drop() {
    const { items, chosen } = this;
    if (chosen < 0) return;
    this.chosen = -1;
    this.send(items.filter((_, i) => i !== chosen));
  }

  // No region, and words as they are found.
  clear() {
    this.leave();
    this.tab.request({ do: "set", values: { regions: [], written: null } });
  }

  // A key while regions are drawn; returns whether it was one of theirs.
  onKey(key) {
    if (key === "enter" && this.draft) this.finish();
    else if (key === "escape" && (this.draft || this.chosen >= 0)) this.leave();
    else if ((key === "delete" || key === "backspace") && this.chosen >= 0) this.drop();
    else return false;
    return true;
  }

  down({ x, y }, pointer) {
    const reach = (REACH_PX[pointer] ?? REACH_PX.mouse) / this.tab.picture.view.scale;
    if (this.draft) {
      const closes = this.draft.length > 2 && cornerAt(this.draft, [x, y], reach) === 0;
      if (closes || this.isTwice([x, y], reach)) this.finish();
      else this.draft.push([x, y]);
      return;
    }
    this.held = this.take([x, y], reach);
    if (this.held) this.chosen = this.held.i;
    else {
      this.chosen = -1;
      this.draft = [[x, y]];
    }
    this.last = { at: performance.now(), place: [x, y] };
    this.refresh();
  }

  // Whether a press follows another one at the same place: the polygon is done.
  isTwice(place, reach) {
    const { at, place: before } = this.last;
    const now = performance.now();
    this.last = { at: now, place };
    return now - at < CLOSE_MS && this.draft.length > 2 && cornerAt([before], place, reach) === 0;
  }

  // The corner or the outline at a place: of the chosen region first.
  take(place, reach) {
    const { items, chosen } = this;
    const order = [...items.keys()].sort((a, b) => (b === chosen) - (a === chosen));
    for (const i of order) {
      const { points } = items[i];
      const corner = points.length <= MOST_CORNERS ? cornerAt(points, place, reach) : -1;
      if (corner >= 0 || awayFromOutline(points, place) <= reach) {
        return { i, corner, from: place, points };
      }
    }
    return null;
  }

  move({ x, y }) {
    const { held, draft } = this;
    if (held) {
      const { i, corner, from } = held;
      const { points } = this.items[i];
      const [dx, dy] = [x - from[0], y - from[1]];
      held.points = corner < 0 ? moved(points, dx, dy) : withCorner(points, corner, [x, y]);
      this.shade = null;
    } else if (draft && this.shape === "rectangle") this.draft = [draft[0], [x, y]];
    else if (draft && this.shape === "freehand") draft.push([x, y]);
  }

  // The pointer is lifted at a place; moved: it was not a mere click.
  up({ x, y }, wasMoved) {
    const { held, draft, shape } = this;
    this.held = null;
    if (held) {
      if (wasMoved)
        this.send(
          this.items.map((one, i) => (i === held.i ? { ...one, points: held.points } : one)),
        );
    } else if (!draft) return;
    else if (shape === "rectangle" && wasMoved) this.add(rectangle(draft[0], [x, y]));
    else if (shape === "freehand" && this.isRegion(draft)) {
      this.add(simplified(draft, 0.7 / this.tab.picture.view.scale));
    } else if (shape !== "polygon") {
      this.draft = null;
      this.choose(x, y);
    } else if (draft.length === 1) this.chosen = -1;
    this.refresh();
  }

  // A second finger came, or the browser took the pointer.
  cancel() {
    this.held = null;
    if (this.shape !== "polygon") this.draft = null;
    this.shade = null;
  }

  // Choose the smallest region around a place.
  choose(x, y) {
    const around = [...this.items.entries()].filter(([, { points }]) => isInside(points, x, y));
    around.sort(([, a], [, b]) => areaOf(a.points) - areaOf(b.points));
    this.chosen = around[0]?.[0] ?? -1;
  }

  draw(picture) {
    const { held, chosen, draft } = this;
    const isTool = this.tab.tools.tool === "region";
    const items = this.items.map((one, i) =>
      held?.i === i ? { ...one, points: held.points } : one,
    );
    this.shade ??= shadeOf(items, picture.answer);
    if (this.shade) picture.context.drawImage(this.shade, 0, 0);
    for (const [i, { use, points }] of items.entries()) {
      if (use === "written" && !isTool) continue;
      outline(picture, points, use, isTool && i === chosen ? 2.5 : 1.25);
      if (isTool && i === chosen && points.length <= MOST_CORNERS) corners(picture, points, use);
    }
    if (!draft) return;
    const open = this.shape === "rectangle" ? rectangle(draft[0], draft[draft.length - 1]) : draft;
    outline(picture, open, this.use, 2, this.shape === "rectangle");
    if (this.shape === "polygon") corners(picture, open, this.use);
  }
}

function path(context, points) {
  for (const [i, [x, y]] of points.entries()) {
    if (i) context.lineTo(x, y);
    else context.moveTo(x, y);
  }
}

// What is not measured, darkened; null where all is.
function shadeOf(items, { width, rows }) {
  if (!items.length) return null;
  const made = surface(width, rows);
  const context = made.getContext("2d");
  context.fillStyle = SHADE;
  const fill = (points, how) => {
    context.globalCompositeOperation = how;
    context.beginPath();
    path(context, points);
    context.fill("evenodd");
  };
  const includes = items.filter(({ use }) => use === "include");
  if (includes.length) context.fillRect(0, 0, width, rows);
  context.fillStyle = "#000";
  for (const { points } of includes) fill(points, "destination-out");
  for (const { points } of items.filter(({ use }) => use !== "include")) {
    context.fillStyle = "#000";
    fill(points, "destination-out");
    context.fillStyle = SHADE;
    fill(points, "source-over");
  }
  return made;
}

function outline({ context, view }, points, use, width, closed = true) {
  context.beginPath();
  path(context, points);
  if (closed) context.closePath();
  context.setLineDash(use === "include" ? [] : [6 / view.scale, 4 / view.scale]);
  context.strokeStyle = COLOURS[use];
  context.lineWidth = width / view.scale;
  context.stroke();
  context.setLineDash([]);
}

function corners({ context, view }, points, use) {
  const side = 9 / view.scale;
  context.fillStyle = COLOURS[use];
  for (const [x, y] of points) context.fillRect(x - side / 2, y - side / 2, side, side);
}

// How much of the picture is measured, "" where that is all.
export function wordsOnArea({ settings, width, rows, area_px: area, nm_per_px: nmPerPx }) {
  const count = settings.regions.length;
  if (!count) return "";
  const share = ((100 * area) / (width * rows)).toPrecision(3);
  const square = nmPerPx
    ? `${Number(((area * nmPerPx ** 2) / 1e6).toPrecision(4))} µm²`
    : `${area} px`;
  return ` Measured in ${square}, ${Number(share)} % of the picture (regions: ${count}).`;
}
