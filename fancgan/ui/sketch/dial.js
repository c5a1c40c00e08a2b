// A slider with its value and, once moved, a way back to the default.

// low, high: its ends. moved: the values of the dials that were moved, by name. fallback: the
// default, which may change. onMove, onBack: what follows a move, and the way back.
export function dial(name, { low, high, digits, title, moved, fallback, onMove, onBack }) {
  const label = document.createElement("label");
  label.className = "fa-level";
  label.dataset.level = name;
  if (title) label.title = title;
  label.innerHTML = `<span>${name}</span><input type="range" min="${low}" max="${high}"
    step="${10 ** -digits}"><output></output><button type="button"
    aria-label="Default ${name}">↺</button>`;
  const [input, output, back] = label.querySelectorAll("input, output, button");
  const show = (value) => {
    input.value = value;
    output.textContent = Number(value).toFixed(digits);
    label.toggleAttribute("data-moved", name in moved);
  };
  input.addEventListener("input", () => {
    moved[name] = Number(input.value);
    show(input.value);
    onMove();
  });
  back.addEventListener("click", (event) => {
    event.preventDefault();
    delete moved[name];
    show(fallback());
    onBack();
  });
  const within = (ends) => {
    [input.min, input.max] = ends;
  };
  return { label, show, within };
}
