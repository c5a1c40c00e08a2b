// The number in a field, with a comma or a point; null if it is empty, NaN if it is none.
export function numberOf(words) {
  const trimmed = words.trim();
  return trimmed === "" ? null : Number(trimmed.replace(",", "."));
}
