// Buttons and keys of the micrograph: the same actions by both.
import { part } from "../shared/parts.js";
import { Cursor } from "./cursor.js";
import { attachHelp } from "./help.js";

const TOOLS = { v: "select", d: "delete", s: "split", j: "join", a: "add", r: "region" };
const DIALS = {
  "[": ["split", -1],
  "]": ["split", 1],
  "<": ["threshold", -1],
  ">": ["threshold", 1],
};
const ZOOMS = { "+": "in", "-": "out", 0: "fit" };

// tab: { root, picture, tools, select(label), request(action) }.
export function attachKeyboard(tab) {
  const { picture, tools, regions } = tab;
  const cursor = new Cursor(tab);
  const actions = { ...actionsOf(tab), keys: attachHelp(tab.root) };
  for (const button of tab.root.querySelectorAll("[data-do]")) {
    button.addEventListener("click", () => actions[button.dataset.do]());
  }
  picture.canvas.addEventListener("keydown", (event) => {
    const command = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    if (command && key === "z") (event.shiftKey ? actions.redo : actions.undo)();
    else if (command && key === "y") actions.redo();
    else if (command || event.altKey) return;
    else if (tools.tool === "region" && regions.onKey(key)) picture.draw();
    else if (TOOLS[key]) tools.take(TOOLS[key]);
    else if (ZOOMS[key]) actions[ZOOMS[key]]();
    else if (DIALS[key]) turn(tab.root, ...DIALS[key]);
    else if (key === "n") step(tab, event.shiftKey ? -1 : 1);
    else if (key === "delete" || key === "backspace") deleteChosen(tab);
    else if (cursor.onKey(key, event.shiftKey)) return event.preventDefault();
    else if (key === "escape") tools.take("select");
    else return;
    event.preventDefault();
  });
}

// One step of a slider, as a finger would move it.
function turn(root, name, by) {
  const slider = root.querySelector(`[data-set=${name}]`);
  if (slider.disabled) return;
  if (by > 0) slider.stepUp();
  else slider.stepDown();
  slider.dispatchEvent(new Event("change", { bubbles: true }));
}

// The particle so many places on, in the order of the table.
export function neighbourOf(labels, label, by) {
  if (!labels.length) return 0;
  const at = labels.indexOf(label);
  if (at < 0) return labels[by > 0 ? 0 : labels.length - 1];
  return labels[(at + by + labels.length) % labels.length];
}

async function step(tab, by) {
  const { picture } = tab;
  const { table } = await part("sizes");
  const rows = table.order.map((row) => row[0]);
  const labels = rows.length ? rows : [...picture.labels.boxes.keys()];
  tab.select(neighbourOf(labels, picture.selected, by));
  tab.bringIntoSight(picture.selected);
}

export async function deleteChosen(tab) {
  const { picture } = tab;
  const at = picture.selected && picture.labels.pixelOf(picture.selected);
  if (!at) return;
  await step(tab, 1);
  tab.request({ do: "edit", edit: { do: "delete", at } });
}

function actionsOf({ picture, tools, panel, request }) {
  const changeView = (act) => () => {
    act(picture.view);
    picture.draw();
  };
  return {
    undo: () => request({ do: "undo" }),
    redo: () => request({ do: "redo" }),
    stop: () => request({ do: "stop" }),
    close: () => request({ do: "close", file: picture.answer.current }),
    in: changeView((view) => view.zoom(1.5)),
    out: changeView((view) => view.zoom(1 / 1.5)),
    fit: changeView((view) => view.fit()),
    forget: () => tools.forget(),
    leave: () => request({ do: "colour", channel: null }),
    usual: () => panel.set({ threshold: null }),
    auto: () => panel.set({ diameter_px: null }),
  };
}
