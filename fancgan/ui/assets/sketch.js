// The drawing canvas. Its truth is `bits`, one byte a pixel: what is shown is what is sent.
const root = element.querySelector(".fa-sketch");
const canvas = root.querySelector("canvas");
const cursor = root.querySelector(".fa-cursor");
const sizeInput = root.querySelector("input[type=range]");
const sizeText = root.querySelector(".fa-size");
const liveInput = root.querySelector("input[type=checkbox]");
const button = (name) => root.querySelector(`[data-do=${name}]`);
const context = canvas.getContext("2d");
const nmPerPx = Number(root.dataset.nmPerPx) || 0;
const PAUSE_MS = 120;
const UNDO_STEPS = 60;
const INK = [241, 245, 249];
const GROUND = [11, 18, 28];

let width = 0, height = 0, bits = new Uint8Array(0);
let past = [], future = [];
let tool = "brush", last = null, pointer = null, before = null;
let seq = 0, timer = 0, token = null;

const tell = (name, detail = {}) =>
  document.dispatchEvent(new CustomEvent(`fancgan:${name}`, { detail }));

function toRuns(pixels) {
  const runs = [];
  let colour = 0, start = 0;
  for (let i = 0; i < pixels.length; i++) {
    if (pixels[i] !== colour) {
      runs.push(i - start);
      start = i;
      colour = pixels[i];
    }
  }
  runs.push(pixels.length - start);
  return runs;
}

function fromRuns(runs, length) {
  const pixels = new Uint8Array(length);
  let at = 0;
  runs.forEach((run, i) => {
    if (i % 2) pixels.fill(1, at, at + run);
    at += run;
  });
  return pixels;
}

function show(x0 = 0, y0 = 0, x1 = width, y1 = height) {
  if (x1 <= x0 || y1 <= y0) return;
  const image = context.createImageData(x1 - x0, y1 - y0);
  for (let y = y0, to = 0; y < y1; y++) {
    for (let x = x0; x < x1; x++, to += 4) {
      const colour = bits[y * width + x] ? INK : GROUND;
      image.data[to] = colour[0];
      image.data[to + 1] = colour[1];
      image.data[to + 2] = colour[2];
      image.data[to + 3] = 255;
    }
  }
  context.putImageData(image, x0, y0);
}

// Fill every pixel whose centre lies within the radius of the segment from a to b.
function sweep(a, b, radius, ink) {
  const x0 = Math.max(0, Math.floor(Math.min(a.x, b.x) - radius));
  const y0 = Math.max(0, Math.floor(Math.min(a.y, b.y) - radius));
  const x1 = Math.min(width, Math.ceil(Math.max(a.x, b.x) + radius) + 1);
  const y1 = Math.min(height, Math.ceil(Math.max(a.y, b.y) + radius) + 1);
  const dx = b.x - a.x, dy = b.y - a.y, long2 = dx * dx + dy * dy || 1;
  for (let y = y0; y < y1; y++) {
    for (let x = x0; x < x1; x++) {
      const px = x + 0.5 - a.x, py = y + 0.5 - a.y;
      const t = Math.max(0, Math.min(1, (px * dx + py * dy) / long2));
      const ex = px - t * dx, ey = py - t * dy;
      if (ex * ex + ey * ey <= radius * radius) bits[y * width + x] = ink;
    }
  }
  show(x0, y0, x1, y1);
}

function load(mask) {
  width = mask.width;
  height = mask.height;
  bits = fromRuns(mask.runs, width * height);
  canvas.width = width;
  canvas.height = height;
  root.style.setProperty("--fa-ratio", `${width} / ${height}`);
  show();
}

const snapshot = () => ({ width, height, runs: toRuns(bits) });

function remember(state) {
  past.push(state);
  if (past.length > UNDO_STEPS) past.shift();
  future = [];
  refresh();
}

function refresh() {
  button("undo").disabled = !past.length;
  button("redo").disabled = !future.length;
  for (const name of ["brush", "eraser"]) {
    button(name).setAttribute("aria-pressed", String(tool === name));
  }
  const nm = nmPerPx ? ` · ${Math.round(sizeInput.value * nmPerPx)} nm` : "";
  sizeText.textContent = `${sizeInput.value} px${nm}`;
}

function changed(pause = PAUSE_MS) {
  seq += 1;
  root.dataset.seq = seq;
  clearTimeout(timer);
  if (!bits.includes(1)) {
    tell("empty", { seq });
    return;
  }
  tell("changed", { seq });
  if (liveInput.checked) timer = setTimeout(() => trigger("input"), pause);
}

function travel(from, to) {
  if (!from.length) return;
  to.push(snapshot());
  load(from.pop());
  refresh();
  changed();
}

// The server's events read the drawing here, at the moment they are sent: never a stale one.
window.fancganSketch = {
  take() {
    clearTimeout(timer);
    tell("sent", { seq, empty: !bits.includes(1) });
    return { ...snapshot(), seq };
  },
  peek: () => ({ ...snapshot(), seq }),
};

function place(event) {
  const box = canvas.getBoundingClientRect();
  return {
    x: ((event.clientX - box.left) / box.width) * width,
    y: ((event.clientY - box.top) / box.height) * height,
  };
}

function moveCursor(event) {
  const box = canvas.getBoundingClientRect();
  const size = (sizeInput.value / width) * box.width;
  cursor.style.width = cursor.style.height = `${size}px`;
  cursor.style.left = `${event.clientX - box.left + canvas.offsetLeft}px`;
  cursor.style.top = `${event.clientY - box.top + canvas.offsetTop}px`;
  cursor.hidden = event.pointerType === "touch";
}

canvas.addEventListener("pointerdown", (event) => {
  if (pointer !== null || event.button > 0) return;
  event.preventDefault();
  canvas.focus({ preventScroll: true });
  canvas.setPointerCapture(event.pointerId);
  pointer = event.pointerId;
  before = snapshot();
  last = place(event);
  clearTimeout(timer);
  tell("drawing");
  sweep(last, last, sizeInput.value / 2, tool === "brush" ? 1 : 0);
});

canvas.addEventListener("pointermove", (event) => {
  moveCursor(event);
  if (event.pointerId !== pointer) return;
  const moves = event.getCoalescedEvents?.() ?? [];
  for (const move of moves.length ? moves : [event]) {
    const here = place(move);
    sweep(last, here, sizeInput.value / 2, tool === "brush" ? 1 : 0);
    last = here;
  }
});

function lift(event) {
  if (event.pointerId !== pointer) return;
  pointer = null;
  remember(before);
  changed();
}

canvas.addEventListener("pointerup", lift);
canvas.addEventListener("pointercancel", lift);
canvas.addEventListener("pointerleave", () => (cursor.hidden = true));

const actions = {
  brush: () => (tool = "brush"),
  eraser: () => (tool = "eraser"),
  undo: () => travel(past, future),
  redo: () => travel(future, past),
  clear() {
    if (!bits.includes(1)) return;
    remember(snapshot());
    bits.fill(0);
    show();
    changed();
  },
};
for (const [name, action] of Object.entries(actions)) {
  button(name).addEventListener("click", () => {
    action();
    refresh();
  });
}
sizeInput.addEventListener("input", refresh);
liveInput.addEventListener("change", () => liveInput.checked && changed());

canvas.addEventListener("keydown", (event) => {
  const command = event.ctrlKey || event.metaKey;
  const key = event.key.toLowerCase();
  if (command && key === "z") (event.shiftKey ? actions.redo : actions.undo)();
  else if (command && key === "y") actions.redo();
  else if (!command && key === "b") actions.brush();
  else if (!command && key === "e") actions.eraser();
  else if (!command && (key === "[" || key === "]")) {
    sizeInput.value = Number(sizeInput.value) + (key === "]" ? 4 : -4);
  } else return;
  event.preventDefault();
  refresh();
});

// A mask from the server: an example layout or an uploaded one.
watch("value", () => {
  if (!props.value || props.value.token === token) return;
  token = props.value.token;
  remember(snapshot());
  load(props.value);
  changed(0);
});

token = props.value.token;
load(props.value);
root.dataset.seq = seq;
refresh();
