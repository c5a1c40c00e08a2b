// The cycle check in figures; the coloured differences are shown over the synthetic image.
import { hear, tell } from "../shared/events.js";

export function mount({ element, props, watch }) {
  const root = element.querySelector(".fa-cycle");
  const write = (name, words) => {
    root.querySelector(`[data-figure=${name}]`).textContent = words;
  };

  // Figures of an older image are dropped; while the drawing has run ahead they stay pale.
  function receive(cycle) {
    const view = document.querySelector("#view .fa-view")?.dataset;
    if (!cycle || view?.round !== cycle.round) return;
    write("dice", cycle.dice.toFixed(3));
    write("drawn", cycle.drawn);
    write("read", cycle.read_back);
    if (view.state === "done") root.dataset.state = "fresh";
    tell("cycle", cycle);
  }

  for (const name of ["drawing", "changed", "sent", "empty"]) {
    hear(name, () => {
      root.dataset.state = "stale";
    });
  }
  watch("value", () => receive(props.value));
  hear("ready", () => receive(props.value));
  receive(props.value);
}
