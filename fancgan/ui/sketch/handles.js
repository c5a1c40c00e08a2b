// The handles at the chosen particle's frame: resize, turn and delete it.
import { tell } from "../shared/events.js";

const away = (one, at) => Math.hypot(at.x - one.x, at.y - one.y) || 1;
const towards = (one, at) => Math.atan2(at.y - one.y, at.x - one.x);

export function attachHandles(board) {
  const { drawing } = board;
  onDrag(board, board.find("[data-handle=size]"), (one, start, at) => {
    one.scale = drawing.limited((start.scale * away(start, at)) / away(start, start.at));
  });
  onDrag(board, board.find("[data-handle=turn]"), (one, start, at) => {
    one.angle = start.angle + towards(start, at) - towards(start, start.at);
  });
  attachBin(board, board.find("[data-handle=delete]"));
}

// One drag of a handle is one step of undo.
function onDrag(board, handle, act) {
  const { drawing } = board;
  let before = null;
  let start = null;
  let pointerId = null;
  handle.addEventListener("pointerdown", (event) => {
    if (event.button > 0 || !drawing.chosen) return;
    event.preventDefault();
    event.stopPropagation();
    handle.setPointerCapture(event.pointerId);
    pointerId = event.pointerId;
    before = drawing.snapshot();
    start = { ...drawing.chosen, at: board.place(event) };
    tell("drawing");
  });
  handle.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointerId) return;
    act(drawing.chosen, start, board.place(event));
    drawing.compose();
    board.refresh();
  });
  const end = (event) => {
    if (event.pointerId !== pointerId) return;
    pointerId = null;
    board.sizeInput.value = Math.round(2 * drawing.chosen.scale);
    board.remember(before);
    board.changed();
  };
  handle.addEventListener("pointerup", end);
  handle.addEventListener("pointercancel", end);
}

// A finger that places a particle lifts over its handles: only a press on them counts. A tap right
// after a swipe gets no click from the browser, so the lift decides; a click without one is a key's.
function attachBin(board, bin) {
  let pressed = null;
  bin.addEventListener("pointerdown", (event) => {
    pressed = event.pointerId;
  });
  bin.addEventListener("pointerup", (event) => {
    const over = document.elementFromPoint(event.clientX, event.clientY);
    if (event.pointerId === pressed && bin.contains(over)) board.deleteChosen();
    pressed = null;
  });
  bin.addEventListener("click", (event) => {
    if (event.detail === 0) board.deleteChosen();
  });
}

// Handles of a particle at the edge of the canvas are moved inwards until they are seen whole.
export function keepHandlesInside(frame, zoom, angle) {
  const stage = frame.closest(".fa-stage").getBoundingClientRect();
  for (const handle of frame.querySelectorAll("[data-handle]")) {
    handle.style.translate = "";
    const box = handle.getBoundingClientRect();
    const dx = Math.max(stage.left - box.left, 0) - Math.max(box.right - stage.right, 0);
    const dy = Math.max(stage.top - box.top, 0) - Math.max(box.bottom - stage.bottom, 0);
    if (!dx && !dy) continue;
    // The frame is turned and zoomed: so is what moves in it.
    const [cos, sin] = [Math.cos(angle) / zoom, Math.sin(angle) / zoom];
    handle.style.translate = `${dx * cos + dy * sin}px ${dy * cos - dx * sin}px`;
  }
}
