// Mouse, pen and fingers on the canvas: brush, eraser, particles; a second finger zooms.
import { tell } from "../shared/events.js";
import { sweep } from "./filling.js";

const SHORTEST_MOVE_PX = 1.5; // below it a press chooses a particle and does not move it

export function attachPointer(board) {
  const { canvas } = board;
  const stroke = new Stroke(board);
  const cursor = new Cursor(board);
  const fingers = new Map();
  const firstTwo = () => [...fingers.values()].slice(0, 2);

  // Two fingers zoom and move the canvas, as the middle button does; one draws.
  canvas.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, event);
    if (event.button === 1 || fingers.size > 1) {
      stroke.abandon();
      board.zoom.hold(firstTwo());
    } else if (stroke.pointer === null && event.button === 0) stroke.begin(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    cursor.move(event);
    if (fingers.has(event.pointerId)) fingers.set(event.pointerId, event);
    if (board.zoom.held) board.zoom.moveHeld(firstTwo());
    if (event.pointerId === stroke.pointer) stroke.move(event);
  });
  const release = (event) => {
    fingers.delete(event.pointerId);
    if (board.zoom.held) board.zoom.hold(fingers.size > 1 ? firstTwo() : []);
    if (event.pointerId === stroke.pointer) stroke.end();
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", () => cursor.hide());
}

// What one pointer does from its press to its lift.
class Stroke {
  pointer = null;
  last = null;
  before = null;
  bitsBefore = null;
  grip = null;

  constructor(board) {
    this.board = board;
  }

  begin(event) {
    const { board } = this;
    const { drawing } = board;
    this.pointer = event.pointerId;
    this.before = drawing.snapshot();
    this.bitsBefore = drawing.bits.slice();
    this.last = board.place(event);
    board.stopWaiting();
    tell("drawing");
    if (board.tool === "particle") this.grab(this.last);
    else this.draw(this.last);
    drawing.compose();
    board.showFrame();
  }

  move(event) {
    const { board } = this;
    const moves = event.getCoalescedEvents?.() ?? [];
    for (const one of moves.length ? moves : [event]) {
      const at = board.place(one);
      if (board.tool !== "particle") this.draw(at);
      else if (Math.hypot(at.x - this.last.x, at.y - this.last.y) > SHORTEST_MOVE_PX) {
        this.carry(at);
        this.last = { x: -9, y: -9 }; // from here on every move counts
      }
    }
    board.drawing.compose();
    board.showFrame();
  }

  end() {
    this.pointer = null;
    // To choose a particle is no change of the drawing.
    if (this.board.drawing.bits.every((bit, at) => bit === this.bitsBefore[at])) return;
    this.board.remember(this.before);
    this.board.changed();
  }

  abandon() {
    if (this.pointer === null) return;
    this.pointer = null;
    this.board.drawing.load(this.before);
    this.board.choose(-1);
    this.board.changed();
  }

  draw(to) {
    const { drawing, tool, sizeInput } = this.board;
    const radius = sizeInput.value / 2;
    if (tool === "eraser") {
      drawing.settle((one) => Math.hypot(to.x - one.x, to.y - one.y) < radius + 3 * one.scale);
    }
    const ink = tool === "brush" ? 1 : 0;
    sweep(drawing.strokes, drawing.width, drawing.height, this.last, to, radius, ink);
    this.last = to;
  }

  // A press on a particle takes it, on the ground it places a new one.
  grab(at) {
    const { drawing } = this.board;
    let index = drawing.hit(at.x, at.y);
    if (index < 0) index = drawing.lift(at.x, at.y);
    if (index < 0) index = drawing.particles.push(this.board.newParticle(at.x, at.y)) - 1;
    this.board.choose(index);
    this.grip = { x: at.x - drawing.chosen.x, y: at.y - drawing.chosen.y };
  }

  carry(at) {
    const { drawing } = this.board;
    drawing.raise();
    Object.assign(drawing.chosen, { x: at.x - this.grip.x, y: at.y - this.grip.y });
  }
}

// The ring around the pointer that shows what it will draw.
class Cursor {
  constructor(board) {
    this.board = board;
    this.ring = board.find(".fa-cursor");
  }

  move(event) {
    const { canvas, drawing, stage, sizeInput, tool } = this.board;
    const { style } = this.ring;
    const box = stage.getBoundingClientRect();
    const size = (sizeInput.value / drawing.width) * canvas.getBoundingClientRect().width;
    style.width = style.height = `${size}px`;
    style.left = `${event.clientX - box.left}px`;
    style.top = `${event.clientY - box.top}px`;
    this.ring.hidden = event.pointerType === "touch" || tool === "particle";
  }

  hide() {
    this.ring.hidden = true;
  }
}
