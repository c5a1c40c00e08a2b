// Buttons and keys of the drawing board: the same actions by both.
const STEP = Math.PI / 36;
const TOOLS = { b: "brush", e: "eraser", p: "particle" };
const moved = (dx, dy) => (one, far) => ({ x: one.x + dx * far, y: one.y + dy * far });
const CHOSEN_KEYS = {
  arrowleft: moved(-1, 0),
  arrowright: moved(1, 0),
  arrowup: moved(0, -1),
  arrowdown: moved(0, 1),
  "+": (one, _, drawing) => ({ scale: drawing.limited(one.scale * 1.05) }),
  "-": (one, _, drawing) => ({ scale: drawing.limited(one.scale / 1.05) }),
  r: (one, far) => ({ angle: one.angle + (far > 1 ? -STEP : STEP) }),
};
const WRITING = "input:not([type=range], [type=checkbox]), textarea, select, [contenteditable]";

export function attachKeyboard(board) {
  for (const [name, action] of Object.entries(actionsOf(board))) {
    board.button(name).addEventListener("click", () => {
      action();
      board.refresh();
    });
  }
  board.canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey) return;
    if (!onKey(board, event.key.toLowerCase(), event.shiftKey)) return;
    event.preventDefault();
    board.refresh();
  });
  // Undo and redo wherever on this tab the focus is, but where text is written.
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || !board.root.offsetParent) return;
    if (event.target.closest?.(WRITING)) return;
    if (!onCommand(board, event.key.toLowerCase(), event.shiftKey)) return;
    event.preventDefault();
    board.refresh();
  });
}

const actionsOf = (board) => ({
  brush: () => board.setTool("brush"),
  eraser: () => board.setTool("eraser"),
  particle: () => board.setTool("particle"),
  undo: () => board.undo(),
  redo: () => board.redo(),
  closer: () => board.zoom.zoomBy(1.5),
  farther: () => board.zoom.zoomBy(1 / 1.5),
  fit: () => board.zoom.fit(),
  clear: () => board.drawing.isEmpty || board.edit(() => board.drawing.clear()),
});

function onCommand(board, key, shift) {
  if (key === "y" || (key === "z" && shift)) board.redo();
  else if (key === "z") board.undo();
  else return false;
  return true;
}

function onKey(board, key, shift) {
  const { drawing, sizeInput } = board;
  const chosen = drawing.selected >= 0;
  if (TOOLS[key]) board.setTool(TOOLS[key]);
  else if (key === "0") board.zoom.fit();
  else if (key === "[" || key === "]") {
    sizeInput.value = Number(sizeInput.value) + (key === "]" ? 4 : -4);
  } else if (key === "enter") placeInMiddle(board);
  else if (key === "n") {
    board.setTool("particle");
    chooseNext(board, shift ? -1 : 1);
  } else if (chosen && CHOSEN_KEYS[key]) adjust(board, CHOSEN_KEYS[key], shift ? 10 : 1);
  else if (chosen && (key === "delete" || key === "backspace")) board.deleteChosen();
  else if (chosen && key === "escape") board.choose(-1);
  else return false;
  return true;
}

function placeInMiddle(board) {
  const { drawing } = board;
  board.setTool("particle");
  board.edit(() =>
    drawing.particles.push(board.newParticle(drawing.width / 2, drawing.height / 2)),
  );
  board.choose(drawing.particles.length - 1);
}

// The next particle: first what is drawn becomes objects, one by one, then around all of them.
function chooseNext(board, step) {
  const { drawing } = board;
  const { width, selected, particles } = drawing;
  const at = step > 0 ? drawing.strokes.indexOf(1) : -1;
  if (at >= 0) board.choose(drawing.lift((at % width) + 0.5, Math.floor(at / width) + 0.5));
  else if (particles.length) {
    const from = selected < 0 && step < 0 ? 0 : selected;
    board.choose((from + step + particles.length) % particles.length);
  }
}

// Change the chosen particle by a key.
function adjust(board, change, far) {
  const { drawing } = board;
  board.edit(() => {
    const one = drawing.chosen;
    drawing.particles[drawing.selected] = { ...one, ...change(one, far, drawing) };
  });
  board.choose(drawing.selected);
}
