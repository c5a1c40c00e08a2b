// The sheet of keys: what each does, in one place; opened by "?" or by its button.
const WRITING = "input:not([type=range], [type=checkbox]), textarea, select, [contenteditable]";
export const KEYS = [
  ["V D S J A", "select, delete, split, join, add"],
  ["N, Shift+N", "next particle, the one before"],
  ["Delete", "take the chosen particle out and go to the next"],
  ["Arrow keys", "move the cursor on the picture; with Shift far"],
  ["Enter", "choose or delete at the cursor; begin and end a line or a stroke"],
  ["Esc", "leave the line, the cursor, the tool"],
  ["[ and ]", "merge or split more"],
  ["< and >", "lower or raise the foreground threshold"],
  ["+, −, 0", "larger, smaller, the whole picture"],
  ["Ctrl+Z, Ctrl+Y", "undo, redo"],
  ["in the table: ↑ ↓ Home End", "choose a particle"],
  ["on a handle of the histogram: ← →", "move it; with Shift far; Home lets all count"],
  ["?", "this sheet"],
];

export function attachHelp(root) {
  const sheet = root.querySelector(".fa-keys");
  sheet.querySelector("dl").replaceChildren(...KEYS.flatMap(line));
  sheet.querySelector("button").addEventListener("click", () => sheet.close());
  document.addEventListener("keydown", (event) => {
    if (event.key !== "?" || !root.offsetParent || event.target.closest?.(WRITING)) return;
    event.preventDefault();
    sheet.showModal();
  });
  return () => sheet.showModal();
}

function line([keys, does]) {
  const made = [document.createElement("dt"), document.createElement("dd")];
  [made[0].textContent, made[1].textContent] = [keys, does];
  return made;
}
