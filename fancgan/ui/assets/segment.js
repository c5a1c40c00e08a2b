// The micrograph and its particles. What is shown is the server's word; a click sends a wish.
const root = element.querySelector(".fa-seg");
const canvas = root.querySelector("canvas");
const context = canvas.getContext("2d");
const stage = root.querySelector(".fa-stage");
const status = root.querySelector(".fa-status");
const sheets = root.querySelector(".fa-sheets");
const ask = root.querySelector(".fa-ask");
const brush = root.querySelector(".fa-brush");
const brushInput = brush.querySelector("input");
const showInput = root.querySelector("[data-show]");
const opacityInput = root.querySelector("[data-opacity]");
const text = (name) => root.querySelector(`[data-text=${name}]`);
const COLOURS = [[86, 180, 233], [240, 228, 66], [0, 200, 140], [230, 159, 0], [230, 120, 180],
  [255, 110, 60]];
const CLICK_PX = 4;
const MAX_ZOOM = 40;

let shown = null;            // the last answer
let base = null;             // the picture, and over it the particles, as canvases
let over = null;
let labels = new Int32Array(0), boxes = new Map();
let view = { scale: 1, x: 0, y: 0 }, fitted = true;
let tool = "select", selected = 0, hovered = 0, marked = null;
let drag = null, pinch = null;
const fingers = new Map();
let wishes = [];

const tell = (name, detail) =>
  document.dispatchEvent(new CustomEvent(`fancgan:${name}`, { detail }));

function say(state, words) {
  root.dataset.state = state;
  status.textContent = words;
}

// Wishes wait here until the server's event takes them: none is lost if clicks come fast.
function wish(action) {
  const last = wishes[wishes.length - 1];
  if (last?.do === "set" && action.do === "set") Object.assign(last.values, action.values);
  else wishes.push(action);
  say("busy", "working…");
  trigger("input");
}

window.fancganSegment = {
  take() {
    const taken = wishes;
    wishes = [];
    return taken;
  },
  opening() {
    root.dataset.opening = "";
    say("busy", "reading…");
  },
  failed() {
    wishes = [];
    delete root.dataset.opening;
    if (shown?.sheets.length) {
      document.activeElement?.blur();
      refresh();
      say("done", "not done: see the message");
    } else say("none", "");
  },
  wish,
};

// --- what the server says ---

function surface(width, height) {
  const made = document.createElement("canvas");
  made.width = width;
  made.height = height;
  return made;
}

async function pixels(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const made = surface(image.naturalWidth, image.naturalHeight);
  const drawing = made.getContext("2d", { willReadFrequently: true });
  drawing.drawImage(image, 0, 0);
  return made;
}

async function receive(answer) {
  if (!answer) return;
  if (!answer.sheets.length) {
    shown = answer;
    base = over = null;
    text("name").textContent = "Particles";
    delete root.dataset.opening;
    say("none", "");
    refresh();
    draw();
    return;
  }
  const another = shown?.picture !== answer.picture;
  const [picture, coded] = await Promise.all([
    another || !base ? pixels(answer.image) : base,
    pixels(answer.labels),
  ]);
  shown = answer;
  base = picture;
  const { width } = answer, rows = answer.rows;
  const bytes = coded.getContext("2d").getImageData(0, 0, width, rows).data;
  labels = new Int32Array(width * rows);
  for (let i = 0, k = 0; i < labels.length; i++, k += 4) {
    labels[i] = bytes[k] | (bytes[k + 1] << 8) | (bytes[k + 2] << 16);
  }
  findBoxes();
  if (another) {
    selected = 0;
    marked = null;
    ask.hidden = true;
    root.style.setProperty("--fa-ratio", `${answer.width} / ${answer.height}`);
    resize();
    fit();
  }
  if (!boxes.has(selected)) select(0);
  paint();
  if (answer.failed) document.activeElement?.blur();
  refresh();
  root.dataset.token = answer.token;
  root.dataset.count = answer.count;
  const more = answer.note ? `, opening ${answer.note}` : "";
  if (!answer.note) delete root.dataset.opening;
  const found = `${answer.count} particle${answer.count === 1 ? "" : "s"}`;
  if (wishes.length) say("busy", "working…");
  else say(answer.note ? "busy" : "done", found + more);
}

function findBoxes() {
  boxes = new Map();
  const width = shown.width;
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i];
    if (!label) continue;
    const x = i % width, y = (i - x) / width;
    const box = boxes.get(label);
    if (!box) boxes.set(label, { x0: x, y0: y, x1: x, y1: y, x, y, n: 1 });
    else {
      box.x0 = Math.min(box.x0, x);
      box.x1 = Math.max(box.x1, x);
      box.y1 = y;
      box.x += x;
      box.y += y;
      box.n += 1;
    }
  }
}

function refresh() {
  const settings = shown?.settings, open = Boolean(shown?.sheets.length);
  for (const part of root.querySelectorAll("button[data-tool], [data-do], [data-set]")) {
    part.disabled = !open;
  }
  root.querySelector("[data-do=forget]").disabled = false;
  for (const button of root.querySelectorAll("button[data-tool]")) {
    button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
  }
  root.dataset.tool = tool;
  brush.hidden = tool !== "add";
  brush.querySelector("span").textContent = `${brushInput.value} px`;
  if (!open) return;
  root.querySelector("[data-do=undo]").disabled = !settings.edits;
  root.querySelector("[data-do=redo]").disabled = !shown.can_redo;
  text("name").textContent = shown.sheets[shown.current];
  sheets.hidden = shown.sheets.length < 2;
  text("name").hidden = !sheets.hidden;
  sheets.replaceChildren(...shown.sheets.map((name, i) => new Option(name, i)));
  sheets.value = shown.current;
  root.querySelector("[data-synthetic]").hidden = !shown.synthetic;
  const put = (name, value) => {
    const input = root.querySelector(`[data-set=${name}]`);
    if (document.activeElement !== input || input.type === "range") input.value = value ?? "";
  };
  put("split", settings.split);
  put("min_area_px", settings.min_area_px);
  root.querySelector("[data-set=min_area_px]").placeholder = "model's";
  put("nm_per_px", shown.nm_per_px && Number(shown.nm_per_px.toPrecision(6)));
  put("bar_rows", shown.height - shown.rows);
  root.querySelector("[data-set=invert]").checked = settings.invert;
  root.querySelector("[data-set=rescale]").checked = settings.rescale;
  const pages = root.querySelector("[data-page]");
  root.querySelector("[data-pages]").hidden = shown.pages < 2;
  pages.replaceChildren(...Array.from({ length: shown.pages }, (_, i) => new Option(i + 1, i)));
  pages.value = settings.page;
  const model = root.querySelector("[data-model]");
  root.querySelector("[data-models]").hidden = shown.models.length < 2;
  model.replaceChildren(...shown.models.map((name) => new Option(name, name)));
  model.value = shown.model;
  const bar = shown.height - shown.rows;
  text("scale").textContent =
    (shown.nm_per_px
      ? `${Number(shown.nm_per_px.toPrecision(5))} nm per pixel (${shown.nm_source}).`
      : "Pixel size unknown: enter it, or draw along the scale bar, to get nanometres.") +
    (bar ? ` Info bar cut off: the bottom ${bar} rows.` : "") +
    (settings.edits ? ` Corrections by hand: ${settings.edits}.` : "");
  root.querySelector(".fa-cautions").replaceChildren(
    ...shown.cautions.map((words) => {
      const item = document.createElement("li");
      item.textContent = words;
      return item;
    }),
  );
}

// --- drawing ---

function paint() {
  const { width, rows } = shown, how = showInput.value;
  over = surface(width, rows);
  if (how === "none") return draw();
  const image = over.getContext("2d").createImageData(width, rows), data = image.data;
  const thick = Math.max(1, Math.round(0.8 / fitScale()));
  for (let i = 0, k = 0; i < labels.length; i++, k += 4) {
    const label = labels[i];
    if (!label) continue;
    const x = i % width;
    const edge =
      (x >= thick && labels[i - thick] !== label) ||
      (x + thick < width && labels[i + thick] !== label) ||
      (i >= thick * width && labels[i - thick * width] !== label) ||
      (i + thick * width < labels.length && labels[i + thick * width] !== label);
    if (!edge && how !== "fill") continue;
    const colour = COLOURS[(label - 1) % COLOURS.length];
    data[k] = colour[0];
    data[k + 1] = colour[1];
    data[k + 2] = colour[2];
    data[k + 3] = edge ? 255 : 110;
  }
  over.getContext("2d").putImageData(image, 0, 0);
  draw();
}

const fitScale = () =>
  Math.min(canvas.clientWidth / shown.width, canvas.clientHeight / shown.height) || 1;

function fit() {
  const scale = fitScale();
  view = {
    scale,
    x: (canvas.clientWidth - shown.width * scale) / 2,
    y: (canvas.clientHeight - shown.height * scale) / 2,
  };
  fitted = true;
}

function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
  const scale = Math.min(Math.max(view.scale * factor, fitScale()), MAX_ZOOM);
  const ratio = scale / view.scale;
  view = { scale, x: x - (x - view.x) * ratio, y: y - (y - view.y) * ratio };
  if (scale <= fitScale()) fit();
  else fitted = false;
  draw();
}

function resize() {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(canvas.clientWidth * ratio);
  canvas.height = Math.round(canvas.clientHeight * ratio);
}

function draw() {
  const ratio = window.devicePixelRatio || 1;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (!base || !shown.sheets.length) return;
  const s = view.scale * ratio;
  context.setTransform(s, 0, 0, s, view.x * ratio, view.y * ratio);
  context.imageSmoothingEnabled = view.scale < 2;
  context.drawImage(base, 0, 0);
  if (shown.rows < shown.height) {
    context.fillStyle = "rgba(11, 18, 28, 0.55)";
    context.fillRect(0, shown.rows, shown.width, shown.height - shown.rows);
  }
  context.globalAlpha = Number(opacityInput.value);
  if (over && showInput.value !== "none") context.drawImage(over, 0, 0);
  context.globalAlpha = 1;
  if (showInput.value === "numbers") numbers();
  for (const [label, colour, width] of [[hovered, "#ffffff", 1.5], [selected, "#14f1d9", 3]]) {
    if (label) outline(label, colour, width / view.scale);
  }
  if (drag?.line) line(drag.line);
  if (marked) line(marked);
}

function numbers() {
  context.font = `${12 / view.scale}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineWidth = 3 / view.scale;
  context.strokeStyle = "rgba(0, 0, 0, 0.8)";
  context.fillStyle = "#fff";
  for (const [label, box] of boxes) {
    if ((box.x1 - box.x0) * view.scale < 14) continue;
    context.strokeText(label, box.x / box.n + 0.5, box.y / box.n + 0.5);
    context.fillText(label, box.x / box.n + 0.5, box.y / box.n + 0.5);
  }
}

function outline(label, colour, width) {
  const box = boxes.get(label);
  if (!box) return;
  const across = shown.width;
  const is = (x, y) =>
    x >= 0 && y >= 0 && x < across && y < shown.rows && labels[y * across + x] === label;
  context.beginPath();
  for (let y = box.y0; y <= box.y1; y++) {
    for (let x = box.x0; x <= box.x1; x++) {
      if (!is(x, y)) continue;
      if (!is(x - 1, y)) context.rect(x, y, 0, 1);
      if (!is(x + 1, y)) context.rect(x + 1, y, 0, 1);
      if (!is(x, y - 1)) context.rect(x, y, 1, 0);
      if (!is(x, y + 1)) context.rect(x, y + 1, 1, 0);
    }
  }
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke();
}

function line(points) {
  const adding = tool === "add" && points !== marked;
  context.beginPath();
  points.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
  if (points.length === 1) context.lineTo(points[0][0] + 0.01, points[0][1]);
  context.lineCap = context.lineJoin = "round";
  context.strokeStyle = adding ? "rgba(20, 241, 217, 0.45)" : "#ff4d6d";
  context.lineWidth = adding ? 2 * brushInput.value : 2 / view.scale;
  context.stroke();
}

// --- pointing ---

function place(event) {
  const box = canvas.getBoundingClientRect();
  const at = { px: event.clientX - box.left, py: event.clientY - box.top };
  return { ...at, x: (at.px - view.x) / view.scale, y: (at.py - view.y) / view.scale };
}

function labelAt({ x, y }) {
  const column = Math.floor(x), row = Math.floor(y);
  if (column < 0 || row < 0 || column >= shown.width || row >= shown.rows) return 0;
  return labels[row * shown.width + column];
}

function select(label, from = "picture") {
  selected = label;
  root.dataset.selected = label;
  tell("selected", { label, from });
  draw();
}

function finishDrag(event) {
  const here = place(event), { start, line: points } = drag;
  const moved = Math.hypot(here.px - start.px, here.py - start.py) > CLICK_PX;
  drag = null;
  const from = [start.x, start.y], to = [here.x, here.y];
  if (tool === "select" && !moved) select(labelAt(here));
  else if (tool === "delete" && !moved) {
    if (labelAt(here)) wish({ do: "edit", edit: { do: "delete", at: to } });
  } else if ((tool === "split" || tool === "join") && moved) {
    wish({ do: "edit", edit: { do: tool, from, to } });
  } else if (tool === "add") {
    wish({ do: "edit", edit: { do: "add", points, radius: Number(brushInput.value) } });
  } else if (tool === "scale" && moved) {
    marked = [from, to];
    ask.hidden = false;
    ask.querySelector("input").focus();
  }
  draw();
}

canvas.addEventListener("pointerdown", (event) => {
  if (!base || event.button > 0) return;
  event.preventDefault();
  canvas.focus({ preventScroll: true });
  canvas.setPointerCapture(event.pointerId);
  const here = place(event);
  fingers.set(event.pointerId, here);
  if (fingers.size === 2) {
    drag = null;
    const [a, b] = fingers.values();
    pinch = { apart: Math.hypot(a.px - b.px, a.py - b.py) };
    return;
  }
  drag = { id: event.pointerId, start: here, last: here };
  if (tool !== "select" && tool !== "delete") drag.line = [[here.x, here.y]];
  draw();
});

canvas.addEventListener("pointermove", (event) => {
  if (!base) return;
  const here = place(event);
  if (fingers.has(event.pointerId)) fingers.set(event.pointerId, here);
  if (pinch && fingers.size === 2) {
    const [a, b] = fingers.values();
    const apart = Math.hypot(a.px - b.px, a.py - b.py);
    zoom(apart / pinch.apart, (a.px + b.px) / 2, (a.py + b.py) / 2);
    pinch.apart = apart;
    return;
  }
  if (drag && drag.id === event.pointerId) {
    if (tool === "add") {
      for (const move of event.getCoalescedEvents?.() ?? [event]) {
        const at = place(move);
        drag.line.push([at.x, at.y]);
      }
    } else if (drag.line) drag.line = [drag.line[0], [here.x, here.y]];
    else if (!fitted) {
      view.x += here.px - drag.last.px;
      view.y += here.py - drag.last.py;
    }
    drag.last = here;
    draw();
    return;
  }
  const label = labelAt(here);
  if (label !== hovered) {
    hovered = label;
    draw();
  }
});

function lift(event) {
  fingers.delete(event.pointerId);
  if (fingers.size < 2) pinch = null;
  if (drag?.id !== event.pointerId) return;
  if (event.type === "pointerup") finishDrag(event);
  else drag = null;
}
canvas.addEventListener("pointerup", lift);
canvas.addEventListener("pointercancel", lift);
canvas.addEventListener("pointerleave", () => {
  hovered = 0;
  draw();
});
canvas.addEventListener("wheel", (event) => {
  if (!base) return;
  event.preventDefault();
  const here = place(event);
  zoom(Math.exp(-event.deltaY * 0.0015), here.px, here.py);
}, { passive: false });

// --- controls ---

const actions = {
  undo: () => wish({ do: "undo" }),
  redo: () => wish({ do: "redo" }),
  close: () => wish({ do: "close", sheet: shown.current }),
  in: () => zoom(1.5),
  out: () => zoom(1 / 1.5),
  fit() {
    fit();
    draw();
  },
  forget() {
    ask.hidden = true;
    marked = null;
    draw();
  },
};
for (const button of root.querySelectorAll("[data-do]")) {
  button.addEventListener("click", () => actions[button.dataset.do]());
}
function take(name) {
  tool = name;
  actions.forget();
  refresh();
}
for (const button of root.querySelectorAll("button[data-tool]")) {
  button.addEventListener("click", () => take(button.dataset.tool));
}
brushInput.addEventListener("input", refresh);
showInput.addEventListener("change", () => base && paint());
opacityInput.addEventListener("input", draw);
sheets.addEventListener("change", () => wish({ do: "show", sheet: Number(sheets.value) }));
root.querySelector("[data-model]").addEventListener("change", (event) =>
  wish({ do: "model", name: event.target.value }),
);
root.querySelector("[data-page]").addEventListener("change", (event) =>
  wish({ do: "page", number: Number(event.target.value) }),
);

const number = (words) => {
  const value = Number(words.trim().replace(",", "."));
  return words.trim() === "" ? null : value;
};
for (const input of root.querySelectorAll("[data-set]")) {
  const name = input.dataset.set;
  const send = () => {
    const value = input.type === "checkbox" ? input.checked : number(input.value);
    if (Number.isNaN(value)) {
      say("done", `${input.value} is not a number`);
      refresh();
    } else wish({ do: "set", values: { [name]: name === "split" ? value ?? 0 : value } });
  };
  input.addEventListener(input.type === "range" ? "input" : "change", send);
}

ask.addEventListener("submit", (event) => {
  event.preventDefault();
  const unit = ask.querySelector("select").value === "nm" ? 1 : 1000;
  const length = number(ask.querySelector("input").value) * unit;
  const [[x0, y0], [x1, y1]] = marked;
  const across = Math.hypot(x1 - x0, y1 - y0);
  if (!(length > 0)) {
    say("done", "the length must be a positive number");
    return;
  }
  take("select");
  wish({ do: "set", values: { nm_per_px: Number((length / across).toPrecision(6)) } });
});

canvas.addEventListener("keydown", (event) => {
  const command = event.ctrlKey || event.metaKey, key = event.key.toLowerCase();
  const tools = { v: "select", d: "delete", s: "split", j: "join", a: "add" };
  if (command && key === "z") (event.shiftKey ? actions.redo : actions.undo)();
  else if (command && key === "y") actions.redo();
  else if (command) return;
  else if (tools[key]) take(tools[key]);
  else if (key === "0") actions.fit();
  else if (key === "escape") take("select");
  else if ((key === "delete" || key === "backspace") && selected) {
    const row = findPixel(selected);
    if (row) wish({ do: "edit", edit: { do: "delete", at: row } });
  } else return;
  event.preventDefault();
});

// A pixel that surely belongs to the particle: its middle may lie outside of it.
function findPixel(label) {
  const i = labels.indexOf(label);
  return i < 0 ? null : [(i % shown.width) + 0.5, Math.floor(i / shown.width) + 0.5];
}

document.addEventListener("fancgan:selected", ({ detail }) => {
  if (detail.from === "picture" || !base) return;
  selected = detail.label;
  root.dataset.selected = selected;
  const box = boxes.get(selected);
  if (box && !fitted) {
    view.x = canvas.clientWidth / 2 - ((box.x0 + box.x1) / 2) * view.scale;
    view.y = canvas.clientHeight / 2 - ((box.y0 + box.y1) / 2) * view.scale;
  }
  draw();
});

new ResizeObserver(() => {
  if (!base) return;
  resize();
  if (fitted || view.scale < fitScale()) fit();
  draw();
}).observe(stage);

watch("value", () => receive(props.value));
refresh();
receive(props.value);
