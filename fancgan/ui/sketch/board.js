// The drawing board: the elements around the canvas, the drawing on it, and how it is changed.
import { tell } from "../shared/events.js";
import { Drawing } from "./drawing.js";
import { keepHandlesInside } from "./handles.js";
import { UndoHistory } from "./undo_history.js";
import { Zoom } from "./zoom.js";

const INK = 0xfff9f5f1; // little-endian RGBA
const GROUND = 0xff1c120b;
const PAUSE_MS = 60; // after which the page asks for a new image

export class Board {
  tool = "brush";
  seq = 0;
  timer = 0;

  // nmPerPx: 0 for an unknown scale. outlines: [n][P][2] of unit radius, for placed particles.
  constructor(root, { nmPerPx, outlines }) {
    const find = (selector) => root.querySelector(selector);
    this.root = root;
    this.nmPerPx = nmPerPx;
    this.outlines = outlines;
    this.find = find;
    this.canvas = find("canvas");
    this.context = this.canvas.getContext("2d");
    this.stage = find(".fa-stage");
    this.frame = find(".fa-frame");
    this.sizeInput = find("input[type=range]");
    this.sizeText = find(".fa-size");
    this.sideInput = find("select");
    this.liveInput = find("input[type=checkbox]");
    this.drawing = new Drawing((drawing) => this.show(drawing));
    this.history = new UndoHistory();
    const [stage, ground, button] = [this.stage, find(".fa-zoomed"), this.button("fit")];
    this.zoom = new Zoom({ root, stage, ground, button });
  }

  button(name) {
    return this.find(`[data-do=${name}]`);
  }

  show({ width, height, bits }) {
    const { canvas, context } = this;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    this.root.style.setProperty("--fa-ratio", `${width} / ${height}`);
    const image = context.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    for (let i = 0; i < pixels.length; i++) pixels[i] = bits[i] ? INK : GROUND;
    context.putImageData(image, 0, 0);
  }

  // Where an event is, in pixels of the drawing.
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) / box.width) * this.drawing.width,
      y: ((event.clientY - box.top) / box.height) * this.drawing.height,
    };
  }

  newParticle(x, y) {
    const rings = [this.outlines[Math.floor(Math.random() * this.outlines.length)]];
    const scale = this.sizeInput.value / 2;
    return { rings, x, y, scale, angle: Math.random() * 2 * Math.PI };
  }

  setTool(name) {
    this.tool = name;
    if (name !== "particle") this.drawing.selected = -1;
  }

  choose(index) {
    this.drawing.selected = index;
    if (index >= 0) this.sizeInput.value = Math.round(2 * this.drawing.chosen.scale);
    this.refresh();
  }

  remember(state) {
    this.history.remember(state);
    this.refresh();
  }

  stopWaiting() {
    clearTimeout(this.timer);
  }

  changed(pause = PAUSE_MS) {
    this.seq += 1;
    const { seq, root } = this;
    root.dataset.seq = seq;
    root.dataset.particles = this.drawing.particles.length;
    this.stopWaiting();
    if (this.drawing.isEmpty) {
      tell("empty", { seq });
      return;
    }
    tell("changed", { seq });
    if (this.liveInput.checked) this.timer = setTimeout(() => tell("ask"), pause);
  }

  // Change the drawing by act(), so that it can be undone.
  edit(act) {
    const before = this.drawing.snapshot();
    act();
    this.drawing.compose();
    this.remember(before);
    this.changed();
  }

  undo() {
    this.take(this.history.undo(this.drawing.snapshot()));
  }

  redo() {
    this.take(this.history.redo(this.drawing.snapshot()));
  }

  take(state) {
    if (!state) return;
    this.drawing.load(state);
    this.refresh();
    this.changed();
  }

  deleteChosen() {
    const { drawing } = this;
    if (drawing.selected < 0) return;
    this.edit(() => drawing.particles.splice(drawing.selected, 1));
    this.choose(-1);
  }

  // Show the state in buttons, inputs and the frame of the chosen particle.
  refresh() {
    const { drawing, sizeInput, sideInput, tool } = this;
    this.button("undo").disabled = !this.history.canUndo;
    this.button("redo").disabled = !this.history.canRedo;
    for (const name of ["brush", "eraser", "particle"]) {
      this.button(name).setAttribute("aria-pressed", String(tool === name));
    }
    this.root.dataset.tool = tool;
    const nm = this.nmPerPx ? ` · ${Math.round(sizeInput.value * this.nmPerPx)} nm` : "";
    this.sizeText.textContent = `${sizeInput.value} px${nm}`;
    const side = `${drawing.width}x${drawing.height}`;
    if (![...sideInput.options].some((option) => option.value === side)) {
      sideInput.add(new Option(`${drawing.width} × ${drawing.height}`, side));
    }
    sideInput.value = side;
    this.showFrame();
  }

  showFrame() {
    const { drawing, frame } = this;
    const one = drawing.chosen;
    frame.hidden = !one || this.tool !== "particle";
    this.root.toggleAttribute("data-chosen", Boolean(one));
    if (!one) return;
    const [[left, right], [top, bottom]] = extent(one);
    const middle = [(left + right) / 2, (top + bottom) / 2];
    const cos = one.scale * Math.cos(one.angle);
    const sin = one.scale * Math.sin(one.angle);
    const x = one.x + cos * middle[0] - sin * middle[1];
    const y = one.y + sin * middle[0] + cos * middle[1];
    frame.style.left = `${(100 * x) / drawing.width}%`;
    frame.style.top = `${(100 * y) / drawing.height}%`;
    frame.style.width = `${(100 * (right - left) * one.scale) / drawing.width}%`;
    frame.style.height = `${(100 * (bottom - top) * one.scale) / drawing.height}%`;
    frame.style.transform = `translate(-50%, -50%) rotate(${one.angle}rad)`;
    keepHandlesInside(frame, this.zoom.zoom, one.angle);
  }
}

// The least and the largest of both coordinates, in units of the particle.
function extent(one) {
  const all = one.rings.flat();
  const sides = [0, 1].map((axis) => all.map((point) => point[axis]));
  return sides.map((values) => [Math.min(...values), Math.max(...values)]);
}
