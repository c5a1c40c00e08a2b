// The micrograph on its canvas: the picture, the particles over it, and what is being drawn.
import { bytesOf, pictureOf, surface } from "../shared/pixels.js";
import { LabelImage } from "./label_image.js";
import { Viewport } from "./viewport.js";

const HOVERED = ["#ffffff", 1.5]; // colour, width in window pixels
const SELECTED = ["#14f1d9", 3];
const CUT = "#ff4d6d";
const ADDED = "rgba(20, 241, 217, 0.45)";
const BAR_SHADE = "rgba(11, 18, 28, 0.55)";
const EDGE = "rgba(20, 241, 217, 0.9)";
const EDGE_PX = { mouse: 5, pen: 8, touch: 14 }; // how near is at the edge, in window pixels
const FEWEST_ROWS = 32;
const SMALLEST_NUMBERED_PX = 14;

export class Picture {
  answer = null; // the server's last one
  base = null; // the picture, and over it the particles, as canvases
  over = null;
  labels = LabelImage.empty();
  selected = 0;
  hovered = 0;
  drawn = null; // points of the line that is being drawn
  marked = null; // ends of the line along the scale bar
  offered = null; // ends of the bar that the server has read
  brush = null; // its radius in pixels, while particles are painted
  ruled = false; // whether the line says its length
  cursor = null; // { x, y } of the keys' cursor, while it is in use
  edge = null; // { name: "top" or "bottom", row } of an info bar while it is moved
  regions = null; // what is drawn over the picture of the regions

  // colours: [n][3] of the outlines. show, opacity: the inputs that say how they are shown.
  constructor(root, colours) {
    this.root = root;
    this.colours = colours;
    this.canvas = root.querySelector("canvas");
    this.context = this.canvas.getContext("2d");
    this.showInput = root.querySelector("[data-show]");
    this.opacityInput = root.querySelector("[data-opacity]");
    this.view = new Viewport(
      () => ({ width: this.canvas.clientWidth, height: this.canvas.clientHeight }),
      () => this.answer,
    );
    this.showInput.addEventListener("change", () => this.base && this.paint());
    this.opacityInput.addEventListener("input", () => this.draw());
    new ResizeObserver(() => this.onResize()).observe(root.querySelector(".fa-stage"));
  }

  get isOpen() {
    return Boolean(this.answer?.files.length);
  }

  clear(answer) {
    this.answer = answer;
    this.base = this.over = null;
    this.draw();
  }

  // Take over the server's answer; returns whether it is another picture than before.
  async receive(answer) {
    const another = this.answer?.picture !== answer.picture;
    const [base, coded] = await Promise.all([
      another || !this.base ? pictureOf(answer.image) : this.base,
      pictureOf(answer.labels),
    ]);
    this.answer = answer;
    this.base = base;
    this.labels = LabelImage.decode(bytesOf(coded, answer.rows), answer.width, answer.rows);
    if (another) {
      this.selected = 0;
      this.marked = null;
      this.root.style.setProperty("--fa-ratio", `${answer.width} / ${answer.height}`);
      this.resize();
      this.view.fit();
    }
    return another;
  }

  // Paint the particles anew: labels, the way they are shown or the size has changed.
  paint() {
    const { width, rows } = this.answer;
    const how = this.showInput.value;
    this.over = surface(width, rows);
    if (how !== "none") {
      const thick = Math.max(1, Math.round(0.8 / this.view.fitScale));
      const unsure = new Set(this.answer.unsure);
      const leftOut = new Set(this.answer.left_out);
      const bytes = this.labels.overlay(this.colours, thick, how === "fill", unsure, leftOut);
      this.over.getContext("2d").putImageData(new ImageData(bytes, width, rows), 0, 0);
    }
    this.draw();
  }

  onResize() {
    if (!this.base) return;
    this.resize();
    if (this.view.fitted || this.view.scale < this.view.fitScale) this.view.fit();
    this.draw();
  }

  resize() {
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(this.canvas.clientWidth * ratio);
    this.canvas.height = Math.round(this.canvas.clientHeight * ratio);
  }

  draw() {
    const { context, canvas, view, answer } = this;
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!this.base || !this.isOpen) return;
    const scale = view.scale * ratio;
    context.setTransform(scale, 0, 0, scale, view.x * ratio, view.y * ratio);
    context.imageSmoothingEnabled = view.scale < 2;
    context.drawImage(this.base, 0, 0);
    this.drawParticles();
    this.regions.draw(this);
    this.drawBars(answer);
    if (this.drawn) this.drawLine(this.drawn, this.brush);
    if (this.drawn?.length === 2 && this.ruled) this.drawLength(...this.drawn);
    if (this.marked) {
      this.drawLine(this.marked);
      this.drawLength(...this.marked);
    }
    if (this.offered) this.drawLine(this.offered);
    if (this.cursor) this.drawCursor(this.cursor);
  }

  // The row of each edge of the field, as it is or as it is being moved.
  edgeRow(name) {
    if (this.edge?.name === name) return this.edge.row;
    return name === "top" ? this.answer.top_rows : this.answer.rows;
  }

  // The info bars: darkened, with a grip on their edges.
  drawBars({ width, height }) {
    const [top, bottom] = [this.edgeRow("top"), this.edgeRow("bottom")];
    if (bottom < height) this.drawBar(bottom, height - bottom, bottom, width);
    if (top > 0) this.drawBar(0, top, top, width);
  }

  drawBar(first, count, edge, width) {
    const { context, view } = this;
    context.fillStyle = BAR_SHADE;
    context.fillRect(0, first, width, count);
    context.fillStyle = EDGE;
    const [long, thick] = [44 / view.scale, 4 / view.scale];
    context.fillRect(0, edge - thick / 8, width, thick / 4);
    context.fillRect((width - long) / 2, edge - thick / 2, long, thick);
  }

  // The name of the bar's edge at a place, null without one.
  edgeAt({ py }, pointer) {
    if (!this.isOpen) return null;
    const reach = EDGE_PX[pointer] ?? EDGE_PX.mouse;
    const names = this.answer.top_rows ? ["bottom", "top"] : ["bottom"];
    const isNear = (name) =>
      Math.abs(py - this.view.y - this.edgeRow(name) * this.view.scale) <= reach;
    return names.find(isNear) ?? null;
  }

  moveEdge(name, y) {
    const { height, rows, top_rows: top } = this.answer;
    const [least, most] = name === "top" ? [0, rows - FEWEST_ROWS] : [top + FEWEST_ROWS, height];
    this.edge = { name, row: Math.min(Math.max(Math.round(y), least), most) };
  }

  // The setting of the bar whose edge was left elsewhere; null if it is where it was.
  leaveEdge() {
    const { edge, answer } = this;
    this.edge = null;
    if (edge === null || edge.row === this.edgeRow(edge.name)) return null;
    return edge.name === "top" ? { top_rows: edge.row } : { bar_rows: answer.height - edge.row };
  }

  drawParticles() {
    const { context, showInput } = this;
    context.globalAlpha = Number(this.opacityInput.value);
    if (this.over && showInput.value !== "none") context.drawImage(this.over, 0, 0);
    context.globalAlpha = 1;
    if (showInput.value === "numbers") this.drawNumbers();
    if (this.hovered) this.drawOutline(this.hovered, ...HOVERED);
    if (this.selected) this.drawOutline(this.selected, ...SELECTED);
  }

  write(words, x, y) {
    const { context, view } = this;
    context.font = `${12 / view.scale}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineWidth = 3 / view.scale;
    context.strokeStyle = "rgba(0, 0, 0, 0.8)";
    context.fillStyle = "#fff";
    context.strokeText(words, x, y);
    context.fillText(words, x, y);
  }

  drawNumbers() {
    const { view } = this;
    for (const [label, box] of this.labels.boxes) {
      if ((box.x1 - box.x0) * view.scale < SMALLEST_NUMBERED_PX) continue;
      this.write(label, box.x / box.n + 0.5, box.y / box.n + 0.5);
    }
  }

  drawLength([x0, y0], [x1, y1]) {
    const length = Math.hypot(x1 - x0, y1 - y0);
    this.write(`${length.toFixed(length < 100 ? 1 : 0)} px`, x1, y1 - 14 / this.view.scale);
  }

  drawCursor({ x, y }) {
    const { context } = this;
    const arm = 12 / this.view.scale;
    for (const [colour, width] of [
      ["rgba(0, 0, 0, 0.8)", 4],
      ["#fff", 1.5],
    ]) {
      context.beginPath();
      context.moveTo(x - arm, y);
      context.lineTo(x + arm, y);
      context.moveTo(x, y - arm);
      context.lineTo(x, y + arm);
      context.strokeStyle = colour;
      context.lineWidth = width / this.view.scale;
      context.stroke();
    }
  }

  drawOutline(label, colour, width) {
    const { context } = this;
    context.beginPath();
    for (const side of this.labels.sidesOf(label)) context.rect(...side);
    context.strokeStyle = colour;
    context.lineWidth = width / this.view.scale;
    context.stroke();
  }

  // A line through points; with a brush radius, as wide as what it paints.
  drawLine(points, brush = null) {
    const { context } = this;
    context.beginPath();
    for (const [i, [x, y]] of points.entries()) {
      if (i) context.lineTo(x, y);
      else context.moveTo(x, y);
    }
    if (points.length === 1) context.lineTo(points[0][0] + 0.01, points[0][1]);
    context.lineCap = context.lineJoin = "round";
    context.strokeStyle = brush ? ADDED : CUT;
    context.lineWidth = brush ? 2 * brush : 2 / this.view.scale;
    context.stroke();
  }

  // Where an event is: px, py in the window, x, y in the picture.
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const at = { px: event.clientX - box.left, py: event.clientY - box.top };
    return { ...at, ...this.view.toPicture(at.px, at.py) };
  }
}
