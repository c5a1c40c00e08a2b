// The histogram of the chosen quantity with its fit, and the quantiles with their intervals.
import { axes, bins, FRAME, fitted, ticks } from "./histogram_geometry.js";
import { nameOf, quantityOf, STATISTICS, significant } from "./quantities.js";

const SVG = "http://www.w3.org/2000/svg";
const QUANTILES = ["d10", "median", "d90"];

export function shape(name, attributes, words) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (words !== undefined) made.textContent = words;
  return made;
}

// answer: the numbers of the server; edges, share, statistics, unit, quantity, n.
export function drawHistogram(svg, answer) {
  const at = axes(answer.edges, answer.share);
  const { width, height } = FRAME;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren(
    ...binShapes(at, answer),
    ...fitShapes(at, answer),
    ...quantileShapes(at, answer),
    ...axisShapes(at, nameOf(answer.quantity) + (answer.unit ? ` / ${answer.unit}` : ""), "%"),
  );
}

// A bin that a filter leaves out, its middle at least, is faint.
function binShapes(at, { edges, share, filter, filters }) {
  const [low, high] = filters[filter] ?? [null, null];
  return bins(at, edges, share).map(({ from, to, ...place }) => {
    const middle = (from + to) / 2;
    const out = middle < (low ?? middle) || middle > (high ?? middle);
    const name = out ? "fa-bin fa-out" : "fa-bin";
    return shape("rect", { class: name, ...place, "data-from": from, "data-to": to });
  });
}

// By name: the value v and the ends a, b of its interval.
const statisticsOf = ({ statistics }) =>
  Object.fromEntries(statistics.map(([name, , v, a, b]) => [name, { v, a, b }]));

function fitShapes(at, answer) {
  const { geometric_mean: mean, geometric_sd: sd } = statisticsOf(answer);
  const binWidth = answer.edges[1] - answer.edges[0];
  const points = fitted(at, { n: answer.n, mean: mean?.v, sd: sd?.v, binWidth });
  if (!points.length) return [];
  const words = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
  return [shape("polyline", { class: "fa-fit", points: words })];
}

function quantileShapes({ x, low, high, ground }, answer) {
  const values = statisticsOf(answer);
  const { top } = FRAME;
  const made = [];
  for (const name of QUANTILES) {
    const { v, a, b } = values[name];
    if (v === null || answer.share.length < 2) continue;
    if (a !== null) {
      const from = x(Math.max(a, low));
      const width = Math.max(x(Math.min(b, high)) - from, 0);
      made.push(shape("rect", { class: "fa-band", x: from, y: top, width, height: ground - top }));
    }
    made.push(shape("line", { class: "fa-mark", x1: x(v), x2: x(v), y1: top - 3, y2: ground }));
    made.push(shape("text", { class: "fa-mark-word", x: x(v), y: 11 }, STATISTICS[name]));
  }
  return made;
}

export function axisShapes({ x, y, low, high, most, ground }, words, upright) {
  const { width, height, left, right, bottom } = FRAME;
  const middle = { "text-anchor": "middle" };
  const values = ticks(low, high, 5).map((v) =>
    shape("text", { x: x(v), y: height - bottom + 14, ...middle }, significant(v, 6)),
  );
  const shares = ticks(0, most, 3).map((s) =>
    shape(
      "text",
      { x: left - 5, y: y(s) + 3.5, "text-anchor": "end" },
      significant(upright === "%" ? 100 * s : s, 3),
    ),
  );
  return [
    ...values,
    ...shares,
    shape("line", { class: "fa-axis", x1: left, x2: width - right, y1: ground, y2: ground }),
    shape("text", { x: (left + width - right) / 2, y: height - 6, ...middle }, words),
    shape("text", { x: 4, y: 11 }, upright),
  ];
}

// Mark the bin that the chosen particle falls into.
export function markBin(svg, { columns, rows, quantity }, selected) {
  const column = columns.findIndex((name) => quantityOf(name) === quantity);
  const value = rows.find((row) => row[0] === selected)?.[column];
  for (const bin of svg.querySelectorAll(".fa-bin")) {
    const inside = value >= Number(bin.dataset.from) && value <= Number(bin.dataset.to);
    bin.classList.toggle("fa-on", inside);
  }
}
