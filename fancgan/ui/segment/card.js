// The card of the particle under the pointer, or of the chosen one.
import { cellWords, headOf } from "./quantities.js";

const SHOWN = /^(ecd|confidence|circularity_iso)(_|$)/;

// The words on a particle by its number, from the server's columns and rows; "" if it has no row.
export function wordsOnParticle({ columns = [], rows = [] }, label) {
  const row = rows.find((one) => one[0] === label);
  if (!row) return "";
  const words = [`no. ${label}`];
  for (const [i, column] of columns.entries()) {
    if (!SHOWN.test(column)) continue;
    const [head, unit = ""] = headOf(column).split(" / ");
    const name = column === "confidence" ? column : head;
    words.push(`${name} ${cellWords(row[i], column)}${unit && ` ${unit}`}`);
  }
  return words.join(" · ");
}
