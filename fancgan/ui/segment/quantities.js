// The quantities' names on the page, and numbers as they are written there.
const NAMES = {
  ecd: "equal-area diameter",
  feret_max: "largest Feret",
  feret_min: "smallest Feret",
  perimeter: "perimeter",
  area: "area",
  aspect_ratio: "aspect ratio (Feret)",
  aspect_ratio_imagej: "aspect ratio (ImageJ)",
  circularity_iso: "circularity (ISO)",
  circularity_imagej: "circularity (ImageJ)",
  solidity: "solidity",
  convexity: "convexity",
  length: "length (skeleton)",
  width: "width",
  neighbour_distance: "nearest neighbour",
  frame_distance: "distance to the frame",
  mean_grey: "grey level",
  confidence: "confidence",
};
const HEADS = {
  label: "no.",
  ecd: "ECD",
  feret_max: "Feret max",
  feret_min: "Feret min",
  aspect_ratio: "aspect",
  circularity_iso: "circ.",
  solidity: "solidity",
  area: "area",
  mean_grey: "grey",
  length: "length",
  width: "width",
  neighbour_distance: "next",
  shape: "shape",
  touches_border: "cut",
  confidence: "conf.",
};
export const WEIGHTINGS = {
  number: "by number",
  area: "by area",
  volume: "by volume (sphere)",
  spheroid: "by volume (spheroid)",
};
export const SHAPES = ["round", "elongated", "irregular"];
export const STATISTICS = {
  d10: "D10",
  median: "D50",
  d90: "D90",
  sd: "SD",
  mean: "mean",
  span: "span",
  geometric_mean: "GM",
  geometric_sd: "GSD",
  sauter_mean: "D[3,2]",
  volume_mean: "D[4,3]",
};
export const WITHOUT_UNIT = ["span", "geometric_sd"];
const UNIT = /_(nm2?|px)$/;

export const nameOf = (quantity) => NAMES[quantity] ?? quantity;

// The quantity of a column: its name without the unit.
export const quantityOf = (column) => column.replace(UNIT, "");

export function unitOf(column) {
  const unit = column.match(UNIT)?.[1];
  if (!unit) return "";
  return ` / ${quantityOf(column) === "area" ? `${unit.replace("2", "")}²` : unit}`;
}

export const headOf = (column) => (HEADS[quantityOf(column)] ?? column) + unitOf(column);

// A number of so many significant digits, a dash where there is none.
export function significant(value, digits = 4) {
  return value === null || value === undefined ? "–" : String(Number(value.toPrecision(digits)));
}

// The words of a table's cell: in a column all numbers have as many digits behind the point.
export function cellWords(value, column) {
  if (quantityOf(column) === "touches_border") return value ? "yes" : "";
  if (value === null || value === undefined) return "–";
  if (column === "shape") return SHAPES[value];
  if (column === "label") return String(value);
  if (column === "mean_grey") return value.toFixed(0);
  if (column === "confidence") return value.toFixed(2);
  const isLength = UNIT.test(column) && !column.startsWith("area");
  return value.toFixed(/_nm2$|^area/.test(column) ? 0 : isLength ? 1 : 3);
}
