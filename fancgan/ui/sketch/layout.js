// A layout by numbers: an empty field is left to the training masks. Each press draws another one.
import { offer } from "../shared/parts.js";

export function mount({ element, props, trigger }) {
  const form = element.querySelector("form");
  const size = form.querySelector(".fa-size-of");

  function fit() {
    const chosen = [form.elements.shape.value, form.elements.agglomeration.value];
    for (const label of form.querySelectorAll("[data-of]")) {
      const of = label.dataset.of.split(" ").filter(Boolean);
      label.hidden = of.length > 0 && !of.some((one) => chosen.includes(one));
    }
    size.title = `Median ${props.shapes[chosen[0]]}`;
  }

  form.addEventListener("change", fit);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    trigger("submit");
  });
  fit();
  offer("layout", { take: () => given(form) });
}

// Fields of other shapes are not shown, and not sent.
function given(form) {
  const fields = [...form.querySelectorAll("label:not([hidden]) [name]")];
  const read = (field) => (field.type === "number" ? Number(field.value) : field.value);
  const filled = fields.filter((field) => field.value !== "");
  return Object.fromEntries(filled.map((field) => [field.name, read(field)]));
}
