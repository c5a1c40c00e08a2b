// Buttons and keys: the same actions by both.
const actions = {
  brush: () => setTool("brush"),
  eraser: () => setTool("eraser"),
  particle: () => setTool("particle"),
  undo: () => travel(past, future),
  redo: () => travel(future, past),
  closer: () => zoomBy(1.5),
  farther: () => zoomBy(1 / 1.5),
  fit,
  clear() {
    if (isEmpty()) return;
    edit(() => {
      strokes.fill(0);
      particles = [];
      selected = -1;
    });
  },
};

function setTool(name) {
  tool = name;
  if (name !== "particle") selected = -1;
}

const STEP = Math.PI / 36;
const moved = (dx, dy) => (one, far) => ({ x: one.x + dx * far, y: one.y + dy * far });
const CHOSEN_KEYS = {
  arrowleft: moved(-1, 0),
  arrowright: moved(1, 0),
  arrowup: moved(0, -1),
  arrowdown: moved(0, 1),
  "+": (one) => ({ scale: limited(one.scale * 1.05) }),
  "-": (one) => ({ scale: limited(one.scale / 1.05) }),
  r: (one, far) => ({ angle: one.angle + (far > 1 ? -STEP : STEP) }),
};

// The next particle: first what is drawn becomes objects, one by one, then around all of them.
function chooseNext(step) {
  const at = step > 0 ? strokes.indexOf(1) : -1;
  if (at >= 0) choose(lift((at % width) + 0.5, Math.floor(at / width) + 0.5));
  else if (particles.length) {
    const from = selected < 0 && step < 0 ? 0 : selected;
    choose((from + step + particles.length) % particles.length);
  }
}

function onCommand(key, shift) {
  if (key === "z") (shift ? actions.redo : actions.undo)();
  else if (key === "y") actions.redo();
  else return false;
  return true;
}

function onKey(key, shift) {
  const plain = { b: "brush", e: "eraser", p: "particle", 0: "fit" }[key];
  if (plain) actions[plain]();
  else if (key === "[" || key === "]") {
    sizeInput.value = Number(sizeInput.value) + (key === "]" ? 4 : -4);
  } else if (key === "enter") {
    setTool("particle");
    edit(() => particles.push(newParticle(width / 2, height / 2)));
    choose(particles.length - 1);
  } else if (key === "n") {
    setTool("particle");
    chooseNext(shift ? -1 : 1);
  } else if (selected >= 0 && CHOSEN_KEYS[key]) {
    adjust((one) => CHOSEN_KEYS[key](one, shift ? 10 : 1));
  } else if (selected >= 0 && (key === "delete" || key === "backspace")) deleteChosen();
  else if (selected >= 0 && key === "escape") choose(-1);
  else return false;
  return true;
}

canvas.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || !onKey(event.key.toLowerCase(), event.shiftKey)) return;
  event.preventDefault();
  refresh();
});

// Undo and redo wherever on this tab the focus is, but where text is written.
const WRITING = "input:not([type=range], [type=checkbox]), textarea, select, [contenteditable]";
document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || !root.offsetParent) return;
  if (event.target.closest?.(WRITING) || !onCommand(event.key.toLowerCase(), event.shiftKey)) return;
  event.preventDefault();
  refresh();
});

for (const [name, action] of Object.entries(actions)) {
  button(name).addEventListener("click", () => {
    action();
    refresh();
  });
}
