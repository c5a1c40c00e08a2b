// How the particles lie, and their shapes: figures in words and the radial distribution function.
import { axisShapes, shape } from "./histogram.js";
import { axes, FRAME } from "./histogram_geometry.js";
import { SHAPES, significant } from "./quantities.js";

export class Arranged {
  constructor(root) {
    this.list = root.querySelector("dl");
    this.svg = root.querySelector("svg");
    this.note = root.querySelector("[data-text=radial]");
  }

  clear() {
    this.list.replaceChildren();
    this.svg.replaceChildren();
  }

  show(arrangement) {
    const entries = wordsOnArrangement(arrangement).flatMap(([term, words, name]) => {
      const made = [document.createElement("dt"), document.createElement("dd")];
      [made[0].textContent, made[1].textContent] = [term, words];
      made[1].dataset.figure = name;
      return made;
    });
    this.list.replaceChildren(...entries);
    const { g, edges, unit } = arrangement;
    this.svg.setAttribute("viewBox", `0 0 ${FRAME.width} ${FRAME.height}`);
    this.svg.replaceChildren(...(g.length ? radialShapes(edges, g, unit) : []));
    this.note.textContent = g.length
      ? "g(r): pairs of centres at this distance, 1 as many as if particles lay anywhere."
      : "The radial distribution function needs 30 particles.";
  }
}

// [term, words, name] of each figure; those that need a pixel size are left out without one.
export function wordsOnArrangement({ covered, per_um2: perUm2, neighbour, shapes, unit }) {
  const named = SHAPES.map((name) => `${shapes[name]} ${name}`).join(", ");
  return [
    ["covered", `${significant(100 * covered, 3)} %`, "covered"],
    ["particles per µm²", significant(perUm2), "per_um2"],
    [
      "nearest neighbour, median",
      neighbour === null ? "–" : `${significant(neighbour)} ${unit}`,
      "neighbour",
    ],
    ["shapes", named, "shapes"],
  ].filter(([, words, name]) => name !== "per_um2" || words !== "–");
}

function radialShapes(edges, g, unit) {
  const at = axes(edges, g);
  const line = g.map(
    (value, i) => `${at.x((edges[i] + edges[i + 1]) / 2).toFixed(1)},${at.y(value).toFixed(1)}`,
  );
  const [x1, x2, y] = [at.x(at.low), at.x(at.high), at.y(1)];
  return [
    shape("line", { class: "fa-one", x1, x2, y1: y, y2: y }),
    shape("polyline", { class: "fa-fit", points: line.join(" ") }),
    ...axisShapes(at, `distance of centres r / ${unit}`, "g(r)"),
  ];
}
