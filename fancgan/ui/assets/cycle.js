// The cycle check in figures; the coloured differences are shown over the synthetic image.
const root = element.querySelector(".fa-cycle");
const write = (name, words) => (root.querySelector(`[data-figure=${name}]`).textContent = words);

function receive(cycle) {
  if (!cycle) return;
  write("dice", cycle.dice.toFixed(3));
  write("drawn", cycle.drawn);
  write("read", cycle.read_back);
  root.dataset.state = "fresh";
  document.dispatchEvent(new CustomEvent("fancgan:cycle", { detail: cycle }));
}

const stale = () => (root.dataset.state = "stale");
for (const name of ["drawing", "changed", "sent", "empty"]) {
  document.addEventListener(`fancgan:${name}`, stale);
}
watch("value", () => receive(props.value));
// The view may come to life after this component: tell it again when it has.
setTimeout(() => receive(props.value), 0);
