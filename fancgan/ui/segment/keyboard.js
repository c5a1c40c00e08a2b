// Buttons and keys of the micrograph: the same actions by both.
const TOOLS = { v: "select", d: "delete", s: "split", j: "join", a: "add", r: "region" };

// tab: { root, picture, tools, request(action) }.
export function attachKeyboard(tab) {
  const { picture, tools, regions } = tab;
  const actions = actionsOf(tab);
  for (const button of tab.root.querySelectorAll("[data-do]")) {
    button.addEventListener("click", () => actions[button.dataset.do]());
  }
  picture.canvas.addEventListener("keydown", (event) => {
    const command = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    if (command && key === "z") (event.shiftKey ? actions.redo : actions.undo)();
    else if (command && key === "y") actions.redo();
    else if (command) return;
    else if (tools.tool === "region" && regions.onKey(key)) picture.draw();
    else if (TOOLS[key]) tools.take(TOOLS[key]);
    else if (key === "0") actions.fit();
    else if (key === "escape") tools.take("select");
    else if ((key === "delete" || key === "backspace") && picture.selected) {
      const at = picture.labels.pixelOf(picture.selected);
      if (at) tab.request({ do: "edit", edit: { do: "delete", at } });
    } else return;
    event.preventDefault();
  });
}

function actionsOf({ picture, tools, request }) {
  const changeView = (act) => () => {
    act(picture.view);
    picture.draw();
  };
  return {
    undo: () => request({ do: "undo" }),
    redo: () => request({ do: "redo" }),
    close: () => request({ do: "close", file: picture.answer.current }),
    in: changeView((view) => view.zoom(1.5)),
    out: changeView((view) => view.zoom(1 / 1.5)),
    fit: changeView((view) => view.fit()),
    forget: () => tools.forget(),
    auto: () => request({ do: "set", values: { diameter_px: null } }),
  };
}
