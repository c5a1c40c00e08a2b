// The numbers: histogram with fit and quantiles, statistics, one row per particle.
const root = element.querySelector(".fa-sizes");
const svg = root.querySelector("svg");
const quantity = root.querySelector(".fa-quantity");
const pool = root.querySelector(".fa-pool");
const scroller = root.querySelector(".fa-table");
const head = scroller.querySelector("thead tr");
const body = scroller.querySelector("tbody");
const text = (name) => root.querySelector(`[data-text=${name}]`);
const ROW_PX = 26;
const NAMES = {
  ecd: "equal-area diameter", feret_max: "largest Feret", feret_min: "smallest Feret",
  perimeter: "perimeter", area: "area", aspect_ratio: "aspect ratio (Feret)",
  aspect_ratio_imagej: "aspect ratio (ImageJ)", circularity_iso: "circularity (ISO)",
  circularity_imagej: "circularity (ImageJ)", solidity: "solidity", convexity: "convexity",
};
const HEADS = {
  label: "no.", ecd: "ECD", feret_max: "Feret max", feret_min: "Feret min",
  aspect_ratio: "aspect", circularity_iso: "circ.", solidity: "solidity", area: "area",
  mean_grey: "grey", touches_border: "cut",
};
const SHORT = { d10: "D10", median: "D50", d90: "D90", sd: "SD", mean: "mean", span: "span",
  geometric_mean: "GM", geometric_sd: "GSD", sauter_mean: "D[3,2]", volume_mean: "D[4,3]" };
const WITHOUT_UNIT = ["span", "geometric_sd"];

let shown = null, order = [], sorted = { column: 0, down: false }, selected = 0, wanted = null;

const tell = (name, detail) =>
  document.dispatchEvent(new CustomEvent(`fancgan:${name}`, { detail }));
const digits = (value, count = 4) =>
  value === null || value === undefined ? "–" : String(Number(value.toPrecision(count)));

// In a column all numbers have as many digits behind the point.
function tidy(value, column) {
  if (value === null || value === undefined) return "–";
  if (column === "label") return String(value);
  if (column === "mean_grey") return value.toFixed(0);
  const lengths = /_(nm|px)$/.test(column) && !column.startsWith("area");
  return value.toFixed(/_nm2$|^area/.test(column) ? 0 : lengths ? 1 : 3);
}

window.fancganSizes = {
  wanted: () => wanted,
  failed: () => ready(),
};

function ready() {
  text("save").textContent = "Save";
  for (const button of root.querySelectorAll("[data-save]")) button.disabled = !shown?.rows;
}

function receive(answer) {
  shown = answer;
  root.dataset.state = answer?.rows ? "done" : "none";
  ready();
  if (!answer?.rows) {
    svg.replaceChildren();
    body.replaceChildren();
    head.replaceChildren();
    root.querySelector(".fa-stats tbody").replaceChildren();
    for (const name of ["n", "how"]) text(name).textContent = "";
    return;
  }
  quantity.replaceChildren(...answer.quantities.map((q) => new Option(NAMES[q] ?? q, q)));
  quantity.value = answer.quantity;
  pool.hidden = answer.sheets < 2;
  pool.querySelector("input").checked = answer.pooled;
  text("n").textContent = `n = ${answer.n}`;
  text("how").textContent =
    (answer.mixed ? "Some files have no pixel size: this file alone. " : "") +
    "By number; particles cut by the frame are left out, the others weighted for it. " +
    (answer.over === "images" ? "95 % intervals over the files." : "95 % intervals by bootstrap.");
  statistics();
  plot();
  heads();
  sort();
  root.dataset.token = answer.token;
}

function cell(tag, words, attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = words;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function statistics() {
  const rows = shown.statistics.map(([name, meaning, value, low, high]) => {
    const unit = WITHOUT_UNIT.includes(name) ? "" : ` ${shown.unit}`;
    const row = cell("tr", "", { title: meaning, "data-statistic": name });
    row.append(
      cell("th", SHORT[name] ?? name, { scope: "row" }),
      cell("td", digits(value) + (value === null ? "" : unit)),
      cell("td", low === null ? "" : `${digits(low)} to ${digits(high)}`),
    );
    return row;
  });
  root.querySelector(".fa-stats tbody").replaceChildren(...rows);
}

// --- histogram ---

const SVG = "http://www.w3.org/2000/svg";
function shape(name, attributes, words) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (words !== undefined) made.textContent = words;
  return made;
}

function steps(low, high, count) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
  const found = [];
  for (let v = Math.ceil(low / step) * step; v <= high + 1e-9 * step; v += step) found.push(v);
  return found;
}

function plot() {
  const width = 460, height = 220, left = 38, right = 10, top = 22, bottom = 36;
  const { edges, share } = shown;
  const value = Object.fromEntries(shown.statistics.map(([name, , v, a, b]) => [name, { v, a, b }]));
  const low = edges[0], high = edges[edges.length - 1];
  const most = Math.max(...share, 0.01) * 1.15;
  const x = (v) => left + ((v - low) / (high - low || 1)) * (width - left - right);
  const y = (s) => height - bottom - (s / most) * (height - top - bottom);
  const parts = [];
  share.forEach((s, i) =>
    parts.push(shape("rect", { class: "fa-bin", x: x(edges[i]) + 0.5, y: y(s),
      width: Math.max(x(edges[i + 1]) - x(edges[i]) - 1, 0.5), height: y(0) - y(s),
      "data-from": edges[i], "data-to": edges[i + 1] })),
  );
  const { geometric_mean: centre, geometric_sd: spread } = value;
  if (shown.n >= 10 && spread?.v > 1) {
    const sigma = Math.log(spread.v), step = edges[1] - edges[0], points = [];
    for (let i = 0; i <= 160; i++) {
      const v = low + ((high - low) * i) / 160;
      if (v <= 0) continue;
      const z = Math.log(v / centre.v) / sigma;
      const density = Math.exp(-0.5 * z * z) / (v * sigma * Math.sqrt(2 * Math.PI));
      points.push(`${x(v).toFixed(1)},${y(density * step).toFixed(1)}`);
    }
    parts.push(shape("polyline", { class: "fa-fit", points: points.join(" ") }));
  }
  for (const name of ["d10", "median", "d90"]) {
    const { v, a, b } = value[name];
    if (v === null || share.length < 2) continue;
    if (a !== null) {
      const from = x(Math.max(a, low)), to = x(Math.min(b, high));
      parts.push(shape("rect", { class: "fa-band", x: from, y: top, width: Math.max(to - from, 0),
        height: y(0) - top }));
    }
    parts.push(shape("line", { class: "fa-mark", x1: x(v), x2: x(v), y1: top - 3, y2: y(0) }));
    parts.push(shape("text", { class: "fa-mark-word", x: x(v), y: 11 }, SHORT[name]));
  }
  for (const v of steps(low, high, 5)) {
    parts.push(shape("text", { x: x(v), y: height - bottom + 14, "text-anchor": "middle" },
      digits(v, 6)));
  }
  for (const s of steps(0, most, 3)) {
    parts.push(shape("text", { x: left - 5, y: y(s) + 3.5, "text-anchor": "end" },
      `${digits(100 * s, 3)}`));
  }
  parts.push(shape("line", { class: "fa-axis", x1: left, x2: width - right, y1: y(0), y2: y(0) }));
  const unit = shown.unit ? ` / ${shown.unit}` : "";
  parts.push(shape("text", { x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle" },
    `${NAMES[shown.quantity] ?? shown.quantity}${unit}`));
  parts.push(shape("text", { x: 4, y: 11 }, "%"));
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren(...parts);
  markBin();
}

function markBin() {
  const column = shown.columns.findIndex((name) => plain(name) === shown.quantity);
  const row = shown.rows.find((r) => r[0] === selected);
  for (const bin of svg.querySelectorAll(".fa-bin")) {
    const from = Number(bin.dataset.from), to = Number(bin.dataset.to);
    const inside = row && column >= 0 && row[column] >= from && row[column] <= to;
    bin.classList.toggle("fa-on", Boolean(inside));
  }
}

// --- table: only the rows in sight are in the page ---

const plain = (name) => name.replace(/_(nm2?|px)$/, "");
const unitOf = (name) => {
  const unit = name.match(/_(nm2?|px)$/)?.[1];
  return unit ? ` / ${plain(name) === "area" ? unit.replace("2", "") + "²" : unit}` : "";
};

function heads() {
  head.replaceChildren(
    ...shown.columns.map((name, i) => {
      const made = cell("th", "", { scope: "col" });
      const button = cell("button", (HEADS[plain(name)] ?? name) + unitOf(name), { type: "button" });
      const way = sorted.column === i ? (sorted.down ? "descending" : "ascending") : "none";
      made.setAttribute("aria-sort", way);
      button.addEventListener("click", () => {
        sorted = { column: i, down: sorted.column === i && !sorted.down };
        heads();
        sort();
      });
      made.append(button);
      return made;
    }),
  );
}

function sort() {
  const { column, down } = sorted, sign = down ? -1 : 1;
  order = [...shown.rows].sort((a, b) => sign * ((a[column] ?? -1) - (b[column] ?? -1)));
  rows();
}

function rows() {
  if (!shown?.rows) return;
  const first = Math.max(0, Math.floor(scroller.scrollTop / ROW_PX) - 10);
  const last = Math.min(order.length, first + Math.ceil(scroller.clientHeight / ROW_PX) + 20);
  const gap = (count) => {
    const made = document.createElement("tr");
    made.style.height = `${count * ROW_PX}px`;
    made.className = "fa-space";
    return made;
  };
  const made = order.slice(first, last).map((row) => {
    const line = cell("tr", "", { "data-label": row[0] });
    if (row[0] === selected) line.className = "fa-chosen";
    row.forEach((value, i) => {
      const cut = plain(shown.columns[i]) === "touches_border";
      line.append(cell("td", cut ? (value ? "yes" : "") : tidy(value, shown.columns[i])));
    });
    return line;
  });
  body.replaceChildren(gap(first), ...made, gap(order.length - last));
}
scroller.addEventListener("scroll", rows);
body.addEventListener("click", (event) => {
  const row = event.target.closest("[data-label]");
  if (row) tell("selected", { label: Number(row.dataset.label), from: "table" });
});
document.addEventListener("fancgan:selected", ({ detail }) => {
  selected = detail.label;
  if (!shown?.rows) return;
  const at = order.findIndex((row) => row[0] === selected);
  if (at >= 0 && detail.from === "picture") {
    const top = at * ROW_PX;
    const outside = top < scroller.scrollTop ||
      top > scroller.scrollTop + scroller.clientHeight - 3 * ROW_PX;
    if (outside) scroller.scrollTop = top - scroller.clientHeight / 2;
  }
  rows();
  markBin();
});

quantity.addEventListener("change", () =>
  window.fancganSegment.wish({ do: "quantity", name: quantity.value }));
pool.querySelector("input").addEventListener("change", (event) =>
  window.fancganSegment.wish({ do: "pool", all: event.target.checked }));
for (const button of root.querySelectorAll("[data-save]")) {
  button.addEventListener("click", () => {
    wanted = button.dataset.save;
    for (const other of root.querySelectorAll("[data-save]")) other.disabled = true;
    text("save").textContent = "Preparing…";
    trigger("submit");
  });
}
document.addEventListener("fancgan:saved", ready);
new ResizeObserver(rows).observe(scroller);

watch("value", () => receive(props.value));
receive(props.value);
