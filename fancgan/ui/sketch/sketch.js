// The drawing canvas: what is drawn here is asked for as an image, and masks of the server arrive.
import { tell } from "../shared/events.js";
import { offer } from "../shared/parts.js";
import { Board } from "./board.js";
import { attachHandles } from "./handles.js";
import { attachKeyboard } from "./keyboard.js";
import { attachPointer } from "./pointer.js";

export function mount({ element, props, watch }) {
  const root = element.querySelector(".fa-sketch");
  const outlines = JSON.parse(props.outlines);
  const board = new Board(root, { nmPerPx: props.nm_per_px, outlines });
  attachPointer(board);
  attachHandles(board);
  attachKeyboard(board);
  attachInputs(board);

  let token = props.value.token;
  watch("value", () => {
    if (!props.value || props.value.token === token) return;
    token = props.value.token;
    board.remember(board.drawing.snapshot());
    board.drawing.load(props.value);
    board.zoom.fit();
    board.refresh();
    board.changed(0);
  });
  board.drawing.load(props.value);
  root.dataset.seq = board.seq;
  root.dataset.particles = 0;
  board.zoom.apply();
  board.refresh();
  offer("sketch", partOf(board));
}

// The server's events read the drawing here, at the moment they are sent: never a stale one.
const partOf = (board) => ({
  take() {
    board.stopWaiting();
    tell("sent", { seq: board.seq, empty: board.drawing.isEmpty });
    return board.drawing.message(board.seq);
  },
  peek: () => board.drawing.message(board.seq),
  size: () => [board.drawing.height, board.drawing.width],
});

function attachInputs(board) {
  const { drawing, sizeInput, sideInput, liveInput } = board;

  // The slider is the size of the chosen particle, or of what is drawn next.
  let sizing = null;
  sizeInput.addEventListener("input", () => {
    if (drawing.chosen) {
      sizing = sizing ?? drawing.snapshot();
      drawing.chosen.scale = drawing.limited(sizeInput.value / 2);
      drawing.compose();
    }
    board.refresh();
  });
  sizeInput.addEventListener("change", () => {
    if (!sizing) return;
    board.remember(sizing);
    sizing = null;
    board.changed();
  });
  sideInput.addEventListener("change", () => {
    const before = drawing.snapshot();
    drawing.crop(...sideInput.value.split("x").map(Number));
    board.remember(before);
    board.zoom.fit();
    board.changed(0);
  });
  liveInput.addEventListener("change", () => liveInput.checked && board.changed());
}
