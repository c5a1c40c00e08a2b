// The cycle check in figures; the coloured differences are shown over the synthetic image.
const root = element.querySelector(".fa-cycle");
const write = (name, words) => (root.querySelector(`[data-figure=${name}]`).textContent = words);

// Figures of an older image are dropped; while the drawing has run ahead they stay pale.
function receive(cycle) {
  const view = document.querySelector("#view .fa-view")?.dataset;
  if (!cycle || view?.round !== cycle.round) return;
  write("dice", cycle.dice.toFixed(3));
  write("drawn", cycle.drawn);
  write("read", cycle.read_back);
  if (view.state === "done") root.dataset.state = "fresh";
  document.dispatchEvent(new CustomEvent("fancgan:cycle", { detail: cycle }));
}

const stale = () => (root.dataset.state = "stale");
for (const name of ["drawing", "changed", "sent", "empty"]) {
  document.addEventListener(`fancgan:${name}`, stale);
}
watch("value", () => receive(props.value));
document.addEventListener("fancgan:ready", () => receive(props.value));
receive(props.value);
