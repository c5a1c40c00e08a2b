// A layout by numbers: an empty field is left to the training masks. Each press draws another one.
import { offer } from "../shared/parts.js";

export function mount({ element, trigger }) {
  const form = element.querySelector("form");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    trigger("submit");
  });
  offer("layout", { take: () => given(form) });
}

function given(form) {
  const fields = [...form.querySelectorAll("[name]")].filter((field) => field.value !== "");
  const read = (field) => (field.type === "number" ? Number(field.value) : field.value);
  return Object.fromEntries(fields.map((field) => [field.name, read(field)]));
}
